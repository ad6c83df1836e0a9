/**
 * Whether all proxies trust the same roots.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { bundleDigest } from '../../rotation/rollover/rollover-state.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'
import type { ProxySecrets } from './proxy-secrets.ts'

/** One root, and how many proxies have it. */
export interface ComparedRoot {
  readonly certificate: Certificate
  /** SHA-256, hex. */
  readonly fingerprint: string
  /** Whether it should be everywhere. */
  readonly isExpected: boolean
  readonly holders: number
}

/** One proxy, and what distinguishes it. */
export interface ComparedProxy {
  readonly proxy: string
  /** Whether its roots are known at all. */
  readonly isKnown: boolean
  /** SHA-256 of the roots that it lacks, hex. */
  readonly missing: readonly string[]
  /** SHA-256 of those that it should not have. */
  readonly extra: readonly string[]
  /** `bundleDigest` of what it has; `undefined` where that is not known. */
  readonly digest: string | undefined
}

/** What {@link compareRoots} answers. */
export interface RootComparison {
  /** Whether there are proxies, and each has exactly the expected roots. */
  readonly agree: boolean
  /** `bundleDigest` of what all of them have; `undefined` unless they agree. */
  readonly digest: string | undefined
  /** Expected ones first, in their order. */
  readonly roots: readonly ComparedRoot[]
  /** In their order. */
  readonly proxies: readonly ComparedProxy[]
}

/**
 * Compares the roots of proxies with those that are expected; without `expected`, with all that any of them has. The
 * order of roots, and one that stands twice, count for nothing.
 *
 * A proxy whose roots are not known agrees with nobody.
 *
 * @throws `MeshPkiError` for expected roots that cannot be read; `TypeError` for what is no list.
 *
 * @example
 * ```ts
 * import { compareRoots, type ProxySecrets } from 'mesh-pki/kubernetes'
 *
 * declare const proxies: readonly ProxySecrets[], rootB: string
 * const { agree, proxies: compared } = compareRoots(proxies, rootB)
 * if (!agree) for (const { proxy, missing } of compared) if (missing.length > 0) console.log(proxy, 'lacks', missing)
 * ```
 */
export function compareRoots(
  proxies: readonly ProxySecrets[],
  expected?: CertificateInput | readonly CertificateInput[],
): RootComparison {
  if (!Array.isArray(proxies))
    throw new TypeError(`compareRoots takes a list of proxies; got ${typeName(proxies)}`)
  const held = proxies.map(({ roots }) => byFingerprint(roots?.certificates ?? []))
  const wanted =
    expected === undefined
      ? byFingerprint(held.flatMap((roots) => [...roots.values()]))
      : byFingerprint(toCertificates(expected, 'expected'))
  const all = new Map([...wanted, ...held.flatMap((roots) => [...roots])])
  const compared = proxies.map(({ proxy, roots }, i): ComparedProxy => {
    const own = held[i] ?? new Map<string, Certificate>()
    const isKnown = roots !== undefined
    return Object.freeze({
      proxy,
      isKnown,
      missing: Object.freeze([...wanted.keys()].filter((print) => !own.has(print))),
      extra: Object.freeze([...own.keys()].filter((print) => !wanted.has(print))),
      digest: isKnown ? bundleDigest([...own.keys()]) : undefined,
    })
  })
  const agree =
    compared.length > 0 &&
    compared.every(({ isKnown, missing, extra }) => isKnown && missing.length === 0 && extra.length === 0)
  return Object.freeze({
    agree,
    digest: agree ? bundleDigest([...wanted.keys()]) : undefined,
    roots: Object.freeze(
      [...all].map(([fingerprint, certificate]) => ({
        certificate,
        fingerprint,
        isExpected: wanted.has(fingerprint),
        holders: held.filter((roots) => roots.has(fingerprint)).length,
      })),
    ),
    proxies: Object.freeze(compared),
  })
}

const byFingerprint = (certificates: readonly Certificate[]): ReadonlyMap<string, Certificate> =>
  new Map(certificates.map((certificate) => [certificate.fingerprint(), certificate]))
