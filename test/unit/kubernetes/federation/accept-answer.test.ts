import { describe, expect, test } from 'vitest'
import { type CertificateAuthority, createRootCa } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { acceptAnswer } from '../../../../src/kubernetes/federation/accept-answer.ts'
import type { IssuedCertificateSpec } from '../../../../src/kubernetes/federation/issued-certificate.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { generateKeyPair, type PrivateKey } from '../../../../src/x509/index.ts'
import { caUnder, DAY, HOST, instant, NOW, orderOf, rootOf } from './parts.ts'

const hostName = { type: 'uri', value: HOST } as const

interface Terms {
  readonly roots: readonly CertificateAuthority[]
  readonly spec?: Partial<IssuedCertificateSpec>
  readonly made?: Parameters<typeof caUnder>[1]
  readonly now?: Date
}

/** What becomes of an answer that an authority signs for the key that waits. */
async function accept(by: CertificateAuthority, { roots, spec = {}, made = {}, now = NOW }: Terms) {
  const { privateKey: key } = await generateKeyPair('P-256', { extractable: true })
  const subject = 'O=Istio,OU=istiod-istio-system-east'
  const { csr } = await createCsr({ subject, subjectAltNames: [hostName], key })
  const { certificate, chain } = await caUnder(by, { key, ...made })
  const certificates = roots.map((root) => root.certificate)
  return acceptAnswer({
    spec: orderOf(spec).spec,
    csr,
    key,
    answer: { certificate, chain, roots: certificates },
    roots: certificates,
    clock: manualClock(now),
  })
}

describe('an answer', () => {
  test('is accepted under a root of the authority that was ordered, and under no other that is trusted', async () => {
    const [a, b] = await Promise.all([rootOf('a'), rootOf('b')])
    const roots = [a, b]
    const of = (one: CertificateAuthority) => ({ authorityRoots: [one.certificate.fingerprint()] })
    const { certificate } = await accept(a, { roots, spec: of(a) })
    expect(String(certificate.issuer)).toBe('O=a')
    await expect(accept(a, { roots, spec: of(b) })).rejects.toMatchObject({ code: 'ERR_ISSUER_MISMATCH' })
    // Where the order names none, any of them may have signed.
    await accept(a, { roots })
    await expect(accept(a, { roots: [b] })).rejects.toMatchObject({ code: 'ERR_ISSUER_MISMATCH' })
  })

  test('is refused where no workload certificate below it would verify, though istiod takes it', async () => {
    // Two roots of one name and key: below one of them there may be no CA that signs.
    const { privateKey: key } = await generateKeyPair('P-256')
    const terms = { subject: 'O=a', lifetime: '3650d', key, clock: manualClock(NOW) }
    const [open, closed] = await Promise.all([createRootCa(terms), createRootCa({ ...terms, pathLength: 0 })])
    await accept(open, { roots: [open] })
    await expect(accept(open, { roots: [closed] })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(CA_|ISSUER_)/),
    })
  })

  test('is refused for a key that does not sign what it says', async () => {
    const a = await rootOf('a')
    const [mine, other] = await Promise.all([1, 2].map(() => generateKeyPair('P-256', { extractable: true })))
    if (mine === undefined || other === undefined) throw new Error('unreachable')
    const { csr } = await createCsr({
      subject: 'O=Istio,OU=istiod-istio-system-east',
      subjectAltNames: [hostName],
      key: mine.privateKey,
    })
    const { certificate, chain } = await caUnder(a, { key: mine.privateKey })
    const roots = [a.certificate]
    const by = (key: PrivateKey) =>
      acceptAnswer({
        spec: orderOf().spec,
        csr,
        key,
        answer: { certificate, chain, roots },
        roots,
        clock: manualClock(NOW),
      })
    expect((await by(mine.privateKey)).certificate.equals(certificate)).toBe(true)
    await expect(by(other.privateKey)).rejects.toMatchObject({ code: 'ERR_CA_KEY_MISMATCH' })
  })

  test.each([
    ['other names', { hosts: [`${HOST}-2`] }],
    ['one name more', { hosts: [HOST, `${HOST}-2`] }],
    ['CAs below', { pathLength: 1 }],
    ['no limit of CAs below', { pathLength: 'none' as const }],
    ['a longer life', { lifetime: '400d' }],
  ])('is refused with %s than ordered; with what was ordered it is not', async (_name, made) => {
    const a = await rootOf('a')
    await expect(accept(a, { roots: [a], made })).rejects.toMatchObject({ code: 'ERR_ISSUER_MISMATCH' })
    await accept(a, { roots: [a] })
  })

  test('is refused when it has ended, and taken however long ago it was made', async () => {
    const a = await rootOf('a')
    await accept(a, { roots: [a], now: instant(100 * DAY) })
    await expect(accept(a, { roots: [a], now: instant(366 * DAY) })).rejects.toThrow()
  })
})
