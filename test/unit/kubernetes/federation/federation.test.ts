import { beforeAll, describe, expect, test } from 'vitest'
import { createCsr } from '../../../../src/csr/index.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { GLOO_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import { entitlementOf } from '../../../../src/kubernetes/federation/federation-step.ts'
import { issuerStep } from '../../../../src/kubernetes/federation/issuer-step.ts'
import { decodeCacerts } from '../../../../src/kubernetes/secrets/decode-cacerts.ts'
import { encodeCacerts } from '../../../../src/kubernetes/secrets/encode-cacerts.ts'
import { checkPath } from '../../../../src/verify/index.ts'
import { exportPrivateKey } from '../../../../src/x509/index.ts'
import { CACERTS, START, World } from './support.ts'

const status = (object: unknown): Record<string, unknown> => Reflect.get(object ?? {}, 'status') ?? {}

describe('the federation flow', () => {
  test('gives each cluster a CA of its own under one root, and leaves nothing behind', async () => {
    const world = new World(['east', 'west'])
    await world.root('root-1')
    await world.settle()
    const [east, west] = ['east', 'west'].map((cluster) => decodeCacerts(world.cacerts(cluster) ?? {}))
    expect(east?.roots.map(String)).toEqual(west?.roots.map(String))
    expect(east?.certificate.equals(west?.certificate as never)).toBe(false)
    expect(east?.certificate.subjectAltNames).toEqual([
      { type: 'uri', value: 'spiffe://east.example/ns/istio-system/sa/istiod' },
    ])
    expect(east?.certificate.pathLength).toBe(0)
    // Gloo Mesh's last open source: O and OU; OU is the name of the order.
    expect(String(east?.certificate.subject)).toBe('OU=istiod-istio-system-east,O=Istio')
    const api = world.apiOf('east')
    expect(api.objects(KubeResources.secrets).map(({ metadata }) => metadata.name)).toEqual(['cacerts'])
    expect(status(world.order('east'))).toMatchObject({ state: 'FINISHED', observedGeneration: 1 })
    expect(world.issuedTotal()).toBe(2)
  })

  test('the private key is in no request, and never on the management cluster', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.settle()
    const { privateKey } = decodeCacerts(world.cacerts('east') ?? {})
    const body = privateKey.reveal().split('\n')[1] ?? ''
    expect(body.length).toBeGreaterThan(40)
    const everything = JSON.stringify([
      ...world.management.objects(KubeResources.secrets),
      ...world.management.objects(KubeResources.configMaps),
    ])
    expect(everything).not.toContain(body)
    expect(everything).not.toContain(Buffer.from(body).toString('base64').slice(4, 40))
  })

  test('a slow issuer is waited for with one key and one request', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    const api = world.apiOf('east')
    for (let i = 0; i < 20; i++) {
      await world.agent('east')
      await world.clock.run('1m')
    }
    const made = api.requests
      .filter(({ verb, changed }) => verb === 'create' && changed)
      .map(({ resource }) => resource)
    expect(made.filter((one) => one === 'secrets')).toHaveLength(1)
    expect(made.filter((one) => one === 'certificaterequests')).toHaveLength(1)
    expect(status(world.order('east'))['state']).toBe('REQUESTED')
    await world.settle()
    expect(status(world.order('east'))['state']).toBe('FINISHED')
  })

  test('is taken up after a crash behind any write, with the certificate that was signed and no other', async () => {
    const undisturbed = new World(['east'])
    await undisturbed.root('root-1')
    await undisturbed.settle()
    const writes = undisturbed.apiOf('east').writes + undisturbed.management.writes
    expect(writes).toBeGreaterThan(8)
    for (const answer of ['delivered', 'lost'] as const)
      for (let n = 0; n <= writes; n++) {
        const world = new World(['east'])
        await world.root('root-1')
        const crashing = world.apiOf('east').transport()
        crashing.crashAfterWrite(n, { answer })
        const { KubeClient } = await import('../../../../src/kubernetes/api/kube-client.ts')
        const doomed = new KubeClient(crashing, { fieldManager: 'doomed', clock: world.clock })
        await world.step()
        try {
          for (let i = 0; i < 12; i++) {
            await world.agent('east', {}, doomed)
            await world.issuer('east', doomed)
          }
        } catch {
          // Its process is dead from here on.
        }
        await world.settle()
        expect(status(world.order('east'))['state'], `after write ${n}`).toBe('FINISHED')
        expect(world.issuedTotal(), `after write ${n}`).toBe(1)
        expect(world.apiOf('east').objects(KubeResources.secrets)).toHaveLength(1)
      }
  })

  test('and after one of the management side behind any of its writes', async () => {
    const undisturbed = new World(['east'])
    await undisturbed.root('root-1')
    await undisturbed.settle()
    const writes = undisturbed.management.writes + undisturbed.apiOf('east').writes
    for (const answer of ['delivered', 'lost'] as const)
      for (let n = 0; n <= writes; n++) {
        const world = new World(['east'])
        const doomed = world.management.transport()
        doomed.crashAfterWrite(n, { answer })
        const healthy = { manager: world.manager, ledger: world.ledger, federation: world.federation }
        world.useManager(doomed)
        try {
          await world.root('root-1')
          await world.settle()
        } catch {
          // Its process is dead from here on.
        }
        Object.assign(world, healthy)
        await world.root('root-1')
        await world.settle()
        expect(status(world.order('east'))['state'], `after write ${n}`).toBe('FINISHED')
        expect(world.issuedTotal(), `after write ${n}`).toBe(1)
        expect(world.management.objects(KubeResources.secrets)).toHaveLength(1)
      }
  })

  test('two issuers at once answer the same certificate', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    for (let i = 0; i < 2; i++) await world.agent('east')
    const answers = await Promise.allSettled([
      world.issuer('east'),
      world.issuer('east'),
      world.issuer('east'),
    ])
    expect(answers.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0)
    expect(world.issuedTotal()).toBe(1)
    await world.settle()
    const { certificate } = decodeCacerts(world.cacerts('east') ?? {})
    const entries = world.management.objects(KubeResources.configMaps)
    expect(JSON.stringify(entries)).toContain(certificate.toPem().split('\n')[2])
  })

  describe('a cacerts of somebody else', () => {
    let foreign: ReturnType<typeof encodeCacerts>
    beforeAll(async () => {
      const other = new World(['east'], { hosts: ['spiffe://other.example/ns/istio-system/sa/istiod'] })
      await other.root('root-1')
      await other.settle()
      const { findings: _unused, ...parts } = decodeCacerts(other.cacerts('east') ?? {})
      foreign = encodeCacerts(parts)
    })

    test('is never overwritten, and the order says why', async () => {
      const world = new World(['east'])
      await world.root('root-1')
      world.apiOf('east').seed({ ...foreign, metadata: CACERTS })
      const before = world.cacerts('east')
      await world.step()
      for (let i = 0; i < 5; i++) await world.agent('east')
      expect(world.cacerts('east')).toEqual(before)
      expect(status(world.order('east'))).toMatchObject({ state: 'FAILED' })
      expect(String(status(world.order('east'))['error'])).toMatch(/was not written by this agent/)
      expect(world.apiOf('east').objects(KubeResources.secrets)).toHaveLength(1)
    })

    test('is replaced where that is wanted, and a copy is kept', async () => {
      const world = new World(['east'])
      await world.root('root-1')
      world.apiOf('east').seed({ ...foreign, metadata: CACERTS })
      const before = world.cacerts('east')
      await world.step()
      for (let i = 0; i < 8; i++) {
        await world.agent('east', { foreign: 'replace' })
        await world.issuer('east')
      }
      expect(status(world.order('east'))['state']).toBe('FINISHED')
      const copy = world
        .apiOf('east')
        .objects(KubeResources.secrets)
        .find(({ metadata }) => metadata.name?.startsWith('cacerts-before-'))
      expect(copy?.['data']).toEqual(before?.['data'])
    })

    test('is taken over where it works, whatever its names, until something else is ordered', async () => {
      const world = new World(['east'])
      await world.root('root-1')
      // Its people made it, under a root whose key is nowhere here.
      world.apiOf('east').seed({ ...foreign, metadata: CACERTS })
      const before = world.cacerts('east')?.['data']
      world.federation = {
        ...world.federation,
        authorities: {
          'root-1': { secret: world.rootRef('root-1') },
          theirs: { roots: decodeCacerts(foreign).roots },
        },
        signer: 'theirs',
      }
      world.agentOptions = { foreign: 'adopt' }
      await world.settle()
      expect(world.cacerts('east')?.['data']).toEqual(before)
      expect(status(world.order('east'))).toMatchObject({
        state: 'FINISHED',
        certificate: { authority: 'theirs' },
      })
      await world.settle()
      expect(world.issuedTotal()).toBe(0)
      // One that does not lead to the roots that are ordered is none that works.
      const other = new World(['east'])
      await other.root('root-1')
      other.apiOf('east').seed({ ...foreign, metadata: CACERTS })
      other.agentOptions = { foreign: 'adopt' }
      await other.step()
      await other.agent('east')
      expect(other.cacerts('east')?.['data']).toEqual(before)
      expect(String(status(other.order('east'))['error'])).toMatch(
        /does not lead to the roots that were ordered/,
      )
    })

    test('is taken over where it is what was ordered', async () => {
      const first = new World(['east'])
      await first.root('root-1')
      await first.settle()
      const { findings: _unused, ...parts } = decodeCacerts(first.cacerts('east') ?? {})
      const world = new World(['east'])
      // The same root in another management cluster.
      for (const secret of first.management.objects(KubeResources.secrets)) world.management.seed(secret)
      world.apiOf('east').seed({ ...encodeCacerts(parts), metadata: CACERTS })
      const before = world.cacerts('east')?.['data']
      await world.settle()
      expect(world.cacerts('east')?.['data']).toEqual(before)
      expect(world.issuedTotal()).toBe(0)
      expect(status(world.order('east'))['state']).toBe('FINISHED')
    })
  })

  describe('an admin of a workload cluster', () => {
    test('who changes the order to another identity gets nothing signed', async () => {
      const world = new World(['east'])
      await world.root('root-1')
      await world.step()
      const order = world.order('east')
      const spec = {
        ...(order?.['spec'] as object),
        hosts: ['spiffe://west.example/ns/istio-system/sa/istiod'],
      }
      world.apiOf('east').seed({ ...order, spec } as never)
      for (let i = 0; i < 2; i++) await world.agent('east')
      const { message } = await world.issuer('east')
      expect(message).toMatch(/is not what was decided here: hosts/)
      expect(world.issuedTotal()).toBe(0)
      // Whoever looks there is told why nothing comes; and told once.
      await world.agent('east')
      expect(status(world.order('east'))).toMatchObject({
        state: 'REQUESTED',
        conditions: [
          { type: 'Ready', message: expect.stringMatching(/is not what was decided here: hosts/) },
        ],
      })
      expect((await world.issuer('east')).changed).toBe(false)
      // The management side puts it right, and the agent asks for what it may have.
      await world.settle()
      expect(String(decodeCacerts(world.cacerts('east') ?? {}).certificate.subjectAltNames[0]?.type)).toBe(
        'uri',
      )
      expect(status(world.order('east'))['state']).toBe('FINISHED')
    })

    test('who asks for another name in the request is refused', async () => {
      const world = new World(['east'])
      await world.root('root-1')
      await world.step()
      const { csr } = await createCsr({
        subject: 'O=Istio',
        subjectAltNames: [{ type: 'uri', value: 'spiffe://west.example/ns/istio-system/sa/istiod' }],
        key: 'P-256',
      })
      const { order } = world.meshOf('east')
      const client = world.client(world.apiOf('east'), 'admin')
      await client.create(world.federation.api?.certificateRequests as never, {
        metadata: order,
        spec: { certificateSigningRequest: Buffer.from(csr.toPem()).toString('base64') },
      })
      await world.issuer('east')
      const request = world.apiOf('east').read(world.federation.api?.certificateRequests as never, order)
      expect(status(request)).toMatchObject({ state: 'FAILED' })
      expect(String(status(request)['error'])).toMatch(/is not entitled to/)
      expect(world.issuedTotal()).toBe(0)
    })

    test('who sends a request that its key did not sign is refused', async () => {
      const world = new World(['east'])
      await world.root('root-1')
      await world.step()
      const { csr } = await createCsr({ subject: 'O=Istio', key: 'P-256' })
      const der = csr.der
      der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 1
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
      const { order } = world.meshOf('east')
      const api = world.federation.api?.certificateRequests as never
      await world.client(world.apiOf('east'), 'admin').create(api, {
        metadata: order,
        spec: { certificateSigningRequest: Buffer.from(pem).toString('base64') },
      })
      await world.issuer('east')
      expect(status(world.apiOf('east').read(api, order))).toMatchObject({ state: 'FAILED' })
      expect(world.issuedTotal()).toBe(0)
    })

    test('who brings the key of another cluster is refused', async () => {
      const world = new World(['east', 'west'])
      await world.root('root-1')
      await world.settle(['east'])
      const { privateKey } = decodeCacerts(world.cacerts('east') ?? {})
      const { importPrivateKey } = await import('../../../../src/x509/index.ts')
      const { csr } = await createCsr({
        subject: 'O=Istio',
        key: await importPrivateKey(privateKey.reveal()),
      })
      const { order } = world.meshOf('west')
      const api = world.federation.api?.certificateRequests as never
      await world.client(world.apiOf('west'), 'admin').create(api, {
        metadata: order,
        spec: { certificateSigningRequest: Buffer.from(csr.toPem()).toString('base64') },
      })
      await world.issuer('west')
      expect(String(status(world.apiOf('west').read(api, order))['error'])).toMatch(
        /was given a certificate before/,
      )
      expect(world.issuedTotal()).toBe(1)
    })
  })

  test('one who asks without end is answered so often and no more', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.settle()
    const { order } = world.meshOf('east')
    const { api } = world.federation
    const requests = api?.certificateRequests as never
    const client = world.client(world.apiOf('east'), 'admin')
    const ask = async () => {
      const { csr } = await createCsr({ subject: 'O=Istio', key: 'P-256' })
      const made = await client.create(requests, {
        metadata: order,
        spec: { certificateSigningRequest: Buffer.from(csr.toPem()).toString('base64') },
      })
      const { message } = await issuerStep(client, order, {
        api,
        cluster: 'east',
        ledger: world.ledger,
        maxValid: 4,
        entitlementOf: (wanted) => entitlementOf(world.federation, 'east', wanted),
      })
      await client.remove(requests, { ...made, metadata: { ...order, uid: made.metadata.uid } })
      return message
    }
    for (let i = 0; i < 3; i++) expect(await ask()).toMatch(/is issued/)
    expect(await ask()).toMatch(
      /4 certificates of mesh-pki\/istiod-istio-system-east in cluster east have not ended yet/,
    )
    expect(world.issuedTotal()).toBe(4)
    // What has ended counts no longer, and is gone from the ledger.
    world.clock.set(new Date(START.getTime() + 366 * 86_400_000))
    expect(await ask()).toMatch(/is issued/)
    expect(world.issuedTotal()).toBe(1)
  })

  test('roots that work are not exchanged for others at once, unless somebody says so', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.root('root-2')
    await world.settle()
    const before = world.cacerts('east')
    const authorities = {
      'root-1': { secret: world.rootRef('root-1') },
      'root-2': { secret: world.rootRef('root-2') },
    }
    world.federation = { ...world.federation, authorities, signer: 'root-2' }
    await world.step()
    for (let i = 0; i < 5; i++) {
      await world.agent('east')
      await world.issuer('east')
    }
    expect(world.cacerts('east')).toEqual(before)
    expect(status(world.order('east'))).toMatchObject({ state: 'FAILED' })
    expect(String(status(world.order('east'))['error'])).toMatch(
      /exchanges the roots "O=root-1" for "O=root-2"/,
    )
    world.agentOptions = { rootSwap: 'allow' }
    await world.settle()
    expect(decodeCacerts(world.cacerts('east') ?? {}).roots.map((root) => String(root.subject))).toEqual([
      'O=root-2',
    ])
  })

  test('what is denied stands in the order, and is tried again', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    const denied = world.apiOf('east').faults.fail(
      { status: 403, reason: 'Forbidden', message: 'agent cannot create secrets' },
      {
        verb: 'create',
        resource: KubeResources.secrets,
        times: 2,
      },
    )
    const { requeueAfterMs } = await world.agent('east')
    expect(requeueAfterMs).toBe(60_000)
    expect(status(world.order('east'))).toMatchObject({ state: 'FAILED' })
    expect(status(world.order('east'))['conditions']).toMatchObject([
      { type: 'Ready', status: 'False', reason: 'Forbidden' },
    ])
    expect(denied).toBeDefined()
    await world.agent('east')
    await world.settle()
    expect(status(world.order('east'))['state']).toBe('FINISHED')
  })

  test('an order whose certificate would go where its key is kept is refused', async () => {
    const world = new World(['east'])
    const meshes = world.federation.meshes.map((mesh) => ({
      ...mesh,
      spec: { ...mesh.spec, target: mesh.order },
    }))
    world.federation = { ...world.federation, meshes }
    await world.root('root-1')
    await world.step()
    await world.agent('east')
    expect(String(status(world.order('east'))['error'])).toMatch(/its own temporary key/)
    expect(world.apiOf('east').objects(KubeResources.secrets)).toEqual([])
  })

  describe('what an issuer answers', () => {
    /** A request is answered by hand. */
    async function answeredBy(answer: (world: World, csr: string) => Promise<Record<string, string>>) {
      const world = new World(['east'])
      await world.root('root-1')
      await world.step()
      for (let i = 0; i < 2; i++) await world.agent('east')
      const { order } = world.meshOf('east')
      const api = world.federation.api?.certificateRequests as never
      const client = world.client(world.apiOf('east'), 'mallory')
      const found = await client.get(api, order)
      const csr = Buffer.from(
        String(Reflect.get(found['spec'] as object, 'certificateSigningRequest')),
        'base64',
      ).toString()
      const given = await answer(world, csr)
      const encoded = Object.fromEntries(
        Object.entries(given).map(([name, pem]) => [name, Buffer.from(pem).toString('base64')]),
      )
      const generation = found.metadata.generation ?? 1
      await client.replace(
        api,
        { ...found, status: { state: 'FINISHED', observedGeneration: generation, ...encoded } },
        { part: 'status' },
      )
      await world.agent('east')
      return world
    }

    test('is installed only if it is for the key that waits', async () => {
      const world = await answeredBy(async (world) => {
        const { ca, rootsPem } = await world.federation.loader.load(world.rootRef('root-1'))
        const { csr } = await createCsr({ subject: 'O=Istio,OU=istiod-istio-system-east', key: 'P-256' })
        const { certificate, chain } = await ca.issueIntermediate(csr, {
          lifetime: '365d',
          subjectAltNames: [{ type: 'uri', value: 'spiffe://east.example/ns/istio-system/sa/istiod' }],
        })
        return {
          signedCertificate: certificate.toPem(),
          certChain: chain.map(String).join(''),
          signingRootCa: rootsPem,
        }
      })
      expect(world.cacerts('east')).toBeUndefined()
      expect(String(status(world.order('east'))['error'])).toMatch(/is not installed.*publicKey/s)
    })

    test.each([
      ['of another root', { root: true }, /path|anchor|root/i],
      ['with other names', { names: ['spiffe://west.example/ns/istio-system/sa/istiod'] }, /subjectAltNames/],
      ['that allows more CAs below', { pathLength: 3 }, /pathLength/],
      ['that lives longer than ordered', { lifetime: '700d' }, /lifetime|notAfter/i],
    ])('is refused where it is one %s', async (_name, fault: Record<string, unknown>, words) => {
      const world = await answeredBy(async (world, csr) => {
        if (fault['root'] === true) await world.root('root-2')
        const { ca, rootsPem } = await world.federation.loader.load(
          world.rootRef(fault['root'] === true ? 'root-2' : 'root-1'),
        )
        const names = (fault['names'] as string[] | undefined) ?? [
          'spiffe://east.example/ns/istio-system/sa/istiod',
        ]
        const { certificate, chain } = await ca.issueIntermediate(csr, {
          lifetime: String(fault['lifetime'] ?? '365d'),
          pathLength: Number(fault['pathLength'] ?? 0),
          subjectAltNames: names.map((value) => ({ type: 'uri', value })),
        })
        return {
          signedCertificate: certificate.toPem(),
          certChain: chain.map(String).join(''),
          signingRootCa: rootsPem,
        }
      })
      expect(world.cacerts('east')).toBeUndefined()
      expect(String(status(world.order('east'))['error'])).toMatch(words)
      expect(status(world.order('east'))['state']).toBe('FAILED')
    })

    test('a workload certificate is no CA, whoever signed it', async () => {
      const world = await answeredBy(async (world, csr) => {
        const { ca, rootsPem } = await world.federation.loader.load(world.rootRef('root-1'))
        const { certificate, chain } = await ca.issueWorkload(csr, {
          id: 'spiffe://east.example/ns/istio-system/sa/istiod',
          lifetime: '365d',
        })
        return {
          signedCertificate: certificate.toPem(),
          certChain: chain.map(String).join(''),
          signingRootCa: rootsPem,
        }
      })
      expect(world.cacerts('east')).toBeUndefined()
      expect(status(world.order('east'))['state']).toBe('FAILED')
    })
  })

  describe('renewal', () => {
    test('by the grace ratio, with a new key; the old CA serves until the new one is verified', async () => {
      // seed 000 of the documentation: ttlDays 1 with ratio 0.1 renews 2.4 hours before the end.
      const world = new World(['east'], { lifetime: '1d', gracePeriodRatio: 0.1 })
      await world.root('root-1')
      await world.settle()
      const before = decodeCacerts(world.cacerts('east') ?? {})
      await world.clock.run('21h30m')
      await world.settle()
      expect(decodeCacerts(world.cacerts('east') ?? {}).certificate.equals(before.certificate)).toBe(true)
      await world.clock.run('10m')
      expect((await world.agent('east')).changed).toBe(true)
      expect(decodeCacerts(world.cacerts('east') ?? {}).certificate.equals(before.certificate)).toBe(true)
      await world.settle()
      const after = decodeCacerts(world.cacerts('east') ?? {})
      expect(after.certificate.equals(before.certificate)).toBe(false)
      expect(after.certificate.publicKey).not.toEqual(before.certificate.publicKey)
      expect(after.certificate.notAfter > before.certificate.notAfter).toBe(true)
    })

    test('asks again when the order does: another lifetime, another word', async () => {
      const world = new World(['east'])
      await world.root('root-1')
      await world.settle()
      const change = async (more: object) => {
        const meshes = world.federation.meshes.map((mesh) => ({ ...mesh, spec: { ...mesh.spec, ...more } }))
        world.federation = { ...world.federation, meshes }
        const before = decodeCacerts(world.cacerts('east') ?? {}).certificate
        await world.settle()
        return !decodeCacerts(world.cacerts('east') ?? {}).certificate.equals(before)
      }
      expect(await change({})).toBe(false)
      expect(await change({ lifetime: '100d' })).toBe(true)
      expect(await change({ rotation: 'now' })).toBe(true)
      expect(await change({ workloadLifetime: '12h' })).toBe(false)
    })

    test('a cacerts whose key was damaged is made anew', async () => {
      const world = new World(['east'])
      await world.root('root-1')
      await world.settle()
      const found = world.cacerts('east')
      const { privateKey } = await createCsr({ key: 'P-256', extractable: true })
      const pem = privateKey === undefined ? '' : await exportPrivateKey(privateKey, { format: 'pkcs8' })
      const data = { ...(found?.['data'] as object), 'ca-key.pem': Buffer.from(pem).toString('base64') }
      world.apiOf('east').seed({ ...found, data } as never)
      await world.settle()
      expect(status(world.order('east'))['state']).toBe('FINISHED')
      expect(world.issuedTotal()).toBe(2)
    })
  })

  test('an order that is taken back leaves the CA and nothing else', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    for (let i = 0; i < 2; i++) await world.agent('east')
    const client = world.client(world.apiOf('east'), 'manager')
    const api = world.federation.api
    await client.remove(api?.issuedCertificates as never, world.order('east') as never)
    expect((await world.agent('east')).changed).toBe(true)
    expect(world.apiOf('east').objects(KubeResources.secrets)).toEqual([])
    expect(world.apiOf('east').objects(api?.certificateRequests as never)).toEqual([])
  })

  test('tells people what happened as Events, and puts further conditions beside its own', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    const told: string[] = []
    const recorder = {
      record: (_: unknown, { type, reason }: { type: string; reason: string }) =>
        void told.push(`${type} ${reason}`),
    }
    const condition = {
      type: 'WorkloadsServeOldChain',
      status: 'True',
      reason: 'NotRestarted',
      message: 'Deployment shop/cart',
    } as const
    for (let i = 0; i < 6; i++) {
      await world.agent('east', { recorder, conditions: async () => [condition] })
      await world.issuer('east')
    }
    expect(told).toEqual(['Normal CertificateRequested', 'Normal CertificateInstalled'])
    const conditions = status(world.order('east'))['conditions'] as { type: string; status: string }[]
    expect(conditions.map(({ type, status }) => `${type} ${status}`)).toEqual([
      'Ready True',
      'WorkloadsServeOldChain True',
    ])
  })

  test('an order that nobody can carry out says so', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    const order = world.order('east')
    world.apiOf('east').seed({ ...order, spec: { ...(order?.['spec'] as object), hosts: [] } } as never)
    await world.agent('east')
    expect(status(world.order('east'))).toMatchObject({ state: 'FAILED' })
    expect(String(status(world.order('east'))['error'])).toMatch(/spec.hosts must be a list of 1 to 16/)
    expect((await world.agent('east')).changed).toBe(false)
  })

  test('runs under the kinds of Gloo Mesh, as that makes it', async () => {
    const world = new World(['east'], { keyAlgorithm: 'RSA-2048', pathLength: 'none' }, GLOO_API)
    await world.root('root-1')
    await world.settle()
    const bundle = decodeCacerts(world.cacerts('east') ?? {})
    expect(world.cacerts('east')).toMatchObject({
      type: 'certificates.mesh.gloo.solo.io/issued_certificate',
      metadata: { labels: { 'agent.certificates.mesh.gloo.solo.io': 'mesh-pki' } },
    })
    // Gloo's profile: no path length, critical keyCertSign only.
    expect(bundle.certificate.pathLength).toBeUndefined()
    expect(bundle.certificate.keyUsage).toEqual(['keyCertSign'])
    expect(bundle.privateKey.label).toBe('RSA PRIVATE KEY')
    const order = world.order('east')
    expect(order?.['spec']).toMatchObject({
      org: 'Istio',
      certOptions: { ttlDays: 365, rsaKeySizeBytes: 2048, secretRotationGracePeriodRatio: 0.1 },
    })
    expect(status(order)).toEqual({ observedGeneration: 1, state: 'FINISHED' })
    const { ok } = await checkPath(bundle.certificate, {
      anchors: bundle.roots,
      intermediates: bundle.chain,
      time: world.clock.now(),
      purpose: 'any',
    })
    expect(ok).toBe(true)
  })
})
