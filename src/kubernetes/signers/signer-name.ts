/**
 * Names of signers of `certificates.k8s.io`.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'

/** The API server's limit: 253 for the domain, 253 and 63 and two separators for the path. */
const MAX_LENGTH = 571
const LABEL = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?'
/** At least two labels. */
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})+$`)
/** As a DNS-1123 subdomain; cert-manager writes `<plural>.<group>/<namespace>.<name>`. */
const PATH = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const MAX_DOMAIN = 253

/** Why a text is no name of a signer; `undefined` where it is one. */
function fault(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return `it has ${text.length} characters; at most ${MAX_LENGTH} are allowed`
  const [domain = '', path, ...more] = text.split('/')
  if (path === undefined || more.length > 0) return 'expected exactly one "/", between a domain and a path'
  if (domain.length > MAX_DOMAIN || !DOMAIN.test(domain))
    return 'the domain must be at least two DNS labels in lower case'
  if (!PATH.test(path)) return 'the path must be lower-case letters, digits, "-" and ".", as in a DNS name'
  return undefined
}

/** Whether a text can be `spec.signerName`: `<domain>/<path>`. */
export function isSignerName(text: unknown): text is string {
  return typeof text === 'string' && fault(text) === undefined
}

/**
 * The option "signerName". `kubernetes.io/…` belongs to Kubernetes' own signers.
 *
 * @throws `TypeError` for what is no name of a signer, or is reserved.
 */
export function readSignerName(value: unknown, option = 'signerName'): string {
  if (typeof value !== 'string')
    throw new TypeError(`option "${option}" must be text such as 'example.com/mesh'; got ${typeof value}`)
  const found = fault(value)
  if (found !== undefined)
    throw new TypeError(`option "${option}" is ${quote(value, 128)}, which names no signer: ${found}`)
  if (value.startsWith('kubernetes.io/'))
    throw new TypeError(
      `option "${option}" is ${quote(value, 128)}: kubernetes.io is reserved for Kubernetes itself`,
    )
  return value
}
