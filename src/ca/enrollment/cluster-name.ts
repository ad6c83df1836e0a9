/**
 * Names of clusters, as enrollment writes them into certificates.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { normalizeDnsName } from '../../x509/dns-name.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import { parseIpAddress } from '../../x509/ip-address.ts'

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** Names that a message lists. */
const SHOWN = 4

/**
 * Why a name cannot be that of a cluster; `undefined` when it can.
 *
 * Kubernetes writes such names as lower-case labels of RFC 1123 §2.1. Gloo Mesh takes the cluster's identity from
 * this very name in the certificate, so nothing is repaired here: two spellings would be two identities.
 */
function clusterNameFault(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name.length > 253) return `it has ${name.length} characters; at most 253 fit into a DNS name`
  if (name.includes('_'))
    return 'it has an underscore, which no label of RFC 1123 has; name the cluster with hyphens and register it so'
  if (/[A-Z]/.test(name)) return 'it has capitals; names of clusters are lower-case'
  for (const label of name.split('.')) {
    if (label.length > 63) return `the label ${quote(label, 64)} is longer than 63 characters`
    if (!LABEL.test(label))
      return `${label === '' ? 'an empty label' : `the label ${quote(label, 64)}`} is not of RFC 1123 §2.1: letters, digits and hyphens, none of these at its ends`
  }
  if (parseIpAddress(name) !== undefined)
    return 'it is an IP address, which no certificate holds as a DNS name'
  return undefined
}

/** @throws `MeshPkiError` `ERR_ENROLLMENT_NAME`; `TypeError` for what is no text. */
export function readClusterName(name: unknown, option: string): string {
  if (typeof name !== 'string')
    throw new TypeError(`option "${option}" must be the name of a cluster; got ${typeName(name)}`)
  const fault = clusterNameFault(name)
  if (fault === undefined) return name
  throw new MeshPkiError('ERR_ENROLLMENT_NAME', `${quote(name)} cannot be the name of a cluster: ${fault}`, {
    data: { name: name.slice(0, 253) },
  })
}

/** The name of the cluster among subject alternative names: the only one, a DNS name. Otherwise what is wrong. */
export function soleClusterName(
  names: readonly GeneralName[],
): { readonly name: string } | { readonly fault: string } {
  const [first, second] = names
  if (first === undefined || second !== undefined || first.type !== 'dns')
    return {
      fault: `expected one subject alternative name, the DNS name of the cluster; found ${describeNames(names)}`,
    }
  const fault = clusterNameFault(first.value)
  return fault === undefined
    ? { name: first.value }
    : { fault: `${quote(first.value)} cannot be the name of a cluster: ${fault}` }
}

/** Names as a message shows them: a few. */
export function describeNames(names: readonly GeneralName[]): string {
  if (names.length === 0) return 'none'
  const shown = names.slice(0, SHOWN).map((name) => quote(formatGeneralName(name), 128))
  const rest = names.length - shown.length
  return `${shown.join(', ')}${rest > 0 ? `, and ${rest} more` : ''}`
}

/**
 * The names that no cluster may have: the server's own. A certificate for one of them would let its holder pose as the
 * server, since it has to be good for servers, too (Gloo's profile). `*.example` stands for everything below `example`.
 *
 * @throws `TypeError`.
 */
export function readReservedNames(names: unknown): readonly string[] {
  if (!Array.isArray(names))
    throw new TypeError(
      'option "reservedNames" must be an array of DNS names, or a function that answers one; an empty one where no client knows this server by a name',
    )
  return names.map((name: unknown) => {
    // With the dot of the root it is the same name, and a cluster's never has one.
    const read = typeof name === 'string' ? normalizeDnsName(name.replace(/\.$/, ''), true) : undefined
    if (read !== undefined) return read
    const found = typeof name === 'string' ? quote(name, 64) : typeName(name)
    throw new TypeError(`option "reservedNames" must hold DNS names, or "*." and a DNS name; got ${found}`)
  })
}

/** Whether a name is one of the server's own. */
export function isReserved(name: string, reserved: readonly string[]): boolean {
  return reserved.some((one) => (one.startsWith('*.') ? name.endsWith(one.slice(1)) : name === one))
}
