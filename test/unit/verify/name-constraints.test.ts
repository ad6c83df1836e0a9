import { describe, expect, test } from 'vitest'
import { commonName, oid, rdn, seq, set, text } from '../../fixtures/x509/der.ts'
import { opensslAvailable } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import {
  basicConstraints,
  directory,
  dns,
  EMPTY_NAME,
  email,
  type Forged,
  forge,
  forgeCa,
  keysOf,
  nameConstraints,
  san,
  uri,
} from './forge.ts'
import { BELOW, DIR, exclude, permit, type Subtrees, TABLE } from './name-constraints-table.ts'
import { opensslVerdict } from './openssl-verdict.ts'
import { accepted, expectBlame, refused } from './support.ts'

const root = forgeCa({ subject: 'root' })

const pairOf = (
  subtrees: Subtrees,
  names: readonly Uint8Array[],
  subject: Uint8Array = EMPTY_NAME,
): readonly [Forged, Forged] => {
  const ca = forgeCa({ subject: 'ca', issuer: root, extensions: [nameConstraints(subtrees)] })
  const extensions = names.length === 0 ? [] : [san(names, subject === EMPTY_NAME)]
  return [ca, forge({ subject, keys: keysOf('leaf'), issuer: ca, extensions })]
}

describe('name constraints (RFC 5280 §4.2.1.10)', () => {
  test.each(TABLE.map((row) => [row[0], row] as const))('%s', (_title, [, subtrees, names, passes]) => {
    const [ca, leaf] = pairOf(subtrees, names)
    const ask = { anchors: root.der, intermediates: ca.der }
    if (passes) accepted(leaf.der, ask)
    else {
      const error = refused(leaf.der, ask, 'ERR_PATH_NAME_CONSTRAINTS')
      expectBlame(error, leaf.certificate, 0)
      expect(error.data).toMatchObject({ constrainedBy: expect.stringContaining('CN=ca') })
      expect(error.message).toContain('RFC 5280 §4.2.1.10')
    }
  })

  test('they are enforced when not critical, too', () => {
    const extensions = [nameConstraints(exclude(dns('example.com')), false)]
    const ca = forgeCa({ subject: 'ca', issuer: root, extensions })
    for (const [name, passes] of [
      ['a.example.com', false],
      ['a.example.org', true],
    ] as const) {
      const { der } = forge({ subject: 'leaf', issuer: ca, extensions: [san([dns(name)])] })
      const ask = { anchors: root.der, intermediates: ca.der }
      if (passes) accepted(der, ask)
      else refused(der, ask, 'ERR_PATH_NAME_CONSTRAINTS')
    }
  })
})

describe('which names they apply to (RFC 5280 §4.2.1.10, §6.1.3)', () => {
  const person = (address: string): Uint8Array => seq(rdn('1.2.840.113549.1.9.1', text(0x16, address)))
  const emailOnly = permit(email('example.com'))

  test('the subject, when it is not empty', () => {
    const [ca, inside] = pairOf(permit(directory(DIR)), [], BELOW)
    accepted(inside.der, { anchors: root.der, intermediates: ca.der })
    const [, outside] = pairOf(permit(directory(DIR)), [], commonName('x'))
    refused(outside.der, { anchors: root.der, intermediates: ca.der }, 'ERR_PATH_NAME_CONSTRAINTS')
    const [, empty] = pairOf(permit(directory(DIR)), [dns('x.example')])
    accepted(empty.der, { anchors: root.der, intermediates: ca.der })
  })

  test('an e-mail address in the subject, where no alternative name is one', () => {
    const [ca, good] = pairOf(emailOnly, [], person('joe@example.com'))
    const ask = { anchors: root.der, intermediates: ca.der }
    accepted(good.der, ask)
    refused(pairOf(emailOnly, [], person('joe@example.org'))[1].der, ask, 'ERR_PATH_NAME_CONSTRAINTS')
    refused(
      pairOf(emailOnly, [dns('x.example')], person('joe@example.org'))[1].der,
      ask,
      'ERR_PATH_NAME_CONSTRAINTS',
    )
  })

  test('also in a multi-valued RDN', () => {
    const pair = seq(
      set(
        seq(oid('2.5.4.3'), text(0x0c, 'x')),
        seq(oid('1.2.840.113549.1.9.1'), text(0x16, 'joe@example.org')),
      ),
    )
    const [ca, leaf] = pairOf(emailOnly, [], pair)
    refused(leaf.der, { anchors: root.der, intermediates: ca.der }, 'ERR_PATH_NAME_CONSTRAINTS')
    const [free] = pairOf(permit(dns('x')), [], pair)
    accepted(forge({ subject: pair, keys: keysOf('leaf'), issuer: free }).der, {
      anchors: root.der,
      intermediates: free.der,
    })
  })

  test('the common name never', () => {
    const [ca, leaf] = pairOf(permit(dns('example.com')), [], commonName('evil.org'))
    accepted(leaf.der, { anchors: root.der, intermediates: ca.der })
    refused(
      pairOf(permit(dns('example.com')), [dns('evil.org')])[1].der,
      { anchors: root.der, intermediates: ca.der },
      'ERR_PATH_NAME_CONSTRAINTS',
    )
  })

  test('intermediates below, but not self-issued ones; the leaf always', () => {
    const top = forgeCa({
      subject: DIR,
      keys: keysOf('top'),
      issuer: root,
      extensions: [nameConstraints(permit(directory(BELOW)))],
    })
    const renewed = forgeCa({ subject: DIR, keys: keysOf('renewed'), issuer: top })
    const sub = forgeCa({ subject: 'sub', issuer: top })
    const leafBelow = (issuer: Forged, subject: Uint8Array) =>
      forge({ subject, keys: keysOf('leaf'), issuer })
    accepted(leafBelow(renewed, BELOW).der, { anchors: root.der, intermediates: [top.der, renewed.der] })
    const error = refused(
      leafBelow(sub, BELOW).der,
      { anchors: root.der, intermediates: [top.der, sub.der] },
      'ERR_PATH_NAME_CONSTRAINTS',
    )
    expectBlame(error, sub.certificate, 1)
    const selfIssued = forge({ subject: DIR, keys: keysOf('leaf'), issuer: top })
    expectBlame(
      refused(selfIssued.der, { anchors: root.der, intermediates: top.der }, 'ERR_PATH_NAME_CONSTRAINTS'),
      selfIssued.certificate,
      0,
    )
  })

  test('a CA without a name is not self-issued: its alternative name is constrained', () => {
    const critical = (host: string, extra: readonly Uint8Array[] = []) => [
      basicConstraints(true),
      san([uri(`spiffe://${host}/x`)], true),
      ...extra,
    ]
    const top = forge({
      subject: EMPTY_NAME,
      keys: keysOf('nameless'),
      issuer: root,
      extensions: critical('a', [nameConstraints(permit(uri('a')))]),
    })
    for (const [host, passes] of [
      ['a', true],
      ['b', false],
    ] as const) {
      const sub = forge({
        subject: EMPTY_NAME,
        keys: keysOf(`nameless ${host}`),
        issuer: top,
        extensions: critical(host),
      })
      const leaf = forge({ subject: 'leaf', issuer: sub, extensions: [san([uri('spiffe://a/y')])] })
      const ask = { anchors: root.der, intermediates: [top.der, sub.der] }
      if (passes) accepted(leaf.der, ask)
      else expectBlame(refused(leaf.der, ask, 'ERR_PATH_NAME_CONSTRAINTS'), sub.certificate, 1)
    }
  })
})

if (requirement('openssl', opensslAvailable)) {
  describe('openssl verify says the same, but where the table says otherwise', () => {
    test.each(TABLE.map((row) => [row[0], row] as const))('%s', async (_title, row) => {
      const [, subtrees, names, passes, differs] = row
      const [ca, leaf] = pairOf(subtrees, names)
      const question = { anchors: [root.der], intermediates: [ca.der], leaf: leaf.der }
      const { ok, text: said } = await opensslVerdict(question)
      expect({ ok, said }).toMatchObject({ ok: differs === undefined ? passes : !passes })
    })
  })
}
