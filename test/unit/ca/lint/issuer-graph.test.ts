import { afterEach, expect, test, vi } from 'vitest'
import { lintChain } from '../../../../src/ca/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { forgeCa } from '../../verify/forge.ts'

afterEach(() => void vi.restoreAllMocks())

/** How often certificates and keys are hashed while so many of one name are linted. */
async function hashesOf(count: number): Promise<number> {
  const chain = Array.from(
    { length: count },
    (_, at) => forgeCa({ subject: 'one', serial: at + 1 }).certificate,
  )
  const spies = [
    vi.spyOn(Certificate.prototype, 'fingerprint'),
    vi.spyOn(Certificate.prototype, 'publicKeyFingerprint'),
  ]
  await lintChain(chain, { anchors: chain })
  return spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
}

test('certificates of one name are hashed as often as there are certificates, not pairs of them', async () => {
  const [few, many] = [await hashesOf(8), await hashesOf(64)]
  expect(few).toBeGreaterThan(0)
  // Eight times as many certificates have sixty-four times as many pairs.
  expect(many / few).toBeLessThan(12)
})
