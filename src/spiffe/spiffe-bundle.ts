/**
 * The authorities of one trust domain.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../errors.ts'
import { toHex } from '../internal/bytes.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOptionNames, typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { TrustStore } from '../verify/trust-store.ts'
import { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../x509/certificate-input.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { ALL_LENIENCIES } from '../x509/certificate-walker.ts'
import { type JwtAuthority, jwkOf, readPublicJwk, type SkippedElement } from './bundle-key.ts'
import {
  type BundleContents,
  type BundleLimits,
  readBundle,
  readDocument,
  readLimits,
} from './bundle-reader.ts'
import type { BundleSource } from './bundle-source.ts'
import { writeBundle } from './bundle-writer.ts'
import { type TrustDomain, toTrustDomain } from './spiffe-id.ts'

/** What {@link SpiffeBundle.of} makes a bundle from. */
export interface SpiffeBundleParameters {
  readonly trustDomain: TrustDomain | string
  /** CA certificates. Default: none. */
  readonly x509Authorities?: CertificateInput | readonly CertificateInput[] | undefined
  /** Keys of JWT-SVIDs. Default: none. */
  readonly jwtAuthorities?: readonly JwtAuthority[] | undefined
  /** Goes up with every change (SPIFFE Trust Domain and Bundle §4.1.1). A number must be a safe integer. */
  readonly sequence?: bigint | number | undefined
  /** How often to look for a newer one: `'5m'`. */
  readonly refreshHint?: string | undefined
}

/** What {@link SpiffeBundle.with} may replace. */
export type SpiffeBundleChanges = Omit<SpiffeBundleParameters, 'trustDomain'>

/** Options of {@link SpiffeBundle.fromJson}. */
export interface ReadBundleOptions {
  readonly limits?: BundleLimits | undefined
}

const CHECKED: unique symbol = Symbol('checked')

/**
 * A SPIFFE bundle: a trust domain with its authorities (SPIFFE Trust Domain and Bundle §3).
 *
 * The document does not name its trust domain, so whoever reads one says for which it is, and the two stay
 * together: a bundle answers for its own trust domain only. Bundles are values and are never merged.
 *
 * @example
 * ```ts
 * import { SpiffeBundle, verifySvid } from 'mesh-pki/spiffe'
 *
 * declare const json: string, chain: Uint8Array[]
 * const bundle = SpiffeBundle.fromJson('prod.example.com', json)
 * for (const { reason, message } of bundle.skipped) console.warn(reason, message)
 * const svid = await verifySvid(chain, { bundles: bundle })
 * console.log(String(svid.id))
 * ```
 */
export class SpiffeBundle implements BundleSource {
  readonly #trustDomain: TrustDomain
  readonly #contents: BundleContents
  #store: TrustStore | undefined
  #digest: string | undefined

  private constructor(trustDomain: TrustDomain, contents: BundleContents, proof: typeof CHECKED) {
    if (proof !== CHECKED) throw new TypeError('use SpiffeBundle.of or SpiffeBundle.fromJson')
    this.#trustDomain = trustDomain
    this.#contents = contents
    // What is made when it is first asked for is private, and stays changeable.
    Object.freeze(this)
  }

  /**
   * Reads a bundle document, a JWK Set in UTF-8.
   *
   * An element that is not understood is passed over and listed in {@link skipped}: an authority with a new
   * kind of key must not take the others with it (§4.1.3). `keys: []` is a bundle: it revokes everything. An
   * absent `keys`, a member that stands twice and a sequence that is no whole number are errors.
   *
   * @throws `MeshPkiError` `ERR_JSON_…` for what is not JSON, `ERR_SPIFFE_BUNDLE` with a `BundleRefusal` in
   * `data.reason`, `ERR_SPIFFE_BUNDLE_LIMIT`, `ERR_SPIFFE_TRUST_DOMAIN`.
   */
  static fromJson(
    trustDomain: TrustDomain | string,
    document: string | Uint8Array,
    options: ReadBundleOptions = {},
  ): SpiffeBundle {
    checkOptionNames(options, ['limits'], 'SpiffeBundle.fromJson')
    refuseSwapped(trustDomain)
    const domain = toTrustDomain(trustDomain)
    const limits = readLimits(options.limits)
    const what = `bundle of ${quote(domain.name)}`
    const contents = readBundle(readDocument(document, what, limits.bytes), what, limits)
    return new SpiffeBundle(domain, contents, CHECKED)
  }

  /**
   * Makes a bundle of a PEM text, as Istio and SPIRE write roots: X.509 authorities, and nothing else.
   *
   * @throws `MeshPkiError` `ERR_PEM_…`, and what {@link of} throws.
   */
  static fromPem(trustDomain: TrustDomain | string, pem: string | Uint8Array): SpiffeBundle {
    refuseSwapped(trustDomain)
    const x509Authorities = Certificate.listFromPem(pem, { leniency: ALL_LENIENCIES })
    return SpiffeBundle.of({ trustDomain, x509Authorities })
  }

  /**
   * Makes a bundle to publish, or of authorities that are known by other means.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_AUTHORITY` for a certificate that is not a CA's or whose key is of a kind
   * that is not used here, and for a key identifier that stands twice; what certificates throw when read;
   * `TypeError` and `RangeError` for the rest.
   */
  static of(parameters: SpiffeBundleParameters): SpiffeBundle {
    checkOptionNames(
      parameters,
      ['trustDomain', 'x509Authorities', 'jwtAuthorities', 'sequence', 'refreshHint'],
      'SpiffeBundle.of',
    )
    const { trustDomain, sequence, refreshHint } = parameters
    return new SpiffeBundle(
      toTrustDomain(trustDomain),
      {
        x509Authorities: readAuthorities(orNone(parameters.x509Authorities)),
        jwtAuthorities: readJwtAuthorities(orNone(parameters.jwtAuthorities)),
        sequence: sequence === undefined ? undefined : readSequenceOption(sequence),
        refreshHint: refreshHint === undefined ? undefined : readRefreshHintOption(refreshHint),
        skipped: [],
      },
      CHECKED,
    )
  }

  /** @internal A bundle of contents that were read as part of a map. */
  static fromContents(trustDomain: TrustDomain, contents: BundleContents): SpiffeBundle {
    return new SpiffeBundle(trustDomain, contents, CHECKED)
  }

  /** Whose authorities they are. */
  get trustDomain(): TrustDomain {
    return this.#trustDomain
  }

  /** The CA certificates that may vouch for X509-SVIDs, each once, in order. */
  get x509Authorities(): readonly Certificate[] {
    return [...this.#contents.x509Authorities]
  }

  /** The keys that may vouch for JWT-SVIDs, in order. */
  get jwtAuthorities(): readonly JwtAuthority[] {
    return this.#contents.jwtAuthorities.map(({ keyId, jwk }) => ({ keyId, jwk: { ...jwk } }))
  }

  /** `spiffe_sequence`; `undefined` without one. */
  get sequence(): bigint | undefined {
    return this.#contents.sequence
  }

  /** `spiffe_refresh_hint` in seconds; `undefined` without one. It is advice: bound what you make of it. */
  get refreshHint(): number | undefined {
    return this.#contents.refreshHint
  }

  /** What was passed over when it was read, and why. */
  get skipped(): readonly SkippedElement[] {
    return [...this.#contents.skipped]
  }

  /** Whether it has no authority of any kind, so that every SVID of the trust domain is refused (§4.1.3). */
  get isEmpty(): boolean {
    return this.#contents.x509Authorities.length + this.#contents.jwtAuthorities.length === 0
  }

  /** Itself, for its own trust domain. @throws `MeshPkiError` `ERR_SPIFFE_TRUST_DOMAIN` for a text that is none. */
  bundleFor(trustDomain: TrustDomain | string): SpiffeBundle | undefined {
    return this.#trustDomain.equals(toTrustDomain(trustDomain)) ? this : undefined
  }

  /**
   * The bundle with some parts replaced; the others, and the trust domain, stay. Unless one is given, the sequence
   * goes up by one if there is one: it must change with every update (§4.1.1).
   *
   * @throws as {@link of}.
   */
  with(changes: SpiffeBundleChanges): SpiffeBundle {
    checkOptionNames(
      changes,
      ['x509Authorities', 'jwtAuthorities', 'sequence', 'refreshHint'],
      'SpiffeBundle.with',
    )
    const made = SpiffeBundle.of({ ...changes, trustDomain: this.#trustDomain }).#contents
    const has = (name: keyof SpiffeBundleChanges): boolean => changes[name] !== undefined
    const old = this.#contents
    return new SpiffeBundle(
      this.#trustDomain,
      {
        x509Authorities: has('x509Authorities') ? made.x509Authorities : old.x509Authorities,
        jwtAuthorities: has('jwtAuthorities') ? made.jwtAuthorities : old.jwtAuthorities,
        sequence: has('sequence') || old.sequence === undefined ? made.sequence : old.sequence + 1n,
        refreshHint: has('refreshHint') ? made.refreshHint : old.refreshHint,
        skipped: [],
      },
      CHECKED,
    )
  }

  /** Whether both trust the same authorities for the same trust domain, whatever sequence and hint say. */
  trustsSame(other: SpiffeBundle): boolean {
    return other instanceof SpiffeBundle && this.digest() === other.digest()
  }

  /**
   * SHA-256 over the trust domain and its authorities, hex. The order of the authorities, sequence and hint do
   * not count: equal digests mean equal trust. What was decided under a bundle can be bound to it.
   */
  digest(): string {
    this.#digest ??= digestOf(this.#trustDomain, this.#contents)
    return this.#digest
  }

  /** The document, JSON with a final line end. Elements that were passed over are not written. */
  toJson(): string {
    return `${writeBundle(this.#contents, '')}\n`
  }

  /** The X.509 authorities as PEM. Empty without any. */
  toPem(): string {
    return this.#contents.x509Authorities.map((certificate) => certificate.toPem()).join('')
  }

  /** What it is, in words. */
  toString(): string {
    const { x509Authorities, jwtAuthorities, sequence } = this.#contents
    const number = sequence === undefined ? '' : `, sequence ${sequence}`
    return `SpiffeBundle(${this.#trustDomain.name}: ${x509Authorities.length} X.509, ${jwtAuthorities.length} JWT${number})`
  }

  /** @internal What paths are verified against; `undefined` without X.509 authorities. Keeps facts, see `TrustStore`. */
  static storeOf(bundle: SpiffeBundle): TrustStore | undefined {
    const { x509Authorities } = bundle.#contents
    if (x509Authorities.length > 0) bundle.#store ??= new TrustStore({ anchors: x509Authorities })
    return bundle.#store
  }

  /** @internal What a map writes. */
  static contentsOf(bundle: SpiffeBundle): BundleContents {
    return bundle.#contents
  }
}

/** Both arguments are text, and easily taken for each other. */
function refuseSwapped(trustDomain: unknown): void {
  if (typeof trustDomain === 'string' && /[{\n]/.test(trustDomain))
    throw new TypeError('the first argument is the trust domain, the second the document; are they swapped?')
}

function readAuthorities(input: CertificateInput | readonly CertificateInput[]): readonly Certificate[] {
  const distinct = new Map<string, Certificate>()
  for (const certificate of toCertificates(input, 'x509Authorities', { leniency: ALL_LENIENCIES })) {
    if (!certificate.isCa)
      throw refuseAuthority(
        `${certificateLabel(certificate)} is not a CA's certificate, so it cannot be an authority (X509-SVID §3.2)`,
      )
    // What readers of bundles would pass over must not be published.
    if (readPublicJwk(jwkOf(certificate)) === undefined)
      throw refuseAuthority(
        `${certificateLabel(certificate)} has a key that is not used here: ${certificate.publicKeyType}`,
      )
    distinct.set(certificate.fingerprint(), certificate)
  }
  return [...distinct.values()]
}

function readJwtAuthorities(authorities: readonly JwtAuthority[]): readonly JwtAuthority[] {
  if (!Array.isArray(authorities))
    throw new TypeError(`option "jwtAuthorities" must be an array; got ${typeName(authorities)}`)
  const known = new Map<string, JwtAuthority>()
  for (const authority of authorities) {
    const { keyId, jwk: given } = authority
    if (typeof keyId !== 'string' || keyId === '' || typeof given !== 'object')
      throw new TypeError('option "jwtAuthorities" must hold { keyId, jwk } with a public JSON Web Key')
    if ('d' in given) throw refuseAuthority('a JWT authority holds a private key; pass its public part only')
    // Members that the standard does not define are not published (SPIFFE Trust Domain and Bundle §4.2).
    const jwk = readPublicJwk(given)
    if (jwk === undefined)
      throw refuseAuthority(
        `the JWT authority ${quote(keyId, 64)} has a key that is not used here, or members that are not valid (RFC 7518 §6)`,
      )
    if (known.has(keyId))
      throw refuseAuthority(`the key identifier ${quote(keyId, 64)} stands twice among the JWT authorities`)
    known.set(keyId, { keyId, jwk })
  }
  return [...known.values()]
}

/** Only `undefined` means none: `null` is a mistake that must not revoke everything. */
const orNone = <T>(value: T | undefined): T | readonly never[] => (value === undefined ? [] : value)

/** The option "sequence". @throws `TypeError`, `RangeError`. */
export function readSequenceOption(sequence: bigint | number): bigint {
  if (typeof sequence !== 'bigint' && typeof sequence !== 'number')
    throw new TypeError(`option "sequence" must be a bigint or a number; got ${typeName(sequence)}`)
  if (sequence < 0 || (typeof sequence === 'number' && !Number.isSafeInteger(sequence)))
    throw new RangeError(
      `option "sequence" must be a whole number that is not negative, above 2^53 as a bigint; got ${sequence}`,
    )
  return BigInt(sequence)
}

/** The option "refreshHint", in seconds. @throws `TypeError`, `RangeError`. */
export function readRefreshHintOption(hint: string): number {
  return readDuration(hint, 'refreshHint') / 1000
}

function refuseAuthority(message: string): MeshPkiError {
  return new MeshPkiError('ERR_SPIFFE_AUTHORITY', message)
}

function digestOf(trustDomain: TrustDomain, { x509Authorities, jwtAuthorities }: BundleContents): string {
  const x509 = x509Authorities.map((certificate) => certificate.fingerprint()).sort()
  const jwt = jwtAuthorities.map(({ keyId, jwk }) => JSON.stringify([keyId, Object.entries(jwk)])).sort()
  return toHex(sha256(new TextEncoder().encode(JSON.stringify([trustDomain.name, x509, jwt]))))
}
