/**
 * What the certificates of the field are told of, each family as its software makes them.
 */
import { describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  createRootCa,
  lintChain,
  type ProfileFamily,
} from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { createTestHierarchy } from '../../../../src/testing/index.ts'
import { clockAt, ID, NOW, request } from '../support.ts'
import { codesOf } from './support.ts'

async function chainOf(profile: ProfileFamily, subjectAltName?: string) {
  const root = await createRootCa({
    subject: 'O=lint',
    lifetime: '3650d',
    key: 'P-256',
    profile,
    clock: clockAt(),
  })
  const { csr, signer } = await createCsr({ subject: [{ O: 'Istio' }, { OU: 'kind2' }], key: 'P-256' })
  const { certificate, chain } = await root.issueIntermediate(csr, {
    lifetime: '365d',
    profile,
    ...(subjectAltName === undefined ? {} : { subjectAltNames: [{ type: 'uri', value: subjectAltName }] }),
  })
  const ca = await CertificateAuthority.from({ certificate, chain, signer, profile, clock: clockAt() })
  const issued = await ca.issueWorkload(await request({ key: 'P-256' }), { id: ID, lifetime: '24h' })
  return { presented: issued.chain.slice(0, -1), anchors: root.certificate }
}

const lint = async (profile: ProfileFamily, name?: string) => {
  const { presented, anchors } = await chainOf(profile, name)
  return lintChain(presented, { anchors, time: NOW })
}

describe('what each family is told', () => {
  test('mesh: nothing', async () => {
    expect(await lint('mesh')).toEqual([])
  })

  test('istio: tools/certs leaves cRLSign out, which is a note until CRLs are used', async () => {
    const findings = await lint('istio')
    expect(codesOf(findings)).toEqual(['crl-sign-missing'])
    expect(findings.map(({ severity }) => severity)).toEqual(['info', 'info'])
  })

  test('gloo: no cRLSign, and a SPIFFE ID with a path on the CA', async () => {
    expect(codesOf(await lint('gloo', 'spiffe://kind2/ns/istio-system/sa/istiod'))).toEqual([
      'ca-spiffe-path',
      'crl-sign-missing',
    ])
  })
})

describe('the broken variants of the test hierarchy', () => {
  test.each([
    ['expired', 'expired'],
    ['notYetValid', 'not-yet-valid'],
    ['badSignature', 'signature-mismatch'],
    ['foreignRoot', 'signature-mismatch'],
    ['notCa', 'not-a-ca'],
    ['missingIntermediate', 'issuer-missing'],
  ] as const)('%s: %s, and the verdict', async (variant, code) => {
    const { root, broken, time } = await createTestHierarchy({ time: NOW })
    const codes = codesOf(await lintChain((await broken())[variant], { anchors: root.certificate, time }))
    expect(codes).toContain(code)
    expect(codes).toContain('path-refused')
  })

  test('the sound chain has none', async () => {
    const { root, chain, time } = await createTestHierarchy({ time: NOW })
    expect(await lintChain(chain.slice(0, -1), { anchors: root.certificate, time })).toEqual([])
  })
})
