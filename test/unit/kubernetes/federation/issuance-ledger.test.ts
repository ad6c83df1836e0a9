import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { IssuanceLedger, type LedgerEntry } from '../../../../src/kubernetes/federation/issuance-ledger.ts'
import { MESH_PKI_GROUP } from '../../../../src/kubernetes/objects/api-group.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { caUnder, DAY, instant, type MadeCa, NOW, rootOf } from './parts.ts'

let a: CertificateAuthority
let first: MadeCa
let second: MadeCa
let other: MadeCa

beforeAll(async () => {
  a = await rootOf('a')
  first = await caUnder(a)
  // Signed for the same key by an issuer that did not know of the first one.
  second = await caUnder(a, { key: first.key })
  other = await caUnder(a)
})

const entry = ({ certificate, chain }: MadeCa, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  cluster: 'east',
  order: 'mesh-pki/istiod-east',
  authority: 'root-1',
  certificate,
  chain,
  ...more,
})

function management() {
  const clock = manualClock(NOW)
  const api = fakeKubeApi({ clock })
  const ledger = (user = 'issuer') =>
    new IssuanceLedger(new KubeClient(api.transport(), { fieldManager: user, clock }), 'mesh-pki')
  const entries = () => api.objects(KubeResources.configMaps)
  return { api, clock, ledger, entries }
}

const serial = ({ certificate }: LedgerEntry): string => certificate.serialNumber

describe('what was signed for a key', () => {
  test('is found by the key, and by no other', async () => {
    const { ledger, entries } = management()
    const recorded = await ledger().record(entry(first))
    expect(serial(recorded)).toBe(first.certificate.serialNumber)
    const found = await ledger('another').find(first.certificate.publicKey)
    expect(found).toMatchObject({ cluster: 'east', order: 'mesh-pki/istiod-east', authority: 'root-1' })
    expect(found?.certificate.equals(first.certificate)).toBe(true)
    expect(found?.chain.map(String)).toEqual(first.chain.map(String))
    expect(await ledger().find(other.certificate.publicKey)).toBeUndefined()
    expect(entries()).toMatchObject([{ immutable: true }])
  })

  test('is one certificate: who signs after another answers that one’s', async () => {
    const { ledger, entries } = management()
    await ledger('a').record(entry(first))
    const answered = await ledger('b').record(entry(second, { cluster: 'west' }))
    expect(serial(answered)).toBe(first.certificate.serialNumber)
    expect(answered.cluster).toBe('east')
    expect(entries()).toHaveLength(1)
  })

  test('is one certificate where two sign at once', async () => {
    const { ledger, entries } = management()
    const answered = await Promise.all([
      ledger('a').record(entry(first)),
      ledger('b').record(entry(second)),
      ledger('c').record(entry(second)),
    ])
    const found = await ledger().find(first.certificate.publicKey)
    expect(answered.map(serial)).toEqual(answered.map(() => found?.certificate.serialNumber))
    expect(entries()).toHaveLength(1)
  })

  test('is what stands there after an answer that was lost, and a failure where nothing does', async () => {
    const lost = management()
    lost.api.faults.failAfter('broken-connection', { verb: 'create' })
    expect(serial(await lost.ledger().record(entry(first)))).toBe(first.certificate.serialNumber)
    const rival = management()
    await rival.ledger('rival').record(entry(second))
    rival.api.faults.fail('broken-connection', { verb: 'create' })
    expect(serial(await rival.ledger().record(entry(first)))).toBe(second.certificate.serialNumber)
    const undone = management()
    undone.api.faults.fail('broken-connection', { verb: 'create' })
    await expect(undone.ledger().record(entry(first))).rejects.toMatchObject({ outcome: 'unknown' })
    const denied = management()
    denied.api.faults.fail({ status: 403, reason: 'Forbidden' }, { verb: 'create' })
    await expect(denied.ledger().record(entry(first))).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_FORBIDDEN',
    })
    expect([...undone.entries(), ...denied.entries()]).toEqual([])
  })
})

describe('an entry that somebody made anew', () => {
  /** The entry of {@link first} with another content. */
  async function changed(change: { readonly data?: object; readonly annotations?: object }) {
    const { api, ledger, entries } = management()
    await ledger().record(entry(first))
    const [found] = entries()
    if (found === undefined) throw new Error('unreachable')
    const annotations = { ...found.metadata.annotations, ...change.annotations }
    api.seed({
      ...found,
      metadata: { ...found.metadata, annotations: JSON.parse(JSON.stringify(annotations)) },
      data: { ...(found['data'] as object), ...change.data },
    })
    return ledger().find(first.certificate.publicKey)
  }

  test('with a certificate for another key is no answer', async () => {
    const data = { 'certificate.pem': other.certificate.toPem() }
    await expect(changed({ data })).rejects.toMatchObject({ code: 'ERR_KUBERNETES_LEDGER' })
    const same = { 'certificate.pem': second.certificate.toPem() }
    expect((await changed({ data: same }))?.certificate.equals(second.certificate)).toBe(true)
  })

  test.each([
    ['without its cluster', { annotations: { [`${MESH_PKI_GROUP}/cluster`]: undefined } }],
    ['without its order', { annotations: { [`${MESH_PKI_GROUP}/order`]: undefined } }],
    ['without its authority', { annotations: { [`${MESH_PKI_GROUP}/authority`]: undefined } }],
    ['without a certificate', { data: { 'certificate.pem': undefined } }],
    ['without its chain', { data: { 'chain.pem': undefined } }],
    ['with what is no certificate', { data: { 'certificate.pem': 'x' } }],
    ['with what is no chain', { data: { 'chain.pem': '-----BEGIN CERTIFICATE-----' } }],
  ])('%s is no answer', async (_name, change) => {
    await expect(changed(change)).rejects.toMatchObject({ code: 'ERR_KUBERNETES_LEDGER' })
    expect(await changed({})).toBeDefined()
  })
})

describe('the certificates of an order', () => {
  test('are counted until they end, by order and by cluster', async () => {
    const { clock, ledger, entries } = management()
    const short = await caUnder(a, { lifetime: '1d' })
    await ledger().record(entry(first))
    await ledger().record(entry(short))
    await ledger().record(entry(other, { cluster: 'west' }))
    const count = (cluster = 'east', order = 'mesh-pki/istiod-east') => ledger().count(cluster, order)
    expect([await count(), await count('west'), await count('east', 'other')]).toEqual([2, 1, 0])
    // To its last second it is valid.
    clock.set(instant(DAY))
    expect([await count(), entries().length]).toEqual([2, 3])
    clock.set(instant(DAY + 1000))
    expect([await count(), entries().length]).toEqual([1, 2])
    expect(await ledger().find(short.certificate.publicKey)).toBeUndefined()
    expect(await ledger().find(first.certificate.publicKey)).toBeDefined()
  })

  test('that have ended are pruned, whoever ordered them; what is none of the ledger’s stays', async () => {
    const { api, clock, ledger, entries } = management()
    await ledger().record(entry(await caUnder(a, { lifetime: '1d' }), { cluster: 'gone' }))
    await ledger().record(entry(first))
    api.seed({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'mine',
        namespace: 'mesh-pki',
        annotations: entries()[0]?.metadata.annotations ?? {},
      },
    })
    expect([await ledger().prune(), entries().length]).toEqual([0, 3])
    clock.set(instant(2 * DAY))
    expect([await ledger().prune(), await ledger().prune()]).toEqual([1, 0])
    expect(entries().map(({ metadata }) => metadata.name)).toContain('mine')
    expect(entries()).toHaveLength(2)
  })
})
