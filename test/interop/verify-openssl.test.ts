/**
 * Hierarchies of the library under OpenSSL, and every class of path on which the two are known to differ.
 */
import { describe, expect, test } from 'vitest'
import { createTestHierarchy } from '../../src/testing/index.ts'
import { checkPathSync } from '../../src/verify/index.ts'
import type { Certificate } from '../../src/x509/index.ts'
import { commonName, rdn, seq, text } from '../fixtures/x509/der.ts'
import { opensslAvailable } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import {
  ANY_EKU,
  aki,
  basicConstraints,
  dns,
  EMPTY_NAME,
  eku,
  email,
  type Forged,
  forge,
  forgeCa,
  keyIdOf,
  keysOf,
  keyUsage,
  NOW,
  nameConstraints,
  san,
  ski,
  uri,
  withBadSignature,
} from '../unit/verify/forge.ts'
import { type OpensslVerdict, opensslVerdict } from '../unit/verify/openssl-verdict.ts'

const TLS_SERVER = ['-purpose', 'sslserver']

interface Asked {
  readonly anchors: readonly Uint8Array[]
  readonly intermediates?: readonly Uint8Array[]
  readonly leaf: Uint8Array
  readonly arguments?: readonly string[]
}

/** Both verdicts on the same question. */
async function both(asked: Asked): Promise<{ readonly ours: string; readonly theirs: OpensslVerdict }> {
  const { anchors, leaf, intermediates = [] } = asked
  const result = checkPathSync(leaf, { anchors, intermediates, time: NOW, purpose: 'serverAuth' })
  const theirs = await opensslVerdict({ ...asked, intermediates, arguments: asked.arguments ?? TLS_SERVER })
  return { ours: result.ok ? 'accepted' : result.error.code, theirs }
}

async function expectSame(asked: Asked, ok: boolean): Promise<void> {
  const { ours, theirs } = await both(asked)
  expect([ours === 'accepted', theirs.ok, theirs.text]).toEqual([ok, ok, theirs.text])
}

async function expectDiffer(asked: Asked, ours: string, theirs: RegExp): Promise<void> {
  const verdicts = await both(asked)
  expect(verdicts.ours).toBe(ours)
  expect(verdicts.theirs.ok).toBe(ours !== 'accepted')
  expect(verdicts.theirs.text).toMatch(theirs)
}

if (requirement('openssl', opensslAvailable)) {
  describe('what the library issues, sound and broken, is judged alike', () => {
    test.each(['mesh', 'istio', 'gloo'] as const)('profile %s', async (profile) => {
      const hierarchy = await createTestHierarchy({ profile, time: NOW })
      const ask = (chain: readonly Certificate[]): Asked => {
        const [leaf, ...above] = chain.map(({ der }) => der)
        if (leaf === undefined) throw new Error('a chain has a leaf')
        return { anchors: [hierarchy.root.certificate.der], intermediates: above, leaf }
      }
      await expectSame(ask(hierarchy.chain.slice(0, -1)), true)
      for (const variant of Object.values(await hierarchy.broken())) await expectSame(ask(variant), false)
    })

    test('strict mode accepts the mesh profile', async () => {
      const { chain, root } = await createTestHierarchy({ time: NOW })
      const [leaf, ca] = chain.map(({ der }) => der)
      if (leaf === undefined || ca === undefined) throw new Error('a chain of three')
      const asked = {
        anchors: [root.certificate.der],
        intermediates: [ca],
        leaf,
        arguments: ['-x509_strict', ...TLS_SERVER],
      }
      await expectSame(asked, true)
      await expectSame({ ...asked, leaf: withBadSignature(leaf) }, false)
    })
  })

  describe('mesh chains', () => {
    const root = forgeCa({ subject: 'root' })

    test('old Gloo Mesh: nameless intermediates, leaf without key identifier', async () => {
      const nameless = (cluster: string): Forged =>
        forge({
          subject: EMPTY_NAME,
          keys: keysOf(cluster),
          issuer: root,
          extensions: [
            keyUsage(5),
            basicConstraints(true),
            san([uri(`spiffe://${cluster}/ns/i/sa/i`)], true),
          ],
        })
      const [right, wrong] = [nameless('right'), nameless('wrong')]
      const extensions = [san([uri('spiffe://right/ns/a/sa/b')], true)]
      const workload = (kind: 'P-256' | 'Ed25519'): Uint8Array =>
        forge({ subject: EMPTY_NAME, keys: keysOf('w', kind), issuer: right, extensions }).der
      const leaf = workload('Ed25519')
      await expectSame({ anchors: [root.der], intermediates: [right.der], leaf }, true)
      // With a key of the issuer's kind, two empty names are a self-signed certificate to OpenSSL.
      const alike = workload('P-256')
      await expectDiffer(
        { anchors: [root.der], intermediates: [right.der], leaf: alike },
        'accepted',
        /error 18 at 0 depth/,
      )
      await expectSame({ anchors: [root.der], intermediates: [wrong.der], leaf }, false)
      expect((await both({ anchors: [root.der], intermediates: [wrong.der], leaf })).ours).toBe(
        'ERR_PATH_SIGNATURE',
      )
    })

    test('combined bundles: A under A+B, A+B+B and A; not under B', async () => {
      const [a, b] = [forgeCa({ subject: 'A' }), forgeCa({ subject: 'B' })]
      const { der: leaf } = forge({ subject: 'leaf', issuer: a })
      for (const anchors of [[a.der, b.der], [a.der, b.der, b.der], [a.der]])
        await expectSame({ anchors, leaf }, true)
      await expectSame({ anchors: [b.der], leaf }, false)
    })

    test('root pathlen:0 over an intermediate', async () => {
      const top = forgeCa({ subject: 'top', pathLength: 0 })
      const ca = forgeCa({ subject: 'ca', issuer: top })
      const leaf = forge({ subject: 'leaf', issuer: ca }).der
      await expectSame({ anchors: [top.der], intermediates: [ca.der], leaf }, false)
      await expectSame({ anchors: [root.der], leaf: forge({ subject: 'leaf', issuer: root }).der }, true)
    })
  })

  // docs/verification.md lists these with their reasons.
  describe('we accept, OpenSSL refuses', () => {
    const root = forgeCa({ subject: 'root' })

    test('the same root key under another subject key identifier', async () => {
      const keys = keysOf('steady')
      const before = forgeCa({ subject: 'steady', keys, extensions: [ski(keyIdOf(keys))] })
      const after = forgeCa({ subject: 'steady', keys, extensions: [ski(Uint8Array.of(1, 2, 3, 4))] })
      const leaf = forge({ subject: 'leaf', issuer: before, extensions: [aki(before.keyId)] }).der
      await expectDiffer({ anchors: [after.der], leaf }, 'accepted', /error 20 at 0 depth/)
      await expectSame({ anchors: [before.der], leaf }, true)
      await expectSame({ anchors: [after.der, before.der], leaf }, true)
    })

    test('a common name that looks like a host, under a DNS constraint, without alternative names', async () => {
      const extensions = [nameConstraints({ permitted: [dns('example.com')] })]
      const ca = forgeCa({ subject: 'ca', issuer: root, extensions })
      const below = (name: string): Uint8Array => forge({ subject: name, issuer: ca }).der
      const asked = { anchors: [root.der], intermediates: [ca.der] }
      await expectDiffer({ ...asked, leaf: below('evil.example.org') }, 'accepted', /error 47 at/)
      await expectSame({ ...asked, leaf: below('a.example.com') }, true)
    })

    test('an e-mail address of the subject beside one in the alternative names', async () => {
      const extensions = [nameConstraints({ permitted: [email('example.com')] })]
      const ca = forgeCa({ subject: 'ca', issuer: root, extensions })
      const subject = seq(rdn('1.2.840.113549.1.9.1', text(0x16, 'joe@example.org')))
      const below = (...names: readonly Uint8Array[]): Uint8Array =>
        forge({ subject, keys: keysOf('l'), issuer: ca, extensions: [san(names)] }).der
      const asked = { anchors: [root.der], intermediates: [ca.der] }
      await expectDiffer({ ...asked, leaf: below(email('joe@example.com')) }, 'accepted', /error 47 at/)
      await expectSame({ ...asked, leaf: below(dns('a.example')) }, false)
    })

    test('a leaf whose extended key usage is anyExtendedKeyUsage', async () => {
      const leaf = forge({ subject: 'leaf', issuer: root, extensions: [eku(ANY_EKU)] }).der
      await expectDiffer({ anchors: [root.der], leaf }, 'accepted', /error 26 at 0 depth/)
    })

    test('a leaf whose key usage is of no use for TLS', async () => {
      const leaf = (bit: number): Uint8Array =>
        forge({ subject: 'leaf', issuer: root, extensions: [keyUsage(bit)] }).der
      await expectDiffer({ anchors: [root.der], leaf: leaf(6) }, 'accepted', /error 26 at 0 depth/)
      await expectSame({ anchors: [root.der], leaf: leaf(0) }, true)
    })
  })

  describe('we refuse, OpenSSL accepts', () => {
    const root = forgeCa({ subject: 'root' })
    const { der: leaf } = forge({ subject: 'leaf', issuer: root })

    test('a leaf that is itself an anchor', async () => {
      await expectDiffer({ anchors: [root.der], leaf: root.der, arguments: [] }, 'ERR_PATH_NO_ISSUER', /^$/)
      await expectSame({ anchors: [root.der], leaf }, true)
    })

    test('P-224, and a nameless anchor', async () => {
      const weak = forge({ subject: 'leaf', issuer: root, keys: keysOf('weak', 'P-224') })
      await expectDiffer({ anchors: [root.der], leaf: weak.der }, 'ERR_PATH_KEY', /^$/)
      const nameless = forgeCa({ subject: EMPTY_NAME, keys: keysOf('nameless') })
      const below = forge({ subject: commonName('x'), keys: keysOf('x'), issuer: nameless })
      await expectDiffer({ anchors: [nameless.der], leaf: below.der }, 'ERR_PATH_EMPTY_SUBJECT', /^$/)
    })
  })
}
