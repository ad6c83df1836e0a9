/**
 * Which keys may be certified.
 *
 * @module
 */

import { checkOneOf, readCount, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { KeyKind, PublicKeyInfo } from '../../x509/public-key-info.ts'
import { checkRules, orDefault } from './plain-rules.ts'
import type { Violations } from './policy-violation.ts'

/** Rules for public keys. Whatever they say, RSA below 2048 bits and keys that we cannot verify with are refused. */
export interface KeyRules {
  /** Default: all kinds. */
  readonly allow?: readonly KeyKind[] | undefined
  /** Bits of an RSA modulus. Default 2048 to 8192. */
  readonly rsaBits?: { readonly min?: number | undefined; readonly max?: number | undefined } | undefined
  /**
   * SHA-256 of SubjectPublicKeyInfos that are known to be compromised, lower-case hex: `publicKeyFingerprint()` of a
   * certificate. Not `fingerprint()`, which is that of the certificate itself.
   */
  readonly deny?: readonly string[] | undefined
}

const KINDS: readonly KeyKind[] = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA']

/** {@link KeyRules}, read. */
export class CompiledKeyRules {
  readonly #allow: readonly KeyKind[]
  readonly #min: number
  readonly #max: number
  readonly #deny: ReadonlySet<string>

  constructor(rules: KeyRules) {
    checkRules(rules, ['allow', 'rsaBits', 'deny'], 'option "keys"')
    const { allow = KINDS, rsaBits = {}, deny = [] } = rules
    if (!Array.isArray(allow))
      throw new TypeError(`option "keys.allow" must be an array; got ${typeName(allow)}`)
    this.#allow = allow.map((kind) => checkOneOf(kind, KINDS, 'keys.allow'))
    checkRules(rsaBits, ['min', 'max'], 'option "keys.rsaBits"')
    this.#min = readCount(orDefault(rsaBits.min, 2048), 'keys.rsaBits.min', 2048, 8192)
    this.#max = readCount(orDefault(rsaBits.max, 8192), 'keys.rsaBits.max', this.#min, 8192)
    if (!Array.isArray(deny) || deny.some((one) => typeof one !== 'string' || !/^[0-9a-f]{64}$/.test(one)))
      throw new TypeError(
        'option "keys.deny" must hold SHA-256 digests of keys in lower-case hex, as publicKeyFingerprint() of a certificate or request and fingerprint() of a PrivateKey write them',
      )
    this.#deny = new Set(deny)
    Object.freeze(this)
  }

  /** Whether anybody asked for digests: they cost time. */
  get hasDenied(): boolean {
    return this.#deny.size > 0
  }

  /** Judges a key. `digest` is only called where it is needed. */
  judge(
    { kind, description, modulusBits }: PublicKeyInfo,
    digest: () => string,
    violations: Violations,
  ): void {
    if (kind === undefined || !this.#allow.includes(kind))
      violations.add(
        'key',
        `the key is ${quote(description, 64)}; allowed are ${this.#allow.join(', ') || 'none'}`,
      )
    else if (kind === 'RSA' && (modulusBits < this.#min || modulusBits > this.#max))
      violations.add('key', `the RSA key has ${modulusBits} bits; allowed are ${this.#min} to ${this.#max}`)
    if (this.hasDenied && this.#deny.has(digest()))
      violations.add('key', `the key (SHA-256 ${digest()}) is on the list of denied keys; make a new one`)
  }
}
