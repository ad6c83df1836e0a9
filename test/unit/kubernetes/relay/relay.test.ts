import { describe, expect, test } from 'vitest'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { loadRelayServer } from '../../../../src/kubernetes/relay/load-relay-server.ts'
import { relayServerStep } from '../../../../src/kubernetes/relay/relay-server-step.ts'
import { decodeRelaySecret } from '../../../../src/kubernetes/secrets/relay-secret.ts'
import { day, names, pair, relay, SERVER, START, secretOf, settle, withoutMark, world } from './support.ts'

describe('the server of a relay', () => {
  test('gets root, signing CA, server certificate and token, in the names of Gloo Mesh', async () => {
    const { management, client } = world()
    await settle(client(management))
    expect([...names(management)].sort()).toEqual([
      'mesh-pki-relay-root',
      'relay-identity-token-secret',
      'relay-root-tls-secret',
      'relay-server-tls-secret',
      'relay-tls-signing-secret',
    ])
    const root = management.read(KubeResources.secrets, {
      namespace: 'gloo-mesh',
      name: 'relay-root-tls-secret',
    })
    // It is copied to every cluster.
    expect(Object.keys(root?.['data'] ?? {})).toEqual(['ca.crt'])
    expect(decodeRelaySecret(root ?? {})).toMatchObject({ roots: { length: 1 }, findings: [] })
    const server = pair(management, 'relay-server-tls-secret')
    expect(server.certificate.subjectAltNames).toEqual([{ type: 'dns', value: 'relay.test' }])
    expect(server.certificate.isCa).toBe(false)
    const signing = pair(management, 'relay-tls-signing-secret')
    expect(signing.certificate.isCa).toBe(true)
    // Gloo Mesh's profile (mesh-contracts §1.8): clientAuth and serverAuth, in this order.
    expect(signing.certificate.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1'])
  })

  test('is whole after a crash behind any write', async () => {
    const undisturbed = world()
    await settle(undisturbed.client(undisturbed.management))
    const { writes } = undisturbed.management
    expect(writes).toBe(5)
    for (const answer of ['delivered', 'lost'] as const)
      for (let n = 0; n <= writes; n++) {
        const { management, client } = world()
        const doomed = management.transport()
        doomed.crashAfterWrite(n, { answer })
        await settle(client(management, doomed)).catch(() => {})
        const before = JSON.stringify(management.objects(KubeResources.secrets))
        await settle(client(management))
        expect(names(management)).toHaveLength(5)
        for (const secret of JSON.parse(before))
          expect(management.objects(KubeResources.secrets)).toContainEqual(secret)
        await loadRelayServer(client(management))
      }
  })

  test('what was there before is taken as it is, and refused where it cannot be used', async () => {
    const first = world()
    await settle(first.client(first.management))
    const other = world()
    await settle(other.client(other.management))
    const { management, client } = world()
    for (const name of ['relay-root-tls-secret', 'relay-tls-signing-secret', 'relay-server-tls-secret']) {
      const found = first.management.read(KubeResources.secrets, { namespace: 'gloo-mesh', name })
      const { labels: _none, ...metadata } = found?.metadata ?? {}
      management.seed({ ...found, metadata } as never)
    }
    await settle(client(management))
    expect(names(management)).toHaveLength(4)
    // The same with a server certificate below another root.
    const mixed = world()
    for (const [api, name] of [
      [first, 'relay-root-tls-secret'],
      [first, 'relay-tls-signing-secret'],
      [other, 'relay-server-tls-secret'],
    ] as const)
      mixed.management.seed(
        api.management.read(KubeResources.secrets, { namespace: 'gloo-mesh', name }) as never,
      )
    await expect(settle(mixed.client(mixed.management))).rejects.toThrow(
      /relay-server-tls-secret: it does not lead to/,
    )
    // And with a root whose key is nowhere.
    const bare = world()
    bare.management.seed(
      first.management.read(KubeResources.secrets, {
        namespace: 'gloo-mesh',
        name: 'relay-root-tls-secret',
      }) as never,
    )
    await expect(settle(bare.client(bare.management))).rejects.toThrow(/its key is not here/)
  })

  test('a server certificate that was made here is renewed; one that was brought is not', async () => {
    const { management, client, clock } = world()
    const short = { ...SERVER, lifetime: '100d' } as const
    for (let i = 0; i < 8; i++) await relayServerStep(client(management), short)
    const before = pair(management, 'relay-server-tls-secret').certificate
    clock.set(day(91))
    // The root ends with it: only the key is new.
    expect((await relayServerStep(client(management), short)).message).toMatch(/renewed/)
    const renewed = pair(management, 'relay-server-tls-secret').certificate
    expect(renewed.equals(before)).toBe(false)
    expect(renewed.publicKey).not.toEqual(before.publicKey)
    // A tenth of nine days before the end.
    clock.set(new Date(day(100).getTime() - 2 * 3_600_000))
    const found = secretOf(management, 'relay-server-tls-secret')
    management.seed(withoutMark(found))
    expect((await relayServerStep(client(management), short)).changed).toBe(false)
    management.seed(found)
    expect((await relayServerStep(client(management), short)).changed).toBe(true)
  })
})

describe('the client of a relay', () => {
  test('enrolls with the token, renews by its certificate, and says what it waits for', async () => {
    const world = await relay()
    expect((await world.step()).message).toMatch(/relay-root-tls-secret is not there/)
    world.copy('relay-root-tls-secret')
    expect((await world.step()).message).toMatch(/relay-identity-token-secret is not there/)
    world.copy('relay-identity-token-secret')
    expect((await world.step()).changed).toBe(true)
    const first = world.certificate()
    expect(first.subjectAltNames).toEqual([{ type: 'dns', value: 'cluster-1' }])
    // Gloo Mesh: 365 days at a ratio of 0.1 renew 36.5 days before the end.
    await world.drop('relay-identity-token-secret')
    world.clock.set(new Date(START.getTime() + 328 * 86_400_000))
    expect((await world.step()).changed).toBe(false)
    world.clock.set(new Date(START.getTime() + 329 * 86_400_000))
    expect((await world.step()).message).toMatch(/renewed/)
    expect(world.certificate().equals(first)).toBe(false)
    expect(world.certificate().publicKey).not.toEqual(first.publicKey)
  })

  test('recovers a Secret that was deleted or damaged', async () => {
    const world = await relay()
    world.copy('relay-root-tls-secret')
    world.copy('relay-identity-token-secret')
    await world.step()
    const first = world.certificate()
    await world.drop('relay-client-tls-secret')
    expect((await world.step()).changed).toBe(true)
    expect(world.certificate().equals(first)).toBe(false)
    const found = world.workload.read(KubeResources.secrets, {
      namespace: 'gloo-mesh',
      name: 'relay-client-tls-secret',
    })
    world.workload.seed({ ...found, data: { ...(found?.['data'] as object), 'tls.key': 'eA==' } } as never)
    expect((await world.step()).changed).toBe(true)
    expect((await world.step()).changed).toBe(false)
    // The token is gone, as meshctl deletes it: then a person has to bring one.
    await world.drop('relay-identity-token-secret')
    await world.drop('relay-client-tls-secret')
    expect((await world.step()).message).toMatch(/none can be had without the token/)
  })

  test('is whole after a crash behind its write, and takes no certificate for another cluster', async () => {
    const world = await relay()
    world.copy('relay-root-tls-secret')
    world.copy('relay-identity-token-secret')
    // Before it, and behind it with and without an answer.
    for (const [writes, answer] of [
      [0, 'delivered'],
      [1, 'lost'],
      [1, 'delivered'],
    ] as const) {
      await world.drop('relay-client-tls-secret').catch(() => {})
      const doomed = world.workload.transport()
      doomed.crashAfterWrite(writes, { answer })
      const isTold = writes === 1 && answer === 'delivered'
      await world.step(doomed).then(
        ({ changed }) => expect([isTold, changed]).toEqual([true, true]),
        () => expect(isTold).toBe(false),
      )
      expect((await world.step()).changed).toBe(writes === 0)
      expect((await world.step()).changed).toBe(false)
    }
    // The Secret of another cluster was copied here.
    expect((await world.step(undefined, 'cluster-2')).message).toMatch(/is not for this cluster/)
    expect(world.certificate().subjectAltNames).toEqual([{ type: 'dns', value: 'cluster-2' }])
  })

  test('does not send its token to a server of another root', async () => {
    const world = await relay()
    const stranger = await relay()
    stranger.copy('relay-root-tls-secret')
    world.workload.seed(
      stranger.workload.read(KubeResources.secrets, {
        namespace: 'gloo-mesh',
        name: 'relay-root-tls-secret',
      }) as never,
    )
    world.copy('relay-identity-token-secret')
    await expect(world.step()).rejects.toMatchObject({ code: 'ERR_ENROLLMENT_SERVER' })
  })
})
