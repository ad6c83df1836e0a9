/**
 * Options of `describe`, as callers write them and as they are used.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { instantText } from '../../internal/instant-text.ts'
import { isOid } from '../../internal/oid.ts'
import { checkOneOf, checkOptionNames, readFlag, readInstant, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { RENEWAL_PRESETS, type RenewalPresets } from '../../rotation/renewal-presets.ts'
import type { RenewalPolicy } from '../../rotation/renewal-time.ts'
import { SpiffeBundle } from '../../spiffe/spiffe-bundle.ts'
import type { VerifyPathOptions } from '../../verify/options.ts'
import { TrustStore } from '../../verify/trust-store.ts'
import { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'
import { ALL_LENIENCIES } from '../../x509/certificate-walker.ts'

/** Anchors of one mesh: certificates, PEM with several, or the bundle of a trust domain. */
export type AnchorSet = CertificateInput | readonly CertificateInput[] | SpiffeBundle

/** One set of anchors, or several by name. */
export type DescribeAnchors = AnchorSet | Readonly<Record<string, AnchorSet>>

/** Options of `describe`. */
export interface DescribeOptions {
  /** The instant to describe at. Default: now. */
  readonly time?: Date | undefined
  /**
   * When certificates are renewed: a name of `RENEWAL_PRESETS`, or a policy. Default: by role, `istiodRoot` for roots, `glooMesh`
   * for intermediates, `istioAgent` for all others.
   */
  readonly renewal?: keyof RenewalPresets | RenewalPolicy | undefined
  /** Who may trust it: the description says for each set whether a path leads to it, and why not. At most 64 sets. */
  readonly anchors?: DescribeAnchors | undefined
  /** Certificates that may stand between it and the anchors, beside those of a chain. */
  readonly intermediates?: CertificateInput | readonly CertificateInput[] | undefined
  /** CRLs for the verdicts, as for `checkPath`: with them, every certificate must be shown not to be revoked. */
  readonly crls?: VerifyPathOptions['crls']
  /** What it is verified for. Default `any`. */
  readonly purpose?: VerifyPathOptions['purpose'] | undefined
  /** Whether certificates are linted. Default `true`. */
  readonly lint?: boolean | undefined
}

const OPTION_NAMES = ['time', 'renewal', 'anchors', 'intermediates', 'crls', 'purpose', 'lint']

/** Sets of anchors: a federation has some dozens of meshes. */
export const MAX_SETS = 64

const PURPOSES: readonly string[] = ['serverAuth', 'clientAuth', 'any']

/** Anchors that were read. */
export interface NamedAnchors {
  readonly name: string
  readonly certificates: readonly Certificate[]
  /** `undefined` where there is no anchor. */
  readonly store: TrustStore | undefined
  /** Where the set says for which trust domain it speaks. */
  readonly bundle: SpiffeBundle | undefined
}

/** Options that were read. */
export interface DescribeTerms {
  /** Milliseconds, whole seconds. */
  readonly now: number
  readonly at: string
  /** `undefined`: by role. */
  readonly renewal: { readonly name: string; readonly policy: RenewalPolicy } | undefined
  /** `undefined`: nobody asked. */
  readonly anchors: readonly NamedAnchors[] | undefined
  readonly intermediates: readonly Certificate[]
  readonly crls: VerifyPathOptions['crls']
  readonly purpose: VerifyPathOptions['purpose']
  readonly lint: boolean
}

/** Reads them. @throws `TypeError`, `RangeError`; `MeshPkiError` for certificates that cannot be read, naming the option. */
export function readDescribeOptions(options: DescribeOptions): DescribeTerms {
  checkOptionNames(options, OPTION_NAMES, 'describe')
  const now = readInstant(options.time ?? new Date(), 'time')
  return {
    now,
    at: instantText(now),
    renewal: readRenewal(options.renewal),
    anchors: options.anchors === undefined ? undefined : readAnchorSets(options.anchors),
    intermediates: toCertificates(options.intermediates ?? [], 'intermediates', { leniency: ALL_LENIENCIES }),
    crls: options.crls,
    purpose: readPurpose(options.purpose ?? 'any'),
    lint: readFlag(options.lint, 'lint', true),
  }
}

/** Read here too, since nothing else asks for it where there are no anchors. */
function readPurpose(purpose: NonNullable<DescribeOptions['purpose']>): VerifyPathOptions['purpose'] {
  const value: unknown = purpose
  if (typeof value === 'string' && (PURPOSES.includes(value) || isOid(value))) return purpose
  throw new TypeError(
    `option "purpose" must be "serverAuth", "clientAuth", "any" or an object identifier; got ${typeof value === 'string' ? quote(value, 64) : typeName(value)}`,
  )
}

function readRenewal(renewal: DescribeOptions['renewal']): DescribeTerms['renewal'] {
  if (renewal === undefined) return undefined
  if (typeof renewal !== 'string') return { name: 'given', policy: renewal }
  const name = checkOneOf(renewal, Object.keys(RENEWAL_PRESETS).filter(isPreset), 'renewal')
  return { name, policy: RENEWAL_PRESETS[name] }
}

const isPreset = (name: string): name is keyof RenewalPresets => Object.hasOwn(RENEWAL_PRESETS, name)

function readAnchorSets(anchors: DescribeAnchors): readonly NamedAnchors[] {
  if (isOneSet(anchors)) return [readAnchorSet('anchors', anchors, 'anchors')]
  if (anchors === null || typeof anchors !== 'object')
    throw new TypeError(
      `option "anchors" must be certificates, a SpiffeBundle, or an object with such by name; got ${typeName(anchors)}`,
    )
  const sets = Object.entries(anchors)
  if (sets.length === 0 || sets.length > MAX_SETS)
    throw new RangeError(`option "anchors" must have from 1 to ${MAX_SETS} sets; got ${sets.length}`)
  return sets.map(([name, set]) => readAnchorSet(name, set, `anchors.${escapeText(name, 64)}`))
}

/** Whether it is one set and not several by name. */
export function isOneSet(anchors: DescribeAnchors): anchors is AnchorSet {
  return (
    typeof anchors === 'string' ||
    anchors instanceof Uint8Array ||
    anchors instanceof Certificate ||
    anchors instanceof SpiffeBundle ||
    Array.isArray(anchors) ||
    (typeof anchors === 'object' &&
      anchors !== null &&
      (('raw' in anchors && anchors.raw instanceof Uint8Array) ||
        ('rawData' in anchors && anchors.rawData instanceof ArrayBuffer)))
  )
}

function readAnchorSet(name: string, set: AnchorSet, option: string): NamedAnchors {
  const bundle = set instanceof SpiffeBundle ? set : undefined
  const certificates =
    set instanceof SpiffeBundle
      ? set.x509Authorities
      : toCertificates(set, option, { leniency: ALL_LENIENCIES })
  if (bundle === undefined && certificates.length === 0)
    throw new MeshPkiError(
      'ERR_PATH_ANCHOR',
      `option "${option}": there is no certificate in it, so nothing can be verified; pass at least one root`,
    )
  return {
    name: escapeText(name, 64),
    certificates,
    store: certificates.length === 0 ? undefined : new TrustStore({ anchors: certificates }),
    bundle,
  }
}
