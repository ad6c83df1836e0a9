import { describe, expect, test } from 'vitest'
import { checkCacerts } from '../../../../src/kubernetes/lint/check-cacerts.ts'
import { caBelow, pem, privatePem, rootOf } from '../../ca/lint/support.ts'
import { keysOf } from '../../verify/forge.ts'
import * as fixtures from '../fixtures.ts'
import { expectSealed, secretOf } from '../support.ts'
import { CASES, type CacertsCase, INCOMPLETE, QUIRKS } from './check-cacerts-cases.ts'
import { CASES_TIME, ca, four, KEY, root } from './check-cacerts-material.ts'

const time = CASES_TIME
const check = ({ texts, startup }: CacertsCase, istioVersion?: string) =>
  checkCacerts(secretOf(texts), {
    parity: 'istio',
    time,
    ...(startup === undefined ? {} : { startup }),
    ...(istioVersion === undefined ? {} : { istioVersion }),
  })

test.each([...CASES, ...INCOMPLETE, ...QUIRKS].map((each) => [each.name, each] as const))(
  '%s',
  async (_, each) => {
    const verdict = await check(each)
    const [step, message] = each.refused ?? []
    if (step === undefined || message === undefined) {
      expect(verdict).toMatchObject({ ok: true })
    } else {
      expect(verdict).toMatchObject({ ok: false, step, message: expect.stringContaining(message) })
      expect(!verdict.ok && verdict.message.startsWith(message)).toBe(true)
    }
    expectSealed(verdict)
  },
)

describe('what istiod takes and should not is in the findings', () => {
  const named = (name: string) => CASES.find((each) => each.name.startsWith(name)) ?? { name, texts: {} }
  test.each([
    ['a root with path length 0', 'no-workload-verifies'],
    ['garbage among the roots', 'root-skipped'],
    ['a root that stands twice', 'duplicate-root'],
    ['three levels, the chain in another order', 'chain-reversed'],
  ])('%s: %s', async (name, code) => {
    const verdict = await check(named(name))
    expect(verdict.ok).toBe(true)
    expect(verdict.findings.map((each) => each.code)).toContain(code)
  })

  test('a sound one has none', async () => {
    expect(await check(named('two levels'))).toEqual({ ok: true, findings: [] })
  })
})

describe('releases', () => {
  const of = (texts: Readonly<Record<string, string>>) => ({ name: '', texts })
  test('before 1.27 only the key told whether there is a bundle', async () => {
    const sound = four(pem(ca), '', pem(root))
    const without = (key: string) =>
      of(Object.fromEntries(Object.entries(sound).filter(([each]) => each !== key)))
    expect(await check(without('ca-key.pem'), '1.26.8')).toMatchObject({
      step: 'incomplete',
      message: expect.stringContaining('a CA of its own'),
    })
    expect(await check(without('root-cert.pem'), '1.26.8')).toMatchObject({
      step: 'incomplete',
      message: 'failed to create an istiod CA: open ./etc/cacerts/root-cert.pem: no such file or directory',
    })
    expect(await check(without('ca-key.pem'), '1.27.0')).toMatchObject({
      message: 'failed to create an istiod CA: incomplete signing CA bundle detected',
    })
  })

  test('before 1.27 CRLs were not read', async () => {
    const broken = of(four(pem(ca), pem(ca), pem(root), KEY, { 'ca-crl.pem': 'x' }))
    expect((await check(broken, '1.26.8')).ok).toBe(true)
    expect(await check(broken, '1.27.0')).toMatchObject({ step: 5 })
  })
})

describe('nothing of a key comes back', () => {
  test.each([
    [
      'in a label',
      `-----BEGIN ${fixtures.RSA_KEY.slice(40, 60)}-----\nMAA=\n-----END ${fixtures.RSA_KEY.slice(40, 60)}-----\n`,
    ],
    ['in a broken block', fixtures.RSA_KEY.replace('MIIE', 'MIIF')],
    ['as the certificate', ''],
  ])('%s', async (_, key) => {
    const texts =
      key === ''
        ? four(fixtures.RSA_KEY, fixtures.RSA_KEY, fixtures.RSA_KEY)
        : four(pem(ca), '', pem(root), key)
    const verdict = await check({ name: '', texts })
    expect(verdict.ok).toBe(false)
    expectSealed(verdict)
  })
})

test('a weak key and a weak certificate: stricter than Go', async () => {
  const weak = keysOf('weak', 'RSA-1024')
  const weakPem = String(weak.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const signer = caBelow(root, 'Weak', { keys: weak })
  // Go takes it.
  expect(await check({ name: '', texts: four(pem(signer), '', pem(root), weakPem) })).toMatchObject({
    step: 2,
  })
  expect(await check({ name: '', texts: four(pem(ca), '', pem(root), weakPem) })).toMatchObject({
    step: 4,
    message: expect.stringContaining('does not match'),
  })
})

test('many certificates end', async () => {
  const twins = Array.from({ length: 60 }, (_, i) => rootOf('Matrix Root', { keys: keysOf(`twin ${i % 3}`) }))
  const verdict = await check({ name: '', texts: four(pem(ca), pem(...twins), pem(...twins, root)) })
  expect(verdict.ok).toBe(true)
})

test('options, and secrets that no istiod sees', async () => {
  const secret = secretOf(four(pem(ca), '', pem(root), privatePem('Matrix CA')))
  await expect(checkCacerts(secret, { parity: 'gloo' as never })).rejects.toThrow('"parity"')
  await expect(checkCacerts(secret, { startup: 'yes' as never })).rejects.toThrow('"startup"')
  await expect(checkCacerts(secret, { time: 5 as never })).rejects.toThrow('"time"')
  await expect(checkCacerts(secret, { version: 'x' } as never)).rejects.toThrow('"version"')
  await expect(checkCacerts(undefined as never)).rejects.toThrow(TypeError)
  const damaged = { ...secret, data: { ...secret.data, 'ca-cert.pem': '*' } }
  await expect(checkCacerts(damaged, { time })).rejects.toThrow(
    expect.objectContaining({ code: 'ERR_KUBERNETES_SECRET_DATA' }),
  )
})
