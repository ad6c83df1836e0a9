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
import { knownLabel, limitFinding, MAX_TEXT } from './certificate-file.ts'
import { ISTIO_KEY_LABELS } from './istio-key-labels.ts'
import { type LintFinding, type LintPlace, lintFinding, shellWord } from './lint-finding.ts'
import { type ScannedBlock, scanPemText } from './pem-scan.ts'
import { opensshKeyCommand, plainKeyCommand } from './repair-commands.ts'

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

/** Reads a key in PEM. `kind`: whether a public one may stand for it. It throws for nothing that stands in the text. */
export async function readKeyFile(pem: string, source: string, kind: 'any' | 'private'): Promise<KeyFile> {
  const findings: LintFinding[] = []
  const refuse = (finding: LintFinding): KeyFile => ({
    publicKey: undefined,
    findings: [...findings, finding],
  })
  if (pem.length > MAX_TEXT)
    return refuse(
      limitFinding(`a text of ${pem.length} characters; at most ${MAX_TEXT} are read`, { source }),
    )
  const { blocks, faults, isCut } = scanPemText(pem)
  if (isCut) return refuse(limitFinding('more pieces than are read', { source }))
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
  // Text around the block harms nobody; a broken boundary ends the reading of OpenSSL.
  const fault = faults.find((each) => each.kind !== 'text')
  if (fault !== undefined) {
    return refuse(
      unreadable(
        { source, line: fault.line },
        'a block that is cut off, or a damaged BEGIN or END line',
        'a block is cut off here, or its BEGIN or END line is damaged: OpenSSL reads no key from it',
        'Put exactly one key here, whole, and nothing before it',
      ),
    )
  }
  const [block] = rest
  if (block === undefined || rest.length > 1) {
    return refuse(
      unreadable(
        { source },
        block === undefined ? 'no key' : `${rest.length} PEM blocks`,
        block === undefined
          ? 'there is no PEM block of a key in it'
          : `it holds ${rest.length} PEM blocks, and which one is meant cannot be told`,
        'Put exactly one key here',
      ),
    )
  }
  if (block.label === 'PUBLIC KEY' && kind === 'private') {
    return refuse(
      unreadable(
        { source, line: block.line },
        'a public key',
        'it holds a public key where the private key belongs: nothing can be signed with it',
        'Put the private key here',
      ),
    )
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
  const found = 'a public key that cannot be read'
  findings.push(unreadable({ source }, found, 'the public key cannot be read', 'Write it again'))
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
            ...conversionOf(label, shellWord(source)),
          })
        : unreadable(
            { source },
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
      unreadable(
        { source },
        `a block ${label} that cannot be read (${error.code})`,
        explain(error.code),
        REMEDY,
      ),
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

/** What makes a key readable for Istio. DSA is not accepted by anybody in TLS 1.3 (RFC 8446 §4.2.3). */
function conversionOf(label: string, file: string): { readonly remedy: string; readonly command?: string } {
  switch (label) {
    case 'DSA PRIVATE KEY':
      return { remedy: 'Make a new key, P-256 or RSA from 2048 bits, and have the certificate issued again' }
    case 'OPENSSH PRIVATE KEY':
      return { remedy: 'Convert the key, on a copy', command: opensshKeyCommand(file) }
    default:
      return { remedy: 'Convert the key', command: plainKeyCommand(file) }
  }
}

function unreadable(at: LintPlace, found: string, problem: string, remedy: string): LintFinding {
  return lintFinding('key-unreadable', { at, found, problem, remedy })
}
