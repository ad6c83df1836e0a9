/** Tokens in Secrets, under everything that replicas, restores and other hands do to them. */
import { describe, expect, test } from 'vitest'
import {
  createEnrollmentToken,
  createTokenStore,
  enrollmentTokenHash,
  type TokenRecord,
} from '../../../../src/ca/index.ts'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeRequest, KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'
import { secretTokenRecords } from '../../../../src/kubernetes/relay/secret-token-records.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { interleaved } from './support.ts'

const HASH = enrollmentTokenHash('a token of the test, not a secret'.replaceAll(/[ ,]/g, '-'))
const NAME = `mesh-pki-token-${HASH.slice(0, 32)}`
const record = (used = 0): TokenRecord => ({ hash: HASH, uses: 3, used, leases: [] })

function start(namespaces: 'explicit' | 'implicit' = 'implicit') {
  const clock = manualClock()
  const api = fakeKubeApi({ clock, namespaces })
  const client = (transport: KubeTransport = api.transport()) =>
    new KubeClient(transport, { fieldManager: 'relay', clock })
  const records = (transport?: KubeTransport) => secretTokenRecords(client(transport), 'tokens')
  const secret = () => api.read(KubeResources.secrets, { namespace: 'tokens', name: NAME })
  return { clock, api, client, records, secret }
}

const versionOf = async (records: ReturnType<typeof secretTokenRecords>): Promise<string> => {
  const found = await records.read(HASH)
  if (found === undefined) throw new Error('there is no record')
  return found.version
}

describe('records of tokens', () => {
  test('are written over the version that was read, and no other', async () => {
    const { records, secret } = start()
    const own = records()
    expect(await own.write(HASH, record(), undefined)).toBe(true)
    const old = await versionOf(own)
    expect(await records().write(HASH, record(1), old)).toBe(true)
    const now = secret()
    // A second use, decided on what was there before the first.
    expect(await own.write(HASH, record(1), old)).toBe(false)
    expect(await own.write(HASH, undefined, old)).toBe(false)
    expect(await own.write(HASH, record(), undefined)).toBe(false)
    expect(secret()).toEqual(now)
    expect(await own.write(HASH, undefined, await versionOf(own))).toBe(true)
    expect(await own.read(HASH)).toBeUndefined()
    expect(await own.write(HASH, record(1), old)).toBe(false)
  })

  test('are not written where another replica writes between the look and the write', async () => {
    for (const next of [record(2), undefined]) {
      const { api, records, secret } = start()
      await records().write(HASH, record(), undefined)
      const version = await versionOf(records())
      const method = next === undefined ? 'DELETE' : 'PUT'
      const first = () => records().write(HASH, record(1), version)
      const late = records(interleaved(api, (request) => request.method === method, first))
      expect(await late.write(HASH, next, version)).toBe(false)
      expect((await records().read(HASH))?.record.used).toBe(1)
      // Removed in between.
      const again = await versionOf(records())
      const gone = () => records().write(HASH, undefined, again)
      const later = records(interleaved(api, (request) => request.method === method, gone))
      expect(await later.write(HASH, next, again)).toBe(false)
      expect(secret()).toBeUndefined()
    }
    const { records, api } = start()
    api.faults.fail({ status: 403, reason: 'Forbidden' }, { verb: 'create' })
    await expect(records().write(HASH, record(), undefined)).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_FORBIDDEN',
    })
  })

  test('of a Secret that was made anew are others, though a restored server counts its versions again', async () => {
    const { api, records, secret } = start()
    expect(await records().write(HASH, record(2), undefined)).toBe(true)
    let uid = 'before'
    const sent: KubeRequest[] = []
    // An API server that was restored from a backup: the same version, another object.
    const transport = api.transport()
    const restored: KubeTransport = {
      request: async (request) => {
        sent.push(request)
        const response = await transport.request(request)
        const body = response.body as { readonly metadata?: object }
        return { ...response, body: { ...body, metadata: { ...body.metadata, uid, resourceVersion: '7' } } }
      },
      watch: (request) => transport.watch(request),
    }
    const own = records(restored)
    const version = await versionOf(own)
    expect(await versionOf(own)).toBe(version)
    uid = 'after'
    expect(await versionOf(own)).not.toBe(version)
    const before = secret()
    expect(await own.write(HASH, record(3), version)).toBe(false)
    expect(await own.write(HASH, undefined, version)).toBe(false)
    expect(sent.every(({ method }) => method === 'GET')).toBe(true)
    expect(secret()).toEqual(before)
  })

  test('keep what somebody else has put beside them', async () => {
    const { api, records, secret } = start()
    const own = records()
    await own.write(HASH, record(), undefined)
    const found = secret()
    if (found === undefined) throw new Error('there is no record')
    const { metadata } = found
    api.seed({
      ...found,
      metadata: { ...metadata, annotations: { owner: 'team' } },
      data: { ...(found['data'] as object), note: 'eA==' },
    })
    expect(await own.write(HASH, record(1), await versionOf(own))).toBe(true)
    expect(secret()).toMatchObject({ metadata: { annotations: { owner: 'team' } }, data: { note: 'eA==' } })
    expect((await own.read(HASH))?.record.used).toBe(1)
  })

  test('in a namespace that is not there fail as that, and are not tried again and again', async () => {
    const { api, client, clock } = start('explicit')
    const store = createTokenStore({ records: secretTokenRecords(client(), 'nowhere'), clock })
    const made = createEnrollmentToken({ store, name: 'cluster-1', clock })
    await expect(made).rejects.toMatchObject({ code: 'ERR_KUBERNETES_NOT_FOUND' })
    expect(api.requests.filter(({ verb }) => verb === 'create')).toHaveLength(1)
  })

  test('that were changed by somebody else are refused with the name of the Secret, and show nothing', async () => {
    const { api, records, secret } = start()
    const own = records()
    await own.write(HASH, record(), undefined)
    const found = secret()
    if (found === undefined) throw new Error('there is no record')
    for (const text of [
      undefined,
      '',
      'null',
      '[]',
      '"x"',
      '{"hash":5}',
      '{',
      // Deeper than a parser goes, and as long as a Secret can be.
      '['.repeat(500_000) + ']'.repeat(500_000),
      `{"hash":${'['.repeat(400_000)}${']'.repeat(400_000)}}`,
      'confidential'.repeat(80_000),
      '\ufffd\u0000',
    ]) {
      const data = text === undefined ? {} : { 'record.json': Buffer.from(text).toString('base64') }
      api.seed({ ...found, data })
      const error = await own.read(HASH).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'ERR_ENROLLMENT_STORE' })
      expect(String(error)).toContain(NAME)
      expect(String(error)).not.toContain('confidential')
    }
    api.seed({ ...found, data: { 'record.json': 'no base64!' } })
    await expect(own.read(HASH)).rejects.toMatchObject({ code: 'ERR_ENROLLMENT_STORE' })
  })

  test('never become tokens that do not end: an end that is none is refused', async () => {
    const { api, client, clock, records, secret } = start()
    await records().write(HASH, { ...record(), expiresAt: new Date(0) }, undefined)
    const store = createTokenStore({ records: secretTokenRecords(client(), 'tokens'), clock })
    const use = { name: 'cluster-1', lease: 'x', leaseMs: 1000 }
    expect(await store.consume(HASH, use)).toEqual({ ok: false, reason: 'expired' })
    const found = secret()
    if (found === undefined) throw new Error('there is no record')
    for (const expiresAt of ['never', '', 0, null, [], { toString: 'x' }]) {
      const text = JSON.stringify({ ...record(), expiresAt })
      api.seed({ ...found, data: { 'record.json': Buffer.from(text).toString('base64') } })
      await expect(store.consume(HASH, use)).rejects.toThrow('"expiresAt" must be a valid Date or absent')
    }
  })

  test('have a hash, and names that are made of no more than half of it', async () => {
    const { records, api } = start()
    for (const hash of ['', '..', `../${HASH}`, HASH.toUpperCase(), `${HASH}0`, HASH.slice(1)])
      await expect(records().read(hash)).rejects.toThrow(TypeError)
    expect(api.requests).toEqual([])
    await records().write(HASH, record(), undefined)
    expect(api.objects(KubeResources.secrets).map(({ metadata }) => metadata.name)).toEqual([NAME])
    // The same half, another token: the store refuses it by the whole hash.
    const other = HASH.slice(0, 32) + 'f'.repeat(32)
    const store = createTokenStore({ records: records(), clock: manualClock() })
    const use = { name: 'cluster-1', lease: 'x', leaseMs: 1000 }
    expect(await store.consume(other, use)).toEqual({ ok: false, reason: 'unknown' })
    expect(await store.consume(HASH, use)).toEqual({ ok: true })
  })
})
