/**
 * Lints a chain as a peer presents it or as a file holds it.
 *
 * @module
 */

import { checkOptionNames, readFlag, readInstant, typeName } from '../../internal/options.ts'
import type { VerifyPathOptions } from '../../verify/options.ts'
import { type LintInput, readCertificateFile } from './certificate-file.ts'
import { leafOf } from './chain-order.ts'
import { SignatureOracle } from './issuer-graph.ts'
import { readIstioVersion } from './istio-version.ts'
import { readKeyFile } from './key-file.ts'
import { keyFindings } from './key-findings.ts'
import { type LintFinding, sortFindings } from './lint-finding.ts'
import { lintPlacedChain } from './placed-chain.ts'

/** Options of {@link lintChain}. */
export interface LintChainOptions {
  /** What peers trust. Without it a missing root is no finding, and roots in the chain give the verdict. */
  readonly anchors?: LintInput | undefined
  /** The key that should be the leaf's, public or private, PEM. It is read and forgotten; nothing shows it. */
  readonly key?: string | undefined
  /** Default: now. */
  readonly time?: Date | undefined
  /** What the leaf is for. Default `any`. */
  readonly purpose?: VerifyPathOptions['purpose'] | undefined
  /** Whether trust domains and the SPIFFE IDs of CAs are judged. Default `true`. */
  readonly spiffe?: boolean | undefined
  /** The release of istiod, such as `1.28.7`, for what depends on it. */
  readonly istioVersion?: string | undefined
  /** What evidence and commands call the file. Default `chain.pem`. */
  readonly name?: string | undefined
}

const OPTIONS = ['anchors', 'key', 'time', 'purpose', 'spiffe', 'istioVersion', 'name']

/**
 * Finds what is wrong, risky or odd in a chain, and says how to mend it: worst first, `[]` for a sound one.
 *
 * Content never makes it throw: what is no certificate (a request, a key, a broken block) is a finding. Who issued
 * whom is decided by signatures, never by names alone; the verdict is that of `checkPath` (RFC 5280 §6.1), and below
 * a CA that of a throw-away workload. `docs/lint.md` lists every finding. Revocation is not asked for, and nothing
 * is fetched.
 *
 * @throws `TypeError` and `RangeError` for options, and for values that are no certificates at all.
 *
 * @example
 * ```ts
 * import { lintChain } from 'mesh-pki/ca'
 *
 * declare const chainPem: string, rootsPem: string
 * for (const { severity, code, message } of await lintChain(chainPem, { anchors: rootsPem }))
 *   console.log(severity, code, message)
 * ```
 */
export async function lintChain(
  input: LintInput,
  options: LintChainOptions = {},
): Promise<readonly LintFinding[]> {
  checkOptionNames(options, OPTIONS, 'lintChain')
  const { anchors, key, time, purpose = 'any', name = 'chain.pem' } = options
  if (key !== undefined && typeof key !== 'string')
    throw new TypeError(`option "key" must be PEM (string); got ${typeName(key)}`)
  if (typeof name !== 'string') throw new TypeError(`option "name" must be a text; got ${typeName(name)}`)
  const now = readInstant(time ?? new Date(), 'time')
  const spiffe = readFlag(options.spiffe, 'spiffe', true)
  const istio = readIstioVersion(options.istioVersion)
  const chain = readCertificateFile(input, name)
  const trusted = anchors === undefined ? undefined : readCertificateFile(anchors, 'anchors.pem')
  const { nodes, findings } = await lintPlacedChain({
    chain: chain.certificates,
    anchors: trusted?.certificates,
    now,
    purpose,
    spiffe,
    istio,
    kind: 'presented',
    firstSigns: false,
    needsCrlSign: false,
    oracle: new SignatureOracle(),
  })
  const leaf = leafOf(nodes)
  const others = [...chain.certificates, ...(trusted?.certificates ?? [])]
  return sortFindings([
    ...chain.findings,
    ...(trusted?.findings ?? []),
    ...findings,
    ...(key === undefined
      ? []
      : keyFindings(await readKeyFile(key, 'key.pem', 'any'), leaf?.at, others, 'key.pem')),
  ])
}
