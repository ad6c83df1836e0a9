/** What the server of a relay renews, refuses and never overwrites. */
import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../../src/ca/index.ts'
import type { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeRequest } from '../../../../src/kubernetes/api/kube-transport.ts'
import { loadRelayServer } from '../../../../src/kubernetes/relay/load-relay-server.ts'
import { relayServerStep } from '../../../../src/kubernetes/relay/relay-server-step.ts'
import { encodeRelaySecret } from '../../../../src/kubernetes/secrets/encode-relay-secret.ts'
import { decodeRelaySecret } from '../../../../src/kubernetes/secrets/relay-secret.ts'
import type { FakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { verifyPath } from '../../../../src/verify/index.ts'
import { exportPrivateKey, generateKeyPair } from '../../../../src/x509/index.ts'
import {
  bring,
  dataOf,
  day,
  drop,
  interleaved,
  issue,
  NAMESPACE,
  names,
  pair,
  put,
  rootOf,
  SERVER,
  START,
  secretOf,
  settle,
  withoutMark,
  world,
} from './support.ts'

const ROOT = 'relay-root-tls-secret'
const KEY = 'mesh-pki-relay-root'
const SIGNING = 'relay-tls-signing-secret'
const SERVING = 'relay-server-tls-secret'
const DATA = 'ERR_KUBERNETES_SECRET_DATA'
const INCOMPLETE = 'ERR_KUBERNETES_INCOMPLETE_SECRET'

/** Everything that is stored, to show that nothing was changed. */
const stored = (api: FakeKubeApi): string => JSON.stringify(api.objects(KubeResources.secrets))

/** Takes steps, and shows that they fail and write nothing. */
async function refused(client: KubeClient, api: FakeKubeApi, message: RegExp, code: string): Promise<void> {
  const before = stored(api)
  await expect(settle(client)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  expect(stored(api)).toBe(before)
}

/** A root of somebody else, with its key beside it, that outlives all that is below it. */
async function adoptedRoot(api: FakeKubeApi, clock = manualClock(START), lifetime = '7300d') {
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  const ca = await createRootCa({ subject: 'CN=theirs', lifetime, key: privateKey, clock })
  const object = encodeRelaySecret({ role: 'root', namespace: NAMESPACE, roots: ca.certificate })
  const key = await exportPrivateKey(privateKey, { format: 'pkcs8' })
  api.seed({
    ...object,
    metadata: object.metadata ?? {},
    data: { ...object.data, 'tls.key': Buffer.from(key).toString('base64') },
  })
  return { ca, privateKey }
}

describe('what was made here', () => {
  test('is renewed after it has expired, and leads to the root that was there', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    // A server of 100 days below a root of ten years; then nobody runs for 200.
    await drop(management, SERVING)
    await settle(client(management), { ...SERVER, lifetime: '100d' })
    const before = pair(management, SERVING)
    clock.set(day(200))
    expect(before.certificate.notAfter < clock.now()).toBe(true)
    const rest = [ROOT, KEY, SIGNING].map((name) => secretOf(management, name))
    const found = secretOf(management, SERVING)
    const { annotations, labels } = found.metadata
    const beside = { annotations: { ...annotations, team: 'a' }, labels: { ...labels, team: 'b' } }
    management.seed({
      ...found,
      metadata: { ...found.metadata, ...beside },
      data: { ...dataOf(management, SERVING), note: 'eA==' },
    })
    const { message } = await relayServerStep(client(management), { ...SERVER, lifetime: '100d' })
    expect(message).toBe('the certificate of relay-server-tls-secret is renewed')
    const after = pair(management, SERVING)
    expect(after.certificate.publicKey).not.toEqual(before.certificate.publicKey)
    expect(after.certificate.notAfter).toEqual(day(300))
    // What others have put there stays.
    expect(secretOf(management, SERVING)).toMatchObject({
      type: 'Opaque',
      metadata: { labels: beside.labels, annotations: { team: 'a' }, uid: found.metadata.uid },
      data: { note: 'eA==' },
    })
    const { roots, credentials } = await loadRelayServer(client(management))
    await verifyPath(credentials.cert, {
      anchors: [...roots],
      purpose: 'serverAuth',
      name: { dns: 'relay.test' },
      time: clock.now(),
    })
    expect([ROOT, KEY, SIGNING].map((name) => secretOf(management, name))).toEqual(rest)
    await settle(client(management), { ...SERVER, lifetime: '100d' })
  })

  test('is refused where more than its time is wrong, and not called somebody else’s', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    await drop(management, SERVING)
    await settle(client(management), { ...SERVER, lifetime: '100d' })
    const { 'tls.key': other = '' } = dataOf(management, SIGNING)
    put(management, SERVING, { 'tls.key': other })
    clock.set(day(200))
    await refused(
      client(management),
      management,
      /its key is not that of its certificate\. It was made here, and was changed since/,
      DATA,
    )
  })

  test('one of somebody else that has expired is not overwritten', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    await bring(management, (await rootOf(management, clock)).ca, { lifetime: '100d' })
    await settle(client(management))
    clock.set(day(200))
    await refused(client(management), management, /expired.*It was there before and is left alone/, DATA)
  })

  test.each(['labels only', 'annotations only', 'labels and annotations'])(
    'what somebody put in its place is theirs, though the Secret still has its %s',
    async (kept) => {
      const { management, client, clock } = world()
      await settle(client(management))
      const { metadata } = secretOf(management, SERVING)
      const theirs = await bring(management, (await rootOf(management, clock)).ca, { lifetime: '100d' })
      const { labels = {}, annotations = {} } = metadata
      management.seed({
        ...theirs,
        metadata: {
          ...theirs.metadata,
          ...(kept.includes('labels') ? { labels } : {}),
          ...(kept.includes('annotations') ? { annotations } : {}),
        },
      })
      const before = dataOf(management, SERVING)
      // Due, and not expired.
      clock.set(day(99))
      await settle(client(management))
      expect(dataOf(management, SERVING)).toEqual(before)
    },
  )

  test('is left to who has taken the label away', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    const found = secretOf(management, SERVING)
    const { labels: _, ...metadata } = found.metadata
    management.seed({ ...found, metadata })
    const before = secretOf(management, SERVING)
    clock.set(day(3400))
    await settle(client(management))
    expect(secretOf(management, SERVING)).toEqual(before)
    management.seed(found)
    await settle(client(management))
    expect(dataOf(management, SERVING)).not.toEqual(before['data'])
  })

  test('the signing CA is renewed with its key where the root outlives it, so that clusters go on', async () => {
    const { management, client, clock } = world()
    await adoptedRoot(management)
    const short = { ...SERVER, lifetime: '100d' }
    await settle(client(management), short)
    const first = await loadRelayServer(client(management))
    const cluster = await issue(first.signingCa, 'cluster-1')
    // A tenth before the end is not yet come.
    clock.set(day(89))
    expect((await relayServerStep(client(management), short)).changed).toBe(false)
    clock.set(day(91))
    await settle(client(management), short)
    const second = await loadRelayServer(client(management))
    expect(second.signingCa.certificate.equals(first.signingCa.certificate)).toBe(false)
    expect(second.signingCa.certificate.publicKey).toEqual(first.signingCa.certificate.publicKey)
    expect(second.signingCa.certificate.notAfter).toEqual(day(191))
    await verifyPath(cluster.certificate, {
      anchors: second.signingCa.certificate,
      purpose: 'clientAuth',
      time: clock.now(),
    })
    // And after it has expired.
    clock.set(day(400))
    await settle(client(management), short)
    const third = await loadRelayServer(client(management))
    expect(third.signingCa.certificate.publicKey).toEqual(first.signingCa.certificate.publicKey)
  })

  test('the signing CA is not renewed where that changes nothing, below a root that ends with it', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    const before = secretOf(management, SIGNING)
    clock.set(day(3649))
    await settle(client(management))
    expect(secretOf(management, SIGNING)).toEqual(before)
  })

  test('is not failed for before its end where the key of the root is in a safe place', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    await drop(management, KEY)
    clock.set(day(3400))
    const { changed, message } = await relayServerStep(client(management), SERVER)
    expect([changed, message]).toEqual([
      false,
      'the certificate of relay-server-tls-secret is due, and the key of the root is not here',
    ])
    await drop(management, SERVING)
    await refused(client(management), management, /its key is not here, neither beside it nor in/, INCOMPLETE)
  })

  test('below a root that has ended is not made anew: nothing could be valid', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    clock.set(day(3651))
    await refused(client(management), management, /expired/, 'ERR_CA_EXPIRED')
  })
})

describe('the root', () => {
  test('is not made anew while pairs are there that lead to the one that is gone', async () => {
    const { management, client } = world()
    await settle(client(management))
    await drop(management, ROOT, KEY)
    await refused(
      client(management),
      management,
      /relay-root-tls-secret is gone, and relay-tls-signing-secret and relay-server-tls-secret lead to no root.*restore relay-root-tls-secret, and mesh-pki-relay-root .*from the backup/,
      INCOMPLETE,
    )
    expect(names(management)).not.toContain(KEY)
  })

  test.each([
    [SIGNING, /and relay-tls-signing-secret leads to no root/],
    [SERVING, /and relay-server-tls-secret leads to no root/],
  ])('nor with %s alone, which somebody else made, or that cannot be read', async (name, message) => {
    const made = world()
    await settle(made.client(made.management))
    const { management, client } = world()
    management.seed(withoutMark(secretOf(made.management, name)))
    await refused(client(management), management, message, INCOMPLETE)
    management.seed({ ...secretOf(management, name), data: { 'tls.crt': 'eA==' } })
    await refused(client(management), management, message, INCOMPLETE)
    // Knowingly.
    await drop(management, name)
    await settle(client(management))
    expect(names(management)).toHaveLength(5)
  })

  test('is restored from the backup, or from its key, and all goes on', async () => {
    for (const lost of [[ROOT], [ROOT, KEY]]) {
      const { management, client } = world()
      await settle(client(management))
      const backup = lost.map((name) => secretOf(management, name))
      const rest = [SIGNING, SERVING].map((name) => dataOf(management, name))
      await drop(management, ...lost)
      if (lost.length === 2) management.seed(...backup)
      await settle(client(management))
      expect(dataOf(management, ROOT)).toEqual(backup[0]?.['data'])
      expect([SIGNING, SERVING].map((name) => dataOf(management, name))).toEqual(rest)
    }
  })

  test('is not published from a key that is here while the pairs lead to another', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    // The operator's own root took over, with pairs below it; now its Secret is lost.
    const other = world()
    await settle(other.client(other.management))
    for (const name of [SIGNING, SERVING]) management.seed(secretOf(other.management, name))
    await drop(management, ROOT)
    await refused(client(management), management, /lead to no root that is here/, INCOMPLETE)
    // Of one that cannot be read it cannot be told.
    await drop(management, SERVING)
    put(management, SIGNING, { 'tls.crt': 'eA==' })
    await refused(client(management), management, /relay-tls-signing-secret leads to no root/, INCOMPLETE)
    // One that has expired, but is below it, is no other's.
    await drop(management, SIGNING)
    await settle(client(management), { ...SERVER, lifetime: '10d' })
    await drop(management, ROOT)
    clock.set(day(20))
    await settle(client(management))
  })

  test('is not published with a key that is not its own', async () => {
    const { management, client } = world()
    await relayServerStep(client(management), SERVER)
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    const key = await exportPrivateKey(privateKey, { format: 'pkcs8' })
    put(management, KEY, { 'ca-key.pem': Buffer.from(key).toString('base64') })
    await refused(client(management), management, /key/, 'ERR_CA_KEY_MISMATCH')
    expect(names(management)).toEqual([KEY])
  })

  test('is not taken for gone where another process made all of it between two reads', async () => {
    const { management, client } = world()
    const second = client(management)
    const isPair = ({ path }: KubeRequest) => path.endsWith(SIGNING)
    const slow = client(
      management,
      interleaved(management, isPair, () => settle(second)),
    )
    expect(await relayServerStep(slow, SERVER)).toMatchObject({ changed: true })
    const before = stored(management)
    await settle(slow)
    expect(stored(management)).toBe(before)
  })

  test('that was renewed with its key signs by the certificate that lasts', async () => {
    const { management, client, clock } = world()
    const { ca, privateKey } = await adoptedRoot(management, clock, '100d')
    clock.set(day(90))
    const renewed = await createRootCa({
      subject: 'CN=theirs',
      lifetime: '3650d',
      key: privateKey,
      clock,
      renews: ca.certificate,
      sameKey: 'keep',
    })
    const { 'tls.key': key = '' } = dataOf(management, ROOT)
    const both = encodeRelaySecret({
      role: 'root',
      namespace: NAMESPACE,
      roots: [ca.certificate, renewed.certificate],
    })
    put(management, ROOT, { ...both.data, 'tls.key': key })
    clock.set(day(101))
    await settle(client(management))
    expect(pair(management, SERVING).certificate.notAfter > day(3000)).toBe(true)
    // One that lasts longer, and has not begun.
    const next = await createRootCa({
      subject: 'CN=theirs',
      lifetime: '7300d',
      key: privateKey,
      clock: manualClock(day(150)),
      renews: renewed.certificate,
      sameKey: 'keep',
    })
    const all = encodeRelaySecret({
      role: 'root',
      namespace: NAMESPACE,
      roots: [next.certificate, renewed.certificate],
    })
    put(management, ROOT, { ...all.data, 'tls.key': key })
    await drop(management, SERVING)
    await settle(client(management))
    expect(pair(management, SERVING).certificate.notAfter > day(3000)).toBe(true)
  })
})

describe('what was there before', () => {
  test.each([
    ['the key of another', SIGNING, /relay-tls-signing-secret: its key is not that of its certificate/],
    ['the key of another', SERVING, /relay-server-tls-secret: its key is not that of its certificate/],
  ])('is refused with %s: %s', async (_what, name, message) => {
    const { management, client } = world()
    await settle(client(management))
    const other = [SIGNING, SERVING].find((each) => each !== name) ?? ''
    management.seed(withoutMark(secretOf(management, name)))
    await settle(client(management))
    put(management, name, { 'tls.key': dataOf(management, other)['tls.key'] })
    await refused(client(management), management, message, DATA)
  })

  test('is refused as signing CA where it is none', async () => {
    const { management, client } = world()
    await settle(client(management))
    // A pair that is right in all else: the server's.
    const { data, metadata: _, ...rest } = secretOf(management, SERVING)
    management.seed({ ...rest, data, metadata: { namespace: NAMESPACE, name: SIGNING } })
    await refused(
      client(management),
      management,
      /relay-tls-signing-secret: its certificate is no CA’s/,
      DATA,
    )
  })

  test('is refused as server where it is for clients alone', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    const { ca } = await rootOf(management, clock)
    await bring(management, ca, { usage: 'clientAuth' })
    await refused(client(management), management, /relay-server-tls-secret: it does not lead to/, DATA)
    await bring(management, ca, { usage: 'serverAuth' })
    await settle(client(management))
  })
})

describe('two servers at once', () => {
  test('make one of each, whoever is first at each write', async () => {
    for (let n = 0; n < 5; n++) {
      const { management, client } = world()
      const [a, b] = [client(management), client(management)]
      for (let i = 0; i < n; i++) await relayServerStep(a, SERVER)
      const isCreate = ({ method }: KubeRequest) => method === 'POST'
      const slow = client(
        management,
        interleaved(management, isCreate, () => relayServerStep(b, SERVER)),
      )
      // The slow one is told that it is there, and goes on with what the other made.
      expect(await relayServerStep(slow, SERVER)).toMatchObject({ changed: true, requeueAfterMs: 1 })
      expect(management.writes).toBe(n + 1)
      await Promise.all([settle(a), settle(b), settle(slow)])
      expect(management.writes).toBe(5)
      await loadRelayServer(a)
    }
  })

  test('renew once', async () => {
    const { management, client, clock } = world()
    const [a, b] = [client(management), client(management)]
    await settle(a)
    clock.set(day(3400))
    const isUpdate = ({ method }: KubeRequest) => method === 'PUT'
    const slow = client(
      management,
      interleaved(management, isUpdate, () => relayServerStep(b, SERVER)),
    )
    expect((await relayServerStep(slow, SERVER)).changed).toBe(true)
    expect(management.writes).toBe(6)
    const winner = pair(management, SERVING).certificate
    await Promise.all([settle(slow), settle(b)])
    expect(pair(management, SERVING).certificate.equals(winner)).toBe(true)
  })

  test('a refusal is no sign that another was first', async () => {
    const { management, client } = world()
    management.faults.fail({ status: 422, reason: 'Invalid' }, { verb: 'create' })
    await expect(relayServerStep(client(management), SERVER)).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_INVALID',
    })
    await settle(client(management))
    management.faults.fail({ status: 403, reason: 'Forbidden' }, { verb: 'update' })
    await drop(management, SERVING)
    await settle(client(management), { ...SERVER, lifetime: '1d' })
    await expect(
      relayServerStep(client(management, management.transport(), manualClock(day(2))), SERVER),
    ).rejects.toMatchObject({ code: 'ERR_KUBERNETES_FORBIDDEN' })
  })
})

describe('a clock that jumps', () => {
  test('by seconds, as those of replicas do, changes nothing', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    const before = stored(management)
    const behind = manualClock(new Date(clock.now().getTime() - 60_000))
    await settle(client(management, management.transport(), behind))
    expect(stored(management)).toBe(before)
  })

  test('back: what was made in the future is made anew below a root that is valid', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    clock.set(day(3400))
    await settle(client(management))
    expect(pair(management, SERVING).certificate.notBefore > day(3399)).toBe(true)
    clock.set(day(100))
    await settle(client(management))
    const { certificate } = pair(management, SERVING)
    expect(certificate.notBefore < day(100)).toBe(true)
    expect(certificate.notAfter < day(100 + 3651)).toBe(true)
    // And a root of the future makes nothing.
    clock.set(day(-1))
    await refused(client(management), management, /not yet valid/, 'ERR_CA_NOT_YET_VALID')
  })

  test('forward and back: nothing but the server’s pair is touched', async () => {
    const { management, client, clock } = world()
    await settle(client(management))
    const rest = [ROOT, KEY, SIGNING, 'relay-identity-token-secret']
    const before = rest.map((name) => secretOf(management, name))
    for (const n of [3600, 10, 3649, 0, 5000, 1]) {
      clock.set(day(n))
      await settle(client(management)).catch((error) => expect(error.code).toBe('ERR_CA_EXPIRED'))
      expect(rest.map((name) => secretOf(management, name))).toEqual(before)
    }
    await loadRelayServer(client(management))
  })
})

describe('a crash', () => {
  test('behind any write of a renewal leaves a pair that fits', async () => {
    for (const [n, answer] of [
      [0, 'delivered'],
      [1, 'lost'],
      [1, 'delivered'],
    ] as const) {
      const { management, client, clock } = world()
      await adoptedRoot(management)
      await settle(client(management), { ...SERVER, lifetime: '100d' })
      clock.set(day(200))
      // The signing CA and the server are both due.
      for (let i = 0; i < 2; i++) {
        const doomed = management.transport()
        doomed.crashAfterWrite(n, { answer })
        await settle(client(management, doomed), { ...SERVER, lifetime: '100d' }).catch(() => {})
      }
      await settle(client(management), { ...SERVER, lifetime: '100d' })
      const { signingCa } = await loadRelayServer(client(management))
      expect(signingCa.certificate.notAfter).toEqual(day(300))
      expect(pair(management, SERVING).certificate.notAfter).toEqual(day(300))
      expect(management.writes).toBe(5)
    }
  })

  test('of who is no leader any longer writes nothing', async () => {
    const { management, client, clock } = world()
    const lost = () => {
      throw new Error('no leader')
    }
    for (let i = 0; i < 4; i++) {
      const before = stored(management)
      await expect(relayServerStep(client(management), { ...SERVER, beforeWrite: lost })).rejects.toThrow(
        'no leader',
      )
      expect(stored(management)).toBe(before)
      await relayServerStep(client(management), SERVER)
    }
    await settle(client(management))
    clock.set(day(3400))
    await expect(relayServerStep(client(management), { ...SERVER, beforeWrite: lost })).rejects.toThrow(
      'no leader',
    )
    expect(management.writes).toBe(5)
  })
})

describe('reading', () => {
  test('takes the roots of the root’s Secret, which more are put into, and not those beside the server', async () => {
    const { management, client } = world()
    await settle(client(management))
    const other = world()
    await settle(other.client(other.management))
    const all = [management, other.management].map((api) => {
      const root = decodeRelaySecret(secretOf(api, ROOT))
      return root.role === 'root' ? root.roots : []
    })
    const both = encodeRelaySecret({ role: 'root', namespace: NAMESPACE, roots: all.flat() })
    put(management, ROOT, { ...both.data })
    await settle(client(management))
    const { roots } = await loadRelayServer(client(management))
    expect(roots.map(String)).toEqual(all.flat().map(String))
  })

  test('says what is missing', async () => {
    const { management, client } = world()
    await settle(client(management))
    await drop(management, SERVING, 'relay-identity-token-secret')
    await expect(loadRelayServer(client(management))).rejects.toMatchObject({
      code: INCOMPLETE,
      data: { namespace: NAMESPACE, missing: [SERVING, 'relay-identity-token-secret'] },
    })
  })
})

describe('options', () => {
  test.each([
    [{ serverNames: [] }, 'serverNames'],
    [{ serverNames: ['relay.test', 'a_b.test'] }, 'serverNames'],
    [{ serverNames: ['*'] }, 'serverNames'],
    [{ serverNames: ['10.0.0.1'] }, 'serverNames'],
    [{ serverNames: Array.from({ length: 100_000 }, (_, i) => `n${i}.test`) }, 'serverNames'],
    [{ serverNames: 'relay.test' }, 'serverNames'],
    [{ keyAlgorithm: 'P-999' }, 'keyAlgorithm'],
    [{ lifetime: 5 }, 'lifetime'],
    [{ gracePeriodRatio: 1 }, 'gracePeriodRatio'],
    [{ serverName: 'relay.test' }, 'serverName'],
  ])('that make no sense are refused before anything is written: %.60j', async (more, option) => {
    const { management, client } = world()
    await expect(relayServerStep(client(management), { ...SERVER, ...more } as never)).rejects.toThrow(
      `"${option}"`,
    )
    expect(management.requests).toEqual([])
  })

  test('a source of chance that has none makes no token', async () => {
    for (const random of [(bytes: Uint8Array) => bytes, () => new Uint8Array(16).map((_, i) => i)]) {
      const { management, client } = world()
      await expect(settle(client(management), { ...SERVER, random })).rejects.toThrow('"random"')
      expect(names(management)).not.toContain('relay-identity-token-secret')
    }
    const { management, client } = world()
    await settle(client(management))
    const token = decodeRelaySecret(secretOf(management, 'relay-identity-token-secret'))
    // 256 bits, as RFC 4648 §5 has them.
    expect(token.role === 'identity-token' && token.token.reveal()).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })

  test('of reading are checked, too', async () => {
    const { management, client } = world()
    await settle(client(management))
    put(management, SIGNING, { 'tls.key': dataOf(management, SERVING)['tls.key'] })
    await expect(loadRelayServer(client(management))).rejects.toMatchObject({
      code: 'ERR_CA_KEY_MISMATCH',
      message: expect.stringContaining(`Secret ${SIGNING}: `),
    })
    await expect(loadRelayServer(client(management), { revocation: {} } as never)).rejects.toThrow(
      'no option "revocation"',
    )
  })
})
