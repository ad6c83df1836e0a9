/**
 * Puts the trust material of a mesh into one document.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { currentTime, systemClock, type TimeSource } from '../../internal/clock.ts'
import { instantText } from '../../internal/instant-text.ts'
import { readJson } from '../../internal/json.ts'
import { checkOptionNames, readCount, typeName } from '../../internal/options.ts'
import {
  defaultWebCrypto,
  type RandomSource,
  readCrypto,
  type WebCryptoLike,
} from '../../internal/web-crypto.ts'
import { canonicalJson, plainCopy, sha256Hex } from '../objects/canonical-json.ts'
import { isKubeObject, isRecord, type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import {
  BackupCipher,
  backupError,
  DEFAULT_ITERATIONS,
  MAX_ITERATIONS,
  MIN_ITERATIONS,
  readPassphrase,
  SALT_BYTES,
} from './backup-cipher.ts'
import {
  aboutEntry,
  type BackupContent,
  type BackupDocument,
  type BackupEncryption,
  type BackupEntry,
  contentDigest,
  entryLabel,
  MAX_DOCUMENT,
  MAX_ENTRIES,
  manifestText,
  readBackupDocument,
  writeBackupDocument,
} from './backup-document.ts'

/** What both ways have. */
export interface BackupTerms {
  /** Where `createdAt` comes from. Default: the machine's clock. */
  readonly clock?: TimeSource | undefined
}

/** Options of {@link backupTrust}: a passphrase, or plainly without one. */
export type BackupTrustOptions =
  | (BackupTerms & {
      readonly passphrase: string | Uint8Array
      /** Rounds of PBKDF2. Default 600,000, the advice of OWASP for HMAC-SHA-256. At least 10,000. */
      readonly iterations?: number | undefined
      /** Default: the runtime's. */
      readonly crypto?: WebCryptoLike | undefined
      /** Where salt and vectors come from. Default: `crypto`. */
      readonly random?: RandomSource | undefined
    })
  | (BackupTerms & {
      /** Keys and tokens are written as they are. */
      readonly plaintext: true
    })

/** What a private key begins with, in PEM. */
const PRIVATE_KEY = 'PRIVATE KEY-----'

/**
 * Puts objects into one JSON document: Secrets, ConfigMaps, policies, custom resources. Each entry is in a manifest, with
 * its SHA-256.
 *
 * By default every Secret is sealed as a whole, its annotations too, in which `kubectl apply` leaves a copy of the data;
 * and so is every object in which a private key stands: AES-256-GCM (NIST SP 800-38D) under a key that PBKDF2 derives
 * (RFC 8018 §5.2). The manifest is sealed too, so that nobody without the passphrase can alter anything, not even an
 * entry that everybody can read. The document is read again before it is handed out.
 *
 * **Warning**: the passphrase is all that stands between the document and every key of the mesh; take a long random one,
 * and keep it elsewhere. With `plaintext` there is nothing between the two.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_BACKUP` for objects that are too many or nested too deeply,
 * `ERR_CRYPTO_UNAVAILABLE`; `TypeError` and `RangeError` for options, for what is no object, and for one that stands
 * twice.
 *
 * @example
 * ```ts
 * import { backupTrust, type KubeObject } from 'mesh-pki/kubernetes'
 *
 * declare const objects: readonly KubeObject[], passphrase: string
 * const document = await backupTrust(objects, { passphrase })
 * ```
 */
export async function backupTrust(
  objects: readonly KubeObject[],
  options: BackupTrustOptions,
): Promise<string> {
  const seals = readOptions(options)
  const createdAt = instantText(currentTime(options.clock ?? systemClock))
  const named = readObjects(objects)
  if (seals === undefined) {
    const stored = named.map((each) => ({ each, content: { sealed: false, object: each.object } as const }))
    return finish(await makeDocument(createdAt, undefined, undefined, stored))
  }
  const { crypto, random, iterations } = seals
  const encryption = { iterations, salt: new Uint8Array(random(new Uint8Array(SALT_BYTES))) }
  const cipher = await BackupCipher.derive(crypto, seals.passphrase, encryption, 'encrypt')
  const stored: StoredObject[] = []
  for (const [index, each] of named.entries()) {
    const isSecret = each.entry.kind === 'Secret' || each.text.includes(PRIVATE_KEY)
    const content: BackupContent = isSecret
      ? {
          sealed: true,
          content: await cipher.seal(
            new TextEncoder().encode(each.text),
            aboutEntry(index, each.entry),
            random,
          ),
        }
      : { sealed: false, object: each.object }
    stored.push({ each, content })
  }
  return finish(await makeDocument(createdAt, encryption, { cipher, random }, stored))
}

interface NamedObject {
  readonly entry: Omit<BackupEntry, 'sha256' | 'sealed'>
  readonly object: unknown
  /** Canonical JSON. */
  readonly text: string
}

interface StoredObject {
  readonly each: NamedObject
  readonly content: BackupContent
}

interface Seals {
  readonly crypto: WebCryptoLike
  readonly random: RandomSource
  readonly iterations: number
  readonly passphrase: Uint8Array<ArrayBuffer>
}

function readOptions(options: BackupTrustOptions): Seals | undefined {
  const known = ['passphrase', 'plaintext', 'iterations', 'crypto', 'random', 'clock']
  checkOptionNames(options, known, 'backupTrust')
  if ('plaintext' in options && options.plaintext !== undefined) {
    checkOptionNames(options, ['plaintext', 'clock'], 'backupTrust with the option "plaintext"')
    if (options.plaintext !== true)
      throw new TypeError('option "plaintext" must be true, or left out for a passphrase')
    return undefined
  }
  const given = 'passphrase' in options ? options : undefined
  const passphrase = readPassphrase(given?.passphrase)
  const crypto = readCrypto(given?.crypto) ?? defaultWebCrypto()
  const { random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes) } = given ?? {}
  if (typeof random !== 'function') throw new TypeError('option "random" must be a function')
  const iterations = readCount(
    given?.iterations ?? DEFAULT_ITERATIONS,
    'iterations',
    MIN_ITERATIONS,
    MAX_ITERATIONS,
  )
  return { crypto, random, iterations, passphrase }
}

function readObjects(objects: readonly KubeObject[]): readonly NamedObject[] {
  if (!Array.isArray(objects))
    throw new TypeError(`backupTrust takes a list of objects; got ${typeName(objects)}`)
  if (objects.length > MAX_ENTRIES)
    throw backupError(`${objects.length} objects; at most ${MAX_ENTRIES} are taken. Make several backups`)
  const seen = new Set<string>()
  return objects.map((given: unknown, i): NamedObject => {
    const named = readObject(given, `objects[${i}]`)
    const label = `${named.entry.apiVersion} ${entryLabel(named.entry)}`
    if (seen.has(label)) throw new RangeError(`objects[${i}]: ${label} stands twice`)
    seen.add(label)
    return named
  })
}

function readObject(given: unknown, where: string): NamedObject {
  if (!isKubeObject(given))
    throw new TypeError(`${where} must be a Kubernetes object; got ${typeName(given)}`)
  const object = plainCopy(given)
  const metadata = isRecord(object) ? recordAt(object, 'metadata') : {}
  const apiVersion = textAt(object, 'apiVersion')
  const kind = textAt(object, 'kind')
  const name = textAt(metadata, 'name')
  const namespace = textAt(metadata, 'namespace')
  if (!apiVersion || !kind || !name)
    throw new TypeError(
      `${where} must have apiVersion, kind and metadata.name. The items of a list have none of the first two; add them`,
    )
  const text = canonicalJson(object)
  try {
    readJson(text)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    throw backupError(`${where} is nested too deeply to be read again`, { index: where })
  }
  return {
    entry: {
      apiVersion,
      kind,
      ...(namespace === undefined || namespace === '' ? {} : { namespace }),
      name,
    },
    object,
    text,
  }
}

async function makeDocument(
  createdAt: string,
  encryption: BackupEncryption | undefined,
  seals: { readonly cipher: BackupCipher; readonly random: RandomSource } | undefined,
  stored: readonly StoredObject[],
): Promise<BackupDocument> {
  const entries = stored.map(
    ({ each, content }): BackupEntry => ({
      ...each.entry,
      sha256: contentDigest(content),
      sealed: content.sealed,
    }),
  )
  const sha256 = sha256Hex(manifestText({ createdAt, encryption, entries }))
  return {
    createdAt,
    encryption,
    entries,
    contents: stored.map(({ content }) => content),
    sha256,
    // Nothing is secret about it: what counts is that only the key makes the tag.
    seal: await seals?.cipher.seal(new Uint8Array(), sha256, seals.random),
  }
}

/** What cannot be read again is no backup. */
function finish(document: BackupDocument): string {
  const text = writeBackupDocument(document)
  if (text.length > MAX_DOCUMENT)
    throw backupError(`${text.length} bytes; at most ${MAX_DOCUMENT} are taken. Make several backups`)
  const { entries, contents, sha256 } = readBackupDocument(text)
  const isSame =
    sha256 === document.sha256 &&
    contents.every((content, i) => contentDigest(content) === entries[i]?.sha256)
  if (!isSame)
    throw backupError('it does not read back as it was written; report this: it is a fault of the library')
  return text
}
