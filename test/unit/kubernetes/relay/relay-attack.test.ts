/** A relay in the hands of who wants more than is theirs, or of who writes anything into its Secrets. */
import { describe, expect, test } from 'vitest'
import {
  createEnrollmentToken,
  createTokenStore,
  enroll,
  enrollmentIssuer,
  renewEnrollment,
} from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { MeshPkiError } from '../../../../src/errors.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { loadRelayServer } from '../../../../src/kubernetes/relay/load-relay-server.ts'
import { relayServerStep } from '../../../../src/kubernetes/relay/relay-server-step.ts'
import { secretTokenRecords } from '../../../../src/kubernetes/relay/secret-token-records.ts'
import { createEnrollmentServer, enrollmentDialer } from '../../../../src/node/index.ts'
import { issue, NAMESPACE, pair, put, relay, SERVER, secretOf, settle, world } from './support.ts'

type Relay = Awaited<ReturnType<typeof relay>>

const CLIENT = 'relay-client-tls-secret'
const ROOT = 'relay-root-tls-secret'
const refusedWith = (status: number, code: string) => ({
  code: 'ERR_ENROLLMENT_REFUSED',
  data: expect.objectContaining({ status, code }),
})

const tokenFor = async ({ tokens, clock }: Relay, name: string | undefined, more: object = {}) =>
  createEnrollmentToken({ store: tokens, name, expiresIn: '1d', clock, ...more })

/** What a client shows. */
const credentialsOf = (
  { signingCa }: Relay,
  { certificate, key }: { readonly certificate: unknown; readonly key: string },
) => ({ cert: `${certificate}${signingCa.certificate}`, key })

describe('an agent', () => {
  test('gets no certificate in the name of another cluster by its token', async () => {
    const made = await relay({ noToken: true })
    made.copy(ROOT)
    made.giveToken((await tokenFor(made, 'cluster-1')).token)
    await expect(made.step(undefined, 'cluster-2')).rejects.toMatchObject(refusedWith(401, 'unauthorized'))
    // And has not lost its own.
    expect((await made.step()).changed).toBe(true)
  })

  test('gets no certificate in the name of another cluster by its certificate', async () => {
    const made = await relay()
    const [own, other] = [await issue(made.signingCa, 'cluster-1'), await issue(made.signingCa, 'cluster-2')]
    const ask = (shown: typeof own, claimed: typeof own) =>
      renewEnrollment({
        url: made.url,
        anchors: [...made.roots],
        serverName: 'relay.test',
        clock: made.clock,
        // Public, as every certificate.
        certificate: claimed.certificate,
        dial: enrollmentDialer({ credentials: credentialsOf(made, shown) }),
      })
    await expect(ask(own, other)).rejects.toMatchObject(refusedWith(403, 'name'))
    expect((await ask(own, own)).certificate.subjectAltNames).toEqual([{ type: 'dns', value: 'cluster-1' }])
  })

  test('renews by no certificate but one that the signing CA made for a cluster', async () => {
    const made = await relay()
    const { credentials, signingCa, roots, clock, url } = made
    const renew = (shown: { readonly cert: string; readonly key: string }, name: string) =>
      issue(signingCa, name).then(({ certificate }) =>
        renewEnrollment({
          url,
          anchors: [...roots],
          serverName: 'relay.test',
          clock,
          certificate,
          dial: enrollmentDialer({ credentials: shown }),
        }),
      )
    // The server's own, which leads to the same root.
    const server = { cert: credentials.cert, key: credentials.key.reveal() }
    await expect(renew(server, 'relay.test')).rejects.toMatchObject(refusedWith(403, 'certificate'))
    // The signing CA itself.
    const signing = pair(made.management, 'relay-tls-signing-secret')
    const ca = { cert: String(signing.certificate), key: signing.privateKey.reveal() }
    await expect(renew(ca, 'relay.test')).rejects.toMatchObject(refusedWith(403, 'certificate'))
    // A cluster of another relay.
    const stranger = await relay()
    const theirs = credentialsOf(stranger, await issue(stranger.signingCa, 'cluster-1'))
    await expect(renew(theirs, 'cluster-1')).rejects.toMatchObject(refusedWith(403, 'certificate'))
  })

  test('cannot be called as the server, nor be taken for it', async () => {
    const made = await relay()
    made.copy(ROOT, 'relay-identity-token-secret')
    await expect(made.step(undefined, 'relay.test')).rejects.toMatchObject(refusedWith(403, 'name'))
    // Its certificate is good for servers; another agent is led to it.
    const own = await issue(made.signingCa, 'cluster-1')
    const seen: unknown[] = []
    const { server } = createEnrollmentServer({
      credentials: credentialsOf(made, own),
      tokens: made.tokens,
      issue: async () => {
        throw new Error('never')
      },
      clientAnchors: made.signingCa.certificate,
      serverAnchors: [...made.roots],
      clock: made.clock,
      onEvent: (event) => seen.push(event),
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const url = `https://127.0.0.1:${port}/enrollment/v1`
      await expect(made.step(undefined, 'cluster-2', { url })).rejects.toMatchObject({
        code: 'ERR_ENROLLMENT_SERVER',
      })
      expect(seen).toEqual([])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  test('is let in by the one who registers clusters, or not at all', async () => {
    const made = await relay({ authorize: ({ name }) => name === 'cluster-1' })
    made.copy(ROOT, 'relay-identity-token-secret')
    await expect(made.step(undefined, 'cluster-2')).rejects.toMatchObject(refusedWith(403, 'name'))
    expect((await made.step()).changed).toBe(true)
  })

  test('makes no order of 100,000 names, and loses no use of its token by it', async () => {
    const made = await relay({ noToken: true })
    made.copy(ROOT)
    const { token } = await tokenFor(made, 'cluster-1')
    const body = JSON.stringify({
      version: 1,
      csr: 'x',
      name: 'cluster-1',
      more: Array.from({ length: 100_000 }, (_, i) => `cluster-${i}`),
    })
    const dial = enrollmentDialer()
    const sent = await enroll({
      url: made.url,
      anchors: [...made.roots],
      serverName: 'relay.test',
      clock: made.clock,
      token,
      name: 'cluster-1',
      dial: async (asked) => {
        const link = await dial(asked)
        return {
          send: (request) => link.send({ ...request, body: new TextEncoder().encode(body) }),
          close: () => link.close(),
        }
      },
    }).catch((error: unknown) => error)
    expect(sent).toMatchObject({ code: expect.stringMatching(/^ERR_ENROLLMENT_(REFUSED|TRANSPORT)$/) })
    // Two names are one too many, too.
    const { csr } = await createCsr({
      key: 'P-256',
      subjectAltNames: ['cluster-1', 'cluster-2'].map((value) => ({ type: 'dns' as const, value })),
    })
    const two = enroll({
      url: made.url,
      anchors: [...made.roots],
      serverName: 'relay.test',
      clock: made.clock,
      token,
      name: 'cluster-1',
      dial: async (asked) => {
        const link = await dial(asked)
        const own = JSON.stringify({ version: 1, csr: csr.toPem(), name: 'cluster-1' })
        return {
          send: (request) => link.send({ ...request, body: new TextEncoder().encode(own) }),
          close: () => link.close(),
        }
      },
    })
    await expect(two).rejects.toMatchObject(refusedWith(400, 'name'))
    made.giveToken(token)
    expect((await made.step()).changed).toBe(true)
  })
})

describe('a token', () => {
  test('counts once, also before a second server that shares the Secrets', async () => {
    const made = await relay({ noToken: true })
    made.copy(ROOT)
    const second = createEnrollmentServer({
      credentials: { cert: made.credentials.cert, key: made.credentials.key.reveal() },
      tokens: createTokenStore({
        records: secretTokenRecords(made.client(made.management), 'tokens'),
        clock: made.clock,
      }),
      issue: enrollmentIssuer(made.signingCa),
      clientAnchors: made.signingCa.certificate,
      serverAnchors: [...made.roots],
      clock: made.clock,
    })
    await new Promise<void>((resolve) => second.server.listen(0, '127.0.0.1', resolve))
    try {
      const address = second.server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const url = `https://127.0.0.1:${port}/enrollment/v1`
      const { token } = await tokenFor(made, undefined)
      const ask = (at: string, name: string) =>
        enroll({
          url: at,
          anchors: [...made.roots],
          serverName: 'relay.test',
          clock: made.clock,
          token,
          name,
          dial: enrollmentDialer(),
        })
      const ended = await Promise.allSettled(
        [made.url, url, made.url, url].map((at, i) => ask(at, `cluster-${i}`)),
      )
      expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      // Replayed.
      for (const at of [made.url, url])
        await expect(ask(at, 'cluster-9')).rejects.toMatchObject(refusedWith(401, 'unauthorized'))
    } finally {
      second.server.closeAllConnections()
      second.server.close()
    }
  })

  test('does not count behind its end, after it was removed, or before it was made', async () => {
    const made = await relay({ noToken: true })
    made.copy(ROOT)
    const { token, hash } = await tokenFor(made, 'cluster-1', { expiresIn: '1h', uses: 9 })
    made.giveToken(token)
    made.clock.advance('59m59s')
    expect((await made.step()).changed).toBe(true)
    await made.drop(CLIENT)
    made.clock.advance('1s')
    await expect(made.step()).rejects.toMatchObject(refusedWith(401, 'unauthorized'))
    const other = await tokenFor(made, 'cluster-1', { uses: 9 })
    made.giveToken(other.token)
    expect((await made.step()).changed).toBe(true)
    await made.tokens.remove(other.hash)
    await made.tokens.remove(hash)
    await made.drop(CLIENT)
    await expect(made.step()).rejects.toMatchObject(refusedWith(401, 'unauthorized'))
    // The Secret of the management cluster does not count by itself.
    made.copy('relay-identity-token-secret')
    await expect(made.step()).rejects.toMatchObject(refusedWith(401, 'unauthorized'))
  })

  test('is in no message, whatever fails', async () => {
    const made = await relay({ noToken: true })
    made.copy(ROOT)
    const token = 'confidential-0123456789-abcdefghijklm'
    made.giveToken(token)
    const error = await made.step().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject(refusedWith(401, 'unauthorized'))
    expect(`${error}${JSON.stringify(error)}`).not.toContain('confidential')
    made.giveToken(`${token}\n`)
    const other = await made.step().catch((thrown: unknown) => thrown)
    expect(other).toMatchObject({ code: 'ERR_ENROLLMENT_TOKEN' })
    expect(`${other}`).not.toContain('confidential')
  })
})

const encode = (text: string): string => Buffer.from(text).toString('base64')
const CONFIDENTIAL = 'confidential'
const NESTED = encode(
  `-----BEGIN CERTIFICATE-----\n${encode('\u0030\u0080'.repeat(20_000))}\n-----END CERTIFICATE-----\n`,
)
/** What may stand in a field. */
const JUNK: readonly (readonly [what: string, value: unknown])[] = [
  ['nothing', ''],
  ['blanks', encode(' \n\t')],
  ['no base64', `${CONFIDENTIAL}!`],
  ['no text', 5],
  ['null', null],
  ['a list', [CONFIDENTIAL]],
  ['no PEM', encode(CONFIDENTIAL)],
  ['bytes of every value', Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i)).toString('base64')],
  ['a megabyte', encode(CONFIDENTIAL.repeat(87_000))],
  ['PEM that does not end', encode(`-----BEGIN CERTIFICATE-----\n${CONFIDENTIAL}`)],
  ['PEM of no DER', encode('-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n')],
  ['DER without end', NESTED],
  ['an empty key', encode('-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n')],
  [
    '100,000 blocks',
    encode('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'.repeat(100_000)),
  ],
  ['100,000 lines', encode('-----BEGIN X-----\n'.repeat(100_000))],
]
const FIELDS = [
  ['mesh-pki-relay-root', 'ca-cert.pem'],
  ['mesh-pki-relay-root', 'ca-key.pem'],
  ['mesh-pki-relay-root', 'cert-chain.pem'],
  ['mesh-pki-relay-root', 'root-cert.pem'],
  [ROOT, 'ca.crt'],
  [ROOT, 'tls.key'],
  ['relay-tls-signing-secret', 'tls.crt'],
  ['relay-tls-signing-secret', 'tls.key'],
  ['relay-tls-signing-secret', 'ca.crt'],
  ['relay-server-tls-secret', 'tls.crt'],
  ['relay-server-tls-secret', 'tls.key'],
  ['relay-server-tls-secret', 'ca.crt'],
  ['relay-identity-token-secret', 'token'],
] as const

describe('anything in a Secret', () => {
  test.each(FIELDS)(
    'of the server, %s, %s, is refused with its name, and nothing is written',
    async (name, key) => {
      const { management, client } = world()
      const manager = client(management)
      await settle(manager)
      const good = secretOf(management, name)
      for (const [what, value] of JUNK) {
        put(management, name, { [key]: value })
        // Where the root is gone its key is read, and where the server is gone it signs.
        const lost = name === 'mesh-pki-relay-root' ? 'relay-server-tls-secret' : undefined
        const kept = lost === undefined ? undefined : secretOf(management, lost)
        if (lost !== undefined) await manager.remove(KubeResources.secrets, secretOf(management, lost))
        const before = JSON.stringify(management.objects(KubeResources.secrets))
        const error = await relayServerStep(manager, SERVER).then(
          ({ changed }) => (changed ? 'changed' : 'as it was'),
          (thrown: unknown) => thrown,
        )
        if (typeof error === 'string') {
          // Not every field is read: blanks in the place of a key of the root are none, and a token may be anything but nothing.
          const isText = name === 'relay-identity-token-secret'
          const isNoKey =
            name === ROOT && key === 'tls.key' && ['nothing', 'blanks', 'an empty key'].includes(what)
          const isUsable =
            name === 'mesh-pki-relay-root' && (key === 'cert-chain.pem' || key === 'ca-cert.pem')
          expect([what, isText || isNoKey || isUsable]).toEqual([what, true])
        } else {
          expect([what, error]).toEqual([what, expect.any(MeshPkiError)])
          expect(`${error}`).toContain(name)
          expect(`${error}${JSON.stringify(error)}`).not.toContain(CONFIDENTIAL)
          expect(`${error}`.length).toBeLessThan(2000)
          expect(JSON.stringify(management.objects(KubeResources.secrets))).toBe(before)
        }
        if (kept !== undefined) management.seed(kept)
        management.seed(good)
      }
      await settle(manager)
      await loadRelayServer(manager)
    },
  )

  test('of the client is replaced by an enrollment, and asked for no more', async () => {
    const made = await relay({ limits: { perClient: { requests: 1000, per: '1m' } } })
    made.copy(ROOT, 'relay-identity-token-secret')
    await made.step()
    for (const key of ['tls.crt', 'tls.key', 'ca.crt'])
      for (const [what, value] of JUNK) {
        put(made.workload, CLIENT, { [key]: value })
        expect([what, await made.step()]).toEqual([what, expect.objectContaining({ changed: true })])
        expect((await made.step()).changed).toBe(false)
      }
  })

  test('of what was copied to the client is refused with its name, and costs nothing that is there', async () => {
    const made = await relay()
    made.copy(ROOT, 'relay-identity-token-secret')
    await made.step()
    const before = secretOf(made.workload, CLIENT)
    for (const [what, value] of JUNK) {
      put(made.workload, ROOT, { 'ca.crt': value })
      const error = await made.step().catch((thrown: unknown) => thrown)
      expect([what, error]).toEqual([what, expect.any(MeshPkiError)])
      expect(`${error}`).toContain(ROOT)
      expect(`${error}`).not.toContain(CONFIDENTIAL)
      expect(secretOf(made.workload, CLIENT)).toEqual(before)
    }
  })

  test('100,000 more keys, and a thousand roots, are borne', async () => {
    const { management, client } = world()
    const manager = client(management)
    await settle(manager)
    const more = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`key-${i}`, 'eA==']))
    put(management, 'relay-server-tls-secret', more)
    await settle(manager)
    const { data } = secretOf(management, ROOT)
    const pem = Buffer.from((data as Record<string, string>)['ca.crt'] ?? '', 'base64').toString()
    put(management, ROOT, { 'ca.crt': encode(pem.repeat(1000)) })
    await settle(manager)
    management.seed({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: NAMESPACE, name: ROOT },
      data: more,
    })
    const error = await relayServerStep(manager, SERVER).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_KUBERNETES_INCOMPLETE_SECRET' })
    expect(`${error}`.length).toBeLessThan(2000)
  })
})
