/**
 * Whether a key belongs to a certificate.
 *
 * @module
 */

import { equalBytes } from '../../internal/bytes.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { PlacedCertificate } from './certificate-file.ts'
import type { KeyFile } from './key-file.ts'
import { type LintFinding, lintFinding, shellWord } from './lint-finding.ts'
import { findCertificateOfKeyCommand } from './repair-commands.ts'

/** Whether `key` is that of `leaf`, and if not, of which of the others. */
export function keyFindings(
  key: KeyFile,
  leaf: PlacedCertificate | undefined,
  others: readonly PlacedCertificate[],
  source: string,
): readonly LintFinding[] {
  const { publicKey } = key
  if (publicKey === undefined || leaf === undefined || equalBytes(leaf.certificate.publicKey, publicKey))
    return key.findings
  const owner = others.find(({ certificate }) => equalBytes(certificate.publicKey, publicKey))
  const where = owner?.source === undefined || owner.source === leaf.source ? '' : ` (in ${owner.source})`
  const belongs =
    owner === undefined
      ? 'to none of the certificates here'
      : `to another certificate: ${certificateLabel(owner.certificate)}${where}`
  return [
    ...key.findings,
    lintFinding('key-mismatch', {
      at: { source },
      found: `the key belongs ${belongs}`,
      problem: `the key does not belong to ${certificateLabel(leaf.certificate)}${leaf.source === undefined ? '' : ` in ${leaf.source}`}; the key belongs ${belongs}. A server with such a pair does not start, and istiod refuses it`,
      remedy:
        owner === undefined
          ? 'Put the certificate here that was issued for this key; look for it in the folder of the files'
          : 'Put that certificate in the place of the first one, or the key of the first one here',
      command: findCertificateOfKeyCommand(shellWord(source)),
    }),
  ]
}
