/**
 * Takes every certificate out of files, secrets, chains and bundles, and loses nothing that cannot be read.
 *
 * @module
 */

import { decodeBase64 } from '../internal/base64.ts'
import { checkOptionNames, typeName } from '../internal/options.ts'
import { SpiffeBundle } from '../spiffe/spiffe-bundle.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'
import { LENIENT, MAX_TEXT, type ReadItem, readContent, readItem } from './expiry-content.ts'

/** A Kubernetes Secret by shape. */
export interface ExpirySecret {
  readonly metadata?:
    | { readonly name?: string | undefined; readonly namespace?: string | undefined }
    | undefined
  /** Base64 (RFC 4648 §4) by key. */
  readonly data?: Readonly<Record<string, string>> | undefined
  /** Plain text by key; where a key stands in both, this one counts, as in the API server. */
  readonly stringData?: Readonly<Record<string, string>> | undefined
}

/**
 * Where certificates are: a chain, files by name (PEM or DER), a Secret, or a trust bundle. `name` says to the reader of the
 * report what it is: a cluster, a host, a workload.
 */
export type ExpirySource =
  | { readonly name: string; readonly chain: CertificatesInput }
  | { readonly name: string; readonly files: Readonly<Record<string, string | Uint8Array>> }
  | { readonly name: string; readonly secret: ExpirySecret }
  | { readonly name: string; readonly bundle: CertificatesInput | SpiffeBundle }

/** Certificates, or PEM with several. */
export type CertificatesInput = CertificateInput | readonly CertificateInput[]

/** Before it is checked that there is one of them. */
interface GivenSource {
  readonly name: string
  readonly chain?: CertificatesInput
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  readonly secret?: ExpirySecret
  readonly bundle?: CertificatesInput | SpiffeBundle
}

/** Where a certificate stands. */
export interface ExpiryPlace {
  /** The name of the source. */
  readonly source: string
  /** `namespace/name` of a Secret. */
  readonly object?: string | undefined
  /** The file, or the key of a Secret. */
  readonly file?: string | undefined
  /** 1-based: which certificate of that file, chain or bundle. */
  readonly index: number
}

/** A certificate that was read, and one that could not be. */
export type FoundCertificate =
  | { readonly place: ExpiryPlace; readonly certificate: Certificate; readonly isTrusted: boolean }
  | { readonly place: ExpiryPlace; readonly problem: string }

/** Certificates of one report, files of one source, members of one list. */
const MAX_FOUND = 50_000
const MAX_FILES = 1024
const MAX_ITEMS = 1024

type WherePlace = Omit<ExpiryPlace, 'index'>

/** Whether a file holds what is trusted, by its name: Istio's, cert-manager's, Kubernetes', and `…root….pem`. */
const isTrustFile = (file: string): boolean =>
  /(^|\/)(ca\.crt|ca-bundle\.(crt|pem)|trust-bundle\.pem|[^/]*root[^/]*\.(pem|crt|cer))$/i.test(file)

/** Reads sources one after the other. @throws `TypeError` for what is no source. */
export class ExpiryReader {
  readonly found: FoundCertificate[] = []
  #isFull = false

  add(source: ExpirySource, option: string): void {
    checkOptionNames(source, ['name', 'chain', 'files', 'secret', 'bundle'], `option "${option}"`)
    const { name, chain, files, secret, bundle }: GivenSource = source
    if (typeof name !== 'string')
      throw new TypeError(`option "${option}.name" must be a string; got ${typeName(name)}`)
    const given = Object.entries({ chain, files, secret, bundle }).flatMap(([key, value]) =>
      value === undefined ? [] : [key],
    )
    if (given.length !== 1)
      throw new TypeError(
        `option "${option}" needs one of "chain", "files", "secret" and "bundle"; got ${given.join(', ') || 'none'}`,
      )
    const where = { source: name }
    if (chain !== undefined) this.#addList(chain, where, `${option}.chain`, false)
    else if (files !== undefined) this.#addFiles(files, where, `${option}.files`)
    else if (secret !== undefined) this.#addSecret(secret, where, `${option}.secret`)
    else if (bundle instanceof SpiffeBundle) this.#addBundle(bundle, where)
    else if (bundle !== undefined) this.#addList(bundle, where, `${option}.bundle`, true)
  }

  #addBundle(bundle: SpiffeBundle, where: WherePlace): void {
    for (const [i, certificate] of bundle.x509Authorities.entries())
      this.#keep({ place: { ...where, index: i + 1 }, certificate, isTrusted: true })
    for (const { index, message } of bundle.skipped)
      this.#keep({
        place: { ...where, index: (index ?? 0) + 1 },
        problem: `an element is passed over: ${message}`,
      })
  }

  #addList(input: CertificatesInput, where: WherePlace, option: string, isTrusted: boolean): void {
    const items: readonly CertificateInput[] = isList(input) ? input : [input]
    let index = 0
    for (const [i, item] of items.slice(0, MAX_ITEMS).entries()) {
      if (typeof item === 'string' || item instanceof Uint8Array) {
        const last = this.#addContent(item, where, isTrusted, index)
        if (last === index) this.#keep({ place: { ...where, index: index + 1 }, problem: 'it is empty' })
        index = Math.max(last, index + 1)
        continue
      }
      index++
      // What is no certificate at all is the programmer's mistake and throws.
      const read = readItem('it', () => toCertificate(item, `${option}[${i}]`, LENIENT))
      this.#addItem(read, { ...where, index }, isTrusted)
    }
    if (items.length > MAX_ITEMS)
      this.#keep({
        place: { ...where, index: index + 1 },
        problem: tooMany(items.length, 'members', MAX_ITEMS),
      })
  }

  #addFiles(files: Readonly<Record<string, unknown>>, where: WherePlace, option: string): void {
    if (!isRecord(files))
      throw new TypeError(`option "${option}" must be an object of contents by name; got ${typeName(files)}`)
    const entries = Object.entries(files)
    for (const [file, content] of entries.slice(0, MAX_FILES)) {
      if (typeof content !== 'string' && !(content instanceof Uint8Array))
        throw new TypeError(
          `option "${option}" must hold strings and Uint8Arrays; got ${typeName(content)} for one of its names`,
        )
      this.#addContent(content, { ...where, file }, isTrustFile(file))
    }
    if (entries.length > MAX_FILES)
      this.#keep({ place: { ...where, index: 1 }, problem: tooMany(entries.length, 'files', MAX_FILES) })
  }

  #addSecret(secret: ExpirySecret, where: WherePlace, option: string): void {
    if (secret === null || typeof secret !== 'object' || Array.isArray(secret))
      throw new TypeError(`option "${option}" must be a Secret object; got ${typeName(secret)}`)
    const object = objectName(secret.metadata)
    const at = object === undefined ? where : { ...where, object }
    const plain = this.#mapOf(secret.stringData, 'stringData', at)
    const encoded = Object.entries(this.#mapOf(secret.data, 'data', at)).filter(
      ([key]) => !Object.hasOwn(plain, key),
    )
    const texts = Object.entries(plain)
    const count = encoded.length + texts.length
    for (const [file, value] of encoded.slice(0, MAX_FILES)) {
      const bytes = decodeValue(value)
      const place = { ...at, file }
      if (typeof bytes === 'string') this.#keep({ place: { ...place, index: 1 }, problem: bytes })
      else this.#addContent(bytes, place, isTrustFile(file))
    }
    for (const [file, value] of texts.slice(0, MAX_FILES)) {
      const place = { ...at, file }
      if (typeof value === 'string') this.#addContent(value, place, isTrustFile(file))
      else
        this.#keep({ place: { ...place, index: 1 }, problem: `it must hold text; found ${typeName(value)}` })
    }
    if (count > MAX_FILES)
      this.#keep({ place: { ...at, index: 1 }, problem: tooMany(count, 'keys', MAX_FILES) })
  }

  #mapOf(value: unknown, field: string, at: WherePlace): Readonly<Record<string, unknown>> {
    if (value === undefined || value === null) return {}
    if (isRecord(value)) return value
    this.#keep({
      place: { ...at, index: 1 },
      problem: `its "${field}" must be a map of keys to text; found ${typeName(value)}`,
    })
    return {}
  }

  /** One file. Answers the index of its last certificate. */
  #addContent(content: string | Uint8Array, where: WherePlace, isTrusted: boolean, before = 0): number {
    const items = readContent(content)
    for (const [i, item] of items.entries())
      this.#addItem(item, { ...where, index: before + i + 1 }, isTrusted)
    return before + items.length
  }

  #addItem(item: ReadItem, place: ExpiryPlace, isTrusted: boolean): void {
    this.#keep(
      'problem' in item
        ? { place, problem: item.problem }
        : { place, certificate: item.certificate, isTrusted },
    )
  }

  #keep(found: FoundCertificate): void {
    if (this.#isFull) return
    this.#isFull = this.found.length === MAX_FOUND
    this.found.push(
      this.#isFull
        ? { place: found.place, problem: `this and all after it were not looked at: more than ${MAX_FOUND}` }
        : found,
    )
  }
}

/** Bytes of a value of `data`, or what is wrong with it. It may be a key, so nothing of it is quoted. */
function decodeValue(value: unknown): Uint8Array | string {
  if (typeof value !== 'string') return `it must hold base64 text; found ${typeName(value)}`
  if (value.length > MAX_TEXT * 2) return `it has ${value.length} characters; it is too large to be read`
  const bytes = decodeBase64(value)
  return bytes instanceof Uint8Array
    ? bytes
    : `its value is not base64 (RFC 4648 §4): a fault at character ${bytes.index + 1} (${bytes.reason})`
}

function objectName(metadata: unknown): string | undefined {
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string') return undefined
  const { name, namespace } = metadata
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}/${String(name)}` : String(name)
}

const tooMany = (found: number, what: string, most: number): string =>
  `it has ${found} ${what}; those after the first ${most} were not looked at`

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isList(input: CertificatesInput): input is readonly CertificateInput[] {
  return Array.isArray(input)
}
