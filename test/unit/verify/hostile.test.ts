/**
 * What hostile tests of the verifier found once, so that it stays mended.
 */
import { describe, expect, test } from 'vitest'
import { TrustStore } from '../../../src/verify/index.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { aki, dns, forge, forgeCa, keysOf, san, ski } from './forge.ts'
import { forgeCrl, forgeCrlCa } from './forge-crl.ts'
import { accepted, refused } from './support.ts'

const root = forgeCrlCa({ subject: 'hostile root' })

describe('an older list is passed over only when the same key signed it', () => {
  const x1 = forgeCrlCa({
    subject: 'X',
    keys: keysOf('x1'),
    issuer: root,
    extensions: [ski(Uint8Array.of(1))],
  })
  const x2 = forgeCrlCa({
    subject: 'X',
    keys: keysOf('x2'),
    issuer: root,
    extensions: [ski(Uint8Array.of(2))],
  })
  const leaf = forge({ subject: 'leaf', issuer: x1, extensions: [aki(Uint8Array.of(1))] })
  const ask = (...crls: readonly Uint8Array[]): object => ({
    anchors: root.der,
    intermediates: [x1.der, x2.der],
    crls: [forgeCrl({ issuer: root }), ...crls],
  })

  test("a newer list of another key that borrows the first one's key identifier does not hide it", () => {
    const revoking = forgeCrl({ issuer: x1, revoked: [leaf], extensions: [aki(Uint8Array.of(1))] })
    for (const id of [1, 2]) {
      const newer = { thisUpdate: '2026-05-30T00:00:00Z', extensions: [aki(Uint8Array.of(id))] }
      refused(leaf.der, ask(forgeCrl({ issuer: x2, ...newer }), revoking), 'ERR_PATH_REVOKED')
    }
    const own = { thisUpdate: '2026-05-30T00:00:00Z', extensions: [aki(Uint8Array.of(1))] }
    accepted(leaf.der, ask(forgeCrl({ issuer: x1, ...own }), forgeCrl({ issuer: x1, revoked: [x2] })))
  })
})

describe('what a peer may send ends within the budgets', () => {
  test('many certificates of one name and key, whose signatures nobody made', () => {
    const leaf = forge({ subject: 'leaf', issuer: forgeCa({ subject: 'junk', keys: keysOf('junk') }) })
    const ca = forgeCa({
      subject: 'junk',
      keys: keysOf('junk'),
      issuer: { name: forgeCa({ subject: 'junk' }).name, keys: keysOf('other') },
    })
    const intermediates = Array.from({ length: 800 }, (_, i) => {
      // The same certificate with other signature octets: none verifies, each is another candidate.
      const der = ca.der.slice()
      der[der.length - 1] = i & 0xff
      der[der.length - 2] = i >> 8
      return der
    })
    refused(leaf.der, { anchors: root.der, intermediates }, 'ERR_PATH_BUDGET_COMPARISONS')
    accepted(forge({ subject: 'leaf', issuer: root }).der, { anchors: root.der, intermediates })
  })

  test('unreadable certificates beside the leaf are passed over, up to 1024', () => {
    const leaf = forge({ subject: 'leaf', issuer: forgeCa({ subject: 'ca', issuer: root }) })
    const ca = forgeCa({ subject: 'ca', issuer: root })
    const unreadable = (count: number): readonly Uint8Array[] =>
      Array.from({ length: count }, () => Uint8Array.of(0x30, 0))
    accepted(leaf.der, { anchors: root.der, intermediates: [...unreadable(1000), ca.der] })
    const error = refused(
      leaf.der,
      { anchors: root.der, intermediates: [...unreadable(5000), ca.der] },
      'ERR_PATH_NO_ISSUER',
    )
    expect(error.message).toContain('1024 more cannot be read')
  })

  test('a name too long to print', () => {
    const long = forge({
      subject: 'x'.repeat(60_000),
      keys: keysOf('long'),
      issuer: root,
      extensions: [san([dns('a.example')])],
    })
    const error = refused(
      long.der,
      { anchors: root.der, name: { dns: 'b.example' } },
      'ERR_PATH_NAME_MISMATCH',
    )
    expect(error.message).toMatch(/^leaf a name of \d+ octets \(serial /)
  })
})

test('a certificate that is a view of something larger is not kept with it', () => {
  const leaf = forge({ subject: 'leaf', issuer: root })
  const pem = `${leaf.certificate.toPem()}${'# nothing\n'.repeat(10_000)}`
  const [viewed] = Certificate.listFromPem(pem)
  const store = new TrustStore({ anchors: root.der })
  const [anchor] = store.anchors
  const isKept = (certificate: Certificate): boolean => {
    for (let i = 0; i < 3; i++) accepted(certificate, { store })
    return TrustStore.factsOf(store).isIssuedBy(certificate, anchor ?? expect.fail())
  }
  expect([isKept(viewed ?? expect.fail()), isKept(leaf.certificate)]).toEqual([false, true])
})

test('two lists of one key, moment and number that contradict each other: what either revokes is revoked', () => {
  const leaf = forge({ subject: 'leaf', issuer: root })
  const [silent, revoking] = [forgeCrl({ issuer: root }), forgeCrl({ issuer: root, revoked: [leaf] })]
  for (const crls of [
    [silent, revoking],
    [revoking, silent],
  ])
    refused(leaf.der, { anchors: root.der, crls }, 'ERR_PATH_REVOKED')
  accepted(leaf.der, { anchors: root.der, crls: [silent, silent] })
})
