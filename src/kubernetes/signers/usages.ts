/**
 * Usages as Kubernetes and cert-manager name them, and what they are in a certificate.
 *
 * @module
 */

import { escapeText, quote } from '../../internal/text.ts'
import { ExtendedKeyUsage, type Oid } from '../../x509/extensions/extended-key-usage.ts'
import type { KeyUsageName } from '../../x509/extensions/key-usage.ts'

/** Key usages as `certificates.k8s.io` names them. */
export type KeyUsageWord =
  | 'digital signature'
  | 'signing'
  | 'content commitment'
  | 'key encipherment'
  | 'data encipherment'
  | 'key agreement'
  | 'cert sign'
  | 'crl sign'
  | 'encipher only'
  | 'decipher only'

/** Purposes as `certificates.k8s.io` names them. */
export type PurposeWord =
  | 'any'
  | 'server auth'
  | 'client auth'
  | 'code signing'
  | 'email protection'
  | 's/mime'
  | 'ipsec end system'
  | 'ipsec tunnel'
  | 'ipsec user'
  | 'timestamping'
  | 'ocsp signing'
  | 'microsoft sgc'
  | 'netscape sgc'

/** One word of `spec.usages`. */
export type CertificateUsage = KeyUsageWord | PurposeWord

/** Words for bits of key usage (RFC 5280 §4.2.1.3). */
const KEY_USAGES: Readonly<Record<KeyUsageWord, KeyUsageName>> = {
  'digital signature': 'digitalSignature',
  signing: 'digitalSignature',
  'content commitment': 'nonRepudiation',
  'key encipherment': 'keyEncipherment',
  'data encipherment': 'dataEncipherment',
  'key agreement': 'keyAgreement',
  'cert sign': 'keyCertSign',
  'crl sign': 'cRLSign',
  'encipher only': 'encipherOnly',
  'decipher only': 'decipherOnly',
}

/** Words for purposes (RFC 5280 §4.2.1.12). */
const PURPOSES: Readonly<Record<PurposeWord, Oid>> = {
  any: ExtendedKeyUsage.any,
  'server auth': ExtendedKeyUsage.serverAuth,
  'client auth': ExtendedKeyUsage.clientAuth,
  'code signing': ExtendedKeyUsage.codeSigning,
  'email protection': ExtendedKeyUsage.emailProtection,
  's/mime': ExtendedKeyUsage.emailProtection,
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: ExtendedKeyUsage.timeStamping,
  'ocsp signing': ExtendedKeyUsage.ocspSigning,
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
}

/** What usages are in a certificate. */
export interface UsageBits {
  readonly keyUsage: readonly KeyUsageName[]
  readonly extendedKeyUsage: readonly Oid[]
}

/** All words, bits of key usage first. */
export const CERTIFICATE_USAGES: readonly CertificateUsage[] = [...keysOf(KEY_USAGES), ...keysOf(PURPOSES)]

/** Usages that make a CA of whoever has them; no others do. */
const CA_USAGES: readonly CertificateUsage[] = ['cert sign', 'crl sign']

/** Usages that mean nothing for a key that can only sign (RFC 5480 §3, RFC 8410 §5). */
const ENCIPHERING: readonly CertificateUsage[] = ['key encipherment', 'data encipherment']

/** Words of a list that nobody shall need more of: there are 23. */
const MAX_USAGES = 64

/**
 * Key usage and purposes of some usages, each once, in the order of the words.
 *
 * kube-controller-manager and cert-manager have the same table.
 *
 * @example
 * ```ts
 * import { usageBits } from 'mesh-pki/kubernetes'
 *
 * console.log(usageBits(['digital signature', 'server auth']).extendedKeyUsage) // [ '1.3.6.1.5.5.7.3.1' ]
 * ```
 */
export function usageBits(usages: readonly CertificateUsage[]): UsageBits {
  const keyUsage = new Set<KeyUsageName>()
  const extendedKeyUsage = new Set<Oid>()
  for (const usage of usages) {
    if (isOwnKey(KEY_USAGES, usage)) keyUsage.add(KEY_USAGES[usage])
    else if (isOwnKey(PURPOSES, usage)) extendedKeyUsage.add(PURPOSES[usage])
  }
  return { keyUsage: [...keyUsage], extendedKeyUsage: [...extendedKeyUsage] }
}

/**
 * The usages that stand for key usage and purposes; `digital signature` and `email protection` where there are two
 * words. Purposes without a word come back in `unnamed`.
 */
export function usagesOf(bits: Partial<UsageBits>): {
  readonly usages: readonly CertificateUsage[]
  readonly unnamed: readonly Oid[]
} {
  const usages = new Set<CertificateUsage>()
  const unnamed: Oid[] = []
  for (const bit of bits.keyUsage ?? []) {
    const word = keysOf(KEY_USAGES).find((one) => KEY_USAGES[one] === bit)
    if (word !== undefined) usages.add(word)
  }
  for (const oid of bits.extendedKeyUsage ?? []) {
    const word = keysOf(PURPOSES).find((one) => PURPOSES[one] === oid)
    if (word === undefined) unnamed.push(oid)
    else usages.add(word)
  }
  return { usages: [...usages], unnamed }
}

/** What may be asked for. */
export interface UsageLimits {
  /** Every usage that may be asked for. */
  readonly allowed: readonly CertificateUsage[]
  /** Whether it is a CA that is asked for, and may be had. */
  readonly isCa: boolean
  /** Whether the key can encipher: RSA. */
  readonly enciphers: boolean
}

/** Usages that were asked for, and what is wrong with them. */
export interface JudgedUsages {
  /** Those that are words of the table, each once. */
  readonly usages: readonly CertificateUsage[]
  /** Why nothing may be signed. */
  readonly refusals: readonly string[]
  /** What is odd, though it is signed. */
  readonly warnings: readonly string[]
}

/**
 * Reads usages as a request lists them, and judges them.
 *
 * Refused are words that are none, `any`, which opens every purpose, `cert sign` and `crl sign` where no CA is made,
 * and what is not allowed. `key encipherment` for a key that only signs is a warning.
 *
 * @example
 * ```ts
 * import { judgeUsages } from 'mesh-pki/kubernetes'
 *
 * declare const spec: { usages: unknown }
 * const { refusals } = judgeUsages(spec.usages, { allowed: ['server auth'], isCa: false, enciphers: false })
 * ```
 */
export function judgeUsages(asked: unknown, { allowed, isCa, enciphers }: UsageLimits): JudgedUsages {
  const refusals: string[] = []
  const warnings: string[] = []
  const usages = new Set<CertificateUsage>()
  const words: readonly unknown[] = Array.isArray(asked) ? asked : []
  if (asked !== undefined && asked !== null && !Array.isArray(asked)) refusals.push('the usages are no list')
  if (words.length > MAX_USAGES)
    refusals.push(`${words.length} usages are asked for; at most ${MAX_USAGES} are read`)
  for (const word of words.slice(0, MAX_USAGES)) {
    const usage = CERTIFICATE_USAGES.find((one) => one === word)
    if (usage === undefined) {
      refusals.push(`the usage ${typeof word === 'string' ? quote(word, 64) : typeof word} is unknown`)
      continue
    }
    usages.add(usage)
    if (usage === 'any') refusals.push('the usage "any" opens every purpose; ask for those that are needed')
    else if (CA_USAGES.includes(usage) && !isCa)
      refusals.push(`the usage "${usage}" is for CAs, and this signer makes none of this request`)
    else if (!allowed.includes(usage))
      refusals.push(
        `the usage "${usage}" is not given; allowed are ${allowed.map((one) => `"${escapeText(one)}"`).join(', ')}`,
      )
    if (ENCIPHERING.includes(usage) && !enciphers)
      warnings.push(`the usage "${usage}" means nothing for a key that can only sign (RFC 5480 §3)`)
  }
  return { usages: [...usages], refusals: [...new Set(refusals)], warnings: [...new Set(warnings)] }
}

/** `Object.keys` with the names that the table is known to have. */
function keysOf<T extends object>(table: T): readonly (keyof T & string)[] {
  return Object.keys(table).filter((key): key is keyof T & string => Object.hasOwn(table, key))
}

function isOwnKey<T extends object>(table: T, key: PropertyKey): key is keyof T {
  return Object.hasOwn(table, key)
}
