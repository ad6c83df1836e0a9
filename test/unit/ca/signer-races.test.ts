import { describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../../../src/ca/index.ts'
import { createCsr, verifyProofOfPossession } from '../../../src/csr/index.ts'
import { checkPath } from '../../../src/verify/index.ts'
import { CallersSigner, clockAt, ID, keyOf, NOW, request, rootCa } from './support.ts'

/** Runs after so many turns of the microtask queue. */
async function later(turns: number, action: () => void): Promise<void> {
  for (let i = 0; i < turns; i++) await undefined
  action()
}

/** Ends when every microtask of before has run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const TURNS = Array.from({ length: 16 }, (_, turns) => turns)
/** A byte of the issuer's name, which nothing compares with what was meant. */
const ISSUER = 60

describe('a signer that keeps its arguments and its answer, and changes them while they are verified', () => {
  test.each(TURNS)('after %i turns: what is released is what was verified', async (turns) => {
    const inner = await keyOf('P-256')
    const { certificate } = await rootCa({ key: inner })
    for (const change of ['bytes', 'signature'] as const) {
      let armed = false
      const signer = new CallersSigner(inner, (tbs) => {
        const signature = inner.sign(tbs) as Uint8Array
        if (armed)
          void later(turns, () => {
            const target = change === 'bytes' ? tbs : signature
            const at = change === 'bytes' ? ISSUER : signature.length - 1
            target[at] = (target[at] ?? 0) ^ 1
          })
        return signature
      })
      const ca = await CertificateAuthority.from({ certificate, signer, clock: clockAt() })
      const csr = await request()
      armed = true
      const issued = await ca.issueWorkload(csr, { id: ID, lifetime: '1h' }).then(
        (result) => result.certificate,
        (error: { code?: string }) => error.code,
      )
      await settled()
      if (issued === undefined || typeof issued === 'string') {
        expect(issued).toMatch(/^ERR_(CA|DER)_/)
        continue
      }
      const verdict = await checkPath(issued, { anchors: certificate, purpose: 'serverAuth', time: NOW })
      expect(verdict.ok).toBe(true)
    }
  })

  test.each(TURNS)('after %i turns: the same for a request', async (turns) => {
    const inner = await keyOf('P-256')
    const signer = new CallersSigner(inner, (tbs) => {
      const signature = inner.sign(tbs) as Uint8Array
      void later(turns, () => {
        tbs.fill(0x41, 10, 12)
        signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1
      })
      return signature
    })
    const made = await createCsr({ key: signer, subject: 'CN=abcdef' }).catch(() => undefined)
    await settled()
    if (made !== undefined) await verifyProofOfPossession(made.csr)
    const honest = await createCsr({ key: new CallersSigner(inner), subject: 'CN=abcdef' })
    await verifyProofOfPossession(honest.csr)
  })
})
