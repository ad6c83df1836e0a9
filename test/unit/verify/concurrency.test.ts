/**
 * Many verifications at the same time answer what each answers alone.
 */
import { describe, expect, test } from 'vitest'
import { checkPath, checkPathSync, TrustStore } from '../../../src/verify/index.ts'
import { forge, forgeCa, keysOf, NOW, withBadSignature } from './forge.ts'

const KINDS = ['P-256', 'P-384', 'Ed25519', 'RSA-2048'] as const

const hierarchies = KINDS.map((kind) => {
  const root = forgeCa({ subject: `concurrent ${kind}`, keys: keysOf(`concurrent ${kind}`, kind) })
  const ca = forgeCa({
    subject: `concurrent ca ${kind}`,
    keys: keysOf(`concurrent ca ${kind}`, kind),
    issuer: root,
  })
  const leaves = Array.from({ length: 6 }, (_, i) => {
    const leaf = forge({
      subject: `leaf ${i}`,
      issuer: ca,
      ...(i === 1 ? { notAfter: '2026-02-01T00:00:00Z' } : {}),
    })
    return i === 2 ? withBadSignature(leaf.der) : leaf.der
  })
  return { root, ca, leaves }
})

describe('300 in flight, of every kind of key, a third of them bad', () => {
  test('the answers are those of checkPathSync', async () => {
    const anchors = hierarchies.map(({ root }) => root.der)
    const store = new TrustStore({ anchors })
    const questions = Array.from({ length: 300 }, (_, i) => {
      const { ca, leaves } = hierarchies[i % KINDS.length] ?? expect.fail()
      return { leaf: leaves[Math.floor(i / KINDS.length) % 6] ?? expect.fail(), intermediates: [ca.der] }
    })
    const ask = { time: NOW, purpose: 'any' } as const
    const alone = questions.map(({ leaf, intermediates }) =>
      checkPathSync(leaf, { ...ask, anchors, intermediates }),
    )
    const together = await Promise.all(
      questions.map(({ leaf, intermediates }) => checkPath(leaf, { ...ask, store, intermediates })),
    )
    const outcome = (result: (typeof alone)[number]): string => (result.ok ? 'accept' : result.error.code)
    expect(together.map(outcome)).toEqual(alone.map(outcome))
    expect(new Set(together.map(outcome))).toEqual(
      new Set(['accept', 'ERR_PATH_EXPIRED', 'ERR_PATH_SIGNATURE']),
    )
  })

  test('what the caller does with its buffers after the call changes nothing', async () => {
    const { root, ca, leaves } = hierarchies[0] ?? expect.fail()
    const store = new TrustStore({ anchors: root.der })
    const [good = root.der, , bad = root.der] = leaves
    const checks = Array.from({ length: 40 }, (_, i) => {
      const buffer = (i % 2 === 0 ? good : bad).slice()
      const result = checkPath(buffer, { store, intermediates: ca.der, time: NOW, purpose: 'any' })
      buffer.set((i % 2 === 0 ? bad : good).subarray(0, buffer.length))
      return result
    })
    const results = await Promise.all(checks)
    expect(results.map(({ ok }) => ok)).toEqual(results.map((_, i) => i % 2 === 0))
  })
})
