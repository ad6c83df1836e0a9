import { describe, expect, test } from 'vitest'
import { hex } from '../../fixtures/x509/der.ts'
import {
  aki,
  basicConstraints,
  ext,
  type Forged,
  forge,
  forgeCa,
  keyIdOf,
  keysOf,
  keyUsage,
  type Recipe,
  ski,
} from './forge.ts'
import { accepted, expectBlame, refused, trio, within } from './support.ts'

const root = forgeCa({ subject: 'root' })

/** A leaf below an intermediate of this shape, below the root. */
function below(recipe: Partial<Recipe>): { readonly ca: Forged; readonly leaf: Forged } {
  const ca = forge({ subject: 'ca', issuer: root, ...recipe })
  return { ca, leaf: forge({ subject: 'leaf', issuer: ca }) }
}

describe('an issuer says that it is a CA (RFC 5280 §6.1.4 (k))', () => {
  test.each([
    ['no basic constraints', [keyUsage(5)], 'no basic constraints'],
    ['cA FALSE', [basicConstraints(false), keyUsage(5)], 'cA FALSE'],
    ['no extensions at all', [], 'no basic constraints'],
  ])('%s', (_title, extensions, phrase) => {
    const { ca, leaf } = below({ extensions })
    const error = refused(leaf.der, { anchors: root.der, intermediates: [ca.der] }, 'ERR_PATH_NOT_CA')
    expectBlame(error, ca.certificate, 1)
    expect(error.message).toContain('expected a CA certificate')
    expect(error.message).toContain(phrase)
  })

  test('cA TRUE passes, critical or not', () => {
    for (const critical of [true, false]) {
      const { ca, leaf } = below({ extensions: [basicConstraints(true, undefined, critical)] })
      accepted(leaf.der, { anchors: root.der, intermediates: [ca.der] })
    }
  })

  test('a v1 certificate cannot say it', () => {
    const { ca, leaf } = below({ version: null })
    const error = refused(leaf.der, { anchors: root.der, intermediates: [ca.der] }, 'ERR_PATH_NOT_CA')
    expect(error.message).toContain('X.509 v1')
  })

  test('a CA as the leaf passes under profile rfc5280, and so does a v1 leaf', () => {
    accepted(forgeCa({ subject: 'sub', issuer: root }).der, { anchors: root.der })
    accepted(forge({ subject: 'v1', issuer: root, version: null }).der, { anchors: root.der })
  })
})

describe('an issuer may sign certificates (RFC 5280 §6.1.4 (n))', () => {
  test.each([true, false])('key usage without keyCertSign, critical: %s', (critical) => {
    const { ca, leaf } = below({ extensions: [basicConstraints(true), keyUsage(6, critical)] })
    const error = refused(leaf.der, { anchors: root.der, intermediates: [ca.der] }, 'ERR_PATH_KEY_USAGE')
    expectBlame(error, ca.certificate, 1)
    expect(error.message).toContain('expected key usage keyCertSign, found cRLSign')
  })

  test('keyCertSign passes, and so does no key usage', () => {
    for (const extensions of [[basicConstraints(true), keyUsage(5)], [basicConstraints(true)]]) {
      const { ca, leaf } = below({ extensions })
      accepted(leaf.der, { anchors: root.der, intermediates: [ca.der] })
    }
  })

  test('it is asked of the anchor too', () => {
    const anchor = forge({ subject: 'anchor', extensions: [basicConstraints(true), keyUsage(6)] })
    const leaf = forge({ subject: 'leaf', issuer: anchor })
    expectBlame(refused(leaf.der, { anchors: anchor.der }, 'ERR_PATH_KEY_USAGE'), anchor.certificate, 1)
  })
})

describe('path length (RFC 5280 §6.1.4 (l), (m))', () => {
  /** Root with a path length, `count` CAs below it, then a leaf. */
  function chain(
    pathLength: number,
    count: number,
  ): { readonly leaf: Forged; readonly cas: readonly Forged[] } {
    const cas = [forgeCa({ subject: 'top', pathLength })]
    for (let i = 0; i < count; i++) cas.push(forgeCa({ subject: `ca ${i}`, issuer: cas[i] }))
    return { cas, leaf: forge({ subject: 'leaf', issuer: cas[count] }) }
  }

  test.each([
    [0, 1],
    [1, 2],
    [2, 3],
  ])('pathlen:%i passes as many CAs and refuses %i', (pathLength, tooMany) => {
    const good = chain(pathLength, pathLength)
    const ask = (cas: readonly Forged[]) => ({
      anchors: cas[0]?.der ?? '',
      intermediates: cas.slice(1).map((ca) => ca.der),
    })
    expect(accepted(good.leaf.der, ask(good.cas)).certificates).toHaveLength(pathLength + 2)
    const bad = chain(pathLength, tooMany)
    const error = refused(bad.leaf.der, ask(bad.cas), 'ERR_PATH_LENGTH')
    expect(error.depth).toBe(tooMany + 1)
    expect(error.data).toMatchObject({ allowed: pathLength, found: tooMany })
    expect(error.message).toContain('CN=top')
    expect(error.message).toContain(`but the path has ${tooMany}`)
  })

  // A root pathlen:0 passes the tests of tools that look at CAs only; no leaf below its intermediates does.
  test('a root pathlen:0 over an intermediate refuses every leaf', () => {
    const hierarchy = trio({ root: { pathLength: 0 } })
    const error = refused(hierarchy.leaf.der, within(hierarchy), 'ERR_PATH_LENGTH')
    expectBlame(error, hierarchy.root.certificate, 2)
    expect(error.message).toContain('No certificate from there can ever verify')
    accepted(hierarchy.ca.der, { anchors: hierarchy.root.der })
  })

  test('self-issued CAs do not count', () => {
    const top = forgeCa({ subject: 'top', pathLength: 0 })
    const rollover = forgeCa({ subject: 'top', keys: keysOf('top, new key'), issuer: top })
    const leaf = forge({ subject: 'leaf', issuer: rollover })
    accepted(leaf.der, { anchors: top.der, intermediates: [rollover.der] })
    const other = forgeCa({ subject: 'other', issuer: rollover })
    const lower = forge({ subject: 'leaf', issuer: other })
    refused(lower.der, { anchors: top.der, intermediates: [rollover.der, other.der] }, 'ERR_PATH_LENGTH')
  })

  test('a leaf that is a CA does not count either', () => {
    const top = forgeCa({ subject: 'top', pathLength: 0 })
    accepted(forgeCa({ subject: 'sub', issuer: top }).der, { anchors: top.der })
  })

  // Were two empty names the same CA, a constrained one could multiply without end.
  test('CAs without a name are not self-issued ones', () => {
    const named = [basicConstraints(true, 0), keyUsage(5), ext(17, hex('3008820661622e636465'), true)]
    const first = forge({ subject: hex('3000'), keys: keysOf('first'), issuer: root, extensions: named })
    const second = forge({ subject: hex('3000'), keys: keysOf('second'), issuer: first, extensions: named })
    const intermediates = [first.der, second.der]
    accepted(forge({ subject: 'leaf', issuer: first }).der, { anchors: root.der, intermediates })
    const leaf = forge({ subject: 'leaf', issuer: second })
    refused(leaf.der, { anchors: root.der, intermediates }, 'ERR_PATH_LENGTH')
  })
})

describe('the option maxIntermediates', () => {
  const first = forgeCa({ subject: 'first', issuer: root })
  const keys = keysOf('renewed')
  const renewed = forgeCa({ subject: 'first', keys, issuer: first, extensions: [ski(keyIdOf(keys))] })
  const second = forgeCa({ subject: 'second', issuer: renewed, extensions: [aki(renewed.keyId)] })
  const leaf = forge({ subject: 'leaf', issuer: second })
  const ask = { anchors: root.der, intermediates: [first.der, renewed.der, second.der] }

  test('bounds the intermediates, of which self-issued ones do not count', () => {
    expect(accepted(leaf.der, { ...ask, maxIntermediates: 2 }).certificates).toHaveLength(5)
    const error = refused(leaf.der, { ...ask, maxIntermediates: 1 }, 'ERR_PATH_LENGTH')
    expectBlame(error, first.certificate, 3)
    expect(error.message).toContain('the option "maxIntermediates" allows 1')
    refused(leaf.der, { ...ask, maxIntermediates: 0 }, 'ERR_PATH_LENGTH')
  })

  test('0 passes a leaf right below the anchor', () => {
    accepted(forge({ subject: 'leaf', issuer: root }).der, { anchors: root.der, maxIntermediates: 0 })
  })
})

describe('critical extensions that are not judged (RFC 5280 §4.2)', () => {
  const unknown = '1.3.6.1.4.1.99999.7'

  test.each([
    ['leaf', 0],
    ['ca', 1],
    ['root', 2],
  ] as const)('in the %s', (who, depth) => {
    const critical = trio({ [who]: { extensions: [ext(unknown, hex('0500'), true)] } })
    const error = refused(critical.leaf.der, within(critical), 'ERR_PATH_CRITICAL_EXTENSION')
    expectBlame(error, critical[who].certificate, depth)
    expect(error.data).toMatchObject({ oid: unknown })
    expect(error.message).toContain(unknown)
    const harmless = trio({ [who]: { extensions: [ext(unknown, hex('0500'))] } })
    accepted(harmless.leaf.der, within(harmless))
  })

  // Known to readers, but their meaning is not judged: AIA, subject key identifier, an arc without a meaning.
  test.each([
    ['1.3.6.1.5.5.7.1.1', hex('3010300e06082b060105050730018602613a')],
    ['2.5.29.14', hex('04020102')],
    ['2.5.29.63', hex('0500')],
  ])('%s', (id, value) => {
    const critical = trio({ leaf: { extensions: [ext(id, value, true)] } })
    expect(refused(critical.leaf.der, within(critical), 'ERR_PATH_CRITICAL_EXTENSION').data).toMatchObject({
      oid: id,
    })
    const harmless = trio({ leaf: { extensions: [ext(id, value)] } })
    accepted(harmless.leaf.der, within(harmless))
  })
})
