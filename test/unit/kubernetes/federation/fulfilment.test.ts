import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { MeshPkiError } from '../../../../src/errors.ts'
import {
  isSwap,
  namesOneAuthority,
  readTrustBundle,
  rootsOfAuthority,
  rootsToPublish,
  whyNotFulfilled,
} from '../../../../src/kubernetes/federation/fulfilment.ts'
import { wishOf } from '../../../../src/kubernetes/federation/installed-ca.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import {
  caUnder,
  DAY,
  HOST,
  installedOf,
  instant,
  type MadeCa,
  NOW,
  orderOf,
  pemOf,
  rootOf,
} from './parts.ts'

let [a, b, c]: CertificateAuthority[] = []
let east: MadeCa
const root = (one: CertificateAuthority | undefined): CertificateAuthority => {
  if (one === undefined) throw new Error('it was not made')
  return one
}
const certificatesOf = (...roots: readonly CertificateAuthority[]) => roots.map((one) => one.certificate)

beforeAll(async () => {
  ;[a, b, c] = await Promise.all([rootOf('a'), rootOf('b'), rootOf('c')])
  east = await caUnder(root(a))
})

const foreignLabels = { labels: {} }
const view = { order: orderOf(), now: NOW, foreign: 'refuse' as const }

describe('whether a CA is what was ordered', () => {
  test('it is, for what was issued so; none is not', async () => {
    const installed = await installedOf(east, [root(a)])
    expect(await whyNotFulfilled({ ...view, installed }, certificatesOf(root(a)))).toBeUndefined()
    expect(await whyNotFulfilled({ ...view, installed: undefined }, undefined)).toBeDefined()
  })

  test.each([
    ['another name', [`${HOST}-2`]],
    ['one name more', [HOST, `${HOST}-2`]],
    ['none', []],
  ])('not with %s, whoever installed it', async (_name, hosts) => {
    const ca = await caUnder(root(a), { hosts })
    for (const labels of [undefined, {}]) {
      const installed = await installedOf(ca, [root(a)], labels === undefined ? {} : { labels })
      expect(await whyNotFulfilled({ ...view, installed }, undefined)).toMatch(/names/)
    }
  })

  test('names in another order are the same names', async () => {
    const hosts = [`${HOST}-2`, HOST]
    const installed = await installedOf(await caUnder(root(a), { hosts }), [root(a)])
    const order = orderOf({ hosts: [...hosts].reverse() })
    expect(await whyNotFulfilled({ ...view, order, installed }, undefined)).toBeUndefined()
  })

  test('one that was taken over keeps its names for the wish that it was taken over for, and no other', async () => {
    const ca = await caUnder(root(a), { hosts: [`${HOST}-2`] })
    const wish = wishOf(view.order.spec)
    const of = (adopted: string) =>
      installedOf(ca, [root(a)], {
        labels: { [FederationMark.agent]: 'mesh-pki' },
        annotations: { [FederationMark.adopted]: adopted },
      })
    expect(await whyNotFulfilled({ ...view, installed: await of(wish) }, undefined)).toBeUndefined()
    expect(await whyNotFulfilled({ ...view, installed: await of('another') }, undefined)).toMatch(/names/)
    // What somebody else's annotation says counts only where taking over is wanted.
    const foreign = await installedOf(ca, [root(a)], {
      labels: {},
      annotations: { [FederationMark.adopted]: wish },
    })
    expect(await whyNotFulfilled({ ...view, installed: foreign }, undefined)).toMatch(/names/)
    expect(
      await whyNotFulfilled({ ...view, installed: foreign, foreign: 'adopt' }, undefined),
    ).toBeUndefined()
  })

  test.each([
    ['allows CAs below', { pathLength: 1 }],
    ['has another kind of key', { algorithm: 'P-384' as const }],
    ['lives longer', { lifetime: '366d' }],
  ])('a foreign one that %s is another one; the same terms are not', async (_name, terms) => {
    const other = await installedOf(await caUnder(root(a), terms), [root(a)], foreignLabels)
    expect(await whyNotFulfilled({ ...view, installed: other }, undefined)).toBeDefined()
    const same = await installedOf(east, [root(a)], foreignLabels)
    expect(await whyNotFulfilled({ ...view, installed: same }, undefined)).toBeUndefined()
  })

  test('it is due when the tenth of its life remains that was ordered, and not before', async () => {
    const installed = await installedOf(east, [root(a)])
    // 365 days, of which 36.5 remain.
    expect(await whyNotFulfilled({ ...view, installed, now: instant(328 * DAY) }, undefined)).toBeUndefined()
    expect(await whyNotFulfilled({ ...view, installed, now: instant(329 * DAY) }, undefined)).toMatch(
      /renewal/,
    )
  })

  test('it must lead to the roots beside it, and to those that were ordered', async () => {
    const beside = await installedOf(east, [root(b)])
    expect(await whyNotFulfilled({ ...view, installed: beside }, certificatesOf(root(a)))).toMatch(/beside/)
    const installed = await installedOf(east, [root(a)])
    const why = await whyNotFulfilled({ ...view, installed }, certificatesOf(root(b)))
    expect(why).toMatch(/roots that were ordered/)
    // The order says nothing of an authority: nobody is told to look for one.
    expect(why).not.toMatch(/authority/)
    expect(await whyNotFulfilled({ ...view, installed }, certificatesOf(root(b), root(a)))).toBeUndefined()
  })

  test('of several roots it must lead to one of the authority that was ordered', async () => {
    const installed = await installedOf(east, [root(a), root(b)])
    const both = certificatesOf(root(a), root(b))
    const of = (one: CertificateAuthority) =>
      orderOf({ authority: 'next', authorityRoots: [one.certificate.fingerprint()] })
    expect(await whyNotFulfilled({ ...view, order: of(root(a)), installed }, both)).toBeUndefined()
    expect(await whyNotFulfilled({ ...view, order: of(root(b)), installed }, both)).toMatch(/next/)
    // Without a bundle the roots beside it are those that count.
    expect(await whyNotFulfilled({ ...view, order: of(root(b)), installed }, undefined)).toMatch(/next/)
  })
})

describe('the roots of the ordered authority', () => {
  test('are those that the order names, or all where it names none', () => {
    const both = certificatesOf(root(a), root(b))
    const { spec } = orderOf({ authorityRoots: [root(b).certificate.fingerprint()] })
    expect(rootsOfAuthority(spec, both).map(String)).toEqual([String(root(b).certificate)])
    expect(rootsOfAuthority(orderOf().spec, both)).toHaveLength(2)
  })

  test('tell under which authority a CA is; several roots without a name do not', () => {
    const [one, two] = certificatesOf(root(a), root(b))
    if (one === undefined || two === undefined) throw new Error('unreachable')
    expect(namesOneAuthority(orderOf().spec, [one, one])).toBe(true)
    expect(namesOneAuthority(orderOf().spec, [one, two])).toBe(false)
    expect(namesOneAuthority(orderOf({ authorityRoots: [one.fingerprint()] }).spec, [one, two])).toBe(true)
  })
})

describe('roots are published', () => {
  const numbered = { bundleSequence: 8, rollover: 'a>b' }
  const marks = (sequence: string, rollover: string) => ({
    annotations: { [FederationMark.bundle]: sequence, [FederationMark.rollover]: rollover },
  })

  test('where they differ and the CA is under them; never roots that the CA is not under', async () => {
    const installed = await installedOf(east, [root(a)])
    const wider = certificatesOf(root(a), root(b))
    expect(await rootsToPublish({ ...view, installed }, wider)).toEqual(wider)
    expect(await rootsToPublish({ ...view, installed }, certificatesOf(root(b)))).toBeUndefined()
    expect(await rootsToPublish({ ...view, installed }, certificatesOf(root(a)))).toBeUndefined()
    expect(await rootsToPublish({ ...view, installed }, undefined)).toBeUndefined()
    expect(await rootsToPublish({ ...view, installed: undefined }, wider)).toBeUndefined()
  })

  test('in the order and number in which they were ordered: the same root twice is news to agents', async () => {
    const installed = await installedOf(east, [root(a), root(b)])
    for (const wanted of [
      certificatesOf(root(b), root(a)),
      certificatesOf(root(a), root(b), root(b)),
      certificatesOf(root(a)),
    ])
      expect(await rootsToPublish({ ...view, installed }, wanted)).toEqual(wanted)
  })

  test('also where only their number or the rollover is another, so that a rollover goes on', async () => {
    const order = orderOf(numbered)
    const roots = certificatesOf(root(a))
    const of = async (sequence: string, rollover: string) =>
      rootsToPublish(
        { ...view, order, installed: await installedOf(east, [root(a)], marks(sequence, rollover)) },
        roots,
      )
    expect(await of('8', 'a>b')).toBeUndefined()
    expect(await of('7', 'a>b')).toEqual(roots)
    expect(await of('8', 'a>c')).toEqual(roots)
  })
})

describe('an exchange of roots', () => {
  test('is one where neither set holds the other, and the CA works', async () => {
    const installed = await installedOf(east, [root(a), root(b)])
    const of = (...roots: readonly CertificateAuthority[]) =>
      isSwap({ ...view, installed }, certificatesOf(...roots))
    expect(await of(root(c))).toBe(true)
    expect(await of(root(a), root(c))).toBe(true)
    expect(await of(root(a))).toBe(false)
    expect(await of(root(b), root(a), root(a))).toBe(false)
    expect(await of(root(a), root(b), root(c))).toBe(false)
  })

  test('there is nothing to keep where the CA does not work, or is none', async () => {
    const installed = await installedOf(east, [root(b)])
    expect(await isSwap({ ...view, installed }, certificatesOf(root(c)))).toBe(false)
    expect(await isSwap({ ...view, installed: undefined }, certificatesOf(root(c)))).toBe(false)
    const works = await installedOf(east, [root(a)])
    expect(await isSwap({ ...view, installed: works }, certificatesOf(root(c)))).toBe(true)
    expect(
      await isSwap({ ...view, installed: works, now: instant(400 * DAY) }, certificatesOf(root(c))),
    ).toBe(false)
  })
})

describe('the roots of an order are read', () => {
  test('as certificates of CAs, and refused where one is none or nothing can be read', async () => {
    const { csr } = await createCsr({ key: 'P-256' })
    const leaf = await root(a).issueWorkload(csr, { id: 'spiffe://x/y', lifetime: '1h' })
    const read = readTrustBundle(pemOf(root(a), root(b)))
    if (!Array.isArray(read)) throw new Error(String(read))
    expect(read.map(String)).toEqual(certificatesOf(root(a), root(b)).map(String))
    expect(readTrustBundle(undefined)).toBeUndefined()
    for (const text of [leaf.certificate.toPem(), pemOf(root(a)) + leaf.certificate.toPem()]) {
      const refused = readTrustBundle(text)
      expect(refused instanceof MeshPkiError ? refused.code : refused).toBe('ERR_CA_NOT_CA')
    }
    expect(readTrustBundle('no certificate')).toBeInstanceOf(MeshPkiError)
  })
})
