/**
 * Two clusters federated end to end: they refuse each other with separate roots, and trust each other with
 * a shared one, over real mutual TLS.
 *
 *     npm run demo -- [--out out] [--key P-256] [--root-cert root-cert.pem --root-key key.pem]
 *     npm run demo -- --issuer vault|aws|google --root-cert root-cert.pem [--authority …]
 *
 * The passphrase of an encrypted root key is read from ROOT_KEY_PASSPHRASE: arguments show in process lists.
 *
 * @module
 */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MeshPkiError } from 'mesh-pki'
import { checkFederation, type FederationReport } from 'mesh-pki/ca'
import { checkPath } from 'mesh-pki/verify'
import type { KeyAlgorithm } from 'mesh-pki/x509'
import { type Cluster, clusterWithOwnRoot, type Workload, workload } from './cluster.js'
import { handshake } from './handshake.js'
import { writeCluster, writeRoot } from './output.js'
import { openProvider } from './provider.js'
import { Report } from './report.js'
import { generateRoot, providedRoot, readRoot, type SharedRoot } from './root.js'
import { explainShowcerts } from './showcerts.js'

const KEYS: readonly KeyAlgorithm[] = [
  'P-256',
  'P-384',
  'P-521',
  'Ed25519',
  'RSA-2048',
  'RSA-3072',
  'RSA-4096',
]
/** From `build/examples/federation` and from `examples/federation` alike. */
const FIXTURE = 'test/fixtures/istio-s_client-showcerts.txt'

const report = new Report()

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: 'out' },
      key: { type: 'string', default: 'P-256' },
      'root-cert': { type: 'string' },
      'root-key': { type: 'string' },
      issuer: { type: 'string' },
      authority: { type: 'string' },
    },
  })
  const key = KEYS.find((known) => known === values.key)
  if (key === undefined) throw new Error(`--key must be one of ${KEYS.join(', ')}`)
  if (values.issuer === undefined) {
    if ((values['root-cert'] === undefined) !== (values['root-key'] === undefined))
      throw new Error('--root-cert and --root-key go together')
    if (values.authority !== undefined) throw new Error('--authority goes with --issuer')
  } else if (values['root-key'] !== undefined)
    throw new Error('--issuer and --root-key exclude each other: the key is with the provider')

  report.title('1. Two clusters, each with a self-signed root of its own (Istio’s default)')
  const island2 = await clusterWithOwnRoot('kind2')
  const island3 = await clusterWithOwnRoot('kind3')
  report.separate('kind2', 'kind3')
  report.line()
  const lonely2 = await workload(island2, 'bookinfo-productpage')
  const lonely3 = await workload(island3, 'bookinfo-ratings')
  const before = await federation([island2, lonely2], [island3, lonely3])
  report.table('Who verifies where, before', before)
  report.expect(!before.ok && before.sharedRoots.length === 0, 'no root in common, and no trust')
  await expectRefused(lonely2, lonely3)

  report.title('2. One root, and an intermediate for each cluster')
  const started = performance.now()
  const root = await openRoot(values, key)
  const kind2 = await root.cluster('kind2', key)
  const kind3 = await root.cluster('kind3', key)
  const productpage = await workload(kind2, 'bookinfo-productpage')
  const ratings = await workload(kind3, 'bookinfo-ratings')
  const took = performance.now() - started
  report.line(
    `  The root was ${root.origin}. Root, two intermediates, two workloads: ${took.toFixed(0)} ms (${key} CAs).\n`,
  )
  report.chain([...productpage.chain, ...productpage.roots])
  report.line()
  report.chain([...ratings.chain, ...ratings.roots])
  report.shared(String(root.certificate.subject), 'kind2', 'kind3')
  report.line()
  const after = await federation([kind2, productpage], [kind3, ratings])
  report.table('Who verifies where, after', after)
  report.expect(
    after.ok && after.sharedRoots.length === 1,
    'one root in common, no key, name or CA used twice',
  )
  report.line()
  if (root.origin === 'generated' && root.key !== undefined)
    report.line(`  ${await writeRoot(values.out, root.certificate, root.key)}/{root-cert,key}.pem`)
  for (const cluster of [kind2, kind3]) {
    const folder = await writeCluster(values.out, cluster)
    report.line(`  ${folder}/{ca-cert,ca-key,cert-chain,root-cert}.pem`)
    report.line(
      `    kubectl --context ${cluster.name} create secret generic cacerts -n istio-system --from-file=${folder}`,
    )
  }

  report.title('3. Mutual TLS across the clusters, each side checking the other’s SPIFFE ID')
  await expectAccepted(productpage, ratings)
  await expectAccepted(ratings, productpage)

  report.title('4. A third party with a root of its own')
  const stranger = await (await generateRoot(key)).cluster('kind2', key)
  const impostor = await workload(stranger, 'bookinfo-productpage')
  const named =
    root.key === undefined
      ? 'its intermediate bears the same name'
      : 'its root and intermediate bear the same names'
  report.line(`  It claims ${impostor.id}, and ${named} as ours.`)
  // It would accept the server, to get in; the server must refuse it.
  await expectRefused({ ...impostor, roots: ratings.roots }, ratings)
  await expectRefused(ratings, impostor)

  report.title('5. A certificate seen in the wild, explained')
  await explainShowcerts(
    join(fileURLToPath(new URL('.', import.meta.url)), '..', '..', '..', FIXTURE),
    report,
  )

  report.line()
  if (report.failures.length > 0) {
    report.line(`✘ ${report.failures.length} of the claims above do not hold:`)
    for (const failure of report.failures) report.line(`  - ${failure}`)
    process.exitCode = 1
  } else report.line('✔ every claim above holds')
}

interface RootArguments {
  readonly 'root-cert'?: string | undefined
  readonly 'root-key'?: string | undefined
  readonly issuer?: string | undefined
  readonly authority?: string | undefined
}

async function openRoot(values: RootArguments, key: KeyAlgorithm): Promise<SharedRoot> {
  const { issuer, authority, 'root-cert': rootCert, 'root-key': rootKey } = values
  if (issuer !== undefined) return providedRoot(await openProvider({ issuer, authority, rootCert }))
  if (rootCert === undefined || rootKey === undefined) return generateRoot(key)
  return readRoot(rootCert, rootKey, process.env['ROOT_KEY_PASSPHRASE'])
}

/** What anybody can tell who sees the certificates of both clusters, and no key. */
function federation(...clusters: readonly (readonly [Cluster, Workload])[]): Promise<FederationReport> {
  return checkFederation({
    clusters: clusters.map(([{ name, ca }, { roots, chain }]) => ({
      name,
      trustDomain: name,
      roots,
      chain: [ca.certificate, ...ca.chain],
      leaves: chain.slice(0, 1),
    })),
  })
}

async function expectAccepted(client: Workload, server: Workload): Promise<void> {
  const result = await handshake(client, server)
  const detail = result.ok
    ? `"${result.greeting}", after ${result.milliseconds.toFixed(1)} ms`
    : result.reason
  report.expect(result.ok, `${client.id} → ${server.id}`, detail)
}

async function expectRefused(client: Workload, server: Workload): Promise<void> {
  const result = await handshake(client, server)
  report.expect(
    !result.ok,
    `${client.id} → ${server.id} is refused`,
    result.ok ? 'it was accepted' : result.reason,
  )
  // What the one side would read about the other from mesh-pki.
  const [leaf, ...intermediates] = client.chain
  if (leaf === undefined) throw new Error('a workload has a certificate')
  const verdict = await checkPath(leaf, { anchors: server.roots, intermediates, purpose: 'clientAuth' })
  report.expect(
    !verdict.ok && verdict.error.code === 'ERR_PATH_NO_ISSUER',
    'and mesh-pki says why:',
    verdict.ok ? 'it was accepted' : verdict.error.message,
  )
}

try {
  await main()
} catch (error) {
  const code = error instanceof MeshPkiError ? `${error.code}: ` : ''
  console.error(`\n✘ ${code}${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
