import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { type Finding, finding, mostSpecific } from '../../../src/verify/finding.ts'
import type { PathError, PathErrorCode } from '../../../src/verify/index.ts'
import { rdn, seq, text } from '../../fixtures/x509/der.ts'
import {
  aki,
  basicConstraints,
  dns,
  eku,
  type Forged,
  forge,
  forgeCa,
  keyIdOf,
  keysOf,
  nameConstraints,
  san,
  ski,
  uri,
} from './forge.ts'
import { accepted, expectBlame, refused, trio } from './support.ts'

describe('mostSpecific: the failure that came closest to accepting', () => {
  const error = (code: PathErrorCode, problem: string = code): Finding =>
    finding(code, undefined, 0, [], () => ({ problem }))

  test('each step of the ranking beats all before it', () => {
    const steps: readonly (readonly PathErrorCode[])[] = [
      ['ERR_PATH_NO_ISSUER'],
      ['ERR_PATH_MALFORMED'],
      ['ERR_PATH_SIGNATURE'],
      ['ERR_PATH_KEY', 'ERR_PATH_ALGORITHM'],
      ['ERR_PATH_NOT_CA', 'ERR_PATH_EMPTY_SUBJECT'],
      ['ERR_PATH_KEY_USAGE'],
      ['ERR_PATH_EXPIRED', 'ERR_PATH_NOT_YET_VALID'],
      ['ERR_PATH_LENGTH', 'ERR_PATH_CRITICAL_EXTENSION'],
      ['ERR_PATH_EXTENDED_KEY_USAGE'],
      ['ERR_PATH_NAME_CONSTRAINTS'],
      ['ERR_PATH_RULE'],
      ['ERR_PATH_POLICY'],
      ['ERR_PATH_REVOCATION_UNKNOWN'],
      ['ERR_PATH_CRL_UNUSABLE', 'ERR_PATH_CRL_SIGNER', 'ERR_PATH_CRL_SIGNATURE'],
      ['ERR_PATH_CRL_EXPIRED'],
      ['ERR_PATH_REVOKED'],
      ['ERR_PATH_ANCHOR'],
      ['ERR_PATH_NAME_MISMATCH'],
      ['ERR_PATH_BUDGET_DEPTH'],
      ['ERR_PATH_BUDGET_CANDIDATES', 'ERR_PATH_BUDGET_COMPARISONS', 'ERR_PATH_BUDGET_SIGNATURES'],
    ]
    for (const [i, step] of steps.entries()) {
      const lower = steps
        .slice(0, i)
        .flat()
        .map((code) => error(code))
      for (const code of step) {
        expect(mostSpecific([...lower, error(code)]).code).toBe(code)
        expect(mostSpecific([error(code), ...lower]).code).toBe(code)
      }
    }
  })

  test('the first among equals, and the others as causes in the order in which they were met', () => {
    const failures = [
      error('ERR_PATH_NO_ISSUER', 'a'),
      error('ERR_PATH_EXPIRED', 'b'),
      error('ERR_PATH_SIGNATURE', 'c'),
      error('ERR_PATH_NOT_YET_VALID', 'd'),
    ]
    const best = mostSpecific(failures)
    expect(best.problem).toBe('b')
    expect(best.causes.map(({ problem }) => problem)).toEqual(['a', 'c', 'd'])
    expect(Object.isFrozen(best.causes)).toBe(true)
    expect(best).toBeInstanceOf(MeshPkiError)
  })

  test('at most 64 causes are kept, and no failure at all is no acceptance', () => {
    const many = Array.from({ length: 100 }, (_, i) => error('ERR_PATH_SIGNATURE', String(i)))
    const { causes } = mostSpecific(many)
    expect(causes.map(({ problem }) => Number(problem))).toEqual(Array.from({ length: 64 }, (_, i) => i + 1))
    expect(mostSpecific([]).code).toBe('ERR_PATH_NO_ISSUER')
  })
})

test('causes of a search: every dead end, in the order of the candidates', () => {
  const root = forgeCa({ subject: 'root' })
  const ca = forgeCa({ subject: 'ca', issuer: root })
  const leaf = forge({ subject: 'leaf', issuer: ca })
  const impostor = forgeCa({ subject: 'ca', keys: keysOf('impostor'), issuer: root })
  const notCa = forge({ subject: 'ca', keys: ca.keys, issuer: root, extensions: [basicConstraints(false)] })
  const expired = forgeCa({ subject: 'ca', issuer: root, notAfter: '2026-02-01T00:00:00Z' })
  const ask = { anchors: root.der, intermediates: [impostor.der, notCa.der, expired.der] }
  const error = refused(leaf.der, ask, 'ERR_PATH_EXPIRED')
  expectBlame(error, expired.certificate, 1)
  expect(error.causes.map(({ code }) => code)).toEqual(['ERR_PATH_SIGNATURE', 'ERR_PATH_NOT_CA'])
  expect(error.causes.every((cause) => cause.causes.length === 0)).toBe(true)
  accepted(leaf.der, { ...ask, intermediates: [...ask.intermediates, ca.der] })
})

describe('a foreign root is ERR_PATH_NO_ISSUER', () => {
  /** A mesh of its own: root, intermediate, workload, with key identifiers as issuers write them. */
  function mesh(
    rootName: string,
    label: string,
  ): { readonly root: Forged; readonly ca: Forged; readonly leaf: Forged } {
    const keys = keysOf(`${label} root`)
    const root = forgeCa({ subject: rootName, keys, extensions: [ski(keyIdOf(keys))] })
    const caKeys = keysOf(`${label} ca`)
    const ca = forgeCa({
      subject: 'istiod',
      keys: caKeys,
      issuer: root,
      extensions: [ski(keyIdOf(caKeys)), aki(root.keyId)],
    })
    const leaf = forge({ subject: 'workload', keys: keysOf(label), issuer: ca, extensions: [aki(ca.keyId)] })
    return { root, ca, leaf }
  }

  test.each([
    ['different root names', 'theirs'],
    ['equal root names', 'ours'],
  ])('%s, with and without the root that the peer sends', (_title, name) => {
    const ours = mesh('ours', 'our')
    const theirs = mesh(name, 'their')
    for (const intermediates of [
      [theirs.ca.der],
      [theirs.ca.der, theirs.root.der],
      [theirs.root.der, theirs.ca.der],
      [theirs.ca.der, ours.ca.der],
    ]) {
      const error = refused(theirs.leaf.der, { anchors: ours.root.der, intermediates }, 'ERR_PATH_NO_ISSUER')
      expect(error.message).toContain('trust')
      accepted(theirs.leaf.der, { anchors: theirs.root.der, intermediates })
      accepted(theirs.leaf.der, { anchors: [ours.root.der, theirs.root.der], intermediates })
    }
  })

  test('the message names the peer root, the anchors, and the remedy', () => {
    const [ours, theirs] = [mesh('our root', 'our'), mesh('their root', 'their')]
    const ask = { anchors: ours.root.der, intermediates: [theirs.ca.der, theirs.root.der] }
    const error = refused(theirs.leaf.der, ask, 'ERR_PATH_NO_ISSUER')
    expectBlame(error, theirs.root.certificate, 2)
    expect(error.message).toContain('"CN=their root"')
    expect(error.message).toContain('not among the trust anchors, which are "CN=our root"')
    expect(error.message).toContain('share one root, or add this one to the trust anchors')
    expect(error.data).toMatchObject({ issuer: 'CN=their root', anchors: ['CN=our root'] })
  })

  test('a missing intermediate: what is missing, who is trusted, what to do', () => {
    const ours = mesh('our root', 'our')
    const error = refused(ours.leaf.der, { anchors: ours.root.der }, 'ERR_PATH_NO_ISSUER')
    expectBlame(error, ours.leaf.certificate, 0)
    expect(error.message).toContain('Its issuer is "CN=istiod"')
    expect(error.message).toContain('no intermediate was sent or given')
    expect(error.message).toContain(
      "Add the issuer's root to the trust anchors, or send the missing intermediate",
    )
    accepted(ours.leaf.der, { anchors: ours.root.der, intermediates: ours.ca.der })
  })

  test('many anchors are not all listed', () => {
    const anchors = Array.from(
      { length: 30 },
      (_, i) => forgeCa({ subject: `anchor ${i}`, keys: keysOf('anchors') }).der,
    )
    const error = refused(
      forge({ subject: 'leaf', issuer: forgeCa({ subject: 'x' }) }).der,
      { anchors },
      'ERR_PATH_NO_ISSUER',
    )
    expect(error.message).toContain('and 26 more')
    expect(error.data).toMatchObject({ anchors: expect.objectContaining({ length: 16 }) })
  })
})

// Escape sequences, right-to-left override, line separators, NUL, zero-width space, tags.
const HOSTILE = '\u001b[31mred\u0000\u202egnp\u2028\u0085\u200b\u{e0041}\r\n'
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/u

const texts = (error: PathError): readonly string[] => [
  error.message,
  JSON.stringify(error.data),
  ...error.causes.map(({ message }) => message),
]

describe('text from certificates and peers is escaped and cut', () => {
  const named = (value: string): Uint8Array =>
    seq(rdn('2.5.4.3', text(0x0c, value)), rdn('2.5.4.10', text(0x0c, value)))
  const long = 'z'.repeat(20_000)
  const root = forgeCa({ subject: 'root' })

  /** Hostile text in every place that messages quote. */
  const errors = (value: string): readonly PathError[] => {
    const ascii = value.replace(/[^\0-\x7f]/g, '')
    const hostile = trio({
      root: { subject: named(`root ${value}`), keys: keysOf('h1') },
      ca: {
        subject: named(`ca ${value}`),
        keys: keysOf('h2'),
        extensions: [nameConstraints({ permitted: [uri('td')] })],
      },
      leaf: {
        subject: named(`leaf ${value}`),
        keys: keysOf('h3'),
        extensions: [san([uri(`spiffe://${ascii}`), dns(ascii)])],
      },
    })
    const { leaf, ca, root: anchor } = hostile
    const ask = { anchors: anchor.der, intermediates: ca.der }
    const usages = Array.from({ length: 2000 }, (_, i) => `1.3.6.1.4.1.${i + 1}`)
    const purposes = forge({ subject: 'leaf', issuer: root, extensions: [eku(...usages)] })
    return [
      refused(leaf.der, { anchors: anchor.der }, 'ERR_PATH_NO_ISSUER'),
      refused(ca.der, { anchors: root.der }, 'ERR_PATH_NO_ISSUER'),
      refused(leaf.der, ask, 'ERR_PATH_NAME_CONSTRAINTS'),
      refused(leaf.der, { ...ask, time: new Date(0) }, 'ERR_PATH_NOT_YET_VALID'),
      refused(leaf.der, { ...ask, name: { dns: 'a.example' } }, 'ERR_PATH_NAME_MISMATCH'),
      refused(leaf.der, { ...ask, name: { dns: value } }, 'ERR_PATH_NAME_MISMATCH'),
      refused(leaf.der, { ...ask, name: { uri: value } }, 'ERR_PATH_NAME_MISMATCH'),
      refused(purposes.der, { anchors: root.der, purpose: 'serverAuth' }, 'ERR_PATH_EXTENDED_KEY_USAGE'),
    ]
  }

  test('controls, bidirectional and invisible characters', () => {
    for (const error of errors(HOSTILE)) for (const shown of texts(error)) expect(shown).not.toMatch(UNSAFE)
  })

  test('the readable part stays', () => {
    const [error] = errors(HOSTILE)
    expect(error?.message).toContain('red')
    expect(error?.data['certificate']).toContain('leaf')
  })

  test('length', () => {
    for (const error of errors(long)) expect(error.message.length).toBeLessThan(2500)
  })
})

test('an error prints no certificate and no key', () => {
  const { leaf } = trio()
  const error = refused(leaf.der, { anchors: forgeCa({ subject: 'x' }).der }, 'ERR_PATH_NO_ISSUER')
  expect(JSON.stringify(error.data)).not.toContain(Buffer.from(leaf.der).toString('base64').slice(0, 40))
  expect(String(error)).toMatch(/^PathError: leaf "CN=leaf" \(serial [0-9a-f]+\): /)
  expect(error.data).toMatchObject({ depth: 0, certificate: expect.stringMatching(/^"CN=leaf" \(serial/) })
})
