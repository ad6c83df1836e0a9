import { beforeAll, describe, expect, test } from 'vitest'
import { type AgentReport, withStatus } from '../../../../src/kubernetes/federation/agent-status.ts'
import { GLOO_API, MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import type { InstalledCa } from '../../../../src/kubernetes/federation/installed-ca.ts'
import type { IssuedCertificate } from '../../../../src/kubernetes/federation/issued-certificate.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import { recordAt } from '../../../../src/kubernetes/objects/kube-object.ts'
import {
  AGENT_NAMESPACE,
  caUnder,
  DAY,
  HOUR,
  installedOf,
  instant,
  MINUTE,
  NOW,
  orderOf,
  rootOf,
} from './parts.ts'

/** A CA whose bundle a rollover has numbered. */
let installed: InstalledCa
const spec = { authority: 'new', bundleSequence: 8, rollover: 'a>b', revision: 3 }

beforeAll(async () => {
  const a = await rootOf('a')
  installed = await installedOf(await caUnder(a), [a], {
    labels: { [FederationMark.agent]: AGENT_NAMESPACE },
    annotations: {
      [FederationMark.authority]: 'new',
      [FederationMark.bundle]: '8',
      [FederationMark.rollover]: 'a>b',
      [FederationMark.ledger]: JSON.stringify({ old: '2026-03-02T00:00:00Z' }),
    },
  })
})

const orderWith = (status: object, more: object = {}): IssuedCertificate => {
  const order = orderOf({ ...spec, ...more })
  return { ...order, object: { ...order.object, status } }
}

const report = (more: Partial<AgentReport> = {}): AgentReport => ({
  order: orderWith({}),
  installed,
  action: { do: 'rest', renewAt: instant(300 * DAY) },
  now: NOW,
  heartbeatMs: 5 * MINUTE,
  conditions: [],
  isDistributed: true,
  isTakenUp: true,
  ...more,
})
const statusOf = (more: Partial<AgentReport> = {}, api = MESH_PKI_API) =>
  recordAt(withStatus(api, report(more)), 'status')

const EARLIER = { sequence: 7, digest: 'earlier' }

describe('what every verifier has', () => {
  test('is the bundle that stands in cacerts once all have it, and the one of before until then', () => {
    const before = orderWith({ rollover: 'a>b', distributed: EARLIER })
    expect(statusOf({ order: before })['distributed']).toMatchObject({ sequence: 8 })
    expect(statusOf({ order: before, isDistributed: false })['distributed']).toEqual(EARLIER)
    expect(statusOf({ isDistributed: false })['distributed']).toBeUndefined()
    // What stands there is said either way.
    expect(statusOf({ isDistributed: false })['trustBundle']).toMatchObject({ sequence: 8 })
  })

  test('to one rollover says nothing of what it is to another', () => {
    // The order follows another rollover already; the bundle was numbered by the one of before.
    const next = orderWith({ rollover: 'b>c', distributed: EARLIER }, { rollover: 'b>c' })
    expect(statusOf({ order: next })['distributed']).toEqual(EARLIER)
    const first = orderWith({ rollover: 'a>b', distributed: EARLIER }, { rollover: 'b>c' })
    expect(statusOf({ order: first })['distributed']).toBeUndefined()
    expect(statusOf({ order: first, isDistributed: false })).toMatchObject({ rollover: 'b>c' })
  })
})

describe('who signs', () => {
  test('is the authority of the CA once istiod signs with it, and the one of before until then', () => {
    const before = orderWith({ signer: 'old' })
    expect(statusOf({ order: before })['signer']).toBe('new')
    expect(statusOf({ order: before, isTakenUp: false })['signer']).toBe('old')
    expect(statusOf({ isTakenUp: false })['signer']).toBeUndefined()
    expect(statusOf({ order: before, isTakenUp: false })).toMatchObject({
      certificate: { authority: 'new' },
      ledger: [{ authority: 'old', notAfter: '2026-03-02T00:00:00Z' }],
    })
  })
})

describe('a status', () => {
  const settled = () => withStatus(MESH_PKI_API, report())

  test('is written anew for news, and after its heartbeat, and else not', () => {
    const order = { ...orderWith({}), object: settled() }
    const again = (more: Partial<AgentReport>) => withStatus(MESH_PKI_API, report({ order, ...more }))
    expect(again({ now: instant(5 * MINUTE - 1) })).toBe(order.object)
    expect(again({ now: instant(5 * MINUTE) })).not.toBe(order.object)
    expect(again({ isTakenUp: false, now: instant(MINUTE) })).toBe(order.object)
    expect(again({ action: { do: 'wait', message: 'x' } })).not.toBe(order.object)
  })

  test('is not written anew for an instant in its words', () => {
    const saying = (time: string) =>
      ({ do: 'refuse', reason: 'CertificateRefused', message: `it is ${time} now` }) as const
    const first = withStatus(MESH_PKI_API, report({ action: saying('2026-03-01T12:00:00Z') }))
    const order = { ...orderWith({}), object: first }
    const again = (time: string) => withStatus(MESH_PKI_API, report({ order, action: saying(time) }))
    expect(again('2026-03-01T12:01:00.5Z')).toBe(first)
    expect(again('noon')).not.toBe(first)
  })

  test('says when Ready changed, not when it was said again', () => {
    const order = { ...orderWith({}), object: settled() }
    const ready = (more: Partial<AgentReport>) => statusOf({ order, ...more })['conditions']
    expect(ready({ now: instant(HOUR) })).toMatchObject([
      { type: 'Ready', status: 'True', lastTransitionTime: '2026-03-01T12:00:00Z' },
    ])
    expect(ready({ now: instant(HOUR), action: { do: 'wait', message: 'x' } })).toMatchObject([
      { type: 'Ready', status: 'False', lastTransitionTime: '2026-03-01T13:00:00Z' },
    ])
  })

  test('has its error for as long as there is one', () => {
    const failed = withStatus(
      MESH_PKI_API,
      report({ action: { do: 'refuse', reason: 'RootSwap', message: 'roots would be exchanged' } }),
    )
    expect(recordAt(failed, 'status')).toMatchObject({ state: 'FAILED', error: 'roots would be exchanged' })
    const after = statusOf({ order: { ...orderWith({}), object: failed } })
    expect(after['state']).toBe('FINISHED')
    expect(after['error']).toBeUndefined()
  })

  test('forgets the certificate that can no longer be read', () => {
    const order = { ...orderWith({}), object: settled() }
    const damaged: InstalledCa = { ...installed, bundle: undefined, problem: 'damaged' }
    for (const one of [damaged, undefined]) {
      const status = statusOf({ order, installed: one })
      expect([status['certificate'], status['trustBundle']]).toEqual([undefined, undefined])
    }
    expect(statusOf({ order })['certificate']).toBeDefined()
  })

  test('in Gloo’s kind has what Gloo Mesh knows, and no more', () => {
    expect(statusOf({}, GLOO_API)).toEqual({ observedGeneration: 1, state: 'FINISHED', error: undefined })
  })
})
