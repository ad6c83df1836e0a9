/**
 * Why a workload is refused, in at most four words.
 *
 * @module
 */

import type { MeshPkiError, MeshPkiErrorCode } from '../../errors.ts'
import { PathError } from '../../verify/path-error.ts'
import type { Certificate } from '../../x509/certificate.ts'

/** What the words depend on beside the error. */
export interface ReasonContext {
  /** Whether the chain leads to anything that somebody trusts, or that signed itself. */
  readonly leadsSomewhere: boolean
  /** Whether it would lead to a root of the verifier, were all certificates of all clusters at hand. */
  readonly wouldLead: boolean
  /** Certificates of workloads, and the roots of the verifier. */
  readonly leaves: readonly Certificate[]
  readonly roots: readonly Certificate[]
}

const WORDS: Partial<Record<MeshPkiErrorCode, string>> = {
  ERR_PATH_MALFORMED: 'certificate cannot be read',
  ERR_PATH_SIGNATURE: 'a signature is wrong',
  ERR_PATH_KEY: 'a key is refused',
  ERR_PATH_ALGORITHM: 'an algorithm is refused',
  ERR_PATH_NOT_CA: 'an issuer is no CA',
  ERR_PATH_EMPTY_SUBJECT: 'an issuer has no name',
  ERR_PATH_KEY_USAGE: 'key usage forbids it',
  ERR_PATH_LENGTH: 'path length is exceeded',
  ERR_PATH_CRITICAL_EXTENSION: 'unknown critical extension',
  ERR_PATH_EXTENDED_KEY_USAGE: 'purpose is not allowed',
  ERR_PATH_NAME_CONSTRAINTS: 'name constraints forbid it',
  ERR_PATH_RULE: 'profile rule is broken',
  ERR_PATH_POLICY: 'no valid policy',
  ERR_PATH_ANCHOR: 'verifier has no root',
  ERR_CA_CHAIN: 'chain leads nowhere',
  ERR_CA_EXPIRED: 'CA has expired',
  ERR_CA_KEY_USAGE: 'key usage forbids it',
  ERR_CA_NAME_CONSTRAINTS: 'name constraints forbid it',
  ERR_CA_NOT_CA: 'an issuer is no CA',
  ERR_CA_NOT_YET_VALID: 'CA not valid yet',
  ERR_CA_PATH_LENGTH: 'path length is exceeded',
}

/** The words. They explain the verdict and do not decide it. */
export function reasonWords(error: MeshPkiError, context: ReasonContext): string {
  if (error.code === 'ERR_PATH_NO_ISSUER') {
    if (error instanceof PathError && error.clause?.includes('§4.2.1.1') === true)
      return 'key identifiers contradict'
    if (context.wouldLead) return 'an intermediate is missing'
    return context.leadsSomewhere ? 'root not trusted there' : 'chain leads nowhere'
  }
  if (error.code === 'ERR_PATH_EXPIRED') return `${whichOf(error, context)} has expired`
  if (error.code === 'ERR_PATH_NOT_YET_VALID') return `${whichOf(error, context)} not valid yet`
  if (error.code.startsWith('ERR_PATH_BUDGET')) return 'chain is too costly'
  return WORDS[error.code] ?? 'refused, see below'
}

function whichOf(error: MeshPkiError, { leaves, roots }: ReasonContext): string {
  const certificate = error instanceof PathError ? error.certificate : undefined
  if (certificate === undefined) return 'certificate'
  if (leaves.some((leaf) => leaf.equals(certificate))) return 'workload'
  return roots.some((root) => root.equals(certificate)) ? 'root' : 'CA'
}
