/**
 * Two trust domains that federate: each serves its bundle over TLS, one by each profile of SPIFFE Federation,
 * consumes the other's, and changes its root without one failed handshake.
 *
 *     npm run demo:spiffe
 *
 * @module
 */

import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { MeshPkiError } from 'mesh-pki'
import { connectSvid, createBundleServer, createSvidServer, spiffeDialer, webFetch } from 'mesh-pki/node'
import {
  BundleMap,
  type BundleSource,
  diffBundles,
  FederationClient,
  matchTrustDomain,
} from 'mesh-pki/spiffe'
import { Report } from '../federation/report.js'
import { Authority, type Workload } from './authority.js'

const HOST = '127.0.0.1'
const report = new Report()
const servers: Server[] = []
/** Why the service refused somebody last: it tells its owner, and not the client. */
let refusal = ''

async function main(): Promise<void> {
  report.title('1. Two trust domains publish their bundles')
  const east = await Authority.create('east.example')
  const west = await Authority.create('west.example')
  // In place of a public CA: what vouches for web servers here.
  const web = await Authority.create('web.example')
  const webServer = await web.issue('/web-server', [{ type: 'ip', value: HOST }])
  const endpoint = await east.issue('/bundle-endpoint')
  const westServer = createBundleServer({ bundle: () => west.bundle, credentials: webServer.credentials })
  const eastServer = createBundleServer({ bundle: () => east.bundle, credentials: endpoint.credentials })
  const westUrl = `https://${HOST}:${await listen(westServer.server)}/`
  const eastUrl = `https://${HOST}:${await listen(eastServer.server)}/`
  report.line(`  west.example, https_web:    ${westUrl}`)
  report.line(`  east.example, https_spiffe: ${eastUrl}, served by ${endpoint.id}`)

  report.title('2. Each consumes the bundle of the other')
  const atEast = new FederationClient({
    relationships: [{ trustDomain: 'west.example', url: westUrl, profile: 'https_web' }],
    staleAfter: '1h',
    fetch: webFetch({ ca: web.bundle.toPem() }),
  })
  const atWest = new FederationClient({
    relationships: [
      {
        trustDomain: 'east.example',
        url: eastUrl,
        profile: 'https_spiffe',
        endpointSpiffeId: endpoint.id,
        bootstrap: east.bundle,
      },
    ],
    staleAfter: '1h',
    dial: spiffeDialer(),
  })
  await atEast.refresh('west.example')
  await atWest.refresh('east.example')
  report.expect(
    atEast.bundleFor('west.example')?.trustsSame(west.bundle) === true,
    'east has the bundle of west',
  )
  report.expect(
    atWest.bundleFor('east.example')?.trustsSame(east.bundle) === true,
    'west has the bundle of east',
  )
  const eastTrusts = together(east, atEast)
  const westTrusts = together(west, atWest)

  report.title('3. Mutual TLS across the trust domains')
  const shop = await east.issue('/shop')
  const ratings = await west.issue('/ratings')
  const service = createSvidServer(
    {
      bundles: westTrusts,
      credentials: ratings.credentials,
      expect: matchTrustDomain('east.example'),
      onRefused: (error) => {
        refusal = error instanceof Error ? error.message : String(error)
      },
    },
    ({ socket, svid }) => socket.end(`hello ${svid.id}`),
  )
  const port = await listen(service.server)
  const call = (caller: Workload): Promise<string> => greet(port, caller, eastTrusts, ratings)
  await expectAccepted(call(shop), `${shop.id} → ${ratings.id}`)
  const impostors = await Authority.create('east.example')
  await expectRefused(
    call(await impostors.issue('/shop')),
    'an impostor with the name of the shop is refused',
  )

  report.title('4. East changes its root')
  const next = await east.prepare()
  const [old] = east.bundle.x509Authorities
  if (old === undefined) throw new Error('east has a root')
  const early = await Authority.create('east.example')
  early.activate(next)
  await expectRefused(call(await early.issue('/shop')), 'signed before the new root is published: refused')
  east.publish([old, next.certificate])
  await atWest.refresh('east.example')
  east.activate(next)
  const renewed = await east.issue('/shop')
  await expectAccepted(call(shop), 'published: the old SVID is good')
  await expectAccepted(call(renewed), 'published: so is the new one')
  const without = east.next([next.certificate])
  const tooEarly = diffBundles(east.bundle, without, { inUse: [shop.certificate, renewed.certificate] })
  report.expect(
    !tooEarly.safe,
    'the old root may not go yet',
    tooEarly.changes.map(({ message }) => message).join('; '),
  )
  const drained = diffBundles(east.bundle, without, { inUse: [renewed.certificate] })
  report.expect(drained.safe, 'once nothing that it signed is in use, it may')
  east.publish([next.certificate])
  // The endpoint has an SVID below the new root by now; west knows that root already.
  eastServer.setCredentials((await reissue(east, endpoint)).credentials)
  await atWest.refresh('east.example')
  await expectRefused(call(shop), 'and then what it signed is refused')
  await expectAccepted(call(renewed), 'while the rest goes on')

  report.title('5. The endpoint fails, and the last good bundle stays')
  eastServer.setCredentials((await impostors.issue('/bundle-endpoint')).credentials)
  await expectRefused(
    atWest.refresh('east.example').then(String),
    'a server that is not the endpoint is refused',
  )
  await expectAccepted(call(renewed), 'and nobody notices')

  report.line()
  if (report.failures.length > 0) {
    report.line(`✘ ${report.failures.length} of the claims above do not hold:`)
    for (const failure of report.failures) report.line(`  - ${failure}`)
    process.exitCode = 1
  } else report.line('✔ every claim above holds')
}

/** One's own bundle and those that were fetched, side by side. */
function together(own: Authority, federation: FederationClient): BundleSource {
  return {
    bundleFor: (asked) => BundleMap.of([own.bundle]).bundleFor(asked) ?? federation.bundleFor(asked),
  }
}

async function greet(
  port: number,
  caller: Workload,
  bundles: BundleSource,
  server: Workload,
): Promise<string> {
  const { socket } = await connectSvid({
    host: HOST,
    port,
    bundles,
    expect: server.id,
    credentials: caller.credentials,
  })
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
  })
  socket.on('error', () => {})
  await once(socket, 'close')
  if (text === '') throw new Error(`closed without a word. The server notes: ${refusal}`)
  return text
}

const reissue = (authority: Authority, { id }: Workload): Promise<Workload> => authority.issue(id.path)

async function expectAccepted(outcome: Promise<string>, claim: string): Promise<void> {
  try {
    report.expect(true, claim, await outcome)
  } catch (error) {
    report.expect(false, claim, String(error))
  }
}

async function expectRefused(outcome: Promise<string>, claim: string): Promise<void> {
  try {
    report.expect(false, claim, await outcome)
  } catch (error) {
    report.expect(true, claim, error instanceof Error ? error.message : String(error))
  }
}

async function listen(server: Server): Promise<number> {
  servers.push(server)
  server.listen(0, HOST)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

try {
  await main()
} catch (error) {
  const code = error instanceof MeshPkiError ? `${error.code}: ` : ''
  console.error(`\n✘ ${code}${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  for (const server of servers) server.close()
}
