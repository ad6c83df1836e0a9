import { describe, expect, test } from 'vitest'
import { type CertificateProfile, type IssuancePolicyInput, PROFILES } from '../../../src/ca/index.ts'
import { ID, INTERMEDIATE, namesOf, request, rootCa } from './support.ts'

const WORKLOAD = PROFILES['mesh-workload']
const CA = PROFILES['mesh-intermediate']
const policy = (profile: unknown): IssuancePolicyInput => ({
  name: 'custom',
  profile: profile as CertificateProfile,
  subject: { from: 'request', attributes: 'any' },
  lifetime: { max: '1h' },
})

describe('a profile of the caller', () => {
  test('decides on order, criticality and usages', async () => {
    const root = await rootCa()
    const profile: CertificateProfile = {
      ...WORKLOAD,
      name: 'clients only',
      extensions: ['subjectAltName', 'keyUsage', 'authorityKeyIdentifier', 'extendedKeyUsage'],
      critical: ['extendedKeyUsage'],
      extendedKeyUsage: ['clientAuth', '1.3.6.1.4.1.311.20.2.2'],
    }
    const { certificate } = await root.sign(await request(), policy(profile), { identities: [ID] })
    expect(certificate.extensions.map(({ oid, critical }) => [oid, critical])).toEqual([
      // Critical, since the subject is empty (RFC 5280 §4.2.1.6).
      ['2.5.29.17', true],
      ['2.5.29.15', false],
      ['2.5.29.35', false],
      ['2.5.29.37', true],
    ])
    expect(certificate.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.4.1.311.20.2.2'])
  })

  test('is read when it is given: later changes to it change nothing', async () => {
    const mutable = { ...WORKLOAD, keyUsage: ['digitalSignature'] as ('digitalSignature' | 'keyAgreement')[] }
    const root = await rootCa()
    const first = root.sign(await request(), policy(mutable), { identities: [ID] })
    mutable.keyUsage.push('keyAgreement')
    expect((await first).certificate.keyUsage).toEqual(['digitalSignature'])
  })

  test('ours cannot be changed', () => {
    expect(() => (WORKLOAD.keyUsage as string[]).push('keyCertSign')).toThrow(TypeError)
    expect(() => Object.assign(PROFILES, { 'mesh-workload': CA })).toThrow(TypeError)
  })

  test.each<[string, unknown, RegExp]>([
    ['without a name', { ...WORKLOAD, name: '' }, /"profile\.name"/],
    ['with an unknown member', { ...WORKLOAD, serial: 1 }, /has no option "serial"/],
    [
      'with an unknown extension',
      { ...WORKLOAD, extensions: ['crlDistributionPoints'] },
      /"profile\.extensions" must be one of/,
    ],
    [
      'with an extension twice',
      { ...WORKLOAD, extensions: ['subjectAltName', 'subjectAltName'] },
      /holds a value twice/,
    ],
    [
      'with a critical key identifier',
      { ...WORKLOAD, critical: ['subjectKeyIdentifier'] },
      /must not be critical \(RFC 5280 §4\.2\.1\.1\)/,
    ],
    ['of an end entity that signs', { ...WORKLOAD, keyUsage: ['keyCertSign'] }, /must not hold keyCertSign/],
    [
      'of an end entity without names',
      { ...WORKLOAD, extensions: ['keyUsage', 'authorityKeyIdentifier'] },
      /needs a place for subjectAltName/,
    ],
    [
      'without authority key identifier',
      { ...WORKLOAD, extensions: ['subjectAltName'] },
      /authorityKeyIdentifier is missing/,
    ],
    ['of a CA without basic constraints', { ...CA, extensions: ['keyUsage'] }, /must have basicConstraints/],
    [
      'of a CA whose basic constraints are not critical',
      { ...CA, critical: [] },
      /must be critical.*deviations/,
    ],
    ['of a CA that does not sign', { ...CA, keyUsage: ['cRLSign'] }, /must have the key usage keyCertSign/],
    ['with an unknown deviation', { ...CA, deviations: ['all'] }, /"profile\.deviations" must be one of/],
    ['with a purpose that is none', { ...WORKLOAD, extendedKeyUsage: ['tls'] }, /must hold purposes/],
  ])('%s is refused', async (_, profile, message) => {
    const root = await rootCa()
    await expect(root.sign(await request(), policy(profile), { identities: [ID] })).rejects.toThrow(message)
  })

  test('a deviation by name is signed, and nothing else that is broken', async () => {
    const root = await rootCa()
    const profile: CertificateProfile = {
      ...CA,
      name: 'without identifier',
      extensions: ['basicConstraints', 'keyUsage', 'authorityKeyIdentifier', 'subjectAltName'],
      deviations: ['ca-subject-key-identifier'],
    }
    const csr = await request({ subject: INTERMEDIATE })
    const { certificate } = await root.issueIntermediate(csr, { lifetime: '1d', profile })
    expect(certificate.subjectKeyIdentifier).toBe(undefined)
    await expect(
      root.issueIntermediate(csr, { lifetime: '1d', profile: { ...profile, deviations: [] } }),
    ).rejects.toThrow(/must have subjectKeyIdentifier/)
  })

  test("a profile of another kind than the call's is refused", async () => {
    const root = await rootCa()
    const csr = await request({ subject: INTERMEDIATE })
    await expect(root.issueIntermediate(csr, { lifetime: '1d', profile: 'mesh-workload' })).rejects.toThrow(
      /"mesh-workload" is for a certificate of the kind end-entity, but this one is intermediate/,
    )
    await expect(root.issueWorkload(csr, { id: ID, lifetime: '1h', profile: CA })).rejects.toThrow(
      /is for a certificate of the kind/,
    )
    const { certificate } = await root.issueWorkload(csr, {
      id: ID,
      lifetime: '1h',
      profile: 'spire-workload',
    })
    expect(namesOf(certificate)).toEqual([`uri:${ID}`])
  })
})
