import { connect as connectHttp2, createSecureServer } from 'node:http2'
import { Agent, createServer, request } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { svidClientOptions } from '../../../src/node/index.ts'
import { matchTrustDomain, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { trustDomainFixture } from '../../support/trust-domain.ts'
import { forgeCa, keysOf } from '../verify/forge.ts'
import { listen } from './support.ts'

const kind2 = await trustDomainFixture('kind2')
const impostor = await trustDomainFixture('kind2')
const server = await kind2.svid('/ns/default/sa/ratings')

const listener = async () => listen(createServer(server.credentials, (_, response) => response.end('served')))

function get(
  port: number,
  options: ConnectionOptions,
  agent: Agent | false = false,
): Promise<{ reused: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, agent, ...options }, (response) => {
      const { socket } = response as unknown as { socket: { isSessionReused(): boolean } }
      const reused = socket.isSessionReused()
      response.resume().on('end', () => resolve({ reused }))
    })
    asked.on('error', reject).end()
  })
}

describe('a library that opens connections by itself', () => {
  test('reaches who is expected', async () => {
    await get(await listener(), svidClientOptions({ bundle: kind2.bundle, expect: server.id }))
  })

  test.each([
    [
      'somebody else is there',
      kind2.bundle,
      'spiffe://kind2/ns/default/sa/reviews',
      'ERR_SVID_UNEXPECTED_ID',
    ],
    ['the root is another', impostor.bundle, String(server.id), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    [
      'nobody is trusted',
      SpiffeBundle.of({ trustDomain: 'kind2' }),
      String(server.id),
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
  ])('is refused where %s', async (_what, bundle, expected, code) => {
    const refused = get(await listener(), svidClientOptions({ bundle, expect: expected }))
    await expect(refused).rejects.toMatchObject({ code })
  })

  test('HTTP/2 takes them, too', async () => {
    const secure = createSecureServer(server.credentials, (_, response) => response.end('served'))
    const port = await listen(secure)
    const ask = (expected: string) =>
      new Promise((resolve, reject) => {
        const session = connectHttp2(
          `https://127.0.0.1:${port}`,
          svidClientOptions({ bundle: kind2.bundle, expect: expected }),
        )
        session.on('error', reject)
        const stream = session.request({ ':path': '/' })
        stream
          .on('error', () => {})
          .on('response', (headers) => {
            resolve(headers[':status'])
            session.destroy()
          })
      })
    expect(await ask(String(server.id))).toBe(200)
    await expect(ask('spiffe://kind2/ns/default/sa/reviews')).rejects.toMatchObject({
      code: 'ERR_SVID_UNEXPECTED_ID',
    })
  })

  test('is refused where the authority is shared and the trust domain is another', async () => {
    // OpenSSL knows the root; only the identity shows that it is not the one that is asked for.
    const shared = SpiffeBundle.of({ trustDomain: 'kind3', x509Authorities: kind2.root })
    const refused = get(
      await listener(),
      svidClientOptions({ bundle: shared, expect: matchTrustDomain('kind2') }),
    )
    await expect(refused).rejects.toMatchObject({ code: 'ERR_SVID_NO_BUNDLE' })
  })
})

describe('sessions', () => {
  test('an agent shares them under one bundle and expectation only', async () => {
    const port = await listener()
    const agent = new Agent({ maxCachedSessions: 100 })
    const options = svidClientOptions({ bundle: kind2.bundle, expect: server.id })
    expect(await get(port, options, agent)).toEqual({ reused: false })
    // From Node 22 on an agent shares no session at all where checkServerIdentity is not its own.
    expect(await get(port, options, agent)).toEqual({
      reused: Number(process.versions.node.split('.')[0]) < 22,
    })
    const changed = kind2.bundle.with({ x509Authorities: [kind2.root, impostor.root] })
    expect(await get(port, svidClientOptions({ bundle: changed, expect: server.id }), agent)).toEqual({
      reused: false,
    })
    const other = svidClientOptions({ bundle: kind2.bundle, expect: matchTrustDomain('kind2') })
    expect(await get(port, other, agent)).toEqual({ reused: false })
    agent.destroy()
  })

  test('OpenSSL refuses one of other options, also where they say the same', async () => {
    const port = await listener()
    const options = svidClientOptions({ bundle: kind2.bundle, expect: server.id })
    const session = await sessionOf(port, options)
    expect(await get(port, { ...options, session })).toEqual({ reused: true })
    const changed = kind2.bundle.with({ x509Authorities: [kind2.root, impostor.root] })
    for (const bundle of [changed, kind2.bundle]) {
      const resumed = get(port, { ...svidClientOptions({ bundle, expect: server.id }), session })
      await expect(resumed).rejects.toThrow('attempt to reuse session in different context')
    }
  })

  test('an agent takes no connection of other options, which may look alike', async () => {
    const port = await listener()
    const agent = new Agent({ keepAlive: true, maxCachedSessions: 100 })
    class Nameless {
      readonly #answer: boolean
      constructor(answer: boolean) {
        this.#answer = answer
      }
      matches() {
        return this.#answer
      }
    }
    const options = (answer: boolean) =>
      svidClientOptions({ bundle: kind2.bundle, expect: new Nameless(answer) })
    expect(await get(port, options(true), agent)).toEqual({ reused: false })
    await expect(get(port, options(false), agent)).rejects.toMatchObject({ code: 'ERR_SVID_UNEXPECTED_ID' })
    agent.destroy()
  })
})

test('authorities that were issued by each other are not among the roots: Node would walk them for ever', () => {
  const keyA = { keys: keysOf('cross A'), subject: 'cross A' }
  const a = forgeCa({ ...keyA })
  const b = forgeCa({ subject: 'cross B', issuer: a })
  const again = forgeCa({ ...keyA, issuer: b })
  const authorities = [a, again, b].map(({ certificate }) => certificate)
  const bundle = SpiffeBundle.of({ trustDomain: 'kind2', x509Authorities: authorities })
  expect(svidClientOptions({ bundle, expect: server.id }).ca).toEqual([a.certificate.toPem()])
  expect(
    svidClientOptions({ bundle: SpiffeBundle.of({ trustDomain: 'kind2' }), expect: server.id }).ca,
  ).toEqual([])
})

test('a check that throws refuses, and nothing is sent', async () => {
  const port = await listener()
  const expect_ = {
    matches: () => {
      throw new Error('a mistake of the matcher')
    },
  }
  await expect(get(port, svidClientOptions({ bundle: kind2.bundle, expect: expect_ }))).rejects.toThrow(
    'a mistake of the matcher',
  )
})

test('wrong options are named', () => {
  // @ts-expect-error a source has no digest
  expect(() => svidClientOptions({ bundle: { bundleFor: () => undefined }, expect: server.id })).toThrow(
    'bundle',
  )
  // @ts-expect-error who is expected is required
  expect(() => svidClientOptions({ bundle: kind2.bundle })).toThrow('expect')
  const asked = { bundle: kind2.bundle, expect: server.id }
  // @ts-expect-error a word that is none
  expect(() => svidClientOptions({ ...asked, signers: 'nope' })).toThrow('signers')
  // @ts-expect-error a word that is none
  expect(() => svidClientOptions({ ...asked, revocation: 'maybe' })).toThrow('revocation')
  // @ts-expect-error a limit that is none
  expect(() => svidClientOptions({ ...asked, limits: { bogus: 1 } })).toThrow('bogus')
})

function sessionOf(port: number, options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, agent: false, ...options }, (response) =>
      response.resume(),
    )
    asked.on('error', reject)
    asked.on('socket', (socket) => socket.on('session', resolve))
    asked.end()
  })
}
