/**
 * What functions that need a certificate accept.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { typeName } from '../internal/options.ts'
import { Certificate, type ReadCertificateOptions } from './certificate.ts'
import { ALL_LENIENCIES } from './certificate-walker.ts'

/**
 * A certificate in any of the shapes that callers hold: ours, DER, PEM with one block, and by shape
 * those of `@peculiar/x509` (`rawData`) and of Node's `X509Certificate` (`raw`).
 */
export type CertificateInput =
  | Certificate
  | Uint8Array
  | string
  | { readonly rawData: ArrayBuffer }
  | { readonly raw: Uint8Array }

/** Reads a {@link CertificateInput}. @throws as `Certificate.fromDer` and `Certificate.fromPem`; `TypeError` for other values. */
export function toCertificate(
  input: CertificateInput,
  option = 'certificate',
  read?: ReadCertificateOptions,
): Certificate {
  if (input instanceof Certificate) return input
  if (typeof input === 'string') return Certificate.fromPem(input, read)
  if (input instanceof Uint8Array) return Certificate.fromDer(input, read)
  if (input !== null && typeof input === 'object') {
    if ('rawData' in input && input.rawData instanceof ArrayBuffer)
      return Certificate.fromDer(new Uint8Array(input.rawData), read)
    if ('raw' in input && input.raw instanceof Uint8Array) return Certificate.fromDer(input.raw, read)
  }
  throw new TypeError(
    `option "${option}" must be a Certificate, DER (Uint8Array) or PEM (string); got ${typeName(input)}`,
  )
}

/** The same certificate, from its bytes: what somebody has put on the object since counts for nothing. */
export function readAgain(certificate: Certificate): Certificate {
  return Certificate.fromDer(Certificate.bytesOf(certificate), { leniency: ALL_LENIENCIES })
}

/**
 * Reads a list: an array of {@link CertificateInput}, where a PEM text may hold several blocks, or one such text.
 */
export function toCertificates(
  input: CertificateInput | readonly CertificateInput[],
  option: string,
  read?: ReadCertificateOptions,
): readonly Certificate[] {
  const items: readonly CertificateInput[] = isList(input) ? input : [input]
  return items.flatMap((item, i) => {
    try {
      return typeof item === 'string'
        ? Certificate.listFromPem(item, read)
        : [toCertificate(item, option, read)]
    } catch (error) {
      throw namedOption(error, items.length === 1 ? option : `${option}[${i}]`)
    }
  })
}

function isList(input: CertificateInput | readonly CertificateInput[]): input is readonly CertificateInput[] {
  return Array.isArray(input)
}

/** The same failure, saying which option it is about. */
export function namedOption(error: unknown, option: string): unknown {
  if (!(error instanceof MeshPkiError)) return error
  return new MeshPkiError(error.code, `option "${option}": ${error.message}`, {
    data: { ...error.data, option },
    cause: error,
  })
}
