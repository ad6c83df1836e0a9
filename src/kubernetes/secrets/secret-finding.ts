/**
 * What is odd in a secret that can be read nevertheless.
 *
 * @module
 */

import { ISTIO_KEY_LABELS } from '../../ca/lint/istio-key-labels.ts'
import type { LintCode } from '../../ca/lint/lint-codes.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { SealedPem } from './sealed-pem.ts'

/** Which oddity it is: those findings of `lintCacerts` that need no more than reading. `docs/lint.md` explains each. */
export type SecretFindingCode = Extract<
  LintCode,
  | 'crl-ignored'
  | 'duplicate-root'
  | 'ec-parameters'
  | 'extra-certificates'
  | 'key-label'
  | 'root-key-present'
  | 'tls-final-newline'
  | 'two-layouts'
>

/** One oddity. */
export interface SecretFinding {
  readonly code: SecretFindingCode
  /** The data key it is about. */
  readonly key: string
  /** What was found and what to do. No content of the secret is in it. */
  readonly message: string
}

/** Whether Istio would refuse the key by its PEM blocks alone. */
export function findKeyFindings(sealed: SealedPem, key: string): readonly SecretFinding[] {
  const findings: SecretFinding[] = []
  if (sealed.labels[0] === 'EC PARAMETERS') {
    const message =
      `${key} begins with an EC PARAMETERS block, as "openssl ecparam -genkey" writes it; Istio ` +
      'reads only the first block and refuses it. Delete that block'
    findings.push({ code: 'ec-parameters', key, message })
  }
  if (!ISTIO_KEY_LABELS.includes(sealed.label)) {
    const message =
      `${key} is a block ${sealed.label}; Istio reads ${ISTIO_KEY_LABELS.join(', ')}. ` +
      conversionOf(sealed.label)
    findings.push({ code: 'key-label', key, message })
  }
  return findings
}

/** What makes a key readable for Istio. OpenSSL reads no key of OpenSSH, and TLS takes no DSA. */
function conversionOf(label: string): string {
  switch (label) {
    case 'DSA PRIVATE KEY':
      return 'Make a new key, P-256 or RSA, and have the certificate issued again'
    case 'OPENSSH PRIVATE KEY':
      return "Convert a copy of it with: ssh-keygen -p -N '' -m PKCS8 -f copy.pem"
    default:
      return 'Convert it with: openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem'
  }
}

/** Which roots stand twice in a bundle. */
export function findDuplicateRoots(roots: readonly Certificate[], key: string): readonly SecretFinding[] {
  const seen = new Map<string, number>()
  const findings: SecretFinding[] = []
  for (const [index, root] of roots.entries()) {
    const fingerprint = root.fingerprint()
    const first = seen.get(fingerprint)
    if (first === undefined) {
      seen.set(fingerprint, index + 1)
      continue
    }
    const message =
      `certificate ${index + 1} of ${key} is the same as certificate ${first}. Delete it, unless a ` +
      'root rotation put it there to make agents renew at once'
    findings.push({ code: 'duplicate-root', key, message })
  }
  return findings
}
