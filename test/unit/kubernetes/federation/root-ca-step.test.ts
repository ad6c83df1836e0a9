import { describe, expect, test } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { rootCaStep } from '../../../../src/kubernetes/federation/root-ca-step.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { readRootRecord, rootRecordName } from '../../../../src/kubernetes/policy/root-record.ts'
import { decodeRootSecret } from '../../../../src/kubernetes/secrets/root-secret.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { START } from './support.ts'

const ref = { namespace: 'mesh-pki', name: 'root' }

function management() {
  const clock = manualClock(START)
  const api = fakeKubeApi({ clock })
  const client = (transport = api.transport()) => new KubeClient(transport, { fieldManager: 'test', clock })
  const make = (beforeWrite?: () => void, by = client()) =>
    rootCaStep(by, ref, {
      organization: 'Istio',
      lifetime: '3650d',
      keyAlgorithm: 'P-256',
      owner: 'policy',
      beforeWrite,
    })
  const secret = () => api.read(KubeResources.secrets, ref)
  const record = () => api.read(KubeResources.configMaps, rootRecordName(ref))
  const fingerprint = () => decodeRootSecret(secret() ?? {}).certificate.fingerprint()
  return { api, client, make, secret, record, fingerprint }
}

/** What another process makes meanwhile. */
async function rival(): Promise<{ readonly secret: KubeObject; readonly record: KubeObject }> {
  const other = management()
  await other.make()
  const [secret, record] = [other.secret(), other.record()]
  if (secret === undefined || record === undefined) throw new Error('unreachable')
  return { secret, record }
}

describe('the root of a policy', () => {
  test('is made once, with a note of which it was', async () => {
    const { api, make, record, secret, fingerprint } = management()
    expect((await make()).changed).toBe(true)
    expect(readRootRecord(record() ?? { metadata: {} })).toBe(fingerprint())
    expect(JSON.stringify(record())).not.toContain('PRIVATE KEY')
    const [before, writes] = [secret(), api.writes]
    expect((await make()).changed).toBe(false)
    expect([secret(), api.writes]).toEqual([before, writes])
  })

  test('of another process that was faster is the one', async () => {
    const { api, make, secret, record } = management()
    const theirs = await rival()
    // It writes between the look and the write.
    let isFirst = true
    const result = await make(() => {
      if (isFirst) api.seed(theirs.secret)
      isFirst = false
    })
    expect(result).toMatchObject({ changed: false })
    expect(result.requeueAfterMs).toBeGreaterThan(0)
    expect(secret()?.['data']).toEqual(theirs.secret['data'])
    // No note of a root that is nowhere: it would be missed.
    expect(record()).toBeUndefined()
    await make()
    expect(record()?.['data']).toEqual(theirs.record['data'])
  })

  test('whose note another process has made already is made', async () => {
    const { api, make, secret, record } = management()
    let writes = 0
    // Between Secret and note, the other process takes the Secret as it is, and notes it.
    const result = await make(() => {
      if (++writes !== 2) return
      api.seed({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: rootRecordName(ref),
        data: { sha256: decodeRootSecret(secret() ?? {}).certificate.fingerprint() },
      })
    })
    expect(result).toMatchObject({ changed: true })
    expect(record()).toBeDefined()
    expect(writes).toBe(2)
  })

  test('is noted by the next process after a crash between Secret and note', async () => {
    const { api, client, make, secret, record, fingerprint } = management()
    const doomed = api.transport()
    doomed.crashAfterWrite(1)
    await expect(make(undefined, client(doomed))).rejects.toThrow()
    const before = secret()
    expect([before === undefined, record()]).toEqual([false, undefined])
    expect((await make()).changed).toBe(true)
    expect(secret()).toEqual(before)
    expect(readRootRecord(record() ?? { metadata: {} })).toBe(fingerprint())
  })

  test('that got lost is missed, and not made anew; without its note it is', async () => {
    const { api, client, make, secret, record } = management()
    await make()
    const [lost, note] = [secret(), record()]
    if (lost === undefined || note === undefined) throw new Error('unreachable')
    await client().remove(KubeResources.secrets, lost)
    const { writes } = api
    await expect(make()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_ROOT_LOST' })
    expect([secret(), api.writes]).toEqual([undefined, writes])
    // It comes back from a backup.
    api.seed(lost)
    expect((await make()).changed).toBe(false)
    await client().remove(KubeResources.secrets, secret() ?? lost)
    await client().remove(KubeResources.configMaps, note)
    expect((await make()).changed).toBe(true)
    expect(secret()?.['data']).not.toEqual(lost['data'])
  })

  test('is written by nobody who must not write, nor is its note', async () => {
    const { api, make, secret, record } = management()
    const stopAt = (n: number) => {
      let count = 0
      return () => {
        if (++count === n) throw new Error('no longer the leader')
      }
    }
    await expect(make(stopAt(1))).rejects.toThrow('no longer the leader')
    expect(api.writes).toBe(0)
    await expect(make(stopAt(2))).rejects.toThrow('no longer the leader')
    expect([secret() === undefined, record()]).toEqual([false, undefined])
    await expect(make(stopAt(1))).rejects.toThrow('no longer the leader')
    expect(record()).toBeUndefined()
  })

  test('is not looked for in a Secret that is no CA’s, which stays', async () => {
    const { api, make, secret, record } = management()
    api.seed({ apiVersion: 'v1', kind: 'Secret', metadata: ref, data: { password: 'eA==' } })
    await expect(make()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_SECRET_LAYOUT' })
    expect(secret()?.['data']).toEqual({ password: 'eA==' })
    expect(record()).toBeUndefined()
  })
})
