import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LINT_CODES, lintChain } from '../../src/ca/index.ts'
import { lintCacerts, lintCacertsChange } from '../../src/kubernetes/index.ts'
import { checkPath } from '../../src/verify/index.ts'
import { at, ca, leaf, otherCa, otherRoot, pem, privatePem, root } from '../unit/ca/lint/support.ts'
import { cacerts, tlsForm } from '../unit/kubernetes/lint-support.ts'

const PIECES = [
  pem(leaf),
  pem(ca),
  pem(root),
  pem(otherCa),
  pem(otherRoot),
  privatePem('Lint CA'),
  '-----BEGIN CERTIFICATE-----\n',
  '-----END CERTIFICATE-----',
  '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n',
  'text\n',
  '\ufeff',
  '\r\n',
]
const text = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 40 })), { maxLength: 6 })
  .map((parts) => parts.join(''))
/** One character of a text changed, or the text cut. */
const spoilt = fc
  .tuple(text, fc.nat(), fc.constantFrom('', '\n', '-', 'A', '=', '\u0000', '\u202e'))
  .map(([whole, place, char]) => {
    const i = place % (whole.length + 1)
    return whole.slice(0, i) + char + whole.slice(i + 1)
  })
const body = privatePem('Lint CA').split('\n').slice(1, -2)

function expectSound(findings: Awaited<ReturnType<typeof lintChain>>): void {
  const ranks = findings.map(({ severity }) => ['error', 'warning', 'info'].indexOf(severity))
  expect(ranks).toEqual([...ranks].sort())
  for (const { code, message, remedy } of findings) {
    expect(LINT_CODES).toContain(code)
    expect(message).not.toBe('')
    expect(remedy).not.toBe('')
  }
  const shown = JSON.stringify(findings)
  for (const line of body) expect(shown).not.toContain(line.slice(0, 16))
  expect(shown).not.toMatch(/\\u0000|\u202e/)
}

describe('content never makes a lint throw, and no key is shown', () => {
  test('lintChain', async () => {
    await fc.assert(
      fc.asyncProperty(spoilt, spoilt, fc.option(spoilt), async (input, anchors, key) => {
        expectSound(await lintChain(input, { anchors, time: at, ...(key === null ? {} : { key }) }))
      }),
      { numRuns: 150 },
    )
  })

  test('lintChain on bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(leaf, ca, root),
        fc.nat(),
        fc.nat(255),
        async ({ der }, place, octet) => {
          const bytes = der.slice()
          bytes[place % bytes.length] = octet
          expectSound(await lintChain([bytes, ca.certificate], { anchors: root.certificate, time: at }))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('lintCacerts and lintCacertsChange', async () => {
    const keys = fc.constantFrom(
      'ca-cert.pem',
      'ca-key.pem',
      'cert-chain.pem',
      'root-cert.pem',
      'ca-crl.pem',
      'key.pem',
      'tls.crt',
      'tls.key',
      'ca.crt',
      'token',
    )
    const secret = fc
      .tuple(fc.constantFrom(cacerts, tlsForm), fc.dictionary(keys, spoilt, { maxKeys: 3 }))
      .map(([make, change]) => make(change))
    await fc.assert(
      fc.asyncProperty(secret, secret, fc.boolean(), async (one, other, multiroot) => {
        expectSound(await lintCacerts(one, { time: at }))
        expectSound(await lintCacertsChange(one, other, { multiroot, time: at }))
      }),
      { numRuns: 100 },
    )
  })
})

test('a chain without an error is one that a verifier accepts, at any time', async () => {
  // Below a CA the lint judges workloads, so the first is a workload here.
  const chains = fc.shuffledSubarray([ca, root, otherCa]).map((rest) => [leaf, ...rest])
  const time = fc.date({
    min: new Date('2025-01-01T00:00:00Z'),
    max: new Date('2035-01-01T00:00:00Z'),
    noInvalidDate: true,
  })
  await fc.assert(
    fc.asyncProperty(chains, time, async (chain, instant) => {
      const findings = await lintChain(
        chain.map(({ certificate }) => certificate),
        { anchors: root.certificate, time: instant },
      )
      const { ok } = await checkPath(leaf.certificate, {
        anchors: root.certificate,
        intermediates: chain.map(({ certificate }) => certificate),
        time: instant,
        purpose: 'any',
      })
      expect(findings.some(({ code }) => code === 'path-refused')).toBe(!ok)
      if (findings.every(({ severity }) => severity !== 'error')) expect(ok).toBe(true)
    }),
    { numRuns: 200 },
  )
})
