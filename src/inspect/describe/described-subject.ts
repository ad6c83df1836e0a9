/**
 * What certificates have and requests ask for: names, a key, uses, extensions.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { escapeText } from '../../internal/text.ts'
import { lintSpiffeId } from '../../spiffe/spiffe-id-lint.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { Extension } from '../../x509/extension-list.ts'
import { ExtensionArc } from '../../x509/extension-walker.ts'
import { purposeLabel } from '../../x509/extensions/extended-key-usage.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import { generalNameText, type Lists, messageText, nameText } from './described-text.ts'
import type { DescribedExtension, DescribedSpiffeId, DescribedSubject } from './description.ts'

/** Characters of an object identifier. Those of UUIDs have 45. */
const MAX_OID = 128

/** SPIFFE-ID §2.3 allows 2048 octets, which a lint of a longer one needs not read. */
const MAX_URI = 4096

/** `extensions`: which of them are described. */
export function subjectParts(
  of: Certificate | Csr,
  lists: Lists,
  extensions: (extension: Extension) => boolean,
): Omit<DescribedSubject, 'omitted'> {
  const { keyUsage, extendedKeyUsage, subjectAltNames } = of
  return {
    subject: nameText(of.subject),
    spiffeIds: lists.take('spiffeIds', subjectAltNames.filter(isSpiffe), ({ value }) => spiffeId(value)),
    otherNames: lists.take(
      'otherNames',
      subjectAltNames.filter((name) => !isSpiffe(name)),
      generalNameText,
    ),
    key: { type: escapeText(of.publicKeyType, 160), fingerprint: of.publicKeyFingerprint() },
    signatureAlgorithm: escapeText(of.signatureAlgorithm ?? of.signatureAlgorithmDescription, 160),
    isCa: of.isCa,
    keyUsage: keyUsage === undefined ? undefined : [...keyUsage],
    extendedKeyUsage:
      extendedKeyUsage === undefined
        ? undefined
        : lists.take('extendedKeyUsage', extendedKeyUsage, (oid) => escapeText(purposeLabel(oid), MAX_OID)),
    extensions: lists.take('extensions', of.extensions.filter(extensions), extension),
    fingerprint: of.fingerprint(),
  }
}

function extension({ oid, critical, value }: Extension): DescribedExtension {
  return { oid: escapeText(oid, MAX_OID), name: nameOf(oid), critical, octets: value.length }
}

function nameOf(oid: string): string | undefined {
  if (oid === '1.3.6.1.5.5.7.1.1') return 'authorityInfoAccess'
  if (oid === '1.3.6.1.5.5.7.1.11') return 'subjectInfoAccess'
  return Object.entries(ExtensionArc).find(([, arc]) => oid === `2.5.29.${arc}`)?.[0]
}

/** Also where the scheme is written in upper case, which is none: somebody meant one. */
const isSpiffe = (name: GeneralName): name is Extract<GeneralName, { type: 'dns' | 'email' | 'uri' }> =>
  name.type === 'uri' && /^spiffe:/i.test(name.value)

function spiffeId(text: string): DescribedSpiffeId {
  const uri = escapeText(text, MAX_URI)
  if (text.length > MAX_URI)
    return { uri, valid: false, problem: `it has ${text.length} characters; at most 2048 (SPIFFE-ID §2.3)` }
  const { spiffe, istio, findings } = lintSpiffeId(text)
  if (spiffe === undefined) {
    const refusal = findings.find(({ refusedBy }) => refusedBy === 'spiffe')
    return { uri, valid: false, problem: messageText(refusal?.message ?? 'it is no SPIFFE ID') }
  }
  return {
    uri,
    valid: true,
    trustDomain: spiffe.trustDomain.name,
    path: spiffe.path,
    istio:
      istio === undefined
        ? undefined
        : { namespace: escapeText(istio.namespace), serviceAccount: escapeText(istio.serviceAccount) },
  }
}
