/**
 * A sound hierarchy to be spoilt in one way after another, by the tests' own builder.
 */
import { expect } from 'vitest'
import type { LintCode, LintFinding } from '../../../../src/ca/index.ts'
import type { Certificate } from '../../../../src/x509/index.ts'
import { tlv } from '../../../fixtures/x509/der.ts'
import {
  aki,
  basicConstraints,
  CLIENT_AUTH,
  eku,
  ext,
  type Forged,
  forge,
  keyIdOf,
  keysOf,
  NOW,
  type Recipe,
  SERVER_AUTH,
  san,
  ski,
  uri,
} from '../../verify/forge.ts'

/** A finding with the input that yields it, and its nearest neighbour that does not. */
export interface LintCase {
  readonly code: LintCode
  readonly found: () => Promise<readonly LintFinding[]> | readonly LintFinding[]
  readonly absent: () => Promise<readonly LintFinding[]> | readonly LintFinding[]
}

export const codesOf = (findings: readonly LintFinding[]): readonly LintCode[] => [
  ...new Set(findings.map(({ code }) => code)),
]

/** Runs a case both ways. */
export async function expectCase({ code, found, absent }: LintCase): Promise<void> {
  const findings = await found()
  expect(codesOf(findings)).toContain(code)
  const finding = findings.find((each) => each.code === code)
  expect(finding?.message).toContain(finding?.remedy)
  expect(finding?.evidence.found).not.toBe('')
  expect(Object.isFrozen(finding)).toBe(true)
  expect(codesOf(await absent())).not.toContain(code)
}

/** Key usage by its bits: 0 digitalSignature, 5 keyCertSign, 6 cRLSign. */
export const usage = (...bits: readonly number[]): Uint8Array => {
  const octet = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0)
  return ext(15, tlv(3, Uint8Array.of(7 - Math.max(...bits), octet)), true)
}

const caExtensions = (keys: string, issuerKeys: string | undefined, pathLength?: number): Uint8Array[] => [
  basicConstraints(true, pathLength),
  usage(5, 6),
  ski(keyIdOf(keysOf(keys))),
  ...(issuerKeys === undefined ? [] : [aki(keyIdOf(keysOf(issuerKeys)))]),
]

export type Change = Partial<Recipe> & {
  readonly pathLength?: number
  /** In place of the usual extensions. */
  readonly only?: readonly Uint8Array[]
  /** Beside the usual ones. */
  readonly more?: readonly Uint8Array[]
}

/** A root: ten years, all that RFC 5280 asks of one. */
export function rootOf(
  subject = 'Lint Root',
  { only, more = [], pathLength, ...change }: Change = {},
): Forged {
  return forge({
    subject,
    notBefore: '2024-01-01T00:00:00Z',
    notAfter: '2034-01-01T00:00:00Z',
    extensions: only ?? [...caExtensions(subject, undefined, pathLength), ...more],
    ...change,
  })
}

/** A CA below another, one year, path length 0. */
export function caBelow(
  issuer: Forged,
  subject = 'Lint CA',
  { only, more = [], pathLength, ...change }: Change = {},
): Forged {
  const keys = change.keys ?? keysOf(String(subject))
  return forge({
    subject,
    issuer,
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2027-01-01T00:00:00Z',
    extensions: only ?? [
      basicConstraints(true, pathLength ?? 0),
      usage(5, 6),
      ski(keyIdOf(keys)),
      aki(issuer.keyId),
      ...more,
    ],
    ...change,
  })
}

export const ID = 'spiffe://cluster.local/ns/shop/sa/cart'

/** A workload, three months. */
export function leafBelow(
  issuer: Forged,
  { only, more = [], ...change }: Change & { id?: string } = {},
): Forged {
  const { id = ID, ...rest } = change
  return forge({
    subject: 'Lint Workload',
    issuer,
    notBefore: '2026-05-01T00:00:00Z',
    notAfter: '2026-08-01T00:00:00Z',
    extensions: only ?? [
      basicConstraints(false),
      usage(0),
      eku(SERVER_AUTH, CLIENT_AUTH),
      aki(issuer.keyId),
      san([uri(id)]),
      ...more,
    ],
    ...rest,
  })
}

export const root = rootOf()
export const ca = caBelow(root)
export const leaf = leafBelow(ca)
export const otherRoot = rootOf('Other Root')
export const otherCa = caBelow(otherRoot, 'Other CA')

export const at: Date = NOW

/** PEM of some, one after the other. */
export const pem = (...forged: readonly (Forged | Certificate | Uint8Array)[]): string =>
  forged
    .map((each) => {
      const der = each instanceof Uint8Array ? each : each.der
      const lines =
        Buffer.from(der)
          .toString('base64')
          .match(/.{1,64}/g) ?? []
      return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
    })
    .join('')

export const privatePem = (label: string): string =>
  String(keysOf(label).privateKey.export({ format: 'pem', type: 'pkcs8' }))

export const publicPem = (label: string): string =>
  String(keysOf(label).publicKey.export({ format: 'pem', type: 'spki' }))
