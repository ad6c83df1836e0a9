import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import {
  hasNames,
  leadsTo,
  readInstalledCa,
  roundOf,
  wishOf,
} from '../../../../src/kubernetes/federation/installed-ca.ts'
import type { IssuedCertificateSpec } from '../../../../src/kubernetes/federation/issued-certificate.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import { type KubeObject, recordAt } from '../../../../src/kubernetes/objects/kube-object.ts'
import {
  AGENT_NAMESPACE,
  cacertsOf,
  caUnder,
  DAY,
  HOST,
  installedOf,
  instant,
  type MadeCa,
  NOW,
  orderOf,
  rootOf,
} from './parts.ts'

let a: CertificateAuthority
let b: CertificateAuthority
let east: MadeCa

beforeAll(async () => {
  ;[a, b] = await Promise.all([rootOf('a'), rootOf('b')])
  east = await caUnder(a)
})

const read = async (secret: KubeObject) => {
  const installed = await readInstalledCa(secret, AGENT_NAMESPACE)
  if (installed === undefined) throw new Error('unreachable')
  return installed
}

describe('what stands in cacerts', () => {
  test('is nothing where there is no Secret', async () => {
    expect(await readInstalledCa(undefined, AGENT_NAMESPACE)).toBeUndefined()
  })

  test('works only with the key of its certificate', async () => {
    const other = await caUnder(a)
    expect((await read(await cacertsOf(east, [a]))).bundle).toBeDefined()
    const mixed = await read(await cacertsOf({ ...east, key: other.key }, [a]))
    expect(mixed.bundle).toBeUndefined()
    expect(mixed.problem).toBeDefined()
  })

  test('that cannot be read is no failure, whatever it holds', async () => {
    const secret = await cacertsOf(east, [a])
    for (const data of [undefined, {}, null, { ...recordAt(secret, 'data'), 'ca-cert.pem': 'eA==' }, 'x']) {
      const { bundle, problem } = await read({ ...secret, data })
      expect([bundle, typeof problem]).toEqual([undefined, 'string'])
    }
  })

  test.each([
    ['ours', { [FederationMark.agent]: AGENT_NAMESPACE }, true],
    ['Gloo Mesh’s', { [FederationMark.glooAgent]: 'gloo-mesh' }, true],
    ['another agent’s', { [FederationMark.agent]: 'other' }, false],
    ['somebody’s', { app: 'x' }, false],
  ] as const)('is %s by its labels', async (_name, labels, isOurs) => {
    expect((await read(await cacertsOf(east, [a], { labels }))).isOurs).toBe(isOurs)
  })

  test('is what its annotations say, as far as they say anything', async () => {
    const of = async (annotations: Record<string, string>) =>
      read(await cacertsOf(east, [a], { annotations }))
    const told = await of({
      [FederationMark.installedAt]: '2026-03-01T00:00:00Z',
      [FederationMark.bundle]: '8',
      [FederationMark.ledger]: '{"old":"2026-03-02T00:00:00Z"}',
    })
    expect(told).toMatchObject({
      installedAt: new Date('2026-03-01T00:00:00Z'),
      bundleSequence: 8,
      ledger: { old: '2026-03-02T00:00:00Z' },
    })
    for (const wrong of ['x', '8.5', '1e400', '9007199254740993', ''])
      expect((await of({ [FederationMark.bundle]: wrong })).bundleSequence ?? 0).toBe(0)
    expect((await of({ [FederationMark.installedAt]: 'yesterday' })).installedAt).toBeUndefined()
  })

  test('has a ledger of instants, and nothing else of what a person wrote there', async () => {
    const of = async (text: string) =>
      (await read(await cacertsOf(east, [a], { annotations: { [FederationMark.ledger]: text } }))).ledger
    const good = '2026-03-02T00:00:00Z'
    expect(await of(JSON.stringify({ old: good, no: 'soon', never: 7, none: null }))).toEqual({ old: good })
    for (const text of ['', 'x', '[]', '7', 'null', '"x"', '{']) expect(await of(text)).toEqual({})
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`a${i}`, good]))
    expect(Object.keys(await of(JSON.stringify(many))).length).toBeLessThan(100)
  })
})

describe('what was wished for', () => {
  const wish = (more: Partial<IssuedCertificateSpec> = {}) => wishOf(orderOf(more).spec)

  test.each([
    ['names', { hosts: [HOST, `${HOST}-2`] }],
    ['organization', { organization: 'Other' }],
    ['lifetime', { lifetime: '100d' }],
    ['kind of key', { keyAlgorithm: 'P-384' as const }],
    ['path length', { pathLength: 1 }],
    ['no limit of CAs below', { pathLength: 'none' as const }],
    ['authority', { authority: 'root-2' }],
    ['word', { rotation: 'now' }],
  ])('is another certificate with another %s', (_name, more) => {
    expect(wish(more)).not.toBe(wish())
    expect(wish(more)).toBe(wish(more))
  })

  test('is the same certificate whatever is trusted, and however it is renewed', () => {
    for (const more of [
      { trustBundle: 'x', bundleSequence: 3, rollover: 'a>b', revision: 4 },
      { workloadLifetime: '4h' },
      { gracePeriodRatio: 0.5 },
      { target: { namespace: 'other', name: 'cacerts' } },
    ])
      expect(wish(more)).toBe(wish())
    expect(wish({ hosts: ['b', 'a'] })).toBe(wish({ hosts: ['a', 'b'] }))
    // What stands in one member is not taken for another.
    expect(wish({ authority: 'x' })).not.toBe(wish({ rotation: 'x' }))
  })

  test('is one round with each certificate that it begins with', async () => {
    const [one, other] = [await installedOf(east, [a]), await installedOf(await caUnder(a), [a])]
    const rounds = [undefined, one, other].map((installed) => roundOf('w', installed))
    expect(new Set(rounds).size).toBe(3)
    expect(roundOf('v', one)).not.toBe(roundOf('w', one))
    // Other roots begin no round.
    expect(roundOf('w', await installedOf(east, [a, b]))).toBe(rounds[1])
  })
})

describe('names', () => {
  test('are those that were ordered, all of them and no others, as URIs', async () => {
    const { csr } = await createCsr({ subject: 'O=x', key: 'P-256' })
    const dns = await a.issueIntermediate(csr, {
      lifetime: '1d',
      subjectAltNames: [{ type: 'dns', value: 'east.example' }],
    })
    expect(hasNames(east.certificate, [HOST])).toBe(true)
    expect(hasNames(east.certificate, [HOST, 'x'])).toBe(false)
    expect(hasNames(east.certificate, [HOST, HOST])).toBe(false)
    expect(hasNames(east.certificate, [])).toBe(false)
    expect(hasNames(dns.certificate, ['east.example'])).toBe(false)
    const two = await caUnder(a, { hosts: [HOST, `${HOST}-2`] })
    expect(hasNames(two.certificate, [`${HOST}-2`, HOST])).toBe(true)
    expect(hasNames(two.certificate, [HOST])).toBe(false)
  })
})

describe('a CA', () => {
  test('leads to its root while it lives, and to no other', async () => {
    expect(await leadsTo(east, [a.certificate], NOW)).toBe(true)
    expect(await leadsTo(east, [b.certificate, a.certificate], NOW)).toBe(true)
    expect(await leadsTo(east, [b.certificate], NOW)).toBe(false)
    expect(await leadsTo(east, [], NOW)).toBe(false)
    expect(await leadsTo(east, [a.certificate], instant(366 * DAY))).toBe(false)
    expect(await leadsTo(east, [a.certificate], instant(-DAY))).toBe(false)
  })
})
