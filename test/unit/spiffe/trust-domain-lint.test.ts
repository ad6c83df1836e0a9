import { describe, expect, test } from 'vitest'
import { lintTrustDomain, type TrustDomainFindingReason } from '../../../src/spiffe/index.ts'
import { isIstioTrustDomain, isSafeTrustDomain, isTrustDomainName } from './reference.ts'

type Reason = TrustDomainFindingReason | undefined

/** Name, why Istio refuses it, why SPIFFE does. */
const vectors: readonly (readonly [string, Reason, Reason])[] = [
  ['', 'empty', 'trust-domain-missing'],
  ['x'.repeat(63), undefined, undefined],
  ['x'.repeat(64), 'label-length', undefined],
  ['foo.bar.com', undefined, undefined],
  ['f-oo.bar.com', undefined, undefined],
  ['foo.bar.com.', undefined, undefined],
  ['1.2.3.4', undefined, undefined],
  ['-foo.bar.com', 'label-dash', undefined],
  ['foo-.bar', 'label-dash', undefined],
  ['.', 'label-empty', undefined],
  ['..', 'label-empty', undefined],
  ['a..b', 'label-empty', undefined],
  ['a..', 'label-empty', undefined],
  ['foo_bar', 'label-character', undefined],
  ['FOO.bar', undefined, 'trust-domain-character'],
  ['foo/bar/com', 'label-character', 'trust-domain-character'],
  ['foo:bar:com', 'label-character', 'trust-domain-character'],
  ['foo.bar\n', 'label-character', 'trust-domain-character'],
  ['é', 'label-character', 'trust-domain-character'],
  [`${'a.'.repeat(127)}aa`, undefined, 'trust-domain-length'],
]

describe.each(vectors)('%j', (name, istio, spiffe) => {
  test('says who refuses it and why', () => {
    const { safe, findings } = lintTrustDomain(name)
    const by = (who: string) => findings.find((finding) => finding.refusedBy === who)?.reason
    expect([by('istio'), by('spiffe')]).toEqual([istio, spiffe])
    expect([isIstioTrustDomain(name), isTrustDomainName(name)]).toEqual([
      istio === undefined,
      spiffe === undefined,
    ])
    expect(safe).toBe(isSafeTrustDomain(name))
    expect(safe).toBe(findings.length === 0)
  })
})

test('a final dot passes both and is still not safe', () => {
  expect(lintTrustDomain('foo.bar.com.')).toMatchObject({
    safe: false,
    findings: [{ refusedBy: 'nobody', reason: 'trailing-dot' }],
  })
  expect(lintTrustDomain('foo.bar.com')).toEqual({ safe: true, findings: [] })
})

test('every byte value, as Istio takes it', () => {
  for (let value = 0; value < 256; value++) {
    for (const name of [
      `a${String.fromCharCode(value)}b`,
      String.fromCharCode(value),
      `a${String.fromCharCode(value)}`,
    ]) {
      const { safe, findings } = lintTrustDomain(name)
      expect(findings.some((finding) => finding.refusedBy === 'istio')).toBe(!isIstioTrustDomain(name))
      expect(findings.some((finding) => finding.refusedBy === 'spiffe')).toBe(!isTrustDomainName(name))
      expect(safe).toBe(isSafeTrustDomain(name))
    }
  }
})

test('uses the words of Istio and escapes the name', () => {
  const messageOf = (name: string) =>
    lintTrustDomain(name)
      .findings.map((finding) => finding.message)
      .join('\n')
  expect(messageOf('')).toContain('empty domain name not allowed')
  expect(messageOf('a_b')).toContain('trust domain name "a_b" invalid')
  expect(messageOf('a\u001b[2J\u202e')).not.toMatch(/[\u001b\u202e]/)
  // @ts-expect-error a string is demanded
  expect(() => lintTrustDomain(null)).toThrow(TypeError)
})
