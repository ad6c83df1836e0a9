/**
 * Lints the step from one `cacerts` to the next, before istiod sees it.
 *
 * @module
 */

import type { CertificateFile, PlacedCertificate } from '../../ca/lint/certificate-file.ts'
import { comparesRootsByDer, type IstioVersion, readIstioVersion } from '../../ca/lint/istio-version.ts'
import { type LintFinding, lintFinding, sortFindings } from '../../ca/lint/lint-finding.ts'
import { reasonOf, whyNoWorkload } from '../../ca/lint/path-verdict.ts'
import { keepKeyIdentifierCommand } from '../../ca/lint/repair-commands.ts'
import { canReissue } from '../../ca/lint/root-repair.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { checkOptionNames, readFlag, readInstant } from '../../internal/options.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { DataKey } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { LintedSecret } from './linted-secret.ts'

/** Options of {@link lintCacertsChange}. */
export interface LintCacertsChangeOptions {
  /** Whether istiod runs with `ISTIO_MULTIROOT_MESH` and the proxies with `PROXY_CONFIG_XDS_AGENT`. */
  readonly multiroot: boolean
  /** The release of istiod, such as `1.30.0`: older ones compare bundles byte by byte. */
  readonly istioVersion?: string | undefined
  /** Default: now. */
  readonly time?: Date | undefined
}

/** What counts of one of the two secrets. */
interface Side {
  /** What evidence calls the files. */
  readonly rootSource: string
  readonly signerSource: string
  readonly rootText: string
  readonly roots: readonly PlacedCertificate[]
  readonly prints: ReadonlySet<string>
  readonly signer: Certificate | undefined
  readonly chain: readonly Certificate[]
}

/**
 * Finds what the change of a `cacerts` would break: roots that istiod ignores or refuses, a CA that nobody trusts yet, workloads
 * that nobody trusts any longer, a root whose key identifier changed.
 *
 * The way that breaks nothing has four steps: A, then A+B, then A+B+B with a CA below B, then B. Each secret by itself is for
 * {@link lintCacerts}.
 *
 * @throws `TypeError` and `RangeError` for options, and for what is no object.
 *
 * @example
 * ```ts
 * import { lintCacertsChange, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const now: SecretLike, next: SecretLike
 * const findings = await lintCacertsChange(now, next, { multiroot: true })
 * if (findings.some(({ severity }) => severity === 'error')) throw new Error(String(findings[0]?.message))
 * ```
 */
export async function lintCacertsChange(
  before: SecretLike,
  after: SecretLike,
  options: LintCacertsChangeOptions,
): Promise<readonly LintFinding[]> {
  checkOptionNames(options, ['multiroot', 'istioVersion', 'time'], 'lintCacertsChange')
  if (options.multiroot === undefined) throw new TypeError('lintCacertsChange needs the option "multiroot"')
  const multiroot = readFlag(options.multiroot, 'multiroot', false)
  const istio = readIstioVersion(options.istioVersion)
  const now = readInstant(options.time ?? new Date(), 'time')
  const findings: LintFinding[] = []
  const old = readSide(before, 'before/', findings)
  const next = readSide(after, 'after/', findings)
  findings.push(
    ...rootChangeFindings(old, next, multiroot, istio),
    ...keyIdentifierFindings(old, next),
    ...(await trustFindings(old, next, now)),
  )
  return sortFindings(findings)
}

function readSide(secret: SecretLike, prefix: string, findings: LintFinding[]): Side {
  const linted = new LintedSecret(secret, 'lintCacertsChange', prefix)
  const tls = linted.has(DataKey.tlsCert)
  const rootKey = tls ? DataKey.tlsCa : DataKey.rootCert
  const roots = linted.certificates(rootKey)
  const signerKey = tls ? DataKey.tlsCert : DataKey.caCert
  const signers = linted.certificates(signerKey)
  const chain: CertificateFile = tls ? signers : linted.certificates(DataKey.certChain, true)
  if (!linted.has(rootKey)) {
    linted.add(
      lintFinding('incomplete-secret', {
        at: { source: linted.sourceOf(rootKey) },
        found: `present: ${linted.reader.list()}`,
        problem: `the secret has no ${rootKey}, so the change cannot be judged; present: ${linted.reader.list()}`,
        remedy: 'Give the whole secret',
      }),
    )
  }
  findings.push(...linted.findings)
  return {
    rootSource: linted.sourceOf(rootKey),
    signerSource: linted.sourceOf(signerKey),
    rootText: linted.text(rootKey) ?? '',
    roots: roots.certificates,
    prints: new Set(roots.certificates.map(({ certificate }) => certificate.fingerprint())),
    signer: signers.certificates[0]?.certificate,
    chain: chain.certificates.map(({ certificate }) => certificate),
  }
}

const isSubset = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  [...a].every((each) => b.has(each))

const isSameSigner = (a: Side, b: Side): boolean =>
  a.signer === undefined || b.signer === undefined ? a.signer === b.signer : a.signer.equals(b.signer)

/** What istiod does with the new roots. */
function rootChangeFindings(
  old: Side,
  next: Side,
  multiroot: boolean,
  istio: IstioVersion | undefined,
): readonly LintFinding[] {
  if (old.rootText === next.rootText || old.roots.length === 0 || next.roots.length === 0) return []
  const at = { source: next.rootSource }
  const grows = isSubset(old.prints, next.prints)
  const shrinks = isSubset(next.prints, old.prints)
  const newSigner = !isSameSigner(old, next)
  const findings: LintFinding[] = []
  if (!grows && !shrinks) {
    findings.push(
      lintFinding('root-replaced', {
        at,
        found: `${old.prints.size} roots before, ${next.prints.size} after, neither contains the other`,
        problem:
          'roots are put in and taken out in one step: istiod refuses that ("Updating new ROOT-CA not supported"), and if it did not, workloads with the old and the new roots would refuse each other',
        remedy:
          'Add the new root beside the old one first, wait until every workload has both, and take the old one out last',
      }),
    )
  }
  const sameSet = grows && shrinks
  const both = newSigner ? ', and the new CA with it: both are ignored' : ''
  if (!multiroot) {
    findings.push(
      sameSet
        ? lintFinding('root-bytes-changed', {
            at,
            found: 'the same roots in other bytes',
            problem: `the roots are the same, but their text is not: istiod without multiroot takes that for a new root and ignores the whole update${both}`,
            remedy: 'Leave the text as it was, byte for byte, or switch ISTIO_MULTIROOT_MESH on first',
            ...(newSigner ? { severity: 'error' as const } : {}),
          })
        : lintFinding('root-change-ignored', {
            at,
            found: newSigner ? 'roots and CA changed together' : 'other roots',
            problem: `the roots change, but multiroot is off: istiod ignores the whole update${both} ("Multi root is disabled, updating new ROOT-CA not supported")`,
            remedy:
              'Set ISTIO_MULTIROOT_MESH=true on istiod and PROXY_CONFIG_XDS_AGENT=true for the proxies first; or change the CA alone, below the root that is there',
          }),
    )
    return findings
  }
  const contained = old.rootText.includes(next.rootText) || next.rootText.includes(old.rootText)
  if ((grows || shrinks) && !contained && (istio === undefined || !comparesRootsByDer(istio))) {
    findings.push(
      lintFinding('root-bytes-changed', {
        at,
        found: 'neither text contains the other',
        problem: `${istio === undefined ? 'istiod before 1.30' : `istiod ${istio.text}`} compares the texts: neither contains the other, because order, comments or line ends changed, so it refuses the update`,
        remedy: 'Put the new root after the old text, and leave that as it is, byte for byte',
      }),
    )
  }
  return findings
}

/** A root that was issued again for its key must keep its identifier, unless the old one stays beside it. */
function keyIdentifierFindings(old: Side, next: Side): readonly LintFinding[] {
  return next.roots.flatMap((at) => {
    const { certificate } = at
    const before = old.roots.find(
      (each) =>
        equalBytes(each.certificate.publicKey, certificate.publicKey) &&
        each.certificate.subject.equals(certificate.subject) &&
        each.certificate.subjectKeyIdentifier !== certificate.subjectKeyIdentifier,
    )
    const identifier = before?.certificate.subjectKeyIdentifier
    if (before === undefined || identifier === undefined || next.prints.has(before.certificate.fingerprint()))
      return []
    return [
      lintFinding('root-key-identifier-changed', {
        at,
        found: `subject key identifier ${certificate.subjectKeyIdentifier ?? 'missing'}, before ${identifier}`,
        problem: `the root was renewed with its key, but its subject key identifier is no longer ${identifier}, which certificates below the old one name: OpenSSL finds no issuer for them (error 20), as Go before and after 1.25 computes it differently`,
        remedy:
          'Issue the root again with the old identifier (with mesh-pki: { renews, sameKey: "keep" }), or keep the old root beside it until nothing names it',
        ...(canReissue(at)
          ? { command: keepKeyIdentifierCommand(DataKey.rootCert, certificate, identifier) }
          : {}),
        clause: 'RFC 5280 §4.2.1.1',
      }),
    ]
  })
}

/** Who refuses whom while some have the old secret and some the new one. */
async function trustFindings(old: Side, next: Side, now: number): Promise<readonly LintFinding[]> {
  const findings: LintFinding[] = []
  if (old.roots.length === 0 || next.roots.length === 0) return findings
  const anchorsOf = (side: Side): readonly Certificate[] => side.roots.map(({ certificate }) => certificate)
  if (next.signer !== undefined && !isSameSigner(old, next)) {
    const error = await whyNoWorkload(next.signer, next.chain, anchorsOf(old), now)
    if (error !== undefined) {
      findings.push(
        lintFinding('signer-not-trusted-before', {
          at: { source: next.signerSource, certificate: next.signer },
          found: error.code,
          problem: `workloads that still have the old roots refuse what the new CA signs: ${reasonOf(error)}`,
          remedy: 'Distribute its root first, and change the CA when every workload has it',
        }),
      )
    }
  }
  if (old.signer !== undefined) {
    const error = await whyNoWorkload(old.signer, old.chain, anchorsOf(next), now)
    // What did not verify before is not broken by the change.
    const wasSound = (await whyNoWorkload(old.signer, old.chain, anchorsOf(old), now)) === undefined
    if (error !== undefined && wasSound) {
      findings.push(
        lintFinding('old-chain-orphaned', {
          at: { source: old.signerSource, certificate: old.signer },
          found: error.code,
          problem: `workload certificates that the CA of before signed are refused under the new roots: ${reasonOf(error)}`,
          remedy:
            'Keep the old root until every workload has a certificate of the new CA, one lifetime of a workload certificate',
        }),
      )
    }
  }
  return findings
}
