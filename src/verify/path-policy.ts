/**
 * Options of verification after checking, each with its default.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { isOid } from '../internal/oid.ts'
import {
  checkOneOf,
  checkOptionNames,
  readCount,
  readFlag,
  readInstant,
  typeName,
} from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { CertificateList } from '../x509/certificate-list.ts'
import { ExtendedKeyUsage, type Oid } from '../x509/extensions/extended-key-usage.ts'
import { viewPem } from '../x509/pem.ts'
import type {
  EkuStrictness,
  PolicyOptions,
  ReferenceName,
  RevocationMode,
  VerifyPathOptions,
} from './options.ts'
import { type ProfileRule, readRules } from './profile-rules.ts'
import { type BudgetLimits, DEFAULT_LIMITS } from './search-budget.ts'
import { TrustStore } from './trust-store.ts'

/** Options after checking. */
export interface PathPolicy {
  readonly store: TrustStore
  /** Milliseconds since the epoch, whole seconds. */
  readonly time: number
  /** `undefined` for any. */
  readonly purpose: Oid | undefined
  readonly ekuStrictness: EkuStrictness
  readonly name: ReferenceName | undefined
  readonly maxIntermediates: number
  readonly anchorChecks: AnchorCheckFlags
  readonly rules: ReadonlySet<ProfileRule>
  readonly policies: InitialPolicies
  readonly revocation: RevocationMode
  readonly crls: CrlInputs
  readonly limits: BudgetLimits
}

/** Which checks of the anchor are made. */
export interface AnchorCheckFlags {
  readonly validity: boolean
  readonly constraints: boolean
  readonly basicConstraints: boolean
}

/** Inputs of policy processing, each with a value. */
export interface InitialPolicies {
  /** `undefined` for any. */
  readonly initial: ReadonlySet<Oid> | undefined
  readonly requireExplicit: boolean
  readonly inhibitMapping: boolean
  readonly inhibitAny: boolean
}

/** The CRLs that could be read, and why the others could not. */
interface CrlInputs {
  readonly lists: readonly CertificateList[]
  readonly unreadable: readonly MeshPkiError[]
}

const OPTION_NAMES = [
  'anchors',
  'store',
  'intermediates',
  'crls',
  'revocation',
  'time',
  'profile',
  'rules',
  'purpose',
  'ekuStrictness',
  'name',
  'maxIntermediates',
  'policies',
  'anchorChecks',
  'limits',
]

const ALL_ANCHOR_CHECKS: AnchorCheckFlags = { validity: true, constraints: true, basicConstraints: true }

const ANY_POLICY: InitialPolicies = {
  initial: undefined,
  requireExplicit: false,
  inhibitMapping: false,
  inhibitAny: false,
}

/** A store for one verification need not remember peers. */
const FORGETFUL = { certificates: 0 }

const NO_CRLS: CrlInputs = { lists: [], unreadable: [] }

/** Reads the options. @throws `TypeError`, `RangeError`; `MeshPkiError` for anchors that cannot be read. */
export function readPathPolicy(options: VerifyPathOptions): PathPolicy {
  checkOptionNames(options, OPTION_NAMES, 'verification')
  const { anchors, store } = options
  if ((anchors === undefined) === (store === undefined))
    throw new TypeError(
      `verification needs either the option "anchors" or the option "store"; got ${store === undefined ? 'none of them' : 'both'}`,
    )
  if (store !== undefined && !(store instanceof TrustStore))
    throw new TypeError('option "store" must be a TrustStore')
  return {
    ...readPathRules(options),
    store: store ?? new TrustStore({ anchors: anchors ?? [], memory: FORGETFUL }),
  }
}

/** The options without those about anchors. @throws `TypeError`, `RangeError`. */
export function readPathRules(
  options: Omit<VerifyPathOptions, 'anchors' | 'store'>,
): Omit<PathPolicy, 'store'> {
  const profile = orDefault(options.profile, 'rfc5280', ['rfc5280', 'webpki'], 'profile')
  const revocation = orDefault(
    options.revocation,
    options.crls === undefined ? 'off' : 'require',
    ['require', 'if-present', 'off'],
    'revocation',
  )
  return {
    time: readInstant(options.time === undefined ? new Date() : options.time, 'time'),
    purpose: readPurpose(options.purpose),
    ekuStrictness: orDefault(
      options.ekuStrictness,
      'nested',
      ['nested', 'leaf', 'chain', 'ignore-ca'],
      'ekuStrictness',
    ),
    name: options.name === undefined ? undefined : readReferenceName(options.name),
    maxIntermediates:
      options.maxIntermediates === undefined
        ? Number.POSITIVE_INFINITY
        : readCount(options.maxIntermediates, 'maxIntermediates', 0, 1000),
    anchorChecks:
      options.anchorChecks === undefined ? ALL_ANCHOR_CHECKS : readAnchorChecks(options.anchorChecks),
    rules: readRules(profile, options.rules),
    policies: options.policies === undefined ? ANY_POLICY : readPolicies(options.policies),
    revocation,
    crls: options.crls === undefined ? NO_CRLS : readCrls(options.crls),
    limits: options.limits === undefined ? DEFAULT_LIMITS : readLimits(options.limits),
  }
}

/** One of some words; only `undefined` stands for the default, `null` is a mistake. */
function orDefault<T extends string>(
  value: T | undefined,
  fallback: T,
  known: readonly T[],
  option: string,
): T {
  return value === undefined ? fallback : checkOneOf(value, known, option)
}

function readAnchorChecks(checks: NonNullable<VerifyPathOptions['anchorChecks']>): AnchorCheckFlags {
  checkOptionNames(checks, ['validity', 'constraints', 'basicConstraints'], 'option "anchorChecks"')
  return {
    validity: readFlag(checks.validity, 'anchorChecks.validity', true),
    constraints: readFlag(checks.constraints, 'anchorChecks.constraints', true),
    basicConstraints: readFlag(checks.basicConstraints, 'anchorChecks.basicConstraints', true),
  }
}

function readLimits(limits: NonNullable<VerifyPathOptions['limits']>): BudgetLimits {
  checkOptionNames(limits, ['signatures', 'depth', 'comparisons'], 'option "limits"')
  const { signatures, depth, comparisons } = DEFAULT_LIMITS
  return {
    signatures: readCount(limits.signatures ?? signatures, 'limits.signatures', 1, 1_000_000),
    depth: readCount(limits.depth ?? depth, 'limits.depth', 2, 1000),
    comparisons: readCount(limits.comparisons ?? comparisons, 'limits.comparisons', 1, 1_000_000_000),
  }
}

function readPolicies(policies: PolicyOptions): InitialPolicies {
  const names = ['initial', 'requireExplicit', 'inhibitMapping', 'inhibitAny']
  checkOptionNames(policies, names, 'option "policies"')
  const { initial } = policies
  if (initial !== undefined && (!Array.isArray(initial) || initial.length === 0))
    throw new TypeError(
      `option "policies.initial" must be an array of at least one object identifier; got ${typeName(initial)}. Leave it out for any policy`,
    )
  for (const policy of initial ?? [])
    if (typeof policy !== 'string' || !isOid(policy))
      throw new TypeError(`option "policies.initial" must hold object identifiers; got ${quoteShort(policy)}`)
  return {
    initial: initial === undefined || initial.includes('2.5.29.32.0') ? undefined : new Set(initial),
    requireExplicit: readFlag(policies.requireExplicit, 'policies.requireExplicit', false),
    inhibitMapping: readFlag(policies.inhibitMapping, 'policies.inhibitMapping', false),
    inhibitAny: readFlag(policies.inhibitAny, 'policies.inhibitAny', false),
  }
}

/** What cannot be read is kept as such: under `if-present` it rejects, since it might have been in scope. */
function readCrls(crls: NonNullable<VerifyPathOptions['crls']>): CrlInputs {
  const items: readonly unknown[] = Array.isArray(crls) ? crls : [crls]
  const lists: CertificateList[] = []
  const unreadable: MeshPkiError[] = []
  const attempt = (reading: () => void): void => {
    try {
      reading()
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      unreadable.push(error)
    }
  }
  const readDer = (der: Uint8Array): void => attempt(() => lists.push(CertificateList.fromDer(der)))
  for (const item of items) {
    if (item instanceof CertificateList) lists.push(item)
    else if (item instanceof Uint8Array) readDer(item)
    else if (typeof item === 'string')
      attempt(() => viewPem(item, ['X509 CRL'], 'skip').forEach(({ der }) => void readDer(der)))
    else
      throw new TypeError(
        `option "crls" must hold CertificateList, DER (Uint8Array) or PEM (string); got ${typeName(item)}`,
      )
  }
  return { lists, unreadable }
}

function readPurpose(purpose: unknown): Oid | undefined {
  if (purpose === 'any') return undefined
  if (purpose === 'serverAuth' || purpose === 'clientAuth') return ExtendedKeyUsage[purpose]
  if (typeof purpose === 'string' && isOid(purpose)) return purpose
  throw new TypeError(
    `option "purpose" is required and must be "serverAuth", "clientAuth", "any" or an object identifier; got ${quoteShort(purpose)}`,
  )
}

/** A word is shown. What is longer may be anything, also a key that slipped into the wrong option. */
const quoteShort = (value: unknown): string => {
  if (typeof value !== 'string') return typeof value
  return value.length <= 64 && !/\s/.test(value.trim())
    ? quote(value, 64)
    : `a text of ${value.length} characters`
}

/** A copy: what was checked is what is compared, also when the caller's object changes. */
function readReferenceName(name: ReferenceName): ReferenceName {
  checkOptionNames(name, ['dns', 'ip', 'email', 'uri'], 'option "name"')
  const [entry, ...others] = Object.entries(name)
  if (entry === undefined || others.length > 0 || typeof entry[1] !== 'string' || entry[1] === '') {
    throw new TypeError(
      'option "name" must hold exactly one of dns, ip, email and uri, as text that is not empty',
    )
  }
  const [kind, value] = entry
  return kind === 'dns'
    ? { dns: value }
    : kind === 'ip'
      ? { ip: value }
      : kind === 'email'
        ? { email: value }
        : { uri: value }
}
