/**
 * What a certificate is made for: the same wish may have the same certificate, and no other.
 *
 * @module
 */

import { readIdentities } from '../../ca/policy/names-of.ts'
import { toHex } from '../../internal/bytes.ts'
import { generalNameKey } from '../../x509/general-name-key.ts'
import { Name } from '../../x509/name.ts'
import type { SigningGrant } from './signing-policy.ts'
import type { SigningRequest } from './signing-request.ts'

/**
 * Key, usages and granted names of a request as one text. Specs do not change, but of custom resources only a webhook sees to
 * it; and grants may change between two tries.
 *
 * @throws what reading the names of the grant throws.
 */
export function wishOf({
  request,
  grant,
}: {
  readonly request: Pick<SigningRequest, 'kind' | 'csr' | 'usages' | 'isCa'>
  readonly grant: Pick<SigningGrant, 'identities' | 'subject'>
}): string {
  const { kind, csr, usages, isCa } = request
  const names = readIdentities(grant.identities, 'identities').map(generalNameKey)
  const subject = grant.subject === undefined ? '' : toHex(Name.from(grant.subject).der)
  return JSON.stringify([kind, csr.fingerprint(), [...usages].sort(), isCa, names, subject])
}
