import { describe, expect, it } from 'vitest'
import {
  CERTIFICATE_USAGES,
  type CertificateUsage,
  judgeUsages,
  usageBits,
  usagesOf,
} from '../../../../src/kubernetes/signers/usages.ts'

/** kube-controller-manager's and cert-manager's tables: pkg/apis/certificates, keyUsageDict and extKeyUsageDict. */
const KEY_USAGES = [
  ['signing', 'digitalSignature'],
  ['digital signature', 'digitalSignature'],
  ['content commitment', 'nonRepudiation'],
  ['key encipherment', 'keyEncipherment'],
  ['data encipherment', 'dataEncipherment'],
  ['key agreement', 'keyAgreement'],
  ['cert sign', 'keyCertSign'],
  ['crl sign', 'cRLSign'],
  ['encipher only', 'encipherOnly'],
  ['decipher only', 'decipherOnly'],
] as const
const PURPOSES = [
  ['any', '2.5.29.37.0'],
  ['server auth', '1.3.6.1.5.5.7.3.1'],
  ['client auth', '1.3.6.1.5.5.7.3.2'],
  ['code signing', '1.3.6.1.5.5.7.3.3'],
  ['email protection', '1.3.6.1.5.5.7.3.4'],
  ['s/mime', '1.3.6.1.5.5.7.3.4'],
  ['ipsec end system', '1.3.6.1.5.5.7.3.5'],
  ['ipsec tunnel', '1.3.6.1.5.5.7.3.6'],
  ['ipsec user', '1.3.6.1.5.5.7.3.7'],
  ['timestamping', '1.3.6.1.5.5.7.3.8'],
  ['ocsp signing', '1.3.6.1.5.5.7.3.9'],
  ['microsoft sgc', '1.3.6.1.4.1.311.10.3.3'],
  ['netscape sgc', '2.16.840.1.113730.4.1'],
] as const

describe('the table of usages', () => {
  it('knows every word of certificates/v1 KeyUsage and no other', () => {
    expect([...CERTIFICATE_USAGES].sort()).toEqual([...KEY_USAGES, ...PURPOSES].map(([word]) => word).sort())
  })

  it.each(KEY_USAGES)('takes "%s" for the bit %s', (word, bit) => {
    expect(usageBits([word])).toEqual({ keyUsage: [bit], extendedKeyUsage: [] })
  })

  it.each(PURPOSES)('takes "%s" for the purpose %s', (word, oid) => {
    expect(usageBits([word])).toEqual({ keyUsage: [], extendedKeyUsage: [oid] })
  })

  it('gives each bit once', () => {
    expect(usageBits(['signing', 'digital signature', 's/mime', 'email protection'])).toEqual({
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.4'],
    })
  })

  it('goes back to "digital signature" and "email protection", as Kubernetes does', () => {
    const { keyUsage, extendedKeyUsage } = usageBits(CERTIFICATE_USAGES)
    const doubles: readonly CertificateUsage[] = ['signing', 's/mime']
    const { usages, unnamed } = usagesOf({ keyUsage, extendedKeyUsage })
    expect([...usages].sort()).toEqual(CERTIFICATE_USAGES.filter((word) => !doubles.includes(word)).sort())
    expect(unnamed).toEqual([])
  })

  it('says which purposes have no word', () => {
    // id-pkinit-KPKdc
    expect(usagesOf({ extendedKeyUsage: ['1.3.6.1.5.2.3.5', '1.3.6.1.5.5.7.3.1'] })).toEqual({
      usages: ['server auth'],
      unnamed: ['1.3.6.1.5.2.3.5'],
    })
  })
})

describe('judgeUsages', () => {
  const allowed: readonly CertificateUsage[] = [
    'digital signature',
    'key encipherment',
    'server auth',
    'any',
    'cert sign',
  ]
  const judge = (asked: unknown, limits: object = {}) =>
    judgeUsages(asked, { allowed, isCa: false, enciphers: true, ...limits })

  it('lets allowed ones pass', () => {
    expect(judge(['server auth', 'digital signature', 'server auth'])).toEqual({
      usages: ['server auth', 'digital signature'],
      refusals: [],
      warnings: [],
    })
  })

  it.each([
    ['a word that is none', ['server-auth'], /"server-auth" is unknown/],
    ['a word of an object', ['constructor'], /"constructor" is unknown/],
    ['a value that is no word', [7], /number is unknown/],
    ['"any", even where it is allowed', ['any'], /opens every purpose/],
    ['"cert sign" where no CA is made, even where it is allowed', ['cert sign'], /is for CAs/],
    ['"crl sign"', ['crl sign'], /is for CAs/],
    ['what is not allowed', ['client auth'], /"client auth" is not given/],
    ['what is no list', 'server auth', /no list/],
    ['a list without end', Array.from({ length: 65 }, () => 'server auth'), /65 usages/],
  ])('refuses %s', (_what, asked, expected) => {
    const { refusals } = judge(asked)
    expect(refusals).toHaveLength(1)
    expect(refusals[0]).toMatch(expected)
  })

  it('lets a CA sign certificates', () => {
    expect(judge(['cert sign'], { isCa: true }).refusals).toEqual([])
  })

  it('warns of key encipherment for a key that can only sign, and signs all the same', () => {
    const { refusals, warnings } = judge(['key encipherment'], { enciphers: false })
    expect(refusals).toEqual([])
    expect(warnings).toEqual([expect.stringContaining('RFC 5480')])
    expect(judge(['key encipherment']).warnings).toEqual([])
  })

  it('takes an absent list for an empty one', () => {
    expect(judge(undefined)).toEqual({ usages: [], refusals: [], warnings: [] })
  })
})
