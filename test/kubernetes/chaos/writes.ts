/**
 * Writes that somebody was faster with, that were refused, and of which nobody knows whether they were done.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { type CertificateAuthority, createRootCa } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import {
  encodeCacerts,
  IssuanceLedger,
  KubeClient,
  type KubeObject,
  KubeResources,
  type LedgerEntry,
  type SecretLike,
  secretJournal,
} from '../../../src/kubernetes/index.ts'
import { rootConfigMapStep } from '../../../src/kubernetes/trust/root-config-map-step.ts'
import { recordedTransport } from '../../support/recorded-transport.ts'
import { INTERMEDIATE_A, INTERMEDIATE_A_KEY, ROOT_A, ROOT_B } from '../../unit/kubernetes/fixtures.ts'
import { type GetChaos, MAPS, SECRETS, textIn } from './world.ts'

const { namespaces: SPACES } = KubeResources
const OPAQUE = 'Opaque'
const GLOO = 'certificates.mesh.gloo.solo.io/issued_certificate'
const encoded = (text: string): string => Buffer.from(text).toString('base64')

export function describeWrites(getChaos: GetChaos): void {
  describe('a write', () => {
    test('over what somebody else has written is decided anew, not sent again', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      await chaos.put(namespace, 'a', '1')
      const seen: string[] = []
      const changed = await chaos.client().change(MAPS, { namespace, name: 'a' }, async (found) => {
        seen.push(textIn(found))
        if (seen.length < 3) await chaos.set(namespace, 'a', `${textIn(found)}+`)
        return { ...found, data: { v: `${textIn(found)} mine` } }
      })
      expect(seen).toEqual(['1', '1+', '1++'])
      expect(textIn(changed)).toBe('1++ mine')
    })

    test('is given up after five conflicts, and nothing of others is lost', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      await chaos.put(namespace, 'a', '0')
      let tries = 0
      const changing = chaos.client().change(MAPS, { namespace, name: 'a' }, async (found) => {
        await chaos.set(namespace, 'a', String(++tries))
        return { ...found, data: { v: 'mine' } }
      })
      await expect(changing).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_CONFLICT',
        status: 409,
        reason: 'Conflict',
        outcome: 'refused',
      })
      expect([tries, textIn(await chaos.admin.get(MAPS, { namespace, name: 'a' }))]).toEqual([5, '5'])
    })

    test('that makes something is won by one', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const made = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) =>
          chaos.client().create(MAPS, { metadata: { namespace, name: 'a' }, data: { v: String(i) } }),
        ),
      )
      const lost = made.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      expect(lost).toHaveLength(7)
      for (const error of lost)
        expect(error).toMatchObject({
          code: 'ERR_KUBERNETES_ALREADY_EXISTS',
          status: 409,
          reason: 'AlreadyExists',
        })
      const winner = made.findIndex((one) => one.status === 'fulfilled')
      expect(textIn(await chaos.admin.get(MAPS, { namespace, name: 'a' }))).toBe(String(winner))
    })

    test('to what was deleted and made anew under its name is no write to that', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const old = await chaos.put(namespace, 'a', '1')
      await chaos.drop(namespace, 'a')
      const now = await chaos.put(namespace, 'a', '1')
      const client = chaos.client()
      const conflict = { code: 'ERR_KUBERNETES_CONFLICT', outcome: 'refused' }
      await expect(client.replace(MAPS, { ...old, data: { v: '2' } })).rejects.toMatchObject(conflict)
      await expect(client.remove(MAPS, old)).rejects.toMatchObject(conflict)
      expect(await chaos.admin.get(MAPS, { namespace, name: 'a' })).toEqual(now)

      // A journal that somebody put back is another one, also where it says the same.
      const ref = { namespace, name: 'rollover' }
      const journal = secretJournal(client, ref)
      await journal.replace(undefined, 'one')
      const first = await journal.read()
      const object = await chaos.admin.get(SECRETS, ref)
      await chaos.admin.remove(SECRETS, object)
      const { resourceVersion: _version, uid: _uid, ...metadata } = object.metadata
      await chaos.admin.create(SECRETS, { ...object, metadata })
      expect(await journal.replace(first?.version, 'two')).toBe(false)
      expect((await journal.read())?.text).toBe('one')
    })
  })

  describe('what the server does not take', () => {
    const refused = (...fields: readonly string[]) => ({
      code: 'ERR_KUBERNETES_INVALID',
      status: 422,
      reason: 'Invalid',
      outcome: 'refused',
      causes: fields.map((field) => expect.objectContaining({ field })),
    })
    const cacerts = (base?: SecretLike): KubeObject => {
      const { metadata = {}, ...rest } = encodeCacerts(
        {
          certificate: INTERMEDIATE_A,
          privateKey: INTERMEDIATE_A_KEY,
          roots: ROOT_A,
        },
        base,
      )
      return { ...rest, metadata }
    }

    test('the type of a Secret is kept; another one is refused, and nothing is deleted', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const client = chaos.client()
      const ref = { namespace, name: 'cacerts' }
      const made = await client.create(SECRETS, {
        metadata: ref,
        type: GLOO,
        data: { 'ca-cert.pem': encoded('old') },
      })
      await expect(client.replace(SECRETS, { ...made, type: OPAQUE })).rejects.toMatchObject(refused('type'))
      await expect(
        client.apply(SECRETS, { metadata: ref, type: OPAQUE, data: {} }, { force: true }),
      ).rejects.toMatchObject(refused('type'))
      expect(await chaos.admin.get(SECRETS, ref)).toEqual(made)
      // The codec writes what the server takes: everything in one write, under the type that is there.
      const next = cacerts({ ...made, metadata: made.metadata })
      const written = await client.replace(SECRETS, next)
      expect([written['type'], written.metadata.uid]).toEqual([GLOO, made.metadata.uid])
      expect(Object.keys(Object(written['data'])).sort()).toEqual(
        expect.arrayContaining(['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'root-cert.pem']),
      )
    })

    test('what is immutable is told of, and neither changed nor deleted', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const client = chaos.client()
      const ref = { namespace, name: 'rollover' }
      const journal = secretJournal(client, ref)
      await journal.replace(undefined, 'one')
      const sealed = await chaos.admin.change(SECRETS, ref, (found) => ({ ...found, immutable: true }))
      const version = (await journal.read())?.version
      await expect(journal.replace(version, 'two')).rejects.toMatchObject(refused('data'))
      await expect(client.replace(SECRETS, { ...sealed, immutable: false })).rejects.toMatchObject(
        refused('immutable'),
      )
      expect(await chaos.admin.get(SECRETS, ref)).toEqual(sealed)

      const roots = await chaos.admin.create(MAPS, {
        metadata: { namespace, name: 'istio-ca-root-cert' },
        immutable: true,
        data: { 'root-cert.pem': ROOT_B },
      })
      const events: unknown[] = []
      const result = await rootConfigMapStep(client, namespace, {
        roots: ROOT_A,
        mode: 'own',
        onEvent: ({ outcome }) => void events.push(outcome),
      })
      expect(result).toMatchObject({ changed: false, drift: { state: 'immutable' } })
      expect(events).toEqual(['reported'])
      expect(await chaos.admin.get(MAPS, { namespace, name: 'istio-ca-root-cert' })).toEqual(roots)
    })

    test('what is too large is refused by the codec, by the server, and as a request', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const client = chaos.client({ timeout: '20s' })
      const large = encoded('x'.repeat(1_048_577))
      expect(() => cacerts({ data: { other: large } })).toThrow(/at most 1048576/)
      const secret = (bytes: number) => ({
        metadata: { namespace, name: 'large' },
        data: { x: encoded('x'.repeat(bytes)) },
      })
      await expect(client.create(SECRETS, secret(1_048_577))).rejects.toMatchObject(refused('data'))
      for (const bytes of [3_000_000, 6_000_000, 12_000_000])
        await expect(client.create(SECRETS, secret(bytes))).rejects.toMatchObject({
          code: 'ERR_KUBERNETES_INVALID',
          status: 413,
          outcome: 'refused',
        })
      expect(await chaos.admin.find(SECRETS, { namespace, name: 'large' })).toBeUndefined()
      // And what just fits is taken.
      await client.create(SECRETS, secret(1_048_576))
    })
  })

  describe('a write whose answer was lost', () => {
    let root: CertificateAuthority
    beforeAll(async () => {
      root = await createRootCa({ subject: 'CN=Chaos', lifetime: '1d' })
    })
    const entryFor = async (pem: string, order: string): Promise<LedgerEntry> => {
      const { certificate, chain } = await root.issueIntermediate(pem, { lifetime: '1h', pathLength: 0 })
      return { cluster: 'east', order, authority: 'root', certificate, chain }
    }
    /** A client whose next write of a kind is done, and nobody is told. */
    const losing = async () => {
      const chaos = getChaos()
      const proxy = await chaos.proxy()
      let losses = 0
      const transport = recordedTransport(chaos.transport(proxy.port), {
        before: ({ method, path }) => {
          if (method === 'GET' || losses === 0 || path === '') return
          losses--
          proxy.loseNextAnswer()
        },
      })
      const client = new KubeClient(transport, { fieldManager: 'chaos', timeout: '5s' })
      return {
        client,
        transport,
        proxy,
        /** Opens a connection first: what is lost must be the answer and not the handshake. */
        lose: async (times = 1) => {
          await client.get(SPACES, { name: 'default' })
          losses = times
        },
        writes: () => transport.log.filter(({ method }) => method !== 'GET').map(({ status }) => status),
      }
    }

    test('is told to be of unknown outcome', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const { client, lose } = await losing()
      await lose()
      const made = { metadata: { namespace, name: 'a' }, data: { v: '1' } }
      await expect(client.create(MAPS, made)).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_UNAVAILABLE',
        status: undefined,
        outcome: 'unknown',
      })
      expect(textIn(await client.get(MAPS, { namespace, name: 'a' }))).toBe('1')
    })

    test('to a journal is read again, not repeated', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const { client, lose, writes } = await losing()
      const journal = secretJournal(client, { namespace, name: 'rollover' })
      await lose()
      expect(await journal.replace(undefined, 'one')).toBe(true)
      const first = await journal.read()
      await lose()
      expect(await journal.replace(first?.version, 'two')).toBe(true)
      expect((await journal.read())?.text).toBe('two')
      expect(writes()).toEqual([undefined, undefined])
      // Somebody else's write is not taken for ours.
      expect(await journal.replace(first?.version, 'three')).toBe(false)
    })

    test('to a journal and was not done either is an error, and the next try does it', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const { client, proxy, transport } = await losing()
      const journal = secretJournal(client, { namespace, name: 'rollover' })
      proxy.refuse()
      proxy.cut()
      await expect(journal.replace(undefined, 'one')).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_UNAVAILABLE',
      })
      proxy.accept()
      expect(await journal.read()).toBeUndefined()
      expect(await journal.replace(undefined, 'one')).toBe(true)
      expect(transport.written()).toHaveLength(1)
    })

    test('to the ledger is read again: one certificate counts, and it is the one that is there', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const { client, lose, writes } = await losing()
      const ledger = new IssuanceLedger(client, namespace)
      const pem = (await createCsr({ subject: 'CN=Intermediate CA', key: 'P-256' })).csr.toPem()
      const entry = await entryFor(pem, 'mesh-pki/one')
      await lose()
      const recorded = await ledger.record(entry)
      expect(recorded.certificate.equals(entry.certificate)).toBe(true)
      expect(writes()).toEqual([undefined])
      // Two that sign for one key at the same time answer the same certificate.
      const other = (await createCsr({ subject: 'CN=Intermediate CA', key: 'P-256' })).csr.toPem()
      const rivals = await Promise.all(['a', 'b', 'c'].map((order) => entryFor(other, `mesh-pki/${order}`)))
      const answers = await Promise.all(
        rivals.map((rival) => new IssuanceLedger(chaos.client(), namespace).record(rival)),
      )
      expect(new Set(answers.map(({ certificate }) => certificate.serialNumber)).size).toBe(1)
      expect(new Set(rivals.map(({ certificate }) => certificate.serialNumber)).size).toBe(3)
      const { items } = await chaos.admin.list(MAPS, {
        namespace,
        labelSelector: 'pki.mesh-pki.dev/ledger=issued',
      })
      expect(items).toHaveLength(2)
    })

    test('of a deletion finds that it is gone', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const { client, lose } = await losing()
      const made = await chaos.put(namespace, 'a', '1')
      await lose()
      await expect(client.remove(MAPS, made)).rejects.toMatchObject({ outcome: 'unknown' })
      expect(await client.remove(MAPS, made)).toBe(false)
    })
  })
}
