import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { compareRoots } from '../../../../src/kubernetes/evidence/compare-roots.ts'
import { readEnvoySecrets } from '../../../../src/kubernetes/evidence/read-envoy-secrets.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import * as pem from '../fixtures.ts'
import { proxy } from './support.ts'

const print = (text: string) => Certificate.fromPem(text).fingerprint()
const [a, b] = [print(pem.ROOT_A), print(pem.ROOT_B)]
/** As docs/rotation.md describes it: fingerprints, sorted, a line feed after each. */
const digest = (...prints: readonly string[]) =>
  createHash('sha256')
    .update(
      [...prints]
        .sort()
        .map((each) => `${each}\n`)
        .join(''),
    )
    .digest('hex')

const both = proxy('both', pem.ROOT_A + pem.ROOT_B, pem.WORKLOAD)
const turned = proxy('turned', pem.ROOT_B + pem.ROOT_A + pem.ROOT_B, pem.WORKLOAD)
const onlyA = proxy('only-a', pem.ROOT_A, pem.WORKLOAD)

test('order and duplicates count for nothing', () => {
  const comparison = compareRoots([both, turned])
  expect(comparison).toMatchObject({ agree: true, digest: digest(a, b) })
  expect(comparison.proxies.map((each) => [each.missing, each.extra, each.digest])).toEqual([
    [[], [], digest(a, b)],
    [[], [], digest(a, b)],
  ])
})

test('who lacks which', () => {
  const comparison = compareRoots([both, onlyA])
  expect([comparison.agree, comparison.digest]).toEqual([false, undefined])
  expect(comparison.proxies.map((each) => [each.proxy, each.missing])).toEqual([
    ['both', []],
    ['only-a', [b]],
  ])
  expect(comparison.roots.map((each) => [each.fingerprint, each.holders, each.isExpected])).toEqual([
    [a, 2, true],
    [b, 1, true],
  ])
})

test('with what is expected: missing and extra', () => {
  expect(compareRoots([onlyA], pem.ROOT_A)).toMatchObject({ agree: true, digest: digest(a) })
  expect(compareRoots([onlyA], pem.ROOT_B).proxies).toMatchObject([{ missing: [b], extra: [a] }])
  expect(compareRoots([both], pem.ROOT_A)).toMatchObject({
    agree: false,
    proxies: [{ missing: [], extra: [b] }],
  })
  expect(compareRoots([both], [pem.ROOT_A, pem.ROOT_B]).agree).toBe(true)
})

test('a proxy that is not known agrees with nobody, and no proxies neither', () => {
  const unknown = readEnvoySecrets({ dynamicActiveSecrets: [] }, { proxy: 'unknown' })
  const comparison = compareRoots([onlyA, unknown])
  expect(comparison).toMatchObject({
    agree: false,
    proxies: [{ isKnown: true }, { isKnown: false, digest: undefined }],
  })
  expect(compareRoots([unknown]).agree).toBe(false)
  expect(compareRoots([]).agree).toBe(false)
  expect(() => compareRoots('x' as never)).toThrow(TypeError)
})
