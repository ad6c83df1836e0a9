/**
 * Why a search could not go on from a certificate: what its issuer would have to be, and what was there.
 *
 * @module
 */

import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { nameLabel } from '../x509/certificate-label.ts'
import type { Name } from '../x509/name.ts'
import { isSelfSigned } from '../x509/self-signed.ts'
import { type Candidate, keyIdMatch } from './candidates.ts'
import { type Finding, type FindingText, finding } from './finding.ts'
import { type Issuer, issuerLabel, TrustAnchor } from './trust-anchor.ts'

/** What a search could choose from. */
export interface Surroundings {
  readonly anchors: readonly Issuer[]
  /** Intermediates of the trust store. */
  readonly known: readonly Certificate[]
  /** Intermediates of the peer. */
  readonly offered: readonly Certificate[]
  /** Why certificates beside the leaf could not be read: they are passed over, but may be what is missing. */
  readonly unreadable: readonly Error[]
}

/** Self-signed by its name and identifiers. Two empty names, as in old Gloo Mesh chains, say nothing. */
const isRoot = (certificate: Certificate): boolean =>
  isSelfSigned(certificate) && !certificate.subject.isEmpty

/** Nobody bears the issuer's name. */
export function noIssuer(around: Surroundings, path: readonly Certificate[], subject: Certificate): Finding {
  return finding('ERR_PATH_NO_ISSUER', subject, path.length - 1, path, () =>
    isRoot(subject) ? tellUntrustedRoot(around, subject) : tellNoIssuer(around, subject),
  )
}

/** How few intermediates there were to choose from. */
function nobodyOf(intermediates: number): string {
  if (intermediates === 0) return 'no intermediate was sent or given'
  return intermediates === 1
    ? 'the one intermediate has another name'
    : `none of the ${intermediates} intermediates has that name`
}

function tellNoIssuer(
  { anchors, known, offered, unreadable }: Surroundings,
  subject: Certificate,
): FindingText {
  const [firstUnreadable] = unreadable
  const passedOver =
    firstUnreadable === undefined
      ? ''
      : ` (${unreadable.length} more cannot be read; the first: ${escapeText(firstUnreadable.message)})`
  const name = nameLabel(subject.issuer)
  const key = subject.authorityKeyIdentifier
  const intermediates = [...known, ...offered]
  const renamed = [...anchors, ...intermediates].find((issuer) => keyIdMatch(issuer, subject) > 0)
  return {
    problem: `nobody trusted issued it. Its issuer is ${name}; the trust anchors are ${labelAll(anchors)}, and ${nobodyOf(intermediates.length)}${passedOver}`,
    clause: 'RFC 5280 §6.1',
    expected: `a certificate with the subject ${name}`,
    found: 'none',
    remedy:
      renamed === undefined
        ? "Add the issuer's root to the trust anchors, or send the missing intermediate"
        : `${issuerLabel(renamed)} has the key identifier ${key} that it asks for, but another name: was that CA renamed? Issue it again below the new name`,
    data: { issuer: shortName(subject.issuer), anchors: namesOf(anchors) },
  }
}

/** A root that came with the peer. That somebody trusted bears its name does not help. */
function tellUntrustedRoot({ anchors }: Surroundings, subject: Certificate): FindingText {
  const itself = anchors.some((anchor) => !(anchor instanceof TrustAnchor) && anchor.equals(subject))
  return {
    problem: itself
      ? "it is a trust anchor itself, which vouches for others but is not accepted as a peer's certificate"
      : `it is a self-signed root that is not among the trust anchors, which are ${labelAll(anchors)}`,
    clause: 'RFC 5280 §6.1',
    expected: itself ? 'a certificate below the anchor' : 'a root that is trusted',
    found: itself ? 'the anchor' : 'another root',
    remedy: itself
      ? 'Issue a leaf below it'
      : 'Two meshes with separate roots do not trust each other: share one root, or add this one to the trust anchors',
    data: { issuer: shortName(subject.issuer), anchors: namesOf(anchors) },
  }
}

/** A candidate's key did not make the signature. */
export function wrongSigner(
  around: Surroundings,
  path: readonly Certificate[],
  subject: Certificate,
  { issuer, keyIdDiffers }: Candidate,
): Finding {
  const depth = path.length - 1
  if (keyIdDiffers) {
    const expected = subject.authorityKeyIdentifier
    const found = issuer.subjectKeyIdentifier
    return finding('ERR_PATH_NO_ISSUER', subject, depth, path, () => ({
      problem: `it was signed by a key with the identifier ${expected}; ${issuerLabel(issuer)} bears the issuer's name, but its key is another (identifier ${found})`,
      clause: 'RFC 5280 §6.1.3 (a)(1)',
      expected: `the key with the identifier ${expected}`,
      found: `the key with the identifier ${found}`,
      remedy:
        'Two CAs share one name, or the CA changed its key: trust the CA that signed it, or issue it again below the new key',
      data: { authorityKeyIdentifier: expected, found },
    }))
  }
  if (isRoot(subject)) return noIssuer(around, path, subject)
  return finding('ERR_PATH_SIGNATURE', subject, depth, path, () => ({
    problem: `its signature does not verify under the key of ${issuerLabel(issuer)}, which bears the issuer's name. It was altered, or another CA of the same name signed it`,
    clause: 'RFC 5280 §6.1.3 (a)(1)',
    expected: `a signature by ${issuerLabel(issuer)}`,
    found: 'a signature by another key, or of other contents',
    remedy:
      'Fetch the certificate again; if its issuer was made again under the old name, send or trust the one that signed it',
  }))
}

/** A signature that nobody here verifies. */
export function refusedAlgorithm(path: readonly Certificate[], subject: Certificate): Finding {
  const found = escapeText(subject.signatureAlgorithmDescription)
  return finding('ERR_PATH_ALGORITHM', subject, path.length - 1, path, () => ({
    problem: `it is signed with ${found}; accepted are ECDSA, RSA PKCS#1 v1.5 and RSASSA-PSS with SHA-256, SHA-384 or SHA-512, and Ed25519`,
    clause: 'RFC 5280 §6.1.3 (a)(1)',
    expected: 'SHA-256 or better, with ECDSA or RSA; or Ed25519',
    found,
    remedy: found.startsWith('RSASSA-PSS')
      ? 'Have it issued again with a salt as long as the digest (openssl: -sigopt rsa_pss_saltlen:digest)'
      : 'Have it issued again with another algorithm',
  }))
}

/** A key that the crypto library refuses, such as a point off its curve. */
export function unusableKey(path: readonly Certificate[], issuer: Issuer, cause: Error): Finding {
  const certificate = issuer instanceof TrustAnchor ? undefined : issuer
  return finding('ERR_PATH_KEY', certificate, path.length, path, () => ({
    problem: `${issuer instanceof TrustAnchor ? `${issuerLabel(issuer)}: ` : ''}${escapeText(cause.message, 512)}`,
    remedy: 'Issue it again for a key that is valid',
    cause,
  }))
}

function namesOf(anchors: readonly Issuer[]): readonly string[] {
  return anchors.slice(0, 16).map((anchor) => shortName(anchor.subject))
}

function shortName(name: Name): string {
  return name.octets > 8192 ? nameLabel(name) : escapeText(String(name))
}

function labelAll(issuers: readonly Issuer[]): string {
  const more = issuers.length > 4 ? `, and ${issuers.length - 4} more` : ''
  return issuers.slice(0, 4).map(issuerLabel).join(', ') + more
}
