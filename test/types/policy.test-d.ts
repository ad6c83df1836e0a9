import { describe, expectTypeOf, test } from 'vitest'
import {
  type CertificateAuthority,
  type CertificateProfile,
  explainPolicy,
  type IssuancePolicy,
  type IssuancePolicyInput,
  type IssuedCertificate,
  istioCa,
  type PolicyDecision,
  type PolicyError,
  type PolicyViolation,
  PROFILES,
  type SignedCertificate,
  spire,
} from '../../src/ca/index.ts'
import type { MeshPkiError } from '../../src/errors.ts'
import type { Certificate } from '../../src/x509/index.ts'

declare const ca: CertificateAuthority, csr: string, current: Certificate, policy: IssuancePolicy

describe('signing under a policy', () => {
  test('options', () => {
    void ca.sign(csr, policy)
    void ca.sign(csr, istioCa(), {
      identities: ['spiffe://a/b', { type: 'dns', value: 'a.b' }],
      lifetime: '1h',
    })
    void ca.sign(csr, policy, { renews: current, sameKey: 'keep' })
    void ca.sign(csr, policy, { renews: current, predecessors: [current, current.toPem()] })
    // @ts-expect-error one certificate is renewed
    void ca.sign(csr, policy, { renews: [current] })
    // @ts-expect-error a lifetime has a unit
    void ca.sign(csr, policy, { lifetime: 3600 })
    // @ts-expect-error identities are a list
    void ca.sign(csr, policy, { identities: 'spiffe://a/b' })
    // @ts-expect-error a policy is needed
    void ca.sign(csr)
    // @ts-expect-error "allow" is no rule for keys that are kept
    void ca.sign(csr, policy, { renews: current, sameKey: 'allow' })
  })

  test('a policy', () => {
    const least: IssuancePolicyInput = { name: 'a', lifetime: { max: '1h' } }
    void ca.sign(csr, least)
    void ca.sign(csr, { ...least, profile: { ...PROFILES['mesh-workload'], name: 'mine' } })
    // @ts-expect-error a policy has a lifetime
    void ca.sign(csr, { name: 'a' })
    // @ts-expect-error and a name
    void ca.sign(csr, { lifetime: { max: '1h' } })
    // @ts-expect-error a family does not say which kind
    void ca.sign(csr, { ...least, profile: 'istio' })
    // @ts-expect-error a subject of the request needs its attributes
    void ca.sign(csr, { ...least, subject: { from: 'request' } })
    // @ts-expect-error no such kind of key
    void ca.sign(csr, { ...least, keys: { allow: ['DSA'] } })
    void ca.sign(csr, { ...least, authorize: async ({ names }) => names.length > 0 })
    void ca.sign(csr, { ...least, authorize: () => ({ refuse: 'no' }) })
    // @ts-expect-error a reason is a text
    void ca.sign(csr, { ...least, authorize: () => ({ refuse: 1 }) })
    void ca.sign(csr, { ...least, enrich: () => undefined })
    // @ts-expect-error what is added has names
    void ca.sign(csr, { ...least, enrich: () => ({ names: [] }) })
    // @ts-expect-error a trust domain is needed
    spire()
  })

  test('answers', () => {
    expectTypeOf(ca.sign(csr, policy)).resolves.toEqualTypeOf<SignedCertificate>()
    expectTypeOf<SignedCertificate>().toExtend<IssuedCertificate>()
    expectTypeOf<SignedCertificate['decision']>().toEqualTypeOf<PolicyDecision>()
    expectTypeOf<PolicyError>().toExtend<MeshPkiError>()
    expectTypeOf<PolicyError['violations']>().toEqualTypeOf<readonly PolicyViolation[]>()
    expectTypeOf(explainPolicy(policy, csr))
      .resolves.toHaveProperty('verdict')
      .toEqualTypeOf<'sign' | 'refuse' | 'ask'>()
    expectTypeOf<(typeof PROFILES)['gloo-root']>().toEqualTypeOf<CertificateProfile>()
  })
})
