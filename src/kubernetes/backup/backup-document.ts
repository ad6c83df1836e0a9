/**
 * The document of a backup: a manifest, and the entries that it is about.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { concatBytes } from '../../internal/bytes.ts'
import { readJson } from '../../internal/json.ts'
import { plainJson, RecordReader } from '../../internal/record-reader.ts'
import { escapeText } from '../../internal/text.ts'
import { canonicalJson, sha256Hex } from '../objects/canonical-json.ts'
import {
  backupError,
  IV_BYTES,
  MAX_ITERATIONS,
  MIN_ITERATIONS,
  SALT_BYTES,
  type Sealed,
  TAG_BYTES,
} from './backup-cipher.ts'

/** What tells a document from others. */
const BACKUP_FORMAT = 'mesh-pki/trust-backup'
/** A reader of this version reads no later one. */
const BACKUP_VERSION = 1

/** The trust material of a thousand clusters is smaller. */
export const MAX_DOCUMENT: number = 64 * 1024 * 1024
export const MAX_ENTRIES = 10_000
const KDF = 'PBKDF2-HMAC-SHA-256'
const CIPHER = 'AES-256-GCM'
const SHA256 = /^[0-9a-f]{64}$/
const ANY_TEXT = /^[\s\S]{1,512}$/

/** One entry of the manifest. */
export interface BackupEntry {
  readonly apiVersion: string
  readonly kind: string
  /** Left out for what is cluster-scoped. */
  readonly namespace?: string | undefined
  readonly name: string
  /** SHA-256 of what is stored: the canonical JSON of the object, or its sealed bytes. */
  readonly sha256: string
  readonly sealed: boolean
}

/** How the key is derived. */
export interface BackupEncryption {
  readonly iterations: number
  readonly salt: Uint8Array<ArrayBuffer>
}

/** What stands at the place of an entry: the object as it is, or sealed. */
export type BackupContent =
  | { readonly sealed: false; readonly object: unknown }
  | { readonly sealed: true; readonly content: Sealed }

/** A document, its parts told apart and not yet believed. */
export interface BackupDocument {
  readonly createdAt: string
  readonly encryption: BackupEncryption | undefined
  readonly entries: readonly BackupEntry[]
  readonly contents: readonly BackupContent[]
  /** SHA-256 over {@link manifestText}. */
  readonly sha256: string
  /** The manifest's digest, sealed with the key: nobody else can have written it. */
  readonly seal: Sealed | undefined
}

/** `Secret istio-system/cacerts`. */
export function entryLabel({
  kind,
  namespace,
  name,
}: Pick<BackupEntry, 'kind' | 'namespace' | 'name'>): string {
  return escapeText(`${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`)
}

/** What is sealed about an entry: its place and its name. Entries cannot change places. */
export function aboutEntry(
  index: number,
  { apiVersion, kind, namespace, name }: Omit<BackupEntry, 'sha256' | 'sealed'>,
): string {
  return canonicalJson({
    format: BACKUP_FORMAT,
    version: BACKUP_VERSION,
    index,
    apiVersion,
    kind,
    namespace,
    name,
  })
}

/** What the digest of a manifest is over. */
export function manifestText({
  createdAt,
  encryption,
  entries,
}: Pick<BackupDocument, 'createdAt' | 'encryption' | 'entries'>): string {
  return canonicalJson({
    format: BACKUP_FORMAT,
    version: BACKUP_VERSION,
    createdAt,
    encryption: encryptionJson(encryption),
    entries,
  })
}

/** The digest of what is stored at the place of an entry. */
export function contentDigest(content: BackupContent): string {
  return sha256Hex(
    content.sealed ? concatBytes([content.content.iv, content.content.data]) : canonicalJson(content.object),
  )
}

/** Writes a document as JSON, readable by people. */
export function writeBackupDocument(document: BackupDocument): string {
  const { createdAt, encryption, entries, contents, sha256, seal } = document
  return `${JSON.stringify(
    {
      format: BACKUP_FORMAT,
      version: BACKUP_VERSION,
      manifest: {
        createdAt,
        encryption: encryptionJson(encryption),
        entries,
        sha256,
        ...(seal === undefined ? {} : { seal: sealedJson(seal) }),
      },
      entries: contents.map((content) => (content.sealed ? sealedJson(content.content) : content.object)),
    },
    null,
    2,
  )}\n`
}

const encryptionJson = (encryption: BackupEncryption | undefined): unknown =>
  encryption === undefined
    ? null
    : { kdf: KDF, iterations: encryption.iterations, salt: encodeBase64(encryption.salt), cipher: CIPHER }

const sealedJson = ({ iv, data }: Sealed): unknown => ({ iv: encodeBase64(iv), data: encodeBase64(data) })

/** Reads the form of a document. @throws `MeshPkiError` `ERR_KUBERNETES_BACKUP`. */
export function readBackupDocument(text: string | Uint8Array): BackupDocument {
  if (text.length > MAX_DOCUMENT)
    throw backupError(`a document of ${text.length} bytes; at most ${MAX_DOCUMENT} are read`)
  const document = new RecordReader(parse(text), 'document', backupError)
  document.oneOf('format', [BACKUP_FORMAT])
  if (document.count('version') !== BACKUP_VERSION)
    throw backupError(
      `its version is not ${BACKUP_VERSION}; read it with the release that wrote it, or a later one`,
    )
  const manifest = document.record('manifest')
  const createdAt = manifest.instantText('createdAt')
  const encryption = readEncryption(manifest)
  const entries = manifest.list('entries', MAX_ENTRIES, readEntry)
  const sha256 = manifest.text('sha256', SHA256, 'a SHA-256 in lower-case hex')
  const seal = manifest.has('seal') ? readSealed(manifest.raw('seal'), 'manifest.seal') : undefined
  manifest.end()
  const stored = document.list('entries', MAX_ENTRIES, (value) => value)
  document.end()
  if (stored.length !== entries.length)
    throw backupError(
      `the manifest has ${entries.length} entries, and ${stored.length} are there: it was cut`,
    )
  if (encryption === undefined && entries.some(({ sealed }) => sealed))
    throw backupError('entries are sealed, and manifest.encryption does not say how')
  const contents = entries.map((entry, i) => readContent(entry, stored[i], i))
  if ((encryption === undefined) !== (seal === undefined))
    throw backupError('manifest.seal and manifest.encryption do not belong together')
  return { createdAt, encryption, entries, contents, sha256, seal }
}

/** The message of the reader shows a character at most, its cause could show more. */
function parse(text: string | Uint8Array): unknown {
  try {
    return plainJson(readJson(text))
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    throw backupError(`it cannot be read: ${error.message}`)
  }
}

function readEncryption(manifest: RecordReader): BackupEncryption | undefined {
  if (manifest.raw('encryption') === null) return undefined
  const reader = manifest.record('encryption')
  reader.oneOf('kdf', [KDF])
  reader.oneOf('cipher', [CIPHER])
  const iterations = reader.count('iterations')
  const salt = readBytes(reader.raw('salt'), 'manifest.encryption.salt', backupError)
  reader.end()
  if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS)
    throw backupError(`${iterations} iterations; accepted are ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`)
  if (salt.length !== SALT_BYTES) throw backupError(`a salt of ${salt.length} bytes, not ${SALT_BYTES}`)
  return { iterations, salt }
}

function readEntry(value: unknown, where: string): BackupEntry {
  const reader = new RecordReader(value, where, backupError)
  const namespace = reader.has('namespace') ? reader.text('namespace', ANY_TEXT, 'text') : undefined
  const entry: BackupEntry = {
    apiVersion: reader.text('apiVersion', ANY_TEXT, 'text'),
    kind: reader.text('kind', ANY_TEXT, 'text'),
    ...(namespace === undefined ? {} : { namespace }),
    name: reader.text('name', ANY_TEXT, 'text'),
    sha256: reader.text('sha256', SHA256, 'a SHA-256 in lower-case hex'),
    sealed: reader.flag('sealed'),
  }
  reader.end()
  return Object.freeze(entry)
}

function readContent(entry: BackupEntry, value: unknown, index: number): BackupContent {
  if (!entry.sealed) return { sealed: false, object: value }
  const label = entryLabel(entry)
  const refuse: Refusal = (problem) => backupError(problem, { entry: label, index })
  return { sealed: true, content: readSealed(value, label, refuse) }
}

type Refusal = (problem: string) => MeshPkiError

function readSealed(value: unknown, where: string, refuse: Refusal = backupError): Sealed {
  const reader = new RecordReader(value, where, refuse)
  const iv = readBytes(reader.raw('iv'), `${where}, iv`, refuse)
  const data = readBytes(reader.raw('data'), `${where}, data`, refuse)
  reader.end()
  if (iv.length !== IV_BYTES || data.length < TAG_BYTES) throw refuse(`${where}: it was cut`)
  return { iv, data }
}

function readBytes(value: unknown, where: string, refuse: Refusal): Uint8Array<ArrayBuffer> {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  if (bytes instanceof Uint8Array) return bytes
  throw refuse(`${where}: expected base64 (RFC 4648 §4)`)
}
