/**
 * Reads the certificates of one file as people leave it: PEM with whatever in it, or DER.
 *
 * @module
 */

import { type ScannedBlock, scanPemText } from '../ca/lint/pem-scan.ts'
import { MeshPkiError } from '../errors.ts'
import { Tag } from '../internal/der.ts'
import { Certificate, type ReadCertificateOptions } from '../x509/certificate.ts'
import { ALL_LENIENCIES } from '../x509/certificate-walker.ts'
import { viewPem } from '../x509/pem.ts'

/** A certificate, or what is wrong with what should be one. */
export type ReadItem = { readonly certificate: Certificate } | { readonly problem: string }

/** It is asked when it ends, not whether strict readers take it: `lintChain` does that. */
export const LENIENT: ReadCertificateOptions = { leniency: ALL_LENIENCIES }

/** What stands beside certificates and has no end that concerns us. */
const PASSED_OVER: readonly string[] = [
  'CERTIFICATE REQUEST',
  'NEW CERTIFICATE REQUEST',
  'X509 CRL',
  'PUBLIC KEY',
  'RSA PUBLIC KEY',
  'EC PARAMETERS',
  'DH PARAMETERS',
]

/** Only these are named: in a damaged file anything may stand after `BEGIN`, a piece of a key too. */
const NAMED: readonly string[] = ['PKCS7', 'CMS', 'TRUSTED CERTIFICATE', 'X509 CERTIFICATE']

/** The API server keeps no object above 1 MiB; bundles of all public roots have a quarter of that. */
export const MAX_TEXT: number = 4 * 1024 * 1024

const FAULTS = {
  unclosed: 'has no END line: it was cut off. Copy it again from its source',
  boundary: 'has a damaged BEGIN or END line. Copy it again from its source',
} as const

/** Every certificate in order, then what is damaged. Nothing that stands in it makes it throw. */
export function readContent(content: string | Uint8Array): readonly ReadItem[] {
  if (content.length > MAX_TEXT)
    return [{ problem: `it has a size of ${content.length}; at most ${MAX_TEXT} is read` }]
  if (typeof content !== 'string' && content[0] === Tag.SEQUENCE)
    return [readItem('it', () => Certificate.fromDer(content, LENIENT))]
  const text = typeof content === 'string' ? content : new TextDecoder().decode(content)
  // Istio and cert-manager leave keys empty that they have no use for.
  if (text.trim() === '') return []
  const { blocks, faults, isCut } = scanPemText(text)
  const items = blocks.filter(({ label }) => !isPassedOver(label)).map(readBlock)
  for (const { kind, line } of faults)
    if (kind === 'unclosed' || kind === 'boundary')
      items.push({ problem: `the PEM block at line ${line} ${FAULTS[kind]}` })
  if (isCut) items.push({ problem: 'it has more PEM blocks than are read; split it' })
  if (blocks.length === 0 && items.length === 0)
    items.push({ problem: 'it holds no certificate: it is neither PEM nor DER' })
  return items
}

/** Runs a reader; what it says of input is the problem. */
export function readItem(what: string, read: () => Certificate): ReadItem {
  try {
    return { certificate: read() }
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    // The PEM reader counts lines from the block, and may quote a character of it.
    const reason = error.code.startsWith('ERR_PEM_')
      ? `its content is not one block of base64 (${error.code})`
      : error.message
    return { problem: `${what} is no certificate that can be read: ${reason}` }
  }
}

function readBlock({ label, text, line }: ScannedBlock): ReadItem {
  if (label !== 'CERTIFICATE')
    return {
      problem: `the PEM block at line ${line} is ${NAMED.includes(label) ? `a block ${label}` : 'of an unknown kind'}, which is not read; write its certificates as blocks CERTIFICATE`,
    }
  return readItem(`the PEM block at line ${line}`, () =>
    Certificate.fromDer(viewPem(text, [label])[0]?.der ?? new Uint8Array(), LENIENT),
  )
}

/** By its label alone: the block of a private key is never decoded. */
function isPassedOver(label: string): boolean {
  return /PRIVATE KEY$/.test(label) || PASSED_OVER.includes(label)
}
