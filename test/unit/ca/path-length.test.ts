import { describe, expect, test } from 'vitest'
import { checkPath } from '../../../src/verify/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { below, ID, INTERMEDIATE, NOW, request, rootCa } from './support.ts'

const NONE = undefined
type Length = number | undefined

describe('path length under a root (RFC 5280 §4.2.1.9, §6.1.4 (l) to (n))', () => {
  test.each<[root: Length, asked: number | 'none', expected: number | 'none' | 'refused']>([
    [NONE, 'none', 'none'],
    [NONE, 0, 0],
    [NONE, 7, 7],
    [NONE, 255, 255],
    [0, 0, 'refused'],
    [0, 'none', 'refused'],
    [1, 0, 0],
    [1, 1, 'refused'],
    [1, 'none', 'refused'],
    [2, 1, 1],
    [2, 2, 'refused'],
    [255, 254, 254],
    [255, 255, 'refused'],
  ])('root %s, asked %s: %s', async (pathLength, asked, expected) => {
    const root = await rootCa({ pathLength })
    const issue = root.issueIntermediate(await request({ subject: INTERMEDIATE }), {
      lifetime: '1d',
      pathLength: asked,
    })
    if (expected === 'refused') {
      const error = await refusalOfAsync(issue)
      expect(error.code).toBe('ERR_CA_PATH_LENGTH')
      expect(error.message).toMatch(/"CN=Root CA,O=Istio".*RFC 5280 §4\.2\.1\.9/)
      return
    }
    expect((await issue).certificate.pathLength).toBe(expected === 'none' ? undefined : expected)
  })
})

describe('two levels: every certificate above counts, whichever allows least', () => {
  test.each<[root: Length, middle: number | 'none', asked: number | 'none', accepted: boolean]>([
    [NONE, 'none', 'none', true],
    [NONE, 'none', 3, true],
    [NONE, 0, 0, false],
    [NONE, 1, 0, true],
    [NONE, 1, 1, false],
    [NONE, 1, 'none', false],
    [2, 1, 0, true],
    [3, 1, 0, true],
    [3, 1, 1, false],
    [3, 2, 1, true],
    [1, 0, 0, false],
  ])('root %s, intermediate %s, asked %s: %s', async (rootLength, middleLength, asked, accepted) => {
    const root = await rootCa({ pathLength: rootLength })
    const middle = await below(root, { pathLength: middleLength })
    const subject = 'CN=third'
    const issue = middle.issueIntermediate(await request({ subject }), { lifetime: '1d', pathLength: asked })
    if (!accepted) {
      expect((await refusalOfAsync(issue)).code).toBe('ERR_CA_PATH_LENGTH')
      return
    }
    const { certificate, chain } = await issue
    expect(chain.map((c) => String(c.subject))).toEqual([subject, INTERMEDIATE, 'CN=Root CA,O=Istio'])
    // The leaf of a third CA verifies: taken over with its key and used.
    const third = await below(middle, { subject: 'CN=another', pathLength: asked })
    const workload = await third.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    const verdict = await checkPath(workload.certificate, {
      anchors: root.certificate,
      intermediates: workload.chain.slice(1, -1),
      purpose: 'serverAuth',
      time: NOW,
    })
    expect(verdict.ok).toBe(true)
    expect(certificate.isCa).toBe(true)
  })

  test('a root with path length 0 issues workloads', async () => {
    const root = await rootCa({ pathLength: 0 })
    await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    const error = await refusalOfAsync(
      root.issueIntermediate(await request({ subject: INTERMEDIATE }), { lifetime: '1d' }),
    )
    expect(error.message).toMatch(
      /has path length 0, so no certificate could ever verify below another intermediate/,
    )
    expect(error.data).toEqual({ allowed: 0, needed: 1 })
  })

  test('what was asked and what is left is in the refusal', async () => {
    const root = await rootCa({ pathLength: 3 })
    const error = await refusalOfAsync(
      root.issueIntermediate(await request({ subject: INTERMEDIATE }), { lifetime: '1d', pathLength: 5 }),
    )
    expect(error.message).toMatch(/path length 5 was asked for, but .* with path length 3 leaves at most 2/)
    expect(error.data).toEqual({ allowed: 2, asked: 5 })
  })
})

describe('defaults (mesh-contracts §1.4, §2.4)', () => {
  test.each([
    ['mesh', 0],
    ['istio', 0],
    ['gloo', undefined],
  ] as const)('%s: %s; a root has none', async (profile, expected) => {
    const root = await rootCa({ profile })
    const { certificate } = await root.issueIntermediate(await request({ subject: INTERMEDIATE }), {
      lifetime: '1d',
    })
    expect([root.certificate.pathLength, certificate.pathLength]).toEqual([undefined, expected])
  })

  test.each<[unknown, ErrorConstructor]>([
    [-1, RangeError],
    [256, RangeError],
    [0.5, RangeError],
    [Number.NaN, RangeError],
    [Number.POSITIVE_INFINITY, RangeError],
    ['0', TypeError],
    ['None', TypeError],
    [1n, TypeError],
  ])('%s is no path length', async (pathLength, type) => {
    const root = await rootCa()
    const wrong = pathLength as number
    const issue = root.issueIntermediate(await request({ subject: INTERMEDIATE }), {
      lifetime: '1d',
      pathLength: wrong,
    })
    await expect(issue).rejects.toThrow(type)
    await expect(rootCa({ pathLength: wrong })).rejects.toThrow(/option "pathLength"/)
  })
})
