import { describe, expect, test, vi } from 'vitest'
import { createCsr } from '../../../../src/csr/index.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { readCertificateRequest } from '../../../../src/kubernetes/federation/certificate-request.ts'
import { MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import { entitlementOf } from '../../../../src/kubernetes/federation/federation-step.ts'
import type { LedgerEntry } from '../../../../src/kubernetes/federation/issuance-ledger.ts'
import { type IssuerStepOptions, issuerStep } from '../../../../src/kubernetes/federation/issuer-step.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { START, World } from './support.ts'

const requests = MESH_PKI_API.certificateRequests

/** A request of the east that waits for its answer. */
async function asked() {
  const world = new World(['east'])
  await world.root('root-1')
  await world.step()
  for (let i = 0; i < 2; i++) await world.agent('east')
  const { order } = world.meshOf('east')
  const api = world.apiOf('east')
  const object = (): KubeObject => {
    const found = api.read(requests, order)
    if (found === undefined) throw new Error('there is no request')
    return found
  }
  const { ca } = await world.federation.loader.load(world.rootRef('root-1'))
  const step = (more: Partial<IssuerStepOptions> = {}, client = world.client(api, 'issuer')) =>
    issuerStep(client, order, {
      cluster: 'east',
      ledger: world.ledger,
      entitlementOf: (wanted) => entitlementOf(world.federation, 'east', wanted),
      ...more,
    })
  /** What another issuer signs for the same request. */
  const signed = async (by = ca): Promise<LedgerEntry> => {
    const issued = await by.issueIntermediate(readCertificateRequest(object()).csr, {
      subject: 'O=Istio,OU=istiod-istio-system-east',
      lifetime: '365d',
      pathLength: 0,
      subjectAltNames: [{ type: 'uri', value: 'spiffe://east.example/ns/istio-system/sa/istiod' }],
    })
    const { certificate, chain } = issued
    const name = `${order.namespace}/${order.name}`
    return { cluster: 'east', order: name, authority: 'root-1', certificate, chain }
  }
  const answer = () => {
    const { state, answer: given, error } = readCertificateRequest(object())
    return { state, serial: given?.certificate.serialNumber, error }
  }
  return { world, api, ca, step, signed, answer, object }
}

describe('an issuer', () => {
  test('signs once, and answers what it wrote down', async () => {
    const { world, ca, step, answer } = await asked()
    const signing = vi.spyOn(ca, 'issueIntermediate')
    expect((await step()).changed).toBe(true)
    expect(answer().state).toBe('FINISHED')
    expect((await step()).changed).toBe(false)
    expect([signing.mock.calls.length, world.issuedTotal()]).toEqual([1, 1])
  })

  test('answers what was signed before it, and signs nothing', async () => {
    const { world, ca, step, signed, answer } = await asked()
    const entry = await signed()
    await world.ledger.record(entry)
    const signing = vi.spyOn(ca, 'issueIntermediate')
    await step()
    expect(answer()).toMatchObject({ state: 'FINISHED', serial: entry.certificate.serialNumber })
    expect(signing).not.toHaveBeenCalled()
  })

  test('that signs while another one does answers that one’s certificate, not its own', async () => {
    const { world, ca, step, signed, answer } = await asked()
    const original = ca.issueIntermediate.bind(ca)
    let first: LedgerEntry | undefined
    // The other one signs and writes down meanwhile, and dies before it answers.
    const signing = vi.spyOn(ca, 'issueIntermediate').mockImplementationOnce(async (csr, options) => {
      first = await signed()
      await world.ledger.record(first)
      return original(csr, options)
    })
    await step()
    // Two were signed; one is known to anybody.
    expect(signing).toHaveBeenCalledTimes(2)
    expect(answer()).toMatchObject({ state: 'FINISHED', serial: first?.certificate.serialNumber })
    expect(world.issuedTotal()).toBe(1)
  })

  test.each([
    ['another cluster', { cluster: 'west' }],
    ['another order of the same cluster', { order: 'mesh-pki/istiod-istio-system-canary' }],
    ['another authority, though the certificate leads to the same roots', { authority: 'root-0' }],
  ])('refuses a key that has a certificate for %s', async (_name, difference) => {
    const { world, step, signed, answer } = await asked()
    await world.ledger.record({ ...(await signed()), ...difference })
    await step()
    expect(answer()).toMatchObject({ state: 'FAILED', serial: undefined })
    expect(world.issuedTotal()).toBe(1)
  })

  test('refuses a key whose certificate leads to no root of now, or has ended', async () => {
    const { world, step, signed, answer } = await asked()
    await world.root('root-2')
    const { ca: other } = await world.federation.loader.load(world.rootRef('root-2'))
    await world.ledger.record(await signed(other))
    await step()
    expect(answer()).toMatchObject({ state: 'FAILED', serial: undefined })
    const late = await asked()
    await late.world.ledger.record(await late.signed())
    late.world.clock.set(new Date(START.getTime() + 366 * 86_400_000))
    await late.step()
    expect(late.answer()).toMatchObject({ state: 'FAILED', serial: undefined })
    expect(late.answer().error).toMatch(/ended/)
  })

  test('refuses a request that its key did not sign, also for a key that has a certificate', async () => {
    for (const isKnown of [false, true]) {
      const { world, api, step, signed, answer, object } = await asked()
      if (isKnown) await world.ledger.record(await signed())
      const { der } = readCertificateRequest(object()).csr
      der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 1
      const body = Buffer.from(der).toString('base64')
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`
      const spec = { certificateSigningRequest: Buffer.from(pem).toString('base64') }
      api.seed({ ...object(), spec })
      await step()
      expect(answer()).toMatchObject({ state: 'FAILED', serial: undefined })
      expect(world.issuedTotal()).toBe(isKnown ? 1 : 0)
    }
  })

  test('that no longer leads neither signs nor writes', async () => {
    const { world, api, ca, step, answer } = await asked()
    const signing = vi.spyOn(ca, 'issueIntermediate')
    const before = [api.writes, world.management.writes]
    const stop = () => {
      throw new Error('no longer the leader')
    }
    await expect(step({ beforeWrite: stop })).rejects.toThrow('no longer the leader')
    expect(signing).not.toHaveBeenCalled()
    expect([api.writes, world.management.writes]).toEqual(before)
    // Nor does it say that it waits, or refuses.
    const waits = { beforeWrite: stop, entitlementOf: async () => ({ hold: 'not now' }) }
    await expect(step(waits)).rejects.toThrow('no longer the leader')
    const refuses = { beforeWrite: stop, entitlementOf: async () => undefined }
    await expect(step(refuses)).rejects.toThrow('no longer the leader')
    expect([api.writes, world.management.writes]).toEqual(before)
    await step({ beforeWrite: () => {} })
    expect(answer().state).toBe('FINISHED')
    expect(signing).toHaveBeenCalledTimes(1)
  })

  test('does not answer over what another one answered meanwhile', async () => {
    const { api, step, object, answer } = await asked()
    let written: KubeObject | undefined
    const rival = () => {
      written = { ...object(), status: { state: 'FAILED', observedGeneration: 1, error: 'by the other' } }
      api.seed(written)
    }
    await expect(step({ beforeWrite: rival })).rejects.toMatchObject({ code: 'ERR_KUBERNETES_CONFLICT' })
    expect(answer()).toMatchObject({ state: 'FAILED', error: 'by the other' })
  })

  test('says once why it waits, and goes on when it need not', async () => {
    const { step, answer } = await asked()
    const held = { entitlementOf: async () => ({ hold: 'the journal is old' }) }
    expect(await step(held)).toMatchObject({ changed: true })
    const again = await step(held)
    expect(again.changed).toBe(false)
    expect(again.requeueAfterMs).toBeGreaterThan(0)
    expect(answer()).toMatchObject({ state: 'PENDING', serial: undefined })
    await step()
    expect(answer().state).toBe('FINISHED')
  })

  test('signs no more than so many for one order, and takes what is signed without counting', async () => {
    const { world, step, signed, answer } = await asked()
    const entry = await signed()
    const { ca } = await world.federation.loader.load(world.rootRef('root-1'))
    const { csr } = await createCsr({ subject: 'O=x', key: 'P-256' })
    const { certificate, chain } = await ca.issueIntermediate(csr, { lifetime: '1d' })
    await world.ledger.record({ ...entry, certificate, chain })
    expect((await step({ maxValid: 1 })).requeueAfterMs).toBeGreaterThan(0)
    expect([answer().state, world.issuedTotal()]).toEqual(['PENDING', 1])
    await world.ledger.record(entry)
    await step({ maxValid: 1 })
    expect(answer()).toMatchObject({ state: 'FINISHED', serial: entry.certificate.serialNumber })
  })

  test('has nothing to do where there is no request, and needs no ledger then', async () => {
    const { world, api, step, object } = await asked()
    await world.client(api, 'admin').remove(requests, object())
    expect(await step()).toMatchObject({ changed: false })
    expect(world.management.objects(KubeResources.configMaps)).toHaveLength(1)
  })
})
