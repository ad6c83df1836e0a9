import { expect, test } from 'vitest'
import {
  type CertificateAuthority,
  IssuancePolicy,
  type IssuancePolicyInput,
} from '../../../../src/ca/index.ts'
import { verifyProofOfPossession } from '../../../../src/csr/index.ts'
import { generateKeyPair } from '../../../../src/x509/index.ts'
import { CallersSigner, keyOf, request, rootCa } from '../support.ts'

const COUNT = 10_000
const POLICY: IssuancePolicyInput = {
  name: 'many',
  names: { spiffe: { allow: ['spiffe://td/**'] } },
  lifetime: { max: '1h' },
}
const csr = await verifyProofOfPossession(await request())

async function signAll(ca: CertificateAuthority): Promise<readonly PromiseSettledResult<string>[]> {
  const policy = IssuancePolicy.from(POLICY)
  return Promise.allSettled(
    Array.from({ length: COUNT }, async (_, i) => {
      const { certificate } = await ca.sign(csr, policy, { identities: [`spiffe://td/w${i}`] })
      // Each gets its own answer, not another's.
      expect(certificate.subjectAltNames).toEqual([{ type: 'uri', value: `spiffe://td/w${i}` }])
      return certificate.serialNumber
    }),
  )
}

test('10,000 at the same time: unique serial numbers, each its own names', async () => {
  const { privateKey } = await generateKeyPair('P-256')
  const settled = await signAll(await rootCa({ key: privateKey }))
  const serials = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect([serials.length, new Set(serials).size]).toEqual([COUNT, COUNT])
})

test('a signer that fails for some: those are refused, none of the others is lost', async () => {
  const inner = await keyOf('Ed25519')
  const key = new CallersSigner(inner, async (tbs, _, call) => {
    await Promise.resolve()
    if (call > 2 && call % 7 === 0) throw new Error(`call ${call}`)
    return inner.sign(tbs)
  })
  const settled = await signAll(await rootCa({ key }))
  const failed = settled.flatMap((one) =>
    one.status === 'rejected' ? [one.reason as { code?: string }] : [],
  )
  const serials = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  // Two calls made the root and its dry run; every seventh of the 10,002 fails.
  expect(failed.length).toBe(Math.floor((COUNT + 2) / 7))
  expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(['ERR_CA_SIGNER']))
  expect(new Set(serials).size).toBe(COUNT - failed.length)
})
