/**
 * Makes requests for certificates.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { context, Tag } from '../internal/der.ts'
import {
  derBitString,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
  derSmallInteger,
  derValue,
} from '../internal/der-writer.ts'
import { checkOptionNames } from '../internal/options.ts'
import type { WebCryptoLike } from '../internal/web-crypto.ts'
import { encodeSignatureAlgorithm } from '../x509/algorithm-identifier.ts'
import type { GeneralName, GeneralNameInput } from '../x509/general-name.ts'
import { encodeGeneralNames } from '../x509/general-name-encoder.ts'
import type { KeyAlgorithm } from '../x509/generate-key-pair.ts'
import type { NameInput } from '../x509/name.ts'
import { readNameOption } from '../x509/name.ts'
import { PrivateKey } from '../x509/private-key.ts'
import { resolveSigner, type SignerInput } from '../x509/resolve-signer.ts'
import type { Signer } from '../x509/signer.ts'
import { Csr } from './csr.ts'
import { verifyProofOfPossession } from './proof-of-possession.ts'

/** Options of {@link createCsr}. */
export interface CreateCsrOptions {
  /** The subject to ask for. Default: the empty name, as workloads with a SPIFFE ID have. */
  readonly subject?: NameInput | undefined
  /** Subject alternative names to ask for. Critical when the subject is empty (RFC 5280 §4.2.1.6). */
  readonly subjectAltNames?: readonly (GeneralNameInput | GeneralName)[] | undefined
  /** The key: a `PrivateKey`, a pair, any `Signer`, or the kind of key to make. */
  readonly key: SignerInput | KeyAlgorithm
  /** Whether a key that is made here may be exported. Default `false`. */
  readonly extractable?: boolean | undefined
  /** A WebCrypto implementation that shall make the key. */
  readonly crypto?: WebCryptoLike | undefined
}

/** A request and the key that signed it. */
export interface CreatedCsr {
  readonly csr: Csr
  /** What signed: the option `key`, or the key that was made. */
  readonly signer: Signer
  /** The same, where it is a key of ours; it stays on this side, only the request travels. */
  readonly privateKey: PrivateKey | undefined
}

/**
 * Makes a PKCS#10 request, signed by its key. What an external signer or a caller's `crypto` answers, and every
 * RSA signature, is verified first.
 *
 * @throws `MeshPkiError` `ERR_NAME_SYNTAX`, `ERR_GENERAL_NAME`, `ERR_KEY_…`; `ERR_CSR_SIGNATURE` when a signer
 * answers something else than its signature.
 *
 * @example
 * ```ts
 * import { createCsr } from 'mesh-pki/csr'
 *
 * const { csr, privateKey } = await createCsr({
 *   subject: 'L=kind2,CN=Intermediate CA,O=Istio',
 *   key: 'P-256',
 * })
 * console.log(csr.toPem()) // goes to the CA; privateKey stays here
 * ```
 */
export async function createCsr(
  options: CreateCsrOptions & { readonly key: KeyAlgorithm | PrivateKey },
): Promise<CreatedCsr & { readonly privateKey: PrivateKey }>
export async function createCsr(options: CreateCsrOptions): Promise<CreatedCsr>
export async function createCsr(options: CreateCsrOptions): Promise<CreatedCsr> {
  checkOptionNames(options, ['subject', 'subjectAltNames', 'key', 'extractable', 'crypto'], 'createCsr')
  const subject = readNameOption(options.subject ?? [], 'subject')
  const names = options.subjectAltNames ?? []
  const attributes =
    names.length === 0
      ? new Uint8Array()
      : extensionRequest(encodeGeneralNames(names, 'subjectAltNames'), subject.isEmpty)
  const signer = await resolveSigner(options.key, options)
  const info = derSequence(
    derSmallInteger(0),
    subject.der,
    signer.publicKey,
    derValue(context(0), attributes),
  )
  const signature = await signer.sign(info)
  if (!(signature instanceof Uint8Array)) {
    throw new MeshPkiError(
      'ERR_CSR_SIGNATURE',
      `the signer answered ${signature === null ? 'null' : typeof signature} instead of a Uint8Array, so the request is not released`,
    )
  }
  const csr = Csr.fromDer(
    derSequence(info, encodeSignatureAlgorithm(signer.signatureAlgorithm), derBitString(signature)),
  )
  // An in-process ECDSA or Ed25519 key does not need it; RSA does, where one fault in the CRT shows the key.
  const trusted = signer instanceof PrivateKey && PrivateKey.isInProcess(signer)
  if (!trusted || csr.publicKeyType.startsWith('RSA')) await verifyProofOfPossession(csr)
  return { csr, signer, privateKey: signer instanceof PrivateKey ? signer : undefined }
}

/** The attribute extensionRequest with a subject alternative name (RFC 2985 §5.4.2). */
function extensionRequest(names: Uint8Array, critical: boolean): Uint8Array {
  const flag = critical ? Uint8Array.of(Tag.BOOLEAN, 1, 0xff) : new Uint8Array()
  const extension = derSequence(derObjectIdentifier('2.5.29.17'), flag, derOctetString(names))
  return derSequence(derObjectIdentifier('1.2.840.113549.1.9.14'), derSetOf([derSequence(extension)]))
}
