import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { describe, expect, test } from 'vitest'
import { createBundleServer, spiffeDialer, webFetch } from '../../../src/node/index.ts'
import {
  FederationClient,
  type FederationClientOptions,
  type FederationRelationship,
  type SpiffeBundle,
} from '../../../src/spiffe/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { type Svid, trustDomainFixture } from '../../support/trust-domain.ts'
import { deferred, listen } from './support.ts'

const partner = await trustDomainFixture('partner.example', { sequence: 7n, refreshHint: '1m' })
const stranger = await trustDomainFixture('partner.example')
/** Who vouches for web servers here: a CA like any other. */
const web = await trustDomainFixture('web')
const endpoint = await partner.svid('/bundle-endpoint')
const webServer = await web.svid('/server', { subjectAltNames: [{ type: 'ip', value: '127.0.0.1' }] })
const otherHost = await web.svid('/other', { subjectAltNames: [{ type: 'dns', value: 'elsewhere.example' }] })
const trustDomain = 'partner.example'

type Profile = 'https_web' | 'https_spiffe'

function relationship(profile: Profile, port: number, path = '/bundle.json'): FederationRelationship {
  const url = `https://127.0.0.1:${port}${path}`
  return profile === 'https_web'
    ? { trustDomain, url, profile }
    : { trustDomain, url, profile, endpointSpiffeId: endpoint.id, bootstrap: partner.bundle }
}

function client(
  profile: Profile,
  port: number,
  options: Partial<FederationClientOptions> = {},
): FederationClient {
  return new FederationClient({
    relationships: [relationship(profile, port)],
    staleAfter: '1h',
    fetch: webFetch({ ca: web.root.toPem() }),
    dial: spiffeDialer(),
    timeout: '5s',
    ...options,
  })
}

const credentialsFor = (profile: Profile): Svid['credentials'] =>
  (profile === 'https_web' ? webServer : endpoint).credentials

/** A server that answers as it likes. */
const misbehave = (profile: Profile, listener: RequestListener, credentials = credentialsFor(profile)) =>
  listen(createServer(credentials, listener))

const newer = (sequence: bigint): SpiffeBundle =>
  partner.bundle.with({ sequence, x509Authorities: [partner.root, stranger.root] })

describe.each<Profile>(['https_web', 'https_spiffe'])('%s', (profile) => {
  test('serves and consumes over TLS; the ETag follows the document', async () => {
    let current = newer(8n)
    const { server } = createBundleServer({
      bundle: () => current,
      credentials: credentialsFor(profile),
      path: '/bundle.json',
    })
    const federation = client(profile, await listen(server))
    expect(await federation.refresh(trustDomain)).toBe(profile === 'https_web' ? 'added' : 'updated')
    expect(federation.bundleFor(trustDomain)?.sequence).toBe(8n)
    expect(federation.bundleFor(trustDomain)?.trustsSame(current)).toBe(true)
    expect(federation.bundleFor('web')).toBeUndefined()
    expect(await federation.refresh(trustDomain)).toBe('unchanged')
    current = newer(9n).with({ x509Authorities: [stranger.root] })
    expect(await federation.refresh(trustDomain)).toBe('updated')
    expect(federation.bundleFor(trustDomain)?.x509Authorities.map(String)).toEqual([stranger.root.toPem()])
  })

  /** What a server does, and what the client says; the bundle from before must stay. */
  const misdeeds: readonly (readonly [string, RequestListener, string])[] = [
    ['a wrong status', (_, response) => response.writeHead(500).end('oops'), 'ERR_FEDERATION_STATUS'],
    ['no content', (_, response) => response.writeHead(204).end(), 'ERR_FEDERATION_STATUS'],
    ['an endless error page', (_, response) => pour(response.writeHead(502)), 'ERR_FEDERATION_STATUS'],
    ['no JSON', (_, response) => response.end('<html>'), 'ERR_FEDERATION_BUNDLE'],
    ['no keys', (_, response) => response.end('{"spiffe_sequence": 9}'), 'ERR_FEDERATION_BUNDLE'],
    ['null for keys', (_, response) => response.end('{"keys": null}'), 'ERR_FEDERATION_BUNDLE'],
    [
      'two members keys',
      (_, response) => response.end('{"spiffe_sequence": 9, "keys": [], "\\u006beys": []}'),
      'ERR_FEDERATION_BUNDLE',
    ],
    ['half a body', (_, response) => half(response), 'ERR_FEDERATION_TRANSPORT'],
    ['a body that never ends', (_, response) => pour(response.writeHead(200)), 'ERR_FEDERATION_BODY'],
    ['silence', () => {}, 'ERR_FEDERATION_TIMEOUT'],
    ['a byte now and then', (_, response) => drip(response.writeHead(200)), 'ERR_FEDERATION_TIMEOUT'],
    ['a cut connection', (request) => request.socket.destroy(), 'ERR_FEDERATION_TRANSPORT'],
    ['an older sequence', (_, response) => response.end(newer(6n).toJson()), 'ERR_FEDERATION_SEQUENCE'],
    ['a redirect to http', redirect('http://127.0.0.1/bundle.json'), 'ERR_FEDERATION_REDIRECT'],
    ['a redirect with a user', redirect('https://user@127.0.0.1/bundle.json'), 'ERR_FEDERATION_REDIRECT'],
    ['a redirect to nowhere', (_, response) => response.writeHead(302).end(), 'ERR_FEDERATION_REDIRECT'],
    ['a redirect to what is no URL', redirect('https://[::1'), 'ERR_FEDERATION_REDIRECT'],
    ['a redirect that URL would repair', redirect('https:\\\\127.0.0.1\\x'), 'ERR_FEDERATION_REDIRECT'],
    ['a redirect to itself', redirect('/bundle.json'), 'ERR_FEDERATION_REDIRECT'],
  ]

  test.each(misdeeds)('%s changes nothing', async (_what, listener, code) => {
    const { promise: asked, resolve: isAsked } = deferred<void>()
    const port = await misbehave(profile, (request, response) => {
      isAsked()
      listener(request, response)
    })
    // Time passes only where the server keeps silent.
    const clock = manualClock(new Date())
    const held = [{ bundle: partner.bundle, confirmed: clock.now() }]
    const federation = client(profile, port, { initial: held, timeout: '1s', clock })
    const refused = expect(federation.refresh(trustDomain)).rejects.toMatchObject({ code })
    await asked
    if (code === 'ERR_FEDERATION_TIMEOUT') await clock.run('1s')
    await refused
    expect(federation.bundleFor(trustDomain)?.digest()).toBe(partner.bundle.digest())
    expect(federation.bundleFor(trustDomain)?.sequence).toBe(7n)
    expect(federation.status(trustDomain)?.lastError).toMatchObject({ code })
  })

  test('an empty list of keys is no misdeed: it revokes everything', async () => {
    const port = await misbehave(profile, (_, response) => response.end('{"spiffe_sequence": 8, "keys": []}'))
    const told: string[] = []
    const federation = client(profile, port, { onEvent: ({ type }) => told.push(type) })
    await federation.refresh(trustDomain)
    expect(federation.bundleFor(trustDomain)?.isEmpty).toBe(true)
    expect(told).toEqual(['fetched', 'emptied'])
  })

  test('a redirect is followed under the same authentication, and forgotten', async () => {
    const { server: good } = createBundleServer({
      bundle: newer(8n),
      credentials: credentialsFor(profile),
      path: '/moved.json',
    })
    const target = await listen(good)
    const asked: (string | undefined)[] = []
    const port = await misbehave(profile, (request, response) => {
      asked.push(request.url)
      response.writeHead(302, { location: `https://127.0.0.1:${target}/moved.json` }).end()
    })
    const federation = client(profile, port)
    await federation.refresh(trustDomain)
    await federation.refresh(trustDomain)
    expect(federation.bundleFor(trustDomain)?.sequence).toBe(8n)
    expect(asked).toEqual(['/bundle.json', '/bundle.json'])

    const bad = profile === 'https_web' ? otherHost : await partner.svid('/somebody-else')
    const fallen = await misbehave(
      profile,
      (_, response) => response.end(newer(9n).toJson()),
      bad.credentials,
    )
    const lured = await misbehave(profile, redirect(`https://127.0.0.1:${fallen}/`))
    await expect(client(profile, lured).refresh(trustDomain)).rejects.toMatchObject({
      code: profile === 'https_web' ? 'ERR_FEDERATION_TRANSPORT' : 'ERR_FEDERATION_AUTHENTICATION',
    })
  })
})

describe('who the server is', () => {
  const answer: RequestListener = (_, response) => void response.end(newer(8n).toJson())

  test.each<[string, () => Promise<Svid>, string]>([
    ['another workload of the trust domain', () => partner.svid('/other'), 'ERR_SVID_UNEXPECTED_ID'],
    ['a namesake below another root', () => stranger.svid('/bundle-endpoint'), 'ERR_PATH_NO_ISSUER'],
    ['a namesake of another trust domain', () => web.svid('/bundle-endpoint'), 'ERR_SVID_NO_BUNDLE'],
  ])('https_spiffe refuses %s', async (_what, make, code) => {
    const port = await misbehave('https_spiffe', answer, (await make()).credentials)
    const refused = client('https_spiffe', port).refresh(trustDomain)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_FEDERATION_AUTHENTICATION', cause: { code } })
  })

  test('https_web refuses a certificate for another host, and one of another CA', async () => {
    const elsewhere = await misbehave('https_web', answer, otherHost.credentials)
    await expect(client('https_web', elsewhere).refresh(trustDomain)).rejects.toMatchObject({
      code: 'ERR_FEDERATION_TRANSPORT',
      cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    })
    const foreign = await misbehave('https_web', answer, endpoint.credentials)
    await expect(client('https_web', foreign).refresh(trustDomain)).rejects.toMatchObject({
      code: 'ERR_FEDERATION_TRANSPORT',
      message: expect.stringContaining('could not be reached'),
    })
  })

  test('https_web by the fetch of the runtime asks public CAs, which do not know this one', async () => {
    const port = await misbehave('https_web', answer)
    const federation = new FederationClient({
      relationships: [relationship('https_web', port)],
      staleAfter: '1h',
    })
    await expect(federation.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_TRANSPORT' })
  })

  test('self-serving: after the root has changed, the newest bundle authenticates the server', async () => {
    const next = await stranger.svid('/bundle-endpoint')
    let credentials = endpoint.credentials
    let current = newer(8n)
    const server = createServer(credentials, (_, response) => response.end(current.toJson()))
    const federation = client('https_spiffe', await listen(server))
    await federation.refresh(trustDomain)
    // Both roots are known now: the endpoint may change over, and the old root may go.
    credentials = next.credentials
    server.setSecureContext(credentials)
    current = newer(8n).with({ x509Authorities: [stranger.root] })
    await federation.refresh(trustDomain)
    expect(federation.bundleFor(trustDomain)?.sequence).toBe(9n)
    server.setSecureContext(endpoint.credentials)
    await expect(federation.refresh(trustDomain)).rejects.toMatchObject({
      code: 'ERR_FEDERATION_AUTHENTICATION',
    })
  })

  test('not self-serving: one relationship authenticates the server of another', async () => {
    const prod = await trustDomainFixture('prod.example', { sequence: 1n })
    const { server: own } = createBundleServer({ bundle: newer(8n), credentials: endpoint.credentials })
    const { server: other } = createBundleServer({ bundle: prod.bundle, credentials: endpoint.credentials })
    const ports = [await listen(own), await listen(other)]
    const federation = new FederationClient({
      relationships: [
        {
          trustDomain: 'prod.example',
          url: `https://127.0.0.1:${ports[1]}/`,
          profile: 'https_spiffe',
          endpointSpiffeId: endpoint.id,
        },
        { ...relationship('https_spiffe', ports[0] ?? 0, '/') },
      ],
      staleAfter: '1h',
      dial: spiffeDialer(),
    })
    await federation.refresh('prod.example')
    expect(federation.bundleFor('prod.example')?.trustsSame(prod.bundle)).toBe(true)
    federation.remove(trustDomain)
    await expect(federation.refresh('prod.example')).rejects.toMatchObject({
      code: 'ERR_FEDERATION_AUTHENTICATION',
    })
    expect(federation.bundleFor('prod.example')?.trustsSame(prod.bundle)).toBe(true)
  })

  test('plain HTTP behind the port is no TLS', async () => {
    const port = await listen(createHttpServer((_, response) => response.end(newer(8n).toJson())))
    for (const profile of ['https_web', 'https_spiffe'] as const)
      await expect(client(profile, port).refresh(trustDomain)).rejects.toMatchObject({
        code: 'ERR_FEDERATION_TRANSPORT',
      })
  })
})

test('the server of bundles asks for no client certificate, and knows one path', async () => {
  const { server } = createBundleServer({
    bundle: partner.bundle,
    credentials: webServer.credentials,
    path: '/a',
  })
  const port = await listen(server)
  const fetch = webFetch({ ca: web.root.toPem() })
  const get = async (path: string) => {
    const signal = new AbortController().signal
    const init = { method: 'GET', headers: {}, redirect: 'manual', signal } as const
    return (await fetch(`https://127.0.0.1:${port}${path}`, init)).status
  }
  expect(await get('/a')).toBe(200)
  expect(await get('/a?x=1')).toBe(200)
  expect(await get('/b')).toBe(404)
})

function redirect(location: string): RequestListener {
  return (_, response) => void response.writeHead(302, { location }).end()
}

type Response = Parameters<RequestListener>[1]

/** Writes for as long as anybody listens. */
function pour(response: Response): void {
  const more = (): void => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

function drip(response: Response): void {
  const timer = setInterval(() => response.write(' '), 50)
  response.on('close', () => clearInterval(timer))
}

function half(response: Response): void {
  response.writeHead(200, { 'content-length': '1000' })
  response.write('{"keys": [', () => response.destroy())
}
