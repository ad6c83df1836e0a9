/**
 * Reads a document of `backupTrust`, and believes nothing that is not as it was written.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readJson } from '../../internal/json.ts'
import { checkOneOf, checkOptionNames, typeName } from '../../internal/options.ts'
import { plainJson } from '../../internal/record-reader.ts'
import { defaultWebCrypto, readCrypto, type WebCryptoLike } from '../../internal/web-crypto.ts'
import { sha256Hex } from '../objects/canonical-json.ts'
import { isKubeObject, type KubeObject, textAt } from '../objects/kube-object.ts'
import { BackupCipher, backupError, readPassphrase } from './backup-cipher.ts'
import {
  aboutEntry,
  type BackupContent,
  type BackupDocument,
  type BackupEntry,
  contentDigest,
  entryLabel,
  manifestText,
  readBackupDocument,
} from './backup-document.ts'
import { portableObject } from './portable-object.ts'

/** Options of {@link restoreTrust}. */
export interface RestoreTrustOptions {
  /** That of the backup; left out for one that is not encrypted. */
  readonly passphrase?: string | Uint8Array | undefined
  /** Whether `status` is kept. Default `'drop'`: controllers write it anew. */
  readonly status?: 'drop' | 'keep' | undefined
  /** Default: the runtime's. */
  readonly crypto?: WebCryptoLike | undefined
}

/** What a document holds, as far as it can be told without the passphrase. */
export interface BackupContents {
  readonly createdAt: Date
  readonly isEncrypted: boolean
  readonly entries: readonly BackupEntry[]
}

/** What {@link checkBackup} answers. */
export type CheckBackupResult =
  | { readonly ok: true; readonly contents: BackupContents }
  | { readonly ok: false; readonly error: MeshPkiError }

/**
 * Whether a document is whole: its form, and the SHA-256 of each entry and of the manifest. It needs no passphrase.
 *
 * **Warning**: it finds damage, not deceit. Whoever alters a document can write its digests anew; only `restoreTrust`
 * with the passphrase notices that. The seal of the manifest, too, is checked only there.
 *
 * @throws `TypeError` for what is neither text nor bytes.
 *
 * @example
 * ```ts
 * import { checkBackup } from 'mesh-pki/kubernetes'
 *
 * declare const document: string
 * const result = checkBackup(document)
 * if (result.ok) for (const { kind, name } of result.contents.entries) console.log(kind, name)
 * else console.error(result.error.message)
 * ```
 */
export function checkBackup(document: string | Uint8Array): CheckBackupResult {
  checkText(document, 'checkBackup')
  try {
    const { createdAt, encryption, entries } = readWhole(document)
    const contents = { createdAt: new Date(createdAt), isEncrypted: encryption !== undefined, entries }
    return { ok: true, contents: Object.freeze(contents) }
  } catch (error) {
    if (error instanceof MeshPkiError) return { ok: false, error }
    throw error
  }
}

/**
 * The objects of a backup, as they can be made again: without what the API server sets (`uid`, `resourceVersion`,
 * `generation`, `creationTimestamp`, `managedFields`), without owners, which are named by uids that are gone, and without
 * `status` unless it is kept.
 *
 * Everything is verified first: each entry against the manifest, and the manifest against the passphrase. One byte that
 * was changed is an error that names the entry, and nothing is answered.
 *
 * **Warning**: write restored CAs with care. A root of last year beside that of today is a rollover, and a cluster that
 * went on after the backup has certificates that the restored CA knows nothing of; see `Rollover` and its recovery.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_BACKUP`, with `data.entry` where one is to blame; `TypeError` for options.
 *
 * @example
 * ```ts
 * import { restoreTrust } from 'mesh-pki/kubernetes'
 *
 * declare const document: string, passphrase: string
 * const objects = await restoreTrust(document, { passphrase })
 * ```
 */
export async function restoreTrust(
  document: string | Uint8Array,
  options: RestoreTrustOptions = {},
): Promise<readonly KubeObject[]> {
  checkOptionNames(options, ['passphrase', 'status', 'crypto'], 'restoreTrust')
  const status = checkOneOf(options.status ?? 'drop', ['drop', 'keep'], 'status')
  checkText(document, 'restoreTrust')
  const read = readWhole(document)
  const cipher = await openCipher(read, options)
  const objects: KubeObject[] = []
  for (const [index, entry] of read.entries.entries()) {
    const content = read.contents[index]
    if (content === undefined)
      throw backupError(`${entryLabel(entry)} is missing`, { entry: entryLabel(entry) })
    objects.push(portableObject(await openEntry(index, entry, content, cipher), status))
  }
  return Object.freeze(objects)
}

function checkText(document: unknown, callee: string): void {
  if (typeof document === 'string' || document instanceof Uint8Array) return
  throw new TypeError(`${callee} takes a document as text or bytes; got ${typeName(document)}`)
}

/** Reads a document and compares every digest. */
function readWhole(text: string | Uint8Array): BackupDocument {
  const document = readBackupDocument(text)
  for (const [index, entry] of document.entries.entries()) {
    const content = document.contents[index]
    if (content !== undefined && contentDigest(content) === entry.sha256) continue
    throw altered(index, entry, 'its SHA-256 is not that of the manifest')
  }
  if (sha256Hex(manifestText(document)) !== document.sha256)
    throw backupError('the manifest was altered: its SHA-256 is another one. Take another copy')
  return document
}

function altered(index: number, entry: BackupEntry, problem: string): MeshPkiError {
  const label = entryLabel(entry)
  return backupError(`${label} was altered: ${problem}. Take another copy`, { entry: label, index })
}

async function openCipher(
  { encryption, seal, sha256 }: BackupDocument,
  options: RestoreTrustOptions,
): Promise<BackupCipher | undefined> {
  if (encryption === undefined || seal === undefined) {
    if (options.passphrase === undefined) return undefined
    throw backupError(
      'it is not encrypted, and a passphrase was given: anybody could have written it. Leave the passphrase out if that is as it should be',
    )
  }
  if (options.passphrase === undefined) throw backupError('it is encrypted; pass the option "passphrase"')
  const passphrase = readPassphrase(options.passphrase)
  const crypto = readCrypto(options.crypto) ?? defaultWebCrypto()
  const cipher = await BackupCipher.derive(crypto, passphrase, encryption, 'decrypt')
  if ((await cipher.open(seal, sha256)) === undefined)
    throw backupError('the passphrase is wrong, or somebody without it wrote the manifest')
  return cipher
}

async function openEntry(
  index: number,
  entry: BackupEntry,
  content: BackupContent,
  cipher: BackupCipher | undefined,
): Promise<KubeObject> {
  let object: unknown
  if (!content.sealed) object = content.object
  else {
    const bytes = await cipher?.open(content.content, aboutEntry(index, entry))
    if (bytes === undefined) throw altered(index, entry, 'it cannot be opened with the passphrase')
    object = plainJson(readJson(bytes))
    bytes.fill(0)
  }
  if (!isKubeObject(object)) throw altered(index, entry, 'it is no Kubernetes object')
  const { metadata } = object
  const isNamed =
    textAt(object, 'kind') === entry.kind &&
    textAt(object, 'apiVersion') === entry.apiVersion &&
    metadata.name === entry.name &&
    (metadata.namespace || undefined) === entry.namespace
  if (!isNamed) throw altered(index, entry, 'it is another object than the manifest says')
  return object
}
