import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import {
  adopted,
  agentLabels,
  type CacertsChange,
  copyOf,
  withNewCa,
  withRoots,
} from '../../../../src/kubernetes/federation/agent-objects.ts'
import { GLOO_API, MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import { type InstalledCa, readInstalledCa } from '../../../../src/kubernetes/federation/installed-ca.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { decodeCacerts } from '../../../../src/kubernetes/secrets/decode-cacerts.ts'
import {
  AGENT_NAMESPACE,
  cacertsOf,
  caUnder,
  DAY,
  HOUR,
  installedOf,
  instant,
  type MadeCa,
  MINUTE,
  NOW,
  orderOf,
  rootOf,
} from './parts.ts'

const labels = agentLabels(MESH_PKI_API, AGENT_NAMESPACE)
const seconds = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`
let a: CertificateAuthority
let b: CertificateAuthority
let before: MadeCa
let next: MadeCa

beforeAll(async () => {
  ;[a, b] = await Promise.all([rootOf('a'), rootOf('b')])
  ;[before, next] = await Promise.all([caUnder(a), caUnder(b)])
})

const change = (more: Partial<CacertsChange> = {}): CacertsChange => ({
  order: orderOf({ authority: 'new', workloadLifetime: '24h' }),
  installed: undefined,
  labels,
  roots: [a.certificate, b.certificate],
  now: NOW,
  switchMs: 10 * MINUTE,
  ...more,
})

const made = async (more: Partial<CacertsChange> = {}): Promise<InstalledCa> => {
  const secret = await withNewCa(change(more), 'the wish', next, next.key)
  const installed = await readInstalledCa(secret, AGENT_NAMESPACE)
  if (installed === undefined) throw new Error('unreachable')
  return installed
}

const ofOld = (annotations: Record<string, string> = {}): Promise<InstalledCa> =>
  installedOf(before, [a], { labels, annotations: { [FederationMark.authority]: 'old', ...annotations } })

describe('a new CA', () => {
  test('is installed with its key, the roots, and what it was installed for', async () => {
    const installed = await made()
    expect(installed.problem).toBeUndefined()
    expect(installed.bundle?.certificate.equals(next.certificate)).toBe(true)
    expect(installed.bundle?.roots.map(String)).toEqual([a, b].map((root) => String(root.certificate)))
    expect(installed).toMatchObject({ isOurs: true, wish: 'the wish', authority: 'new', ledger: {} })
    expect(installed.installedAt).toEqual(NOW)
  })

  test('leaves the old authority in use for a workload certificate’s life and the time that istiod takes', async () => {
    const installed = await ofOld()
    // Signed at the last moment, by an istiod that takes its ten minutes.
    expect((await made({ installed })).ledger).toEqual({ old: seconds(instant(DAY + 10 * MINUTE)) })
    expect((await made({ installed, switchMs: 3 * HOUR })).ledger).toEqual({
      old: seconds(instant(DAY + 3 * HOUR)),
    })
    const order = orderOf({ authority: 'new', workloadLifetime: '4h' })
    expect((await made({ installed, order })).ledger).toEqual({
      old: seconds(instant(4 * HOUR + 10 * MINUTE)),
    })
  })

  test('rounds no end down: a ledger that ends early withdraws what is in use', async () => {
    const installed = await ofOld()
    const now = instant(1)
    expect((await made({ installed, now })).ledger).toEqual({
      old: seconds(instant(DAY + 10 * MINUTE + 1000)),
    })
    expect((await made({ installed, now })).installedAt).toEqual(instant(1000))
  })

  test('under the same authority leaves none behind, nor one that nobody knows', async () => {
    const same = await installedOf(before, [a], {
      labels,
      annotations: { [FederationMark.authority]: 'new' },
    })
    expect((await made({ installed: same })).ledger).toEqual({})
    const unknown = await installedOf(before, [a], { labels })
    expect((await made({ installed: unknown })).ledger).toEqual({})
  })

  test('keeps the lines of earlier authorities for a day after their end, but none of its own', async () => {
    const lines = {
      [FederationMark.ledger]: JSON.stringify({
        older: seconds(instant(HOUR)),
        ended: seconds(instant(-DAY + 1000)),
        gone: seconds(instant(-DAY)),
        new: seconds(instant(HOUR)),
      }),
    }
    expect((await made({ installed: await ofOld(lines) })).ledger).toEqual({
      older: seconds(instant(HOUR)),
      ended: seconds(instant(-DAY + 1000)),
      old: seconds(instant(DAY + 10 * MINUTE)),
    })
  })

  test('takes nothing over that a CRL or a mark of before says of another CA', async () => {
    const extra = async (marks: Parameters<typeof cacertsOf>[2]) => {
      const secret = await cacertsOf(before, [a], marks)
      const data = { ...(secret['data'] as object), 'istio-generated': 'eA==', mine: 'eA==' }
      return readInstalledCa({ ...secret, data }, AGENT_NAMESPACE)
    }
    const keysOf = async (marks: Parameters<typeof cacertsOf>[2]) => {
      const secret = await withNewCa(change({ installed: await extra(marks) }), 'w', next, next.key)
      return Object.keys(secret['data'] ?? {}).filter((name) => !name.endsWith('.pem'))
    }
    expect(await keysOf({ labels: {} })).toEqual([])
    expect(await keysOf({ labels, annotations: { [FederationMark.adopted]: 'w' } })).toEqual(['mine'])
  })

  test('is no longer one that was taken over', async () => {
    const installed = await ofOld({ [FederationMark.adopted]: 'w' })
    expect(installed.adopted).toBe('w')
    expect((await made({ installed })).adopted).toBeUndefined()
  })

  test('stays the object that it was: its version is what the write is held against', async () => {
    const installed = await ofOld()
    const secret = await withNewCa(change({ installed }), 'w', next, next.key)
    expect(secret.metadata).toMatchObject({ uid: 'u-cacerts', resourceVersion: '7' })
  })
})

describe('the numbers of a bundle', () => {
  const numbered = orderOf({ authority: 'new', bundleSequence: 8, rollover: 'a>b' })

  test('are those of the order, in whatever is written', async () => {
    const installed = await ofOld({ [FederationMark.bundle]: '7', [FederationMark.rollover]: 'x>y' })
    const of = (secret: KubeObject) => readInstalledCa(secret, AGENT_NAMESPACE)
    const parts = change({ installed, order: numbered })
    for (const secret of [withRoots(parts), adopted(parts, 'w'), await withNewCa(parts, 'w', next, next.key)])
      expect(await of(secret)).toMatchObject({ bundleSequence: 8, rollover: 'a>b' })
    const plain = change({ installed })
    for (const secret of [withRoots(plain), adopted(plain, 'w'), await withNewCa(plain, 'w', next, next.key)])
      expect(await of(secret)).toMatchObject({ bundleSequence: undefined, rollover: undefined })
  })
})

describe('the tenure of a leader', () => {
  test('stands on whatever it writes, and not on what is written without one', async () => {
    const installed = await ofOld({ [FederationMark.fence]: 'before' })
    const of = async (fence: string | undefined) => {
      const parts = change({ installed, fence })
      const all = [withRoots(parts), adopted(parts, 'w'), await withNewCa(parts, 'w', next, next.key)]
      return all.map(({ metadata }) => metadata.annotations?.[FederationMark.fence])
    }
    expect(await of('7')).toEqual(['7', '7', '7'])
    expect(await of(undefined)).toEqual([undefined, undefined, undefined])
  })
})

describe('other roots', () => {
  test('leave the CA, its key and what is known of it as they are', async () => {
    const installed = await ofOld({ [FederationMark.wish]: 'w', [FederationMark.installedAt]: seconds(NOW) })
    const secret = withRoots(change({ installed, now: instant(DAY) }))
    const read = await readInstalledCa(secret, AGENT_NAMESPACE)
    expect(read?.bundle?.roots.map(String)).toEqual([a, b].map((root) => String(root.certificate)))
    expect(read?.bundle?.certificate.equals(before.certificate)).toBe(true)
    expect(read).toMatchObject({ problem: undefined, wish: 'w', authority: 'old', ledger: {} })
    expect(read?.installedAt).toEqual(NOW)
    expect(() => withRoots(change())).toThrow(TypeError)
  })
})

describe('a CA that is taken over', () => {
  test('keeps its bytes, and is under an authority only where that is certain', async () => {
    const foreign = await installedOf(before, [a], { labels: {} })
    const of = (roots: readonly CertificateAuthority[], authorityRoots?: readonly string[]) => {
      const order = orderOf({ authority: 'old', authorityRoots })
      const parts = change({ installed: foreign, order, roots: roots.map((root) => root.certificate) })
      return adopted(parts, 'w')
    }
    expect(of([a])['data']).toEqual(foreign.secret['data'])
    const read = await readInstalledCa(of([a]), AGENT_NAMESPACE)
    expect(read).toMatchObject({ isOurs: true, wish: 'w', adopted: 'w', authority: 'old' })
    expect((await readInstalledCa(of([a, b]), AGENT_NAMESPACE))?.authority).toBeUndefined()
    const named = of([a, b], [a.certificate.fingerprint()])
    expect((await readInstalledCa(named, AGENT_NAMESPACE))?.authority).toBe('old')
    expect(() => adopted(change(), 'w')).toThrow(TypeError)
  })
})

describe('the copy of what is replaced', () => {
  test('has all of its data, can no longer be changed, and another name for other data', async () => {
    const secret = await cacertsOf(before, [a], { labels: {} })
    const copy = copyOf(secret, labels)
    expect(copy['data']).toEqual(secret['data'])
    expect(copy['immutable']).toBe(true)
    expect(copy.metadata.namespace).toBe('istio-system')
    expect(copyOf(secret, labels).metadata.name).toBe(copy.metadata.name)
    const other = await cacertsOf(next, [b], { labels: {} })
    expect(copyOf(other, labels).metadata.name).not.toBe(copy.metadata.name)
    expect(decodeCacerts({ ...copy, metadata: secret.metadata }).certificate.equals(before.certificate)).toBe(
      true,
    )
  })
})

describe('labels', () => {
  test('are Gloo Mesh’s too under its kinds, and not under ours', () => {
    expect(agentLabels(MESH_PKI_API, 'x')).toEqual({ [FederationMark.agent]: 'x' })
    expect(agentLabels(GLOO_API, 'x')).toEqual({
      [FederationMark.agent]: 'x',
      'agent.certificates.mesh.gloo.solo.io': 'x',
    })
  })
})
