/**
 * Reads the public half of a key that should belong to a certificate. Nothing of the text is ever shown.
 *
 * @module
 */

import { MeshPkiError, type MeshPkiErrorCode } from '../../errors.ts'
import { DerCursor } from '../../internal/der.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import { viewPem } from '../../x509/pem.ts'
import { walkPublicKeyInfo } from '../../x509/public-key-info.ts'
import { knownLabel } from './certificate-file.ts'
import { ISTIO_KEY_LABELS } from './istio-key-labels.ts'
import { type LintFinding, lintFinding, shellWord } from './lint-finding.ts'
import { type ScannedBlock, scanPemText } from './pem-scan.ts'
import { plainKeyCommand } from './repair-commands.ts'

/** What stands in a key file. */
export interface KeyFile {
  /** SubjectPublicKeyInfo; `undefined` where it cannot be told. */
  readonly publicKey: Uint8Array | undefined
  readonly findings: readonly LintFinding[]
}

const OTHER_KEY_LABELS: readonly string[] = [
  'ENCRYPTED PRIVATE KEY',
  'OPENSSH PRIVATE KEY',
  'DSA PRIVATE KEY',
]

/** Reads a key, public or private, in PEM. It throws for nothing that stands in the text. */
export async function readKeyFile(pem: string, source: string): Promise<KeyFile> {
  const { blocks } = scanPemText(pem)
  const findings: LintFinding[] = []
  const [first] = blocks
  const rest = blocks.filter(({ label }) => label !== 'EC PARAMETERS')
  if (first?.label === 'EC PARAMETERS') {
    findings.push(
      lintFinding('ec-parameters', {
        at: { source, line: first.line },
        found: 'a block EC PARAMETERS before the key',
        problem:
          'it begins with a block EC PARAMETERS, as "openssl ecparam -genkey" writes it; Istio reads only the first block and refuses it as a key',
        remedy: 'Write the key without that block',
        command: plainKeyCommand(shellWord(source)),
      }),
    )
  }
  const [block] = rest
  if (block === undefined || rest.length > 1) {
    findings.push(
      unreadable(
        source,
        block === undefined ? 'no key' : `${rest.length} PEM blocks`,
        block === undefined
          ? 'there is no PEM block of a key in it'
          : `it holds ${rest.length} PEM blocks, and which one is meant cannot be told`,
        'Put exactly one key here',
      ),
    )
    return { publicKey: undefined, findings }
  }
  return block.label === 'PUBLIC KEY'
    ? readPublic(block, source, findings)
    : readPrivate(block, source, findings)
}

function readPublic(block: ScannedBlock, source: string, findings: LintFinding[]): KeyFile {
  try {
    const der = (viewPem(block.text, ['PUBLIC KEY'])[0]?.der ?? new Uint8Array()).slice()
    const cursor = new DerCursor(der)
    walkPublicKeyInfo(cursor)
    if (cursor.atEnd) return { publicKey: der, findings }
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
  }
  findings.push(
    unreadable(source, 'a public key that cannot be read', 'the public key cannot be read', 'Write it again'),
  )
  return { publicKey: undefined, findings }
}

async function readPrivate(block: ScannedBlock, source: string, findings: LintFinding[]): Promise<KeyFile> {
  const { label } = block
  if (!ISTIO_KEY_LABELS.includes(label)) {
    const shown = OTHER_KEY_LABELS.includes(label) ? label : knownLabel(label)
    findings.push(
      OTHER_KEY_LABELS.includes(label)
        ? lintFinding('key-label', {
            at: { source, line: block.line },
            found: `a block ${shown}`,
            problem: `the key is a block ${shown}; Istio reads ${ISTIO_KEY_LABELS.join(', ')}`,
            remedy: 'Convert the key',
            command: plainKeyCommand(shellWord(source)),
          })
        : unreadable(
            source,
            `a PEM block ${shown}`,
            `a PEM block ${shown} stands where a key belongs`,
            'Put the key here',
          ),
    )
    return { publicKey: undefined, findings }
  }
  try {
    const { publicKey } = await importPrivateKey(block.text, { extractable: false })
    return { publicKey, findings }
  } catch (error) {
    // The message of the reader may quote the text, so only its code is used.
    if (!(error instanceof MeshPkiError)) throw error
    findings.push(
      unreadable(source, `a block ${label} that cannot be read (${error.code})`, explain(error.code), REMEDY),
    )
    return { publicKey: undefined, findings }
  }
}

const REMEDY = 'Take the key from its source again, or make a new key and have the certificate issued again'

function explain(code: MeshPkiErrorCode): string {
  switch (code) {
    case 'ERR_KEY_WEAK':
      return 'the key is too weak to be used (NIST SP 800-131A)'
    case 'ERR_KEY_UNSUPPORTED':
      return 'the key is of a kind that is not supported; P-256, P-384, P-521, Ed25519 and RSA are'
    case 'ERR_PEM_ENCRYPTED':
      return 'the key is encrypted in the legacy way of OpenSSL, so nobody can tell here what it belongs to'
    default:
      return 'the key cannot be read; it was altered or cut off'
  }
}

function unreadable(source: string, found: string, problem: string, remedy: string): LintFinding {
  return lintFinding('key-unreadable', { at: { source }, found, problem, remedy })
}
