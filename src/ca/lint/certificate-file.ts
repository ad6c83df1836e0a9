/**
 * Reads certificates out of whatever was given, and tells of everything that is none.
 *
 * @module
 */

import { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { Tag } from '../../internal/der.ts'
import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { Certificate } from '../../x509/certificate.ts'
import type { CertificateInput } from '../../x509/certificate-input.ts'
import { ALL_LENIENCIES } from '../../x509/certificate-walker.ts'
import { viewPem } from '../../x509/pem.ts'
import { type LintFinding, type LintPlace, lintFinding, shellWord } from './lint-finding.ts'
import { scanPemText } from './pem-scan.ts'
import { signRequestCommand } from './repair-commands.ts'

/** A certificate and where it stands. */
export interface PlacedCertificate extends LintPlace {
  readonly certificate: Certificate
  /** Whether nothing else is in its file, so that a command which reads the first certificate takes this one. */
  readonly isAlone?: boolean | undefined
}

/** What a text or a list of certificates holds. */
export interface CertificateFile {
  readonly certificates: readonly PlacedCertificate[]
  readonly findings: readonly LintFinding[]
}

/** What a lint takes for certificates: PEM with whatever in it, or certificates in any shape. */
export type LintInput = CertificateInput | readonly CertificateInput[]

/** The API server keeps no object above 1 MiB; bundles of all public roots have a quarter of that. */
export const MAX_TEXT: number = 4 * 1024 * 1024
const MAX_CERTIFICATES = 256
const MAX_ITEMS = 1024
/** Blocks and faults of all texts together. */
const MAX_PIECES = 1024

/** Key usage and subject key identifier. */
const REWRITTEN: readonly string[] = ['2.5.29.15', '2.5.29.14']
const BASIC_CONSTRAINTS = '2.5.29.19'
/** A sequence of cA TRUE alone; a path length makes it longer. */
const CA_TRUE_LENGTH = 5

const REQUEST_LABELS: readonly string[] = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST']
/** Only these are ever named: in a damaged file anything may stand after `BEGIN`, a piece of a key too. */
const OTHER_LABELS: readonly string[] = [
  'X509 CRL',
  'PUBLIC KEY',
  'RSA PUBLIC KEY',
  'EC PARAMETERS',
  'DH PARAMETERS',
  'PKCS7',
  'CMS',
  'TRUSTED CERTIFICATE',
  'X509 CERTIFICATE',
]

/** Whether a file is a root's by its name: only there a request becomes a certificate by its own key. */
const isRootFile = (source: string): boolean => /(^|\/)[^/]*root[^/]*\.(pem|crt|cer)$/i.test(source)

/** The name of a label, if it is one that may be shown. */
export function knownLabel(label: string): string {
  return [...REQUEST_LABELS, ...OTHER_LABELS, 'CERTIFICATE'].includes(label) ? label : 'of an unknown kind'
}

/**
 * Reads a {@link LintInput}. Nothing that stands in it makes it throw.
 *
 * @throws `TypeError` for values that are no input at all.
 */
export function readCertificateFile(input: LintInput, source: string): CertificateFile {
  const collector = new Collector(source)
  const items: readonly CertificateInput[] = isList(input) ? input : [input]
  for (const item of items) collector.add(item)
  return collector.finish()
}

class Collector {
  readonly #source: string
  readonly #certificates: PlacedCertificate[] = []
  readonly #findings: LintFinding[] = []
  /** A request, whose command counts on being alone in the file. */
  readonly #requests: (readonly [csr: Csr, at: LintPlace])[] = []
  #items = 0
  #blocks = 0
  #pieces = 0
  /** Whether a limit is reached: what stands after it is not even parsed. */
  #isFull = false
  /** Whether a boundary is damaged: what readers find then cannot be told. */
  #isBroken = false
  #position = 0
  /** Whether anything was in it, also what is no certificate. */
  #anything = false

  constructor(source: string) {
    this.#source = source
  }

  add(item: CertificateInput): void {
    if (this.#isFull) return
    if (++this.#items > MAX_ITEMS) {
      this.#stop(`a list of more than ${MAX_ITEMS}`)
      return
    }
    if (typeof item === 'string') this.#addText(item)
    else if (item instanceof Certificate) {
      this.#blocks++
      this.#keep(item, {})
    } else {
      const der = bytesOf(item)
      if (der === undefined)
        throw new TypeError(
          `option "${this.#source}" must hold certificates: PEM (string), DER (Uint8Array) or Certificate values; got ${typeName(item)}`,
        )
      const text = pemTextOf(der)
      if (text === undefined) {
        this.#blocks++
        this.#addDer(der, {})
      } else this.#addText(text)
    }
  }

  finish(): CertificateFile {
    if (!this.#anything) {
      this.#findings.push(
        lintFinding('empty', {
          at: { source: this.#source },
          found: 'no certificate',
          problem: 'there is nothing in it',
          remedy: 'Put the certificates here that belong here',
        }),
      )
    }
    const isAlone = !this.#isBroken && this.#blocks === 1
    for (const [csr, at] of this.#requests) this.#findings.push(requestFinding(csr, at, isAlone))
    return {
      certificates: this.#certificates.map((placed) => ({ ...placed, isAlone })),
      findings: this.#findings,
    }
  }

  #addText(text: string): void {
    if (text.length > MAX_TEXT) {
      this.#limit(`a text of ${text.length} characters; at most ${MAX_TEXT} are read`)
      return
    }
    const { blocks, faults, isCut } = scanPemText(text)
    if (isCut) this.#limit('more pieces than are read')
    for (const { kind, line } of faults) {
      if (!this.#takesOneMore()) return
      if (kind !== 'text') {
        this.#anything = true
        this.#isBroken = true
      }
      this.#findings.push(faultFinding(kind, { source: this.#source, line }))
    }
    for (const block of blocks) {
      if (!this.#takesOneMore()) return
      this.#anything = true
      this.#blocks++
      this.#addBlock(block.label, block.text, { source: this.#source, line: block.line })
    }
  }

  #addBlock(label: string, text: string, at: LintPlace): void {
    if (/PRIVATE KEY$/.test(label)) {
      this.#findings.push(
        lintFinding('private-key-among-certificates', {
          at,
          found: 'a private key',
          problem: 'a private key stands where certificates belong, which others may read',
          remedy: 'Take it out, and replace the key if others could read it',
        }),
      )
      return
    }
    if (label !== 'CERTIFICATE' && !REQUEST_LABELS.includes(label)) {
      this.#findings.push(
        lintFinding('foreign-block', {
          at,
          found: `a PEM block ${knownLabel(label)}`,
          problem: `a PEM block ${knownLabel(label)} stands where certificates belong; readers pass over it or refuse the file`,
          remedy: 'Take the block out',
        }),
      )
      return
    }
    let der: Uint8Array
    try {
      der = viewPem(text, [label])[0]?.der ?? new Uint8Array()
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      this.#findings.push(
        lintFinding('broken-pem', {
          at,
          found: `a block ${label} that cannot be decoded (${error.code})`,
          problem: 'the content of the block is not base64; it was altered or cut off (RFC 7468 §3)',
          remedy: 'Copy the block again from its source',
        }),
      )
      return
    }
    this.#addDer(der, at)
  }

  #addDer(der: Uint8Array, at: LintPlace): void {
    this.#anything = true
    const place = { source: this.#source, ...at }
    let strict: unknown
    try {
      this.#keep(Certificate.fromDer(der), at)
      return
    } catch (error) {
      strict = error
    }
    try {
      const certificate = Certificate.fromDer(der, { leniency: ALL_LENIENCIES })
      this.#findings.push(
        lintFinding('lenient-encoding', {
          at: { ...place, certificate },
          found: messageOf(strict),
          problem: `strict readers refuse it: ${messageOf(strict)}`,
          remedy: 'Issue it again with a CA that encodes DER as RFC 5280 says',
          clause: 'RFC 5280 §4.1',
        }),
      )
      this.#keep(certificate, at)
      return
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
    }
    const csr = readCsr(der)
    if (csr === undefined) {
      this.#findings.push(
        lintFinding('unreadable-certificate', {
          at: place,
          found: messageOf(strict),
          problem: `it is no certificate that can be read: ${messageOf(strict)}`,
          remedy: 'Take it from its source again, or issue it again',
        }),
      )
      return
    }
    this.#requests.push([csr, place])
  }

  #keep(certificate: Certificate, at: LintPlace): void {
    this.#anything = true
    this.#position++
    if (this.#position === MAX_CERTIFICATES + 1)
      this.#stop(`more than ${MAX_CERTIFICATES} certificates; those after them are not looked at`)
    if (this.#position > MAX_CERTIFICATES) return
    this.#certificates.push({ source: this.#source, position: this.#position, ...at, certificate })
  }

  /** Blocks and faults are counted over all texts. */
  #takesOneMore(): boolean {
    if (!this.#isFull && ++this.#pieces > MAX_PIECES) this.#stop('more pieces than are read')
    return !this.#isFull
  }

  #stop(found: string): void {
    this.#isFull = true
    this.#limit(found)
  }

  #limit(found: string): void {
    this.#anything = true
    this.#findings.push(limitFinding(found, { source: this.#source }))
  }
}

function requestFinding(csr: Csr, at: LintPlace, isAlone: boolean): LintFinding {
  const { source = '' } = at
  const subject = csr.subject.isEmpty ? 'an empty subject' : quote(String(csr.subject), 160)
  const advice = isRootFile(source)
    ? {
        remedy: 'Put the signed certificate here: sign the request with its own key, as a CA',
        ...(isAlone && !asksForMore(csr) ? { command: signRequestCommand(shellWord(source)) } : {}),
      }
    : { remedy: 'Send it to the CA that shall sign it, and put the certificate that comes back here' }
  return lintFinding('certificate-request', {
    at,
    found: `a certificate request for ${subject}`,
    problem: `this is a certificate request for ${subject}, not a certificate: "openssl req -new" writes one, and only a CA makes a certificate of it`,
    ...advice,
    clause: 'RFC 2986 §3',
  })
}

/** Whether a request asks for what the command would not write: a name, a path length, constraints. */
function asksForMore(csr: Csr): boolean {
  return csr.extensions.some(({ oid, value }) =>
    oid === BASIC_CONSTRAINTS ? value.length > CA_TRUE_LENGTH : !REWRITTEN.includes(oid),
  )
}

/** What a file holds as it is read from disk: bytes, which are PEM all the same. */
function pemTextOf(bytes: Uint8Array): string | undefined {
  if (bytes[0] === Tag.SEQUENCE || bytes.length > MAX_TEXT) return undefined
  const text = new TextDecoder().decode(bytes)
  return text.includes('-----BEGIN ') ? text : undefined
}

/** What was not looked at is unknown: that is an error, never a pass. */
export function limitFinding(found: string, at: LintPlace): LintFinding {
  return lintFinding('lint-limit', {
    at,
    found,
    problem: `it is too large to be looked at as a whole: ${found}`,
    remedy: 'Lint it in smaller parts',
  })
}

const FAULTS = {
  joined: [
    'an END and a BEGIN on one line',
    'an END line and a BEGIN line are joined on one line: two files were put together without a line end between them, and readers lose a certificate',
    'Put a line end between them, and one after the last line of each file',
  ],
  unclosed: [
    'a BEGIN without its END',
    'the block that begins here has no END line; it was cut off',
    'Copy the block again from its source',
  ],
  boundary: [
    'a damaged BEGIN or END line',
    'a BEGIN or END line does not fit: its label differs, or other text is on the same line',
    'Copy the block again from its source, each boundary on a line of its own',
  ],
} as const

function faultFinding(kind: keyof typeof FAULTS | 'text', at: LintPlace): LintFinding {
  if (kind === 'text') {
    return lintFinding('text-outside-blocks', {
      at,
      found: 'text outside of PEM blocks',
      problem: 'text stands outside of the PEM blocks; most readers pass over it, some refuse the file',
      remedy: 'Take it out',
      command: `openssl crl2pkcs7 -nocrl -certfile ${shellWord(at.source ?? '')} | openssl pkcs7 -print_certs | grep -v -e '^subject=' -e '^issuer=' -e '^$'`,
      clause: 'RFC 7468 §5.2',
    })
  }
  const [found, problem, remedy] = FAULTS[kind]
  return lintFinding('broken-pem', { at, found, problem, remedy, clause: 'RFC 7468 §3' })
}

function readCsr(der: Uint8Array): Csr | undefined {
  try {
    return Csr.fromDer(der)
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}

const messageOf = (error: unknown): string => {
  if (error instanceof MeshPkiError) return error.message
  throw error
}

function bytesOf(item: Exclude<CertificateInput, string>): Uint8Array | undefined {
  if (item instanceof Uint8Array) return item
  if (item === null || typeof item !== 'object') return undefined
  if ('rawData' in item && item.rawData instanceof ArrayBuffer) return new Uint8Array(item.rawData)
  return 'raw' in item && item.raw instanceof Uint8Array ? item.raw : undefined
}

function isList(input: LintInput): input is readonly CertificateInput[] {
  return Array.isArray(input)
}
