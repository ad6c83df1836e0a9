import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import {
  decodeCacerts,
  decodeRootConfigMap,
  encodeCacerts,
  encodeRootConfigMap,
} from '../../../src/kubernetes/index.ts'
import { Certificate } from '../../../src/x509/certificate.ts'
import * as pem from './fixtures.ts'
import { base64, expectSealed, secretOf } from './support.ts'

const cas = [pem.ROOT_A, pem.ROOT_B, pem.INTERMEDIATE_A].map((text) => Certificate.fromPem(text))
const ca = fc.constantFrom(...cas)
const label = fc.stringMatching(/^[a-z]{1,8}$/)
const input = fc.record(
  {
    certificate: ca,
    chain: fc.array(ca, { maxLength: 4 }),
    roots: fc.array(ca, { minLength: 1, maxLength: 4 }),
    privateKey: fc.constantFrom(pem.INTERMEDIATE_A_KEY, pem.INTERMEDIATE_A_KEY_SEC1, pem.RSA_KEY),
    crls: fc.constantFrom(pem.ROOT_A_CRL, pem.ROOT_A_CRL + pem.ROOT_A_CRL),
    istioGenerated: fc.boolean(),
    name: label,
    namespace: label,
  },
  { requiredKeys: ['certificate', 'chain', 'roots', 'privateKey'] },
)

test.each(['istio', 'istio-legacy'] as const)(
  '%s: what is written is read back, and written again the same',
  (layout) => {
    fc.assert(
      fc.property(input, (input) => {
        const secret = encodeCacerts({ ...input, layout })
        const { certificate, chain, roots, privateKey, crls, istioGenerated, findings, ...rest } =
          decodeCacerts(secret)
        expect(rest).toEqual({ layout })
        expect(certificate.equals(input.certificate)).toBe(true)
        expect(chain.map(String)).toEqual(input.chain.map(String))
        expect(roots.map(String)).toEqual(input.roots.map(String))
        expect(privateKey.reveal()).toBe(input.privateKey)
        expect([crls, istioGenerated]).toEqual([input.crls, input.istioGenerated ?? false])
        expect(findings).toHaveLength(input.roots.length - new Set(input.roots.map(String)).size)
        expect(encodeCacerts(decodeCacerts(secret), secret)).toEqual(secret)
        expectSealed(decodeCacerts(secret))
      }),
      { numRuns: 200 },
    )
  },
)

test('tls: signer, roots and key are read back; the chain is what Istio joins, and stays so', () => {
  fc.assert(
    fc.property(input, ({ crls, ...input }) => {
      const secret = encodeCacerts({ ...input, layout: 'tls' })
      const bundle = decodeCacerts(secret)
      expect(bundle.certificate.equals(input.certificate)).toBe(true)
      expect(bundle.roots.map(String)).toEqual(input.roots.map(String))
      expect(bundle.privateKey.reveal()).toBe(input.privateKey)
      expect(bundle.chain[0]?.equals(input.certificate)).toBe(true)
      expect(bundle.chain.slice(-input.roots.length).map(String)).toEqual(input.roots.map(String))
      for (const link of input.chain) expect(bundle.chain.some((each) => each.equals(link))).toBe(true)
      expect(encodeCacerts(bundle, secret)).toEqual(secret)
    }),
    { numRuns: 200 },
  )
})

test('ConfigMap', () => {
  fc.assert(
    fc.property(fc.array(ca, { minLength: 1, maxLength: 5 }), label, (roots, namespace) => {
      expect(decodeRootConfigMap(encodeRootConfigMap(roots, { namespace })).map(String)).toEqual(
        roots.map(String),
      )
    }),
  )
})

test('the watchman sees a key, in PEM and in base64', () => {
  for (const text of [
    pem.RSA_KEY,
    base64(pem.INTERMEDIATE_A_KEY),
    { a: { b: [pem.ROOT_A_KEY] } },
    new Error(pem.RSA_KEY),
  ]) {
    expect(() => expectSealed(text)).toThrow()
  }
  expectSealed({ certificate: pem.ROOT_A })
})

test('a damaged key is refused or read, in any place, and never shown', () => {
  const piece = fc.constantFrom(
    '-----',
    '\n',
    '*',
    '=',
    '-----BEGIN ',
    '-----END PRIVATE KEY-----\n',
    'Proc-Type: 4',
    ' ',
    '',
  )
  const cuts = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 40 }), piece), { minLength: 1, maxLength: 3 })
  const key = fc.constantFrom(
    'ca-key.pem',
    'ca-cert.pem',
    'root-cert.pem',
    'cert-chain.pem',
    'ca-crl.pem',
    'key.pem',
  )
  const whole = {
    'ca-cert.pem': pem.INTERMEDIATE_A,
    'ca-key.pem': pem.INTERMEDIATE_A_KEY,
    'cert-chain.pem': '',
    'root-cert.pem': pem.ROOT_A,
  }
  fc.assert(
    fc.property(cuts, key, fc.boolean(), (cuts, key, plain) => {
      const text = cuts.reduce((text, [seed, length, piece]) => {
        const at = seed % text.length
        return text.slice(0, at) + piece + text.slice(at + length)
      }, pem.RSA_KEY)
      const secret = secretOf({ ...whole, [key]: text })
      const damaged = plain ? { ...secret, data: { ...secret.data, [key]: text } } : secret
      try {
        expectSealed(decodeCacerts(damaged))
      } catch (error) {
        expectSealed(error)
        if (!(error instanceof MeshPkiError)) throw error
      }
    }),
    { numRuns: 1000 },
  )
})
