/**
 * Takes values out of a secret, and says in every error which secret and which key it was.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { decodeBase64 } from '../../internal/base64.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { Certificate, type ReadCertificateOptions } from '../../x509/certificate.ts'
import { readPem } from '../../x509/pem.ts'
import type { ObjectMetaLike, SecretLike } from '../objects/secret-like.ts'
import { SealedPem } from './sealed-pem.ts'

/** How many data keys a message lists. */
const MAX_LISTED_KEYS = 16

/** `namespace/name` as a message shows it. */
export function objectName(metadata: ObjectMetaLike | undefined): string {
  const { name, namespace } = metadata ?? {}
  if (typeof name !== 'string' || name === '') return '(unnamed)'
  return escapeText(typeof namespace === 'string' && namespace !== '' ? `${namespace}/${name}` : name)
}

/** Runs `read` and puts `where` before the message of what it throws, with the same code. */
export function within<T>(where: string, facts: Readonly<Record<string, unknown>>, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    throw new MeshPkiError(error.code, `${where}: ${error.message}`, {
      data: { ...error.data, ...facts },
      cause: error,
    })
  }
}

/** Reads certificates, at least one. A private key among them is refused before anything may quote it. */
export function readCertificates(text: string, options?: ReadCertificateOptions): readonly Certificate[] {
  refusePrivateKey(text)
  return Object.freeze([...Certificate.listFromPem(text, options)])
}

/** Checks that a text is CRLs in PEM, and ends it in one line end. */
export function readCrls(text: string): string {
  refusePrivateKey(text)
  readPem(text, ['X509 CRL'])
  return endLine(text)
}

/** A PEM text with exactly one line end after it, so that it can be joined with another. */
export function endLine(text: string): string {
  return `${text.trimEnd()}\n`
}

function refusePrivateKey(text: string): void {
  if (!text.includes('PRIVATE KEY-----')) return
  throw new MeshPkiError(
    'ERR_PEM_LABEL',
    'a private key stands here; keep it out of certificate files, and replace it if others could read it',
  )
}

/** One secret, read key by key. */
export class SecretReader {
  /** `Secret namespace/name`. */
  readonly where: string
  readonly type: string | undefined
  readonly #name: string
  readonly #data: Readonly<Record<string, unknown>>
  readonly #stringData: Readonly<Record<string, unknown>>

  constructor(secret: SecretLike, callee: string) {
    if (secret === null || typeof secret !== 'object' || Array.isArray(secret)) {
      throw new TypeError(
        `${callee} takes a Secret object; got ` +
          `${secret === null ? 'null' : Array.isArray(secret) ? 'an array' : typeof secret}`,
      )
    }
    this.#name = objectName(secret.metadata)
    this.where = `Secret ${this.#name}`
    this.type = secret.type
    this.#data = this.#map(secret.data, 'data')
    this.#stringData = this.#map(secret.stringData, 'stringData')
  }

  /** All data keys. */
  get keys(): readonly string[] {
    return [...new Set([...Object.keys(this.#data), ...Object.keys(this.#stringData)])].sort()
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#data, key) || Object.hasOwn(this.#stringData, key)
  }

  /** Whether a key is there and holds more than blanks. */
  isFilled(key: string): boolean {
    return this.has(key) && this.text(key).trim() !== ''
  }

  /** The text of a key; empty when it is not there. */
  text(key: string): string {
    const value = Object.hasOwn(this.#stringData, key) ? this.#stringData[key] : undefined
    if (typeof value === 'string') return value
    if (value !== undefined)
      throw this.#badValue(key, `"stringData" must hold text; found ${typeName(value)}`)
    return Object.hasOwn(this.#data, key) ? this.#decode(key, this.#data[key]) : ''
  }

  certificates(key: string, options?: ReadCertificateOptions): readonly Certificate[] {
    return this.#read(key, (text) => readCertificates(text, options))
  }

  crls(key: string): string {
    return this.#read(key, (text) => {
      readCrls(text)
      return text
    })
  }

  privateKey(key: string): SealedPem {
    return this.#read(key, (text) => SealedPem.parse(text))
  }

  /** Refuses a secret in which a key is missing. */
  require(keys: readonly string[], hint: string): void {
    const missing = keys.filter((key) => !this.has(key))
    if (missing.length === 0) return
    const message =
      `${this.where}: expected the keys ${keys.join(', ')}; missing: ${missing.join(', ')}; ` +
      `present: ${this.list()}. ${hint}`
    throw new MeshPkiError('ERR_KUBERNETES_INCOMPLETE_SECRET', message, {
      data: { secret: this.#name, missing, present: this.keys.map((key) => escapeText(key)) },
    })
  }

  /** Makes the error for a secret of another kind. */
  wrongLayout(problem: string): MeshPkiError {
    const message = `${this.where}: ${problem}. Present: ${this.list()}`
    return new MeshPkiError('ERR_KUBERNETES_SECRET_LAYOUT', message, {
      data: { secret: this.#name, present: this.keys.map((key) => escapeText(key)) },
    })
  }

  /** The data keys as a message lists them. */
  list(): string {
    const { keys } = this
    if (keys.length === 0) return 'no key'
    const shown = keys.slice(0, MAX_LISTED_KEYS).map((key) => escapeText(key, 64))
    return shown.join(', ') + (keys.length > shown.length ? ` and ${keys.length - shown.length} more` : '')
  }

  #read<T>(key: string, read: (text: string) => T): T {
    const text = this.text(key)
    return within(`${this.where}, key ${quote(key)}`, { secret: this.#name, key }, () => read(text))
  }

  #decode(key: string, value: unknown): string {
    if (typeof value !== 'string')
      throw this.#badValue(key, `"data" must hold base64 text; found ${typeName(value)}`)
    const bytes = decodeBase64(value)
    if (bytes instanceof Uint8Array) return new TextDecoder().decode(bytes)
    const hint = value.startsWith('-----BEGIN ')
      ? 'it is plain PEM; encode it, or put it into "stringData"'
      : 'encode the whole file on one line, as "base64 -w0" does'
    throw this.#badValue(
      key,
      `"data" must hold base64 (RFC 4648 §4); found a fault at character ${bytes.index + 1} ` +
        `(${bytes.reason}): ${hint}`,
    )
  }

  #map(value: unknown, field: string): Readonly<Record<string, unknown>> {
    if (value === undefined || value === null) return {}
    if (isRecord(value)) return value
    throw new MeshPkiError(
      'ERR_KUBERNETES_SECRET_DATA',
      `${this.where}: "${field}" must be a map of keys to text; found ${typeName(value)}`,
      {
        data: { secret: this.#name },
      },
    )
  }

  #badValue(key: string, problem: string): MeshPkiError {
    return new MeshPkiError('ERR_KUBERNETES_SECRET_DATA', `${this.where}, key ${quote(key)}: ${problem}`, {
      data: { secret: this.#name, key },
    })
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
}
