/** What the client of a relay goes on with, what it replaces, and what it spends a token for. */
import { describe, expect, test } from 'vitest'
import { createEnrollmentToken } from '../../../../src/ca/index.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { encodeRelaySecret } from '../../../../src/kubernetes/secrets/encode-relay-secret.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { dataOf, day, issue, NAMESPACE, pair, put, relay, START, secretOf, settle, world } from './support.ts'

const CLIENT = 'relay-client-tls-secret'
const ROOT = 'relay-root-tls-secret'
const TOKEN = 'relay-identity-token-secret'

/** A cluster that has enrolled. */
async function enrolled(...more: Parameters<typeof relay>) {
  const made = await relay(...more)
  made.copy(ROOT, TOKEN)
  await made.step()
  return made
}

/** Puts a certificate in the place of that which was enrolled. */
function hold(
  { workload, roots }: Awaited<ReturnType<typeof relay>>,
  { certificate, key }: { readonly certificate: Parameters<typeof String>[0]; readonly key: string },
  more: readonly unknown[] = [],
): void {
  const chain = [certificate, ...more].map(String).join('')
  const { data } = encodeRelaySecret({
    role: 'client',
    namespace: NAMESPACE,
    certificate: String(certificate),
    roots,
    privateKey: key,
  })
  put(workload, CLIENT, { ...data, 'tls.crt': Buffer.from(chain).toString('base64') })
}

describe('the certificate that is there', () => {
  test('is not used with another key', async () => {
    const world = await enrolled()
    const other = await issue(world.signingCa, 'cluster-1')
    put(world.workload, CLIENT, { 'tls.key': Buffer.from(other.key).toString('base64') })
    expect((await world.step()).message).toBe(
      'the cluster is enrolled: its key is not that of its certificate',
    )
    expect((await world.step()).changed).toBe(false)
  })

  test('is not used where it leads to no root of ours', async () => {
    const made = await enrolled()
    const stranger = await enrolled()
    put(made.workload, CLIENT, dataOf(stranger.workload, CLIENT))
    expect((await made.step()).message).toMatch(/the cluster is enrolled: its certificate does not verify: /)
    expect((await made.step()).changed).toBe(false)
  })

  test('is not used where it is not for clients', async () => {
    const made = await enrolled()
    const above = made.signingCa.chain
    hold(made, await issue(made.signingCa, 'cluster-1', { usage: 'serverAuth' }), above)
    expect((await made.step()).message).toMatch(/the cluster is enrolled: its certificate does not verify: /)
    hold(made, await issue(made.signingCa, 'cluster-1', { usage: 'clientAuth' }), above)
    expect((await made.step()).changed).toBe(false)
  })

  test('is not used where it is for another cluster, or for one more', async () => {
    const made = await enrolled()
    const above = made.signingCa.chain
    for (const names of [['cluster-2'], ['cluster-1', 'cluster-2'], ['cluster-2', 'cluster-1']]) {
      hold(made, await issue(made.signingCa, names), above)
      expect((await made.step()).message).toBe(
        'the cluster is enrolled: its certificate is not for this cluster',
      )
      expect(made.certificate().subjectAltNames).toEqual([{ type: 'dns', value: 'cluster-1' }])
    }
    hold(made, await issue(made.signingCa, 'cluster-1'), above)
    expect((await made.step()).changed).toBe(false)
  })

  test('is renewed while it counts, and enrolled for anew behind its end', async () => {
    const made = await enrolled({ lifetime: '100d' })
    const end = made.certificate().notAfter
    made.clock.set(new Date(end.getTime()))
    expect((await made.step()).message).toBe('the certificate is renewed')
    const next = made.certificate().notAfter
    made.clock.set(new Date(next.getTime() + 1000))
    expect((await made.step()).message).toMatch(/^the cluster is enrolled: .*expired/)
  })

  test('is looked at again within the hour, and on time', async () => {
    const made = await enrolled({ lifetime: '1h' })
    // 3600 s, of which a tenth remains.
    expect((await made.step()).requeueAfterMs).toBe(3240_000)
    const long = await enrolled()
    expect((await long.step()).requeueAfterMs).toBe(3_600_000)
  })
})

describe('a token', () => {
  const one = async (made: Awaited<ReturnType<typeof relay>>, uses = 1) => {
    const { token, hash } = await createEnrollmentToken({
      store: made.tokens,
      name: 'cluster-1',
      uses,
      expiresIn: '1d',
      clock: made.clock,
    })
    made.copy(ROOT)
    made.giveToken(token)
    const used = async () => {
      const name = `mesh-pki-token-${hash.slice(0, 32)}`
      const found = made.management.read(KubeResources.secrets, { namespace: 'tokens', name })
      const data = found?.['data'] as Record<string, string>
      return JSON.parse(Buffer.from(data['record.json'] ?? '', 'base64').toString()).used as number
    }
    return { used }
  }

  test('is not spent by who is no leader any longer, with options that make no sense, or for a Secret that cannot be written', async () => {
    const made = await relay()
    const { used } = await one(made)
    const lost = () => {
      throw new Error('no leader')
    }
    await expect(made.step(undefined, undefined, { beforeWrite: lost })).rejects.toThrow('no leader')
    for (const gracePeriodRatio of [0, 1, -1, Number.NaN])
      await expect(made.step(undefined, undefined, { gracePeriodRatio })).rejects.toThrow(
        '"gracePeriodRatio"',
      )
    await expect(made.step(undefined, 'Cluster_1')).rejects.toMatchObject({ code: 'ERR_ENROLLMENT_NAME' })
    await expect(made.step(undefined, undefined, { tokens: 1 } as never)).rejects.toThrow('"tokens"')
    made.workload.seed({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: NAMESPACE, name: CLIENT },
      immutable: true,
    })
    await expect(made.step()).rejects.toThrow(/is immutable/)
    expect(await used()).toBe(0)
    await made.drop(CLIENT)
    expect((await made.step()).changed).toBe(true)
    expect(await used()).toBe(1)
    // Leadership that is lost while the server answers: what came is not kept.
    const kept = dataOf(made.workload, CLIENT)
    made.clock.set(day(340))
    await expect(made.step(undefined, undefined, { beforeWrite: lost })).rejects.toThrow('no leader')
    expect(dataOf(made.workload, CLIENT)).toEqual(kept)
    // Nor is a renewal asked for in vain.
    made.workload.seed({ ...secretOf(made.workload, CLIENT), immutable: true })
    made.clock.set(day(360))
    await expect(made.step()).rejects.toThrow(/is immutable/)
  })

  test('is not needed for a renewal, and not used for one', async () => {
    const made = await relay()
    const { used } = await one(made)
    await made.step()
    const found = secretOf(made.workload, CLIENT)
    made.workload.seed({
      ...found,
      metadata: { ...found.metadata, labels: { team: 'a' } },
      data: { ...dataOf(made.workload, CLIENT), note: 'eA==' },
    })
    made.giveToken('0123456789abcdef0123456789abcdef-wrong')
    made.clock.set(day(340))
    expect((await made.step()).message).toBe('the certificate is renewed')
    expect(await used()).toBe(1)
    // What others have put there stays.
    expect(secretOf(made.workload, CLIENT)).toMatchObject({
      type: 'Opaque',
      metadata: { labels: { team: 'a' }, uid: found.metadata.uid },
      data: { note: 'eA==' },
    })
  })

  test('that counts once is used once by two agents that begin together', async () => {
    const made = await relay()
    const { used } = await one(made)
    const ended = await Promise.allSettled([made.step(), made.step(), made.step()])
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const each of ended)
      if (each.status === 'rejected')
        expect(each.reason).toMatchObject({ code: 'ERR_ENROLLMENT_REFUSED', data: { status: 401 } })
    expect(await used()).toBe(1)
    expect((await made.step()).changed).toBe(false)
  })
})

describe('a root that is replaced under a client', () => {
  test('changes nothing and sends no token while the server is below another', async () => {
    const made = await enrolled()
    const before = dataOf(made.workload, CLIENT)
    const root = secretOf(made.workload, ROOT)
    const other = world()
    await settle(other.client(other.management))
    made.workload.seed(secretOf(other.management, ROOT))
    await expect(made.step()).rejects.toMatchObject({ code: 'ERR_ENROLLMENT_SERVER' })
    expect(dataOf(made.workload, CLIENT)).toEqual(before)
    // Both roots, as while one takes over from the other: the certificate counts.
    const both = [root, secretOf(other.management, ROOT)]
      .map(({ data }) => Buffer.from((data as Record<string, string>)['ca.crt'] ?? '', 'base64').toString())
      .join('')
    put(made.workload, ROOT, { 'ca.crt': Buffer.from(both).toString('base64') })
    expect((await made.step()).changed).toBe(false)
    made.clock.set(day(340))
    expect((await made.step()).message).toBe('the certificate is renewed')
  })

  test('is taken over with a token of the new server', async () => {
    const made = await enrolled()
    const next = await relay()
    made.workload.seed(secretOf(next.management, ROOT))
    made.workload.seed(secretOf(next.management, TOKEN))
    const { message } = await made.step(undefined, undefined, { url: next.url })
    expect(message).toMatch(/the cluster is enrolled: its certificate does not verify/)
    expect(pair(made.workload, CLIENT).roots.map(String)).toEqual(next.roots.map(String))
  })
})

describe('a clock that jumps', () => {
  test('far forward costs nothing that it has: it comes back, and the certificate counts', async () => {
    const made = await enrolled()
    const before = dataOf(made.workload, CLIENT)
    await made.drop(TOKEN)
    const own = manualClock(START)
    for (const n of [500, 5000, -400, -1]) {
      own.set(day(n))
      const { message, changed } = await stepAt(made, own)
      expect([changed, message]).toEqual([
        false,
        expect.stringMatching(/(expired|after the time of the check).*none can be had without the token/),
      ])
    }
    own.set(START)
    expect((await stepAt(made, own)).changed).toBe(false)
    expect(dataOf(made.workload, CLIENT)).toEqual(before)
  })

  test('forward by less renews early, and no certificate is kept that is not valid', async () => {
    const made = await enrolled()
    const before = made.certificate()
    const own = manualClock(day(340))
    expect((await stepAt(made, own)).changed).toBe(true)
    expect(made.certificate().equals(before)).toBe(false)
    // The server has the right time: its certificate has ended by ours.
    const kept = dataOf(made.workload, CLIENT)
    own.set(day(500))
    await expect(stepAt(made, own)).rejects.toMatchObject({ code: 'ERR_ENROLLMENT_CERTIFICATE' })
    expect(dataOf(made.workload, CLIENT)).toEqual(kept)
  })
})

/** A step of an agent whose clock is not that of the server. */
async function stepAt(made: Awaited<ReturnType<typeof relay>>, own: ReturnType<typeof manualClock>) {
  const { relayClientStep } = await import('../../../../src/kubernetes/relay/relay-client-step.ts')
  return relayClientStep(made.client(made.workload, made.workload.transport(), own), made.options())
}
