/**
 * Name constraints as callers give them (RFC 5280 §4.2.1.10).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { context } from '../internal/der.ts'
import { derSequence, derValue } from '../internal/der-writer.ts'
import { checkOneOf, checkOptionNames, typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { normalizeDnsName } from '../x509/dns-name.ts'
import type { GeneralNameInput } from '../x509/general-name.ts'
import { encodeGeneralName } from '../x509/general-name-encoder.ts'
import { parseIpAddress } from '../x509/ip-address.ts'
import { type EncodedExtension, encodeExtension } from './extension-encoder.ts'

/**
 * Subtrees for names below a CA.
 *
 * `dns`: a domain, itself and below. `email`: a mailbox, a host, or with a leading dot the hosts of a domain.
 * `uri`: a host, or with a leading dot everything below a domain; for SPIFFE IDs the trust domain.
 * `ip`: a range such as `10.0.0.0/8`. `directory`: the beginning of a name.
 */
export interface NameConstraintsInput {
  readonly permitted?: readonly GeneralNameInput[] | undefined
  readonly excluded?: readonly GeneralNameInput[] | undefined
  /**
   * What happens to DNS names, e-mail and IP addresses and URIs where no subtree mentions the form. RFC 5280 leaves such a form
   * free: a CA that is limited to `URI:prod.example.com` may then sign for every DNS name. `'close'` (default) writes
   * subtrees that no name is in; `'allow'` leaves the form free. Directory names stay free, since every subject is one.
   */
  readonly otherForms?: 'close' | 'allow' | undefined
}

/** A host that nobody can have (RFC 2606 §2): permitting it alone closes a form, in every verifier that knows the form. */
const NOBODY = 'closed.invalid'

/** How each form is closed. OpenSSL reads an empty excluded subtree as all names for DNS only, so hosts are permitted. */
const CLOSED: Readonly<
  Record<'dns' | 'email' | 'uri' | 'ip', readonly ['permitted' | 'excluded', GeneralNameInput][]>
> = {
  dns: [['permitted', { type: 'dns', value: NOBODY }]],
  email: [['permitted', { type: 'email', value: NOBODY }]],
  uri: [['permitted', { type: 'uri', value: NOBODY }]],
  ip: [
    ['excluded', { type: 'ip', value: '0.0.0.0/0' }],
    ['excluded', { type: 'ip', value: '::/0' }],
  ],
}

/** The critical extension. @throws `MeshPkiError` `ERR_CA_NAME_CONSTRAINTS` or `ERR_GENERAL_NAME`. */
export function encodeNameConstraints(input: NameConstraintsInput): EncodedExtension {
  const { permitted, excluded } = completeConstraints(input)
  const lists = [permitted, excluded].map((subtrees, i) =>
    subtrees.length === 0
      ? new Uint8Array()
      : derValue(
          context(i),
          ...subtrees.map((name) =>
            derSequence(encodeGeneralName(checkSubtree(name), true, 'nameConstraints')),
          ),
        ),
  )
  return encodeExtension('2.5.29.30', true, derSequence(...lists))
}

/** The subtrees that are written: those that were given, and those that close the other forms. */
function completeConstraints(input: NameConstraintsInput): {
  readonly permitted: readonly GeneralNameInput[]
  readonly excluded: readonly GeneralNameInput[]
} {
  checkOptionNames(input, ['permitted', 'excluded', 'otherForms'], 'option "nameConstraints"')
  const { permitted = [], excluded = [] } = input
  const otherForms = checkOneOf(input.otherForms ?? 'close', ['close', 'allow'], 'nameConstraints.otherForms')
  for (const [name, subtrees] of Object.entries({ permitted, excluded })) {
    if (!Array.isArray(subtrees)) {
      throw new TypeError(
        `option "nameConstraints.${name}" must be an array of general names; got ${typeName(subtrees)}`,
      )
    }
  }
  if (permitted.length + excluded.length === 0) {
    throw new MeshPkiError(
      'ERR_CA_NAME_CONSTRAINTS',
      'option "nameConstraints" has neither permitted nor excluded subtrees; leave it out for no constraint (RFC 5280 §4.2.1.10)',
    )
  }
  const complete = { permitted: [...permitted], excluded: [...excluded] }
  if (otherForms === 'allow') return complete
  const mentioned = new Set([...permitted, ...excluded].map((name) => name?.type))
  for (const form of ['dns', 'email', 'uri', 'ip'] as const)
    if (!mentioned.has(form)) for (const [list, subtree] of CLOSED[form]) complete[list].push(subtree)
  return complete
}

/** What our own verifier would refuse as malformed is not written. */
function checkSubtree(name: GeneralNameInput): GeneralNameInput {
  if (
    typeof name !== 'object' ||
    name === null ||
    (name.type !== 'directory' && typeof name.value !== 'string')
  )
    return name
  if (name.type === 'registered-id')
    throw fault(
      name.value,
      'registered identifiers cannot be compared, so every certificate with one would be refused',
    )
  if (name.type === 'directory' || name.type === 'ip') return name
  const host =
    name.type === 'email' && name.value.includes('@')
      ? name.value.slice(name.value.lastIndexOf('@') + 1)
      : name.value
  const domain = host.startsWith('.') && name.type !== 'dns' ? host.slice(1) : host
  if (normalizeDnsName(domain, false) === undefined || parseIpAddress(domain) !== undefined) {
    throw fault(
      name.value,
      name.type === 'dns'
        ? 'expected a domain such as example.com, without wildcard or leading dot'
        : 'expected a host such as example.com, or .example.com',
    )
  }
  return name
}

function fault(value: string, problem: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_CA_NAME_CONSTRAINTS',
    `the name constraint ${quote(value)}: ${problem} (RFC 5280 §4.2.1.10)`,
  )
}
