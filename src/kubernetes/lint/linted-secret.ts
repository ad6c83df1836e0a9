/**
 * Reads a secret key by key, and keeps what cannot be read as findings.
 *
 * @module
 */

import { type CertificateFile, readCertificateFile } from '../../ca/lint/certificate-file.ts'
import { type LintFinding, lintFinding } from '../../ca/lint/lint-finding.ts'
import { MeshPkiError } from '../../errors.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { SecretReader } from '../secrets/secret-reader.ts'

const NOTHING: CertificateFile = { certificates: [], findings: [] }

/** A secret that is being linted. */
export class LintedSecret {
  readonly secret: SecretLike
  readonly findings: LintFinding[] = []
  readonly reader: SecretReader
  readonly #prefix: string
  readonly #texts = new Map<string, string | undefined>()

  /** `prefix`: what stands before a data key in evidence. @throws `TypeError` for what is no object. */
  constructor(secret: SecretLike, callee: string, prefix = '') {
    this.#prefix = prefix
    let reader: SecretReader
    try {
      reader = new SecretReader(secret, callee)
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      this.findings.push(dataFinding(`${prefix}data`, error))
      reader = new SecretReader({}, callee)
    }
    this.secret = secret
    this.reader = reader
  }

  /** What evidence calls a data key. */
  sourceOf(key: string): string {
    return `${this.#prefix}${key}`
  }

  has(key: string): boolean {
    return this.reader.has(key)
  }

  /** The text of a key; `undefined` where there is none or it cannot be read, which is a finding. */
  text(key: string): string | undefined {
    if (this.#texts.has(key)) return this.#texts.get(key)
    let text: string | undefined
    try {
      text = this.has(key) ? this.reader.text(key) : undefined
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      this.findings.push(dataFinding(this.sourceOf(key), error))
    }
    this.#texts.set(key, text)
    return text
  }

  /** Whether a key is there and holds more than blanks. */
  isFilled(key: string): boolean {
    return (this.text(key) ?? '').trim() !== ''
  }

  /** The certificates of a key. `mayBeEmpty`: whether a blank one is in order. */
  certificates(key: string, mayBeEmpty = false): CertificateFile {
    const text = this.text(key)
    if (text === undefined || (mayBeEmpty && text.trim() === '')) return NOTHING
    const file = readCertificateFile(text, this.sourceOf(key))
    this.findings.push(...file.findings)
    return file
  }

  add(finding: LintFinding): void {
    this.findings.push(finding)
  }
}

/** The message of the reader names secret, key and fault, never content. */
function dataFinding(source: string, error: MeshPkiError): LintFinding {
  return lintFinding('secret-data', {
    at: { source },
    found: error.code,
    problem: error.message.replace(/\.$/, ''),
    remedy: 'Write the secret again, with "kubectl create secret generic --from-file" or encodeCacerts',
  })
}
