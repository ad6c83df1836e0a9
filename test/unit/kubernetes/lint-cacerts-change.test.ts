import { describe, expect, test } from 'vitest'
import { lintCacertsChange } from '../../../src/kubernetes/index.ts'
import { caBelow, codesOf, expectCase, usage } from '../ca/lint/support.ts'
import { aki, basicConstraints, keyIdOf, keysOf, ski } from '../verify/forge.ts'
import { A, B, CHANGE_CASES, change, renewed, signedByA, signedByB } from './lint-cacerts-cases.ts'
import { cacerts, pem, privatePem, root } from './lint-support.ts'

describe('each finding, and the neighbour that is none', () => {
  test.each(CHANGE_CASES.map((each) => [each.code, each] as const))('%s', (_, each) => expectCase(each))
})

describe('the rotation of four steps breaks nothing', () => {
  const steps = [
    ['A → A+B', signedByA(A), signedByA(A + B)],
    ['A+B → A+B+B with a CA below B', signedByA(A + B), signedByB(A + B + B)],
    ['A+B+B → B', signedByB(A + B + B), signedByB(B)],
  ] as const
  test.each(steps)('%s', async (_, before, after) => {
    const findings = await change(before, after)
    // The duplicate of the third step is on purpose.
    expect(findings.filter(({ code }) => code !== 'duplicate-root')).toEqual([])
  })

  test.each(steps)('%s: without multiroot istiod ignores it', async (_, before, after) => {
    const codes = codesOf(await change(before, after, false))
    expect(codes.some((code) => code === 'root-change-ignored' || code === 'root-bytes-changed')).toBe(true)
  })
})

describe('the shortcuts do not work', () => {
  test('A → B directly', async () => {
    expect(codesOf(await change(signedByA(A), signedByB(B)))).toEqual(
      expect.arrayContaining(['root-replaced', 'signer-not-trusted-before', 'old-chain-orphaned']),
    )
  })

  test('roots and CA together without multiroot: both are ignored', async () => {
    const findings = await change(signedByA(A), signedByB(A + B), false)
    expect(findings.find(({ code }) => code === 'root-change-ignored')?.message).toContain('both are ignored')
  })

  test('a comment in the roots takes a new CA with it, without multiroot', async () => {
    const findings = await change(signedByA(A + B), signedByB(`# B signs now\n${A + B}`), false)
    expect(findings.find(({ code }) => code === 'root-bytes-changed')).toMatchObject({ severity: 'error' })
  })

  test('another order: releases before 1.30 compare texts', async () => {
    const codes = async (version: string | undefined) =>
      codesOf(await change(signedByA(A + B), signedByA(B + A), true, version))
    expect(await codes('1.29.9')).toContain('root-bytes-changed')
    expect(await codes(undefined)).toContain('root-bytes-changed')
    expect(await codes('1.30.0')).not.toContain('root-bytes-changed')
  })
})

test('a CA alone may change below the same roots', async () => {
  expect(await change(signedByA(A + B), signedByB(A + B), false)).toEqual([])
})

test('both certificates of a renewed root in the bundle are in order', async () => {
  const codes = codesOf(await change(signedByA(A), signedByA(A + pem(renewed))))
  expect(codes).not.toContain('root-key-identifier-changed')
})

test('a new CA below a root that was issued again with another key identifier is trusted by nobody yet', async () => {
  // OpenSSL: error 20. The CA names the identifier of the new certificate of the root.
  const below = caBelow(renewed, 'Next CA', {
    only: [
      basicConstraints(true, 0),
      usage(5, 6),
      ski(keyIdOf(keysOf('Next CA'))),
      aki(Uint8Array.of(9, 9, 9)),
    ],
  })
  const next = (roots: string) =>
    cacerts({
      'ca-cert.pem': pem(below),
      'ca-key.pem': privatePem('Next CA'),
      'cert-chain.pem': pem(below),
      'root-cert.pem': roots,
    })
  const [finding, ...others] = await change(signedByA(A), next(A))
  expect(finding).toMatchObject({ code: 'signer-not-trusted-before', severity: 'error' })
  expect(finding?.message).toContain('authority key identifier 090909')
  expect(others).toEqual([])
  const both = A + pem(renewed)
  expect(await change(signedByA(both), next(both))).toEqual([])
  // The root itself must keep its identifier, and what the old CA signed is refused under the new one alone.
  expect(codesOf(await change(signedByA(A), signedByA(pem(renewed))))).toContain('old-chain-orphaned')
})

test('a secret without roots cannot be judged, and that is an error', async () => {
  expect(codesOf(await change(signedByA(A), cacerts({ 'root-cert.pem': undefined })))).toContain(
    'incomplete-secret',
  )
  expect(codesOf(await change(signedByA(A), cacerts({ 'root-cert.pem': '' })))).toContain('empty')
})

describe('misuse', () => {
  test.each<[string, unknown, RegExp]>([
    ['without multiroot', {}, /option "multiroot"/],
    ['multiroot', { multiroot: 'on' }, /option "multiroot"/],
    ['an unknown option', { multiroot: true, gloo: true }, /no option "gloo"/],
  ])('%s', async (_, options, message) => {
    const secret = cacerts({ 'root-cert.pem': pem(root) })
    await expect(
      Promise.resolve(Reflect.apply(lintCacertsChange, undefined, [secret, secret, options])),
    ).rejects.toThrow(message)
  })
})
