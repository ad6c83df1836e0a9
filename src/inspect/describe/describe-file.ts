/**
 * Describes what a PEM text or DER holds, whatever it is.
 *
 * @module
 */

import { knownLabel, type PlacedCertificate } from '../../ca/lint/certificate-file.ts'
import { type ScannedBlock, scanPemText } from '../../ca/lint/pem-scan.ts'
import { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { Certificate } from '../../x509/certificate.ts'
import { CertificateList } from '../../x509/certificate-list.ts'
import { ALL_LENIENCIES } from '../../x509/certificate-walker.ts'
import { describeCertificate } from './describe-certificate.ts'
import { describeChain, MAX_CHAIN } from './describe-chain.ts'
import { describeCrl } from './describe-crl.ts'
import { describeCsr } from './describe-csr.ts'
import type { DescribeTerms } from './describe-options.ts'
import { Lists, messageText } from './described-text.ts'
import type { FileDescription, FilePart, UnreadableBlock } from './description.ts'

/** Characters of a text: a CRL of 100,000 entries has five million. */
const MAX_TEXT = 16 * 1024 * 1024

/** In a damaged file anything may stand after `BEGIN`, a piece of a key too: only these are shown. */
const KEY_LABELS: readonly string[] = [
  'PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'EC PRIVATE KEY',
  'RSA PRIVATE KEY',
  'DSA PRIVATE KEY',
  'OPENSSH PRIVATE KEY',
]

const FAULTS = {
  unclosed: 'the block that begins here has no END line: it was cut off, or the line is damaged',
  boundary: 'a BEGIN or END line that does not fit: is one missing or damaged (RFC 7468 §3)?',
} as const

/** What a block holds once it is read. */
type Read = Certificate | Csr | CertificateList | Exclude<FilePart['content'], { readonly at: string }>

interface ReadPart {
  readonly line: number | undefined
  readonly value: Read
}

/**
 * Describes every block in order.
 *
 * @throws `MeshPkiError` `ERR_PEM_NO_BLOCK`, `ERR_PEM_LIMIT`, and for DER that is nothing of what is described the code of what is
 * wrong with it as a certificate.
 */
export async function describeFile(
  input: string | Uint8Array,
  terms: DescribeTerms,
): Promise<FileDescription> {
  const lists = new Lists()
  const isDer = input instanceof Uint8Array && input[0] === 0x30
  const read = isDer ? [{ line: undefined, value: readDer(input) }] : readText(input, lists)
  const parts: FilePart[] = []
  for (let at = 0; at < read.length; at++) {
    const part = read[at]
    if (part === undefined) break
    const { line, value } = part
    const run = certificatesFrom(read, at)
    if (run.length > 1) {
      at += run.length - 1
      parts.push({ line, content: await describeChain(run, terms) })
    } else parts.push({ line, content: await describePart(value, line, terms) })
  }
  return { kind: 'file', at: terms.at, parts, omitted: lists.omitted }
}

/** The certificates that follow each other from a place on. */
function certificatesFrom(read: readonly ReadPart[], from: number): readonly PlacedCertificate[] {
  const run: PlacedCertificate[] = []
  for (let at = from; at < read.length; at++) {
    const part = read[at]
    if (!(part?.value instanceof Certificate)) break
    run.push({ certificate: part.value, line: part.line })
  }
  return run
}

async function describePart(
  value: Read,
  line: number | undefined,
  terms: DescribeTerms,
): Promise<FilePart['content']> {
  if (value instanceof Certificate) return describeCertificate(value, terms, line)
  if (value instanceof Csr) return describeCsr(value, terms)
  return value instanceof CertificateList ? describeCrl(value, terms) : value
}

function readText(input: string | Uint8Array, lists: Lists): readonly ReadPart[] {
  const text = typeof input === 'string' ? input : decode(input)
  if (text.length > MAX_TEXT)
    throw new MeshPkiError(
      'ERR_PEM_LIMIT',
      `a text of ${text.length} characters; at most ${MAX_TEXT} are described`,
    )
  const { blocks, faults, isCut } = scanPemText(text)
  if (blocks.length + faults.filter(({ kind }) => kind !== 'text').length === 0) throw noBlock(text)
  const broken = faults.flatMap(({ kind, line }): readonly ReadPart[] =>
    kind === 'unclosed' || kind === 'boundary'
      ? [
          {
            line,
            value: {
              kind: 'unreadable',
              label: 'a broken block',
              code: 'ERR_PEM_SYNTAX',
              problem: FAULTS[kind],
            },
          },
        ]
      : [],
  )
  const count = blocks.length + broken.length
  lists.leaveOut('parts', isCut ? Math.max(1, count - MAX_CHAIN) : count - MAX_CHAIN)
  return [...blocks.slice(0, MAX_CHAIN).map(readBlock), ...broken]
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
    .slice(0, MAX_CHAIN)
}

function readBlock({ label, text, line }: ScannedBlock): ReadPart {
  if (label.endsWith('PRIVATE KEY'))
    return {
      line,
      value: {
        kind: 'private-key',
        label: KEY_LABELS.includes(label) ? label : 'PRIVATE KEY of an unknown kind',
      },
    }
  try {
    return { line, value: readLabelled(label, text) }
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return { line, value: unreadable(knownLabel(label), error) }
  }
}

function readLabelled(label: string, text: string): Read {
  switch (label) {
    case 'CERTIFICATE':
      return Certificate.fromPem(text, { leniency: ALL_LENIENCIES })
    case 'CERTIFICATE REQUEST':
    case 'NEW CERTIFICATE REQUEST':
      return Csr.fromPem(text)
    case 'X509 CRL':
      return CertificateList.fromPem(text)
    default:
      return { kind: 'other', label: knownLabel(label) }
  }
}

/** The reader counts lines from the beginning of the block, and the part says where that is. */
function unreadable(label: string, error: MeshPkiError): UnreadableBlock {
  const problem = messageText(error.message.replace(/^PEM block 1 at line 1: /, ''))
  return { kind: 'unreadable', label, code: error.code, problem }
}

function readDer(der: Uint8Array): Certificate | Csr | CertificateList {
  const refusals: MeshPkiError[] = []
  for (const read of [
    () => Certificate.fromDer(der, { leniency: ALL_LENIENCIES }),
    () => Csr.fromDer(der),
    () => CertificateList.fromDer(der),
  ]) {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      refusals.push(error)
    }
  }
  const [certificate, csr, crl] = refusals.map(({ message }) => messageText(message))
  throw new MeshPkiError(
    refusals[0]?.code ?? 'ERR_DER_VALUE',
    `the bytes are DER, and neither a certificate (${certificate}), nor a request (${csr}), nor a CRL (${crl}). PKCS#12 and PKCS#7 files are to be converted first: openssl pkcs12 -nokeys, openssl pkcs7 -print_certs`,
  )
}

/** PowerShell writes UTF-16 with a mark before it. */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  if (bytes.length > 2 * MAX_TEXT)
    throw new MeshPkiError(
      'ERR_PEM_LIMIT',
      `a text of ${bytes.length} octets; at most ${2 * MAX_TEXT} are read`,
    )
  return isWide
    ? new TextDecoder(first === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes)
    : new TextDecoder().decode(bytes)
}

function noBlock(text: string): MeshPkiError {
  const start = text.trimStart()
  const hint =
    start === ''
      ? 'the text is empty'
      : start.startsWith('{')
        ? 'it looks like JSON: read a SPIFFE bundle with SpiffeBundle.fromJson, and a Secret with describeCacerts'
        : /^[A-Za-z0-9+/=\s]{64,}$/.test(start.slice(0, 4096))
          ? 'it looks like base64 without its BEGIN and END lines, as a data key of a Secret has it: decode it first'
          : 'expected lines such as -----BEGIN CERTIFICATE-----'
  return new MeshPkiError('ERR_PEM_NO_BLOCK', `there is no PEM block in the text: ${hint}`)
}
