/**
 * Chains of old Gloo Mesh releases: the intermediate has no subject, only a critical subject alternative
 * name, and the leaf, which istiod signed, neither issuer name nor authority key identifier.
 */
import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../src/ca/index.ts'
import {
  basicConstraints,
  EMPTY_NAME,
  type Forged,
  forge,
  forgeCa,
  keysOf,
  keyUsage,
  san,
  uri,
} from './forge.ts'
import { accepted, expectBlame, refused } from './support.ts'

const root = forgeCa({ subject: 'gloo-mesh' })

const intermediate = (cluster: string, critical = true): Forged =>
  forge({
    subject: EMPTY_NAME,
    keys: keysOf(cluster),
    issuer: root,
    extensions: [
      keyUsage(5),
      basicConstraints(true),
      san([uri(`spiffe://${cluster}/ns/istio-system/sa/istiod`)], critical),
    ],
  })

const workload = (issuer: Forged, cluster: string): Forged =>
  forge({
    subject: EMPTY_NAME,
    keys: keysOf(`${cluster} workload`),
    issuer,
    extensions: [basicConstraints(false), san([uri(`spiffe://${cluster}/ns/default/sa/web`)], true)],
  })

const clusters = ['kind1', 'kind2'] as const
const [ca1, ca2] = [intermediate('kind1'), intermediate('kind2')]
const [leaf1, leaf2] = [workload(ca1, 'kind1'), workload(ca2, 'kind2')]

describe('two clusters whose intermediates have equal, empty names', () => {
  test.each([
    [clusters[0], leaf1, ca1, ca2],
    [clusters[1], leaf2, ca2, ca1],
  ])(
    '%s: the right intermediate is found by its signature, in either order',
    (cluster, leaf, right, wrong) => {
      for (const intermediates of [[right.der], [right.der, wrong.der], [wrong.der, right.der]]) {
        const name = { uri: `spiffe://${cluster}/ns/default/sa/web` }
        const path = accepted(leaf.der, { anchors: root.der, intermediates, purpose: 'serverAuth', name })
        expect(path.certificates).toHaveLength(3)
        expect(path.certificates[1]?.equals(right.certificate)).toBe(true)
      }
      const error = refused(leaf.der, { anchors: root.der, intermediates: [wrong.der] }, 'ERR_PATH_SIGNATURE')
      expectBlame(error, leaf.certificate, 0)
      expect(error.message).not.toContain('self-signed root')
    },
  )

  test('without any intermediate the message names the empty issuer', () => {
    const error = refused(leaf1.der, { anchors: root.der }, 'ERR_PATH_NO_ISSUER')
    expect(error.message).toContain('Its issuer is the empty name')
    expect(error.message).not.toContain('self-signed root')
  })

  test('an intermediate is named by its alternative name in messages', () => {
    const time = new Date('2030-01-01T00:00:00Z')
    const long = forge({
      subject: EMPTY_NAME,
      issuer: ca1,
      keys: keysOf('long'),
      notAfter: '2040-01-01T00:00:00Z',
      extensions: [san([uri('spiffe://kind1/ns/x/sa/y')], true)],
    })
    const error = refused(long.der, { anchors: root.der, intermediates: ca1.der, time }, 'ERR_PATH_EXPIRED')
    expectBlame(error, ca1.certificate, 1)
    expect(error.message).toContain('URI:spiffe://kind1/ns/istio-system/sa/istiod')
  })
})

describe('an empty CA subject is accepted only there (RFC 5280 §4.1.2.6)', () => {
  test('not without a critical subject alternative name', () => {
    const relaxed = intermediate('kind3', false)
    const leaf = workload(relaxed, 'kind3')
    const error = refused(
      leaf.der,
      { anchors: root.der, intermediates: relaxed.der },
      'ERR_PATH_EMPTY_SUBJECT',
    )
    expectBlame(error, relaxed.certificate, 1)
    expect(error.message).toContain('RFC 5280 §4.1.2.6')
    const bare = forge({
      subject: EMPTY_NAME,
      keys: keysOf('kind4'),
      issuer: root,
      extensions: [basicConstraints(true)],
    })
    refused(
      workload(bare, 'kind4').der,
      { anchors: root.der, intermediates: bare.der },
      'ERR_PATH_EMPTY_SUBJECT',
    )
  })

  test('not as an anchor', () => {
    refused(leaf1.der, { anchors: [ca1.der] }, 'ERR_PATH_EMPTY_SUBJECT')
    accepted(leaf1.der, { anchors: [ca1.der, root.der], intermediates: ca1.der })
  })

  test('a leaf with an empty subject needs nothing else', () => {
    const named = forgeCa({ subject: 'istiod', issuer: root })
    accepted(workload(named, 'kind5').der, { anchors: root.der, intermediates: named.der })
  })
})

test('a root of today under profile gloo verifies its own leaf', async () => {
  const time = new Date('2026-06-01T00:00:00Z')
  const ca = await createRootCa({
    subject: 'O=gloo-mesh',
    lifetime: '365d',
    profile: 'gloo',
    clock: { now: () => time },
  })
  const other = await createRootCa({
    subject: 'O=gloo-mesh',
    lifetime: '365d',
    profile: 'gloo',
    clock: { now: () => time },
  })
  const { createCsr } = await import('../../../src/csr/index.ts')
  const { csr } = await createCsr({ key: 'P-256' })
  const { certificate } = await ca.issueWorkload(csr, { id: 'spiffe://kind1/ns/a/sa/b', lifetime: '1h' })
  accepted(certificate, { anchors: ca.certificate, time, purpose: 'clientAuth' })
  refused(certificate, { anchors: other.certificate, time, purpose: 'clientAuth' }, 'ERR_PATH_NO_ISSUER')
})
