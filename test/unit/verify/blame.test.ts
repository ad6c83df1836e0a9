import { describe, expect, test } from 'vitest'
import { type CertificateAuthority, createRootCa } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { checkPath } from '../../../src/verify/index.ts'

const clock = manualClock(new Date('2026-06-01T00:00:00Z'))

async function leafBelow(ca: CertificateAuthority) {
  const { csr } = await createCsr({ key: 'P-256' })
  return (await ca.issueWorkload(csr, { id: 'spiffe://td/a', lifetime: '1h' })).certificate
}

describe('a failure blames a certificate that signed, not one that only bears the name', () => {
  test('an expired anchor of the same name that did not sign is not told to be renewed', async () => {
    clock.set(new Date('2020-01-01T00:00:00Z'))
    const expired = await createRootCa({ subject: 'CN=shared', lifetime: '1d', clock })
    clock.set(new Date('2026-06-01T00:00:00Z'))
    const signer = await createRootCa({ subject: 'CN=shared', lifetime: '10d', clock })
    const options = { time: clock.now(), purpose: 'any' } as const
    const result = await checkPath(await leafBelow(signer), { ...options, anchors: [expired.certificate] })
    expect(result.ok ? 'accepted' : result.error.code).toBe('ERR_PATH_NO_ISSUER')
  })

  test('but an expired anchor that did sign is', async () => {
    clock.set(new Date('2026-06-01T00:00:00Z'))
    const signer = await createRootCa({ subject: 'CN=shared', lifetime: '1d', clock })
    const leaf = await leafBelow(signer)
    const time = new Date('2026-06-01T00:30:00Z')
    const anchors = [signer.certificate]
    const sound = await checkPath(leaf, { time, purpose: 'any', anchors })
    expect(sound.ok).toBe(true)
    // The leaf is judged first, so it must outlive its root: a root renewed for less, with the same key.
    const shorter = await createRootCa({ subject: 'CN=shared', lifetime: '10m', clock, key: signer.signer })
    const result = await checkPath(leaf, { time, purpose: 'any', anchors: [shorter.certificate] })
    expect(result.ok ? 'accepted' : result.error.code).toBe('ERR_PATH_EXPIRED')
    expect(result.ok ? undefined : result.error.certificate?.serialNumber).toBe(
      shorter.certificate.serialNumber,
    )
  })
})
