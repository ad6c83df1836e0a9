/**
 * Whether istiod takes a `cacerts` secret, and what is wrong with it beside that.
 *
 * @module
 */

import { readIstioVersion } from '../../ca/lint/istio-version.ts'
import type { LintFinding } from '../../ca/lint/lint-finding.ts'
import { checkOneOf, checkOptionNames, readFlag, readInstant } from '../../internal/options.ts'
import { DataKey } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { ISTIO_KEYS, TLS_KEYS } from '../secrets/cacerts-layout.ts'
import { SecretReader } from '../secrets/secret-reader.ts'
import { type IstiodFiles, type IstiodStep, incompleteProblem, istiodVerdict } from './istiod-verdict.ts'
import { lintCacerts } from './lint-cacerts.ts'

/** Options of {@link checkCacerts}. */
export interface CheckCacertsOptions {
  /** Whose verdict it is. Default `'istio'`. */
  readonly parity?: 'istio' | undefined
  /** Default: now. */
  readonly time?: Date | undefined
  /** The release of istiod, such as `1.28.7`. Default: a new one, 1.30 or later. */
  readonly istioVersion?: string | undefined
  /** Whether istiod starts, which asks for more than a reload of changed files. Default `true`. */
  readonly startup?: boolean | undefined
}

/** What {@link checkCacerts} answers: istiod's verdict, and beside it what `lintCacerts` finds. */
export type CheckCacertsResult =
  | { readonly ok: true; readonly findings: readonly LintFinding[] }
  | {
      readonly ok: false
      /** The check that refused, as numbered at {@link checkCacerts}; `incomplete` where istiod does not come so far. */
      readonly step: IstiodStep | 'incomplete'
      /** As istiod prints it, without what it puts before and what Go puts in parentheses behind. */
      readonly message: string
      readonly findings: readonly LintFinding[]
    }

/**
 * Whether istiod takes a `cacerts` secret, by its own checks in its own order (`NewVerifiedKeyCertBundleFromPem`):
 *
 * 1. the signing certificate parses; 2. it verifies to the roots, for the purpose serverAuth, as Go does it; 3. the key
 * parses; 4. the two belong together; 5. with CRLs, every CA of the chain signed one; 6. at its start only, the signing
 * certificate is a CA's, and the first one of the chain has not ended.
 *
 * istiod takes more than is good: a root with path length 0, below which no workload verifies; a root that is none;
 * garbage among the roots. What is wrong with a secret that it takes is in `findings`; read both.
 *
 * **Warning**: the verdict is that of Go 1.24 and later. Where our readers are stricter, it refuses what istiod would
 * take: RSA keys below 2048 bits, P-224, certificates, keys and CRLs whose DER is not strict, CRLs signed with SHA-1.
 *
 * @throws `TypeError` and `RangeError` for options, and for what is no object; `MeshPkiError`
 * `ERR_KUBERNETES_SECRET_DATA` for a secret whose values are not base64: no istiod sees such a secret.
 *
 * @example
 * ```ts
 * import { checkCacerts, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike
 * const verdict = await checkCacerts(secret, { parity: 'istio' })
 * if (!verdict.ok) console.error(`istiod refuses it in step ${verdict.step}: ${verdict.message}`)
 * for (const { severity, message } of verdict.findings) console.log(severity, message)
 * ```
 */
export async function checkCacerts(
  secret: SecretLike,
  options: CheckCacertsOptions = {},
): Promise<CheckCacertsResult> {
  checkOptionNames(options, ['parity', 'time', 'istioVersion', 'startup'], 'checkCacerts')
  checkOneOf(options.parity ?? 'istio', ['istio'], 'parity')
  const now = readInstant(options.time ?? new Date(), 'time')
  const startup = readFlag(options.startup, 'startup', true)
  const istio = readIstioVersion(options.istioVersion)
  const reader = new SecretReader(secret, 'checkCacerts')
  const findings = await lintCacerts(secret, { time: new Date(now), istioVersion: options.istioVersion })
  // As istiod: the form of tls.crt is taken where that file is there, whatever else is.
  const isTls = reader.has(DataKey.tlsCert)
  const incomplete = incompleteProblem(
    (key) => reader.has(key),
    isTls ? TLS_KEYS : ISTIO_KEYS,
    isTls ? DataKey.tlsKey : DataKey.caKey,
    istio,
  )
  if (incomplete !== undefined) return { ok: false, step: 'incomplete', message: incomplete, findings }
  const refusal = await istiodVerdict(filesOf(reader, isTls), { now, startup, istio })
  return refusal === undefined ? { ok: true, findings } : { ok: false, ...refusal, findings }
}

function filesOf(reader: SecretReader, isTls: boolean): IstiodFiles {
  if (!isTls)
    return {
      signer: reader.text(DataKey.caCert),
      key: reader.text(DataKey.caKey),
      chain: reader.text(DataKey.certChain),
      roots: reader.text(DataKey.rootCert),
      crls: reader.has(DataKey.caCrl) ? reader.text(DataKey.caCrl) : undefined,
    }
  const signer = reader.text(DataKey.tlsCert)
  const roots = reader.text(DataKey.tlsCa)
  // One after the other, without a line end between them.
  return { signer, key: reader.text(DataKey.tlsKey), chain: signer + roots, roots, crls: undefined }
}
