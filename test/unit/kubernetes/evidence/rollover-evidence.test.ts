import { expect, test } from 'vitest'
import { readEnvoySecrets } from '../../../../src/kubernetes/evidence/read-envoy-secrets.ts'
import { rolloverEvidence } from '../../../../src/kubernetes/evidence/rollover-evidence.ts'
import { bundleDigest } from '../../../../src/rotation/index.ts'
import { caBelow, leafBelow, pem, rootOf } from '../../ca/lint/support.ts'
import { keysOf } from '../../verify/forge.ts'
import { proxy } from './support.ts'

const rootA = rootOf('Evidence A')
const rootB = rootOf('Evidence B')
const caA = caBelow(rootA, 'Evidence CA')
const caB = caBelow(rootB, 'Evidence CA', { keys: keysOf('Evidence CA B') })
const leaf = (issuer: typeof caA, notAfter: string) => leafBelow(issuer, { notAfter })
const chainA = pem(leaf(caA, '2026-06-02T00:00:00Z'), caA)
const chainB = pem(leaf(caB, '2026-06-03T00:00:00Z'), caB)
const both = pem(rootA, rootB)
const authorities = { a: rootA.certificate, b: rootB.certificate }
const digest = bundleDigest([rootA.certificate.fingerprint(), rootB.certificate.fingerprint()])

test('what a report wants: one digest, and the authorities in use by signature', async () => {
  const proxies = [proxy('p1', both, chainA), proxy('p2', both, chainB), proxy('p3', both, chainA)]
  expect(await rolloverEvidence(proxies, { authorities })).toEqual({
    isComplete: true,
    digest,
    presents: ['a', 'b'],
    issued: [
      { authority: 'a', proxies: 2, notAfter: new Date('2026-06-02T00:00:00Z') },
      { authority: 'b', proxies: 1, notAfter: new Date('2026-06-03T00:00:00Z') },
    ],
    open: [],
  })
})

test('the greatest end counts, also of one that has passed', async () => {
  const proxies = ['2020-02-01T00:00:00Z', '2020-01-01T00:00:00Z'].map((end, i) =>
    proxy(`p${i}`, both, pem(leafBelow(caA, { notBefore: '2019-01-01T00:00:00Z', notAfter: end }), caA)),
  )
  const { issued } = await rolloverEvidence(proxies, { authorities })
  expect(issued).toEqual([{ authority: 'a', proxies: 2, notAfter: new Date('2020-02-01T00:00:00Z') }])
})

test('names alone prove nothing: the CAs of both bear one name', async () => {
  const { presents } = await rolloverEvidence([proxy('p', both, chainB)], { authorities })
  expect(presents).toEqual(['b'])
  // A root of the same name and another key is not the authority.
  const impostor = { a: rootOf('Evidence A', { keys: keysOf('impostor') }).certificate }
  const wrong = await rolloverEvidence([proxy('p', both, chainA)], { authorities: impostor })
  expect([wrong.presents, wrong.isComplete]).toEqual([[], false])
})

test('a cross-signed CA counts for both', async () => {
  const crossed = caBelow(rootB, 'Evidence CA', { keys: keysOf('Evidence CA') })
  const { presents } = await rolloverEvidence(
    [proxy('p', both, pem(leaf(caA, '2026-06-02T00:00:00Z'), caA, crossed))],
    { authorities },
  )
  expect(presents).toEqual(['a', 'b'])
})

test('what is open', async () => {
  const other = rootOf('Evidence C')
  const proxies = [
    proxy('p1', both, chainA),
    proxy('p2', both, pem(leafBelow(caBelow(other, 'X')))),
    readEnvoySecrets({ dynamicActiveSecrets: [] }, { proxy: 'p3' }),
  ]
  const evidence = await rolloverEvidence(proxies, { authorities })
  expect([evidence.isComplete, evidence.digest, evidence.presents]).toEqual([false, undefined, ['a']])
  expect(evidence.open.map((each) => each.proxy)).toEqual(['p2', 'p3', 'p3'])
  expect(evidence.open[0]?.reason).toContain('is below none of a, b')
})

test('proxies that differ have no digest', async () => {
  const evidence = await rolloverEvidence([proxy('p1', both, chainA), proxy('p2', pem(rootA), chainA)], {
    authorities,
  })
  expect([evidence.isComplete, evidence.digest, evidence.presents]).toEqual([true, undefined, ['a']])
  expect((await rolloverEvidence([], { authorities })).isComplete).toBe(false)
})

test('options', async () => {
  await expect(rolloverEvidence([], { authorities: {} })).rejects.toThrow(RangeError)
  await expect(rolloverEvidence([], { authorities: 'x' as never })).rejects.toThrow(TypeError)
  await expect(rolloverEvidence([], { roots: {} } as never)).rejects.toThrow('"roots"')
  await expect(rolloverEvidence([], { authorities: { a: 5 as never } })).rejects.toThrow('authorities.a')
})
