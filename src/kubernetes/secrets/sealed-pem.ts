/**
 * Private keys on their way through, which no log shall show.
 *
 * @module
 */

import { MeshPkiError, type MeshPkiErrorCode } from '../../errors.ts'
import { DerCursor, Tag } from '../../internal/der.ts'
import { type PemBlock, readPem } from '../../x509/pem.ts'

/** What Node's `util.inspect` and `console.log` call. */
const INSPECT: unique symbol = /* @__PURE__ */ Symbol.for('nodejs.util.inspect.custom')

const SEALED = '[sealed PRIVATE KEY]'
const EC_PARAMETERS = 'EC PARAMETERS'

/** Only labels of this list are ever named: in a damaged file anything may stand after `BEGIN`. */
const KEY_LABELS: readonly string[] = [
  'PRIVATE KEY',
  'EC PRIVATE KEY',
  'RSA PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'DSA PRIVATE KEY',
  'OPENSSH PRIVATE KEY',
]
const OTHER_LABELS: readonly string[] = ['CERTIFICATE', 'CERTIFICATE REQUEST', 'PUBLIC KEY', 'X509 CRL']

const BEGIN_LINE = /^[ \t]*-----BEGIN ([^\r\n]*?)-----/gm

/**
 * One private key as PEM text, which only {@link reveal} gives out: printed, logged or turned into JSON it is
 * `[sealed PRIVATE KEY]`.
 *
 * @example
 * ```ts
 * import { SealedPem } from 'mesh-pki/kubernetes'
 *
 * declare const pem: string
 * const key = SealedPem.parse(pem)
 * console.log(key, key.label) // [sealed PRIVATE KEY] EC PRIVATE KEY
 * ```
 */
export class SealedPem {
  readonly #pem: string
  readonly #labels: readonly string[]

  private constructor(pem: string, labels: readonly string[]) {
    this.#pem = pem
    this.#labels = labels
    Object.freeze(this)
  }

  /**
   * Seals a text with one PEM block of a private key (RFC 7468 §10); only `EC PARAMETERS` may be beside it.
   *
   * The block is read as PEM and as one whole DER value, not as a key. No error shows any of the text.
   *
   * @throws `MeshPkiError` `ERR_PEM_…` for the text, `ERR_PEM_LABEL` for a certificate or another block,
   * `ERR_PEM_BLOCK_COUNT` for no or several keys, `ERR_KEY_FORMAT` for content that is cut off or not DER;
   * `TypeError` for anything but a string.
   */
  static parse(pem: string): SealedPem {
    if (typeof pem !== 'string') {
      throw new TypeError(`a private key must be PEM text; got ${pem === null ? 'null' : typeof pem}`)
    }
    const blocks = readBlocks(pem)
    const keys = blocks.filter(({ label }) => label !== EC_PARAMETERS)
    const [key] = keys
    if (key === undefined || keys.length > 1) {
      throw refuse('ERR_PEM_BLOCK_COUNT', `expected one PEM block PRIVATE KEY, found ${keys.length}`)
    }
    if (key.label !== 'OPENSSH PRIVATE KEY' && !isDerSequence(key.der)) {
      throw refuse(
        'ERR_KEY_FORMAT',
        'the content of its PEM block is not one DER SEQUENCE (RFC 5958 §2); was it cut off?',
      )
    }
    return new SealedPem(
      pem,
      blocks.map(({ label }) => label),
    )
  }

  /** The text, as it was given. Whoever calls this takes care of it. */
  reveal(): string {
    return this.#pem
  }

  /** The label of the key's block, such as `PRIVATE KEY`. */
  get label(): string {
    return this.#labels.find((label) => label !== EC_PARAMETERS) ?? ''
  }

  /** The labels of all blocks in order: that of the key, perhaps with `EC PARAMETERS`. */
  get labels(): readonly string[] {
    return [...this.#labels]
  }

  /** `[sealed PRIVATE KEY]`. */
  toString(): string {
    return SEALED
  }

  /** `[sealed PRIVATE KEY]`. */
  toJSON(): string {
    return SEALED
  }

  /** @internal */
  [INSPECT](): string {
    return SEALED
  }
}

function readBlocks(pem: string): readonly PemBlock[] {
  for (const [, label = ''] of pem.matchAll(BEGIN_LINE)) {
    if (label === EC_PARAMETERS || KEY_LABELS.includes(label)) continue
    const found = OTHER_LABELS.includes(label) ? `a ${label}` : 'another'
    throw refuse(
      'ERR_PEM_LABEL',
      `expected one PEM block PRIVATE KEY, found ${found} block; keep everything but the key elsewhere`,
    )
  }
  try {
    return readPem(pem, [...KEY_LABELS, EC_PARAMETERS])
  } catch (error) {
    // The message and the cause may quote the text, so both stay behind.
    if (error instanceof MeshPkiError) throw refuse(error.code, explain(error.code))
    throw error
  }
}

function explain(code: MeshPkiErrorCode): string {
  switch (code) {
    case 'ERR_PEM_NO_BLOCK':
      return 'expected one PEM block PRIVATE KEY, found none'
    case 'ERR_PEM_ENCRYPTED':
      return (
        'it is encrypted in the legacy way of OpenSSL ("Proc-Type: 4,ENCRYPTED"), which is not ' +
        'read; store it without a passphrase: openssl pkcs8 -topk8 -nocrypt -in old.pem -out ' +
        'new.pem'
      )
    case 'ERR_PEM_BASE64':
      return 'the content of its PEM block is not base64 (RFC 4648 §4); was it altered or cut off?'
    default:
      return (
        'its PEM lines are not well formed (RFC 7468 §3); every BEGIN needs its END, each on a line ' +
        'of its own'
      )
  }
}

function isDerSequence(der: Uint8Array): boolean {
  try {
    return new DerCursor(der).header(Tag.SEQUENCE, 'private key') === der.length
  } catch {
    return false
  }
}

function refuse(code: MeshPkiErrorCode, problem: string): MeshPkiError {
  return new MeshPkiError(code, `private key: ${problem}`)
}
