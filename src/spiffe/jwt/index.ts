/**
 * JWT-SVIDs, verified with `jose`, an optional peer: `mesh-pki/spiffe/jwt`.
 *
 * @module
 */

export type { JwtSvidAlgorithm } from './jwt-header.ts'
export { VerifiedJwtSvid } from './verified-jwt-svid.ts'
export {
  type CheckJwtSvidResult,
  checkJwtSvid,
  type VerifyJwtSvidOptions,
  verifyJwtSvid,
} from './verify-jwt-svid.ts'
