/**
 * What we say of a certificate, and of a path.
 */
import { MeshPkiError } from '../../dist/errors.js'
import { checkPathSync } from '../../dist/verify/index.js'
import { rfc5280Violations } from '../../dist/verify/rfc5280-rules.js'
import { Certificate } from '../../dist/x509/certificate.js'
import type { GeneralName } from '../../dist/x509/index.js'
import { importVerificationKey } from '../../dist/x509/verification-key.js'
import type { Hierarchy, Member } from './hierarchy.ts'

/** Acceptance is `fromDer` and the import of the key; afterwards no getter may throw. */
export async function acceptCertificate(der: Uint8Array): Promise<string | undefined> {
  try {
    const certificate = Certificate.fromDer(der)
    readEverything(certificate)
    await importVerificationKey(certificate.publicKey)
    return undefined
  } catch (error) {
    return codeOf(error)
  }
}

/**
 * Acceptance is that of the whole path at `time`, with the rules of RFC 5280 §4 that `-x509_strict` enforces,
 * and the import of the member's own key.
 */
export async function acceptPath(
  der: Uint8Array,
  member: Member,
  hierarchy: Hierarchy,
  time: Date,
): Promise<string | undefined> {
  try {
    const certificate = Certificate.fromDer(der)
    const [leaf, intermediate] =
      member.role === 'leaf' ? [certificate, member.other] : [member.other, certificate]
    const result = checkPathSync(leaf, {
      anchors: hierarchy.root,
      intermediates: [intermediate],
      purpose: 'any',
      time,
    })
    if (!result.ok) return result.error.code
    const [broken] = rfc5280Violations(certificate, { isRoot: false, isAnchor: false })
    if (broken !== undefined) return broken.rule
    await importVerificationKey(certificate.publicKey)
    return explained(leaf, intermediate, hierarchy.root)
  } catch (error) {
    return codeOf(error)
  }
}

/**
 * Where we accept on purpose what OpenSSL refuses: a key identifier is a hint to us and a condition to it. The
 * same key under another method of computing identifiers is not another key.
 */
function explained(leaf: Certificate, intermediate: Certificate, root: Certificate): string | undefined {
  for (const [subject, issuer] of [
    [leaf, intermediate],
    [intermediate, root],
  ] as const) {
    const fields = subject.authorityKeyIdentifierFields
    if (fields?.keyIdentifier !== issuer.subjectKeyIdentifier) return 'explained: another key identifier'
    // OpenSSL ends a URI's host at the first colon anywhere, RFC 3986 §3.2 at the first slash.
    if (issuer.nameConstraints !== undefined && subject.subjectAltNames.some(hasColonInPath)) {
      return 'explained: a colon in the path of a URI'
    }
    if (fields?.authorityCertSerialNumber !== undefined)
      return 'explained: issuer and serial number in the key identifier'
  }
  return undefined
}

function readEverything(certificate: Certificate): void {
  for (const name of Object.getOwnPropertyNames(Certificate.prototype)) {
    void String(Reflect.get(certificate, name, certificate))
  }
}

function codeOf(error: unknown): string {
  if (error instanceof MeshPkiError) return error.code
  throw error
}

function hasColonInPath(name: GeneralName): boolean {
  return name.type === 'uri' && /^[^:]*:\/\/[^/]*\/.*:/.test(name.value)
}
