import { describe, expect, test } from 'vitest'
import {
  type CacertsDescription,
  describeCacerts,
  printCacerts,
  type SecretLike,
} from '../../../../src/kubernetes/index.ts'
import { codesOf, pem, rootOf } from '../../ca/lint/support.ts'
import * as fixtures from '../fixtures.ts'
import { base64, expectSealed, secretOf } from '../support.ts'
import { ca, crlOf, four, KEY, middle, root, stranger, CASES_TIME as time } from './check-cacerts-material.ts'

const sound = four(pem(ca), pem(ca, root), pem(root))
const tell = (object: Parameters<typeof describeCacerts>[0], options = {}) =>
  describeCacerts(object, { time, ...options })
const entry = ({ entries }: CacertsDescription, key: string) => entries.find((one) => one.key === key)
const content = (description: CacertsDescription, key: string) =>
  entry(description, key)?.content?.parts.map((part) => part.content)

describe('a cacerts secret', () => {
  test('a sound one: its certificates, its key, istiod’s verdict', async () => {
    const described = await tell(secretOf(sound))
    expect(described).toMatchObject({
      kind: 'cacerts',
      at: '2026-06-01T00:00:00Z',
      object: 'Secret istio-system/cacerts',
      layout: 'istio',
      missing: [],
      istiod: { ok: true },
    })
    expect(described.entries.map(({ key, holds, state }) => [key, holds, state])).toEqual([
      ['ca-cert.pem', 'signing certificate', 'described'],
      ['cert-chain.pem', 'chain', 'described'],
      ['root-cert.pem', 'roots', 'described'],
      ['ca-key.pem', 'private key', 'present'],
    ])
    expect(content(described, 'ca-cert.pem')).toMatchObject([
      {
        kind: 'certificate',
        role: 'intermediate',
        subject: 'CN=Matrix CA',
        trust: [{ anchors: 'root-cert.pem', path: { ok: true } }],
      },
    ])
    expect(content(described, 'cert-chain.pem')).toMatchObject([{ kind: 'chain', order: 'leaf-first' }])
    expect(content(described, 'root-cert.pem')).toMatchObject([{ role: 'root', subject: 'CN=Matrix Root' }])
    expectSealed(described)
  })

  test('one that istiod refuses, with its words', async () => {
    const described = await tell(secretOf(four(pem(ca), '', pem(stranger))))
    expect(described.istiod).toMatchObject({
      ok: false,
      step: 2,
      message: expect.stringContaining('cannot verify the cert with the provided root chain'),
    })
    expect(codesOf(described.findings)).toContain('issuer-missing')
    expect(content(described, 'ca-cert.pem')).toMatchObject([
      { trust: [{ anchors: 'root-cert.pem', path: { ok: false, code: 'ERR_PATH_NO_ISSUER' } }] },
    ])
    expect(entry(described, 'cert-chain.pem')).toEqual({
      key: 'cert-chain.pem',
      holds: 'chain',
      state: 'empty',
    })
  })

  test('others that may trust it stand beside its own roots', async () => {
    const described = await tell(secretOf(sound), {
      anchors: { west: pem(stranger), east: root.certificate },
    })
    expect(content(described, 'ca-cert.pem')).toMatchObject([
      {
        trust: [
          { anchors: 'root-cert.pem', path: { ok: true } },
          { anchors: 'west', path: { ok: false } },
          { anchors: 'east', path: { ok: true } },
        ],
      },
    ])
  })

  test('below two CAs the chain leads to the root', async () => {
    const texts = { ...sound, 'ca-cert.pem': pem(ca), 'cert-chain.pem': pem(ca, middle) }
    expect((await tell(secretOf(texts))).istiod).toEqual({ ok: true })
  })

  test('without a key, and with an empty one', async () => {
    const { 'ca-key.pem': _, ...keyless } = sound
    const described = await tell(secretOf(keyless))
    expect(described.missing).toEqual(['ca-key.pem'])
    expect(described.istiod).toMatchObject({ ok: false, step: 'incomplete' })
    const legacy = await tell(secretOf({ ...sound, 'key.pem': '' }))
    expect(legacy.layout).toBe('istio-legacy')
    expect(entry(legacy, 'key.pem')).toEqual({ key: 'key.pem', holds: 'private key', state: 'empty' })
  })

  test('as kubernetes.io/tls', async () => {
    const texts = { 'tls.crt': pem(ca), 'tls.key': KEY, 'ca.crt': pem(root) }
    const described = await tell(secretOf(texts, { type: 'kubernetes.io/tls' }))
    expect(described).toMatchObject({ layout: 'tls', missing: [], istiod: { ok: true } })
    expect(content(described, 'tls.crt')).toMatchObject([
      { trust: [{ anchors: 'ca.crt', path: { ok: true } }] },
    ])
  })

  test('with CRLs', async () => {
    const described = await tell(secretOf({ ...sound, 'ca-crl.pem': crlOf(root) }))
    expect(content(described, 'ca-crl.pem')).toMatchObject([{ kind: 'crl', issuer: 'CN=Matrix Root' }])
  })

  test('roots of Gloo Mesh', async () => {
    const legacy = secretOf(
      { 'root-cert.pem': pem(root), 'key.pem': KEY },
      { metadata: { name: 'root' }, type: 'certificates.mesh.gloo.solo.io/generated_signing_cert' },
    )
    expect(await tell(legacy)).toMatchObject({ layout: 'gloo-legacy-root', missing: [] })
    expect(await tell(legacy)).not.toHaveProperty('istiod')
  })

  test('data that istiod’s and nobody’s code knows is named only', async () => {
    const described = await tell(secretOf({ ...sound, 'notes\u001b.txt': pem(root) }))
    expect(described.entries.find(({ holds }) => holds === 'other')).toEqual({
      key: 'notes\\u{1b}.txt',
      holds: 'other',
      state: 'present',
    })
  })
})

describe('private keys', () => {
  test('stand nowhere in it, wherever they stand in the secret', async () => {
    const key = fixtures.INTERMEDIATE_A_KEY
    const misplaced = {
      'ca-cert.pem': `${fixtures.INTERMEDIATE_A}${key}`,
      'ca-key.pem': key,
      'cert-chain.pem': key,
      'root-cert.pem': fixtures.ROOT_A,
      notes: key,
    }
    const described = await tell(secretOf(misplaced))
    expect(content(described, 'cert-chain.pem')).toEqual([{ kind: 'private-key', label: 'PRIVATE KEY' }])
    expectSealed(described)
    expectSealed(printCacerts(described))
    expect(codesOf(described.findings)).toContain('private-key-among-certificates')
  })
})

describe('what is not readable', () => {
  test('base64 that is none is told, and the rest described', async () => {
    const secret = secretOf(sound)
    const broken: SecretLike = { ...secret, data: { ...secret.data, 'root-cert.pem': '***' } }
    const described = await tell(broken)
    expect(entry(described, 'root-cert.pem')).toMatchObject({ state: 'unreadable' })
    expect(entry(described, 'ca-cert.pem')).toMatchObject({ state: 'described' })
    expect(described).not.toHaveProperty('istiod')
    expect(codesOf(described.findings)).toContain('secret-data')
  })

  test('a text without PEM', async () => {
    const described = await tell(secretOf({ ...sound, 'ca-cert.pem': 'nothing' }))
    expect(entry(described, 'ca-cert.pem')).toMatchObject({
      state: 'unreadable',
      problem: expect.stringContaining('no PEM block'),
    })
  })

  test('an empty secret, and another', async () => {
    expect(await tell({})).toMatchObject({ layout: 'unknown', entries: [] })
    expect(await tell(secretOf({ a: 'b' }, { metadata: { name: 'x' } }))).toMatchObject({ layout: 'unknown' })
  })
})

describe('a ConfigMap', () => {
  const map = { kind: 'ConfigMap', metadata: { name: 'istio-ca-root-cert', namespace: 'shop' } }

  test('its certificates, with or without a kind', async () => {
    const other = rootOf('Matrix Other')
    const data = { 'root-cert.pem': pem(root, other), mesh: 'a: b' }
    const described = await tell({ ...map, data })
    expect(described).toMatchObject({
      object: 'ConfigMap shop/istio-ca-root-cert',
      layout: 'config-map',
      findings: [],
    })
    expect(content(described, 'root-cert.pem')).toMatchObject([{ kind: 'chain', order: 'roots' }])
    expect(entry(described, 'mesh')).toEqual({ key: 'mesh', holds: 'other', state: 'present' })
    expect(described).not.toHaveProperty('istiod')
    const { kind: _, ...bare } = map
    expect(await tell({ ...bare, data })).toEqual(described)
  })

  test('a Secret without a kind is none', async () => {
    const { kind: _, ...bare } = secretOf(sound)
    expect(await tell(bare)).toMatchObject({ layout: 'istio' })
  })

  test('a key in it is named only', async () => {
    const described = await tell({ ...map, data: { 'root-cert.pem': pem(root) + KEY } })
    expect(content(described, 'root-cert.pem')?.map(({ kind }) => kind)).toEqual([
      'certificate',
      'private-key',
    ])
    for (const line of KEY.split('\n').slice(1, 3))
      expect(JSON.stringify(described)).not.toContain(line.slice(0, 12))
  })
})

describe('printed', () => {
  test('a summary, then each data key', async () => {
    const text = printCacerts(await tell(secretOf(sound)))
    expect(text.split('\n').slice(0, 2)).toEqual([
      'Secret istio-system/cacerts',
      '  layout            istio: plug-in CA of istiod, four keys',
    ])
    expect(text).toContain('  istiod            takes it\n')
    expect(text).toContain('\n== ca-cert.pem\n')
    expect(text).not.toContain('== ca-key.pem')
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  test('what stands in two keys is printed once', async () => {
    const text = printCacerts(await tell(secretOf({ ...sound, 'cert-chain.pem': pem(ca) })))
    expect(text).toContain('\n== cert-chain.pem\n  the same certificate as in ca-cert.pem\n')
    expect(text).toContain('\n== root-cert.pem\n\nCertificate: root CA')
  })

  test('a refusal', async () => {
    const text = printCacerts(await tell(secretOf(four(pem(ca), '', pem(stranger)))))
    expect(text).toContain('  istiod            refuses it, step 2: cannot verify the cert')
    expect(text).toMatch(/^ {2}error +issuer-missing: /m)
  })

  test('only of a description', () => {
    expect(() => Reflect.apply(printCacerts, undefined, [{}])).toThrow(TypeError)
    expect(() => Reflect.apply(printCacerts, undefined, [undefined])).toThrow(TypeError)
  })
})

describe('misuse', () => {
  test.each([
    [[undefined], TypeError],
    [[[]], TypeError],
    [['x'], TypeError],
    [[{}, { lint: true }], TypeError],
    [[{}, { time: 1 }], TypeError],
    [[{}, { istioVersion: 'new' }], Error],
    [[{}, { anchors: { a: 5 } }], TypeError],
  ])('%#', async (args, type) => {
    await expect(Reflect.apply(describeCacerts, undefined, args)).rejects.toThrow(type)
  })

  test('anchors that cannot be read are the caller’s fault, not one of the object', async () => {
    await expect(tell(secretOf(sound), { anchors: { west: base64('x') } })).rejects.toMatchObject({
      code: 'ERR_PEM_NO_BLOCK',
      message: expect.stringContaining('anchors.west'),
    })
  })
})
