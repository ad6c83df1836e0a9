/**
 * `npm run bench`: each row of the table as ratios to its peers, measured in this run.
 *
 * @module
 */

import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { CertificateAuthority, createRootCa, IssuancePolicy } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { SpiffeId } from 'mesh-pki/spiffe'
import { Certificate } from 'mesh-pki/x509'
import { concurrencyRows } from './concurrency.js'
import { type Case, compare } from './harness.js'
import {
  type BenchKey,
  issuanceFloor,
  issueWithPeculiar,
  peculiarIssuer,
  readLeafWithPeculiar,
} from './peers.js'
import { describe, row, summary } from './report.js'
import { schedulerRows } from './scheduler.js'
import { svidRows } from './svid.js'
import { bundleRows, measureGo, prepareVerification, verifyRows } from './verify.js'

const ROUNDS = Number(process.argv[2] ?? 11)
const ID = SpiffeId.parse('spiffe://kind2/ns/default/sa/bookinfo-productpage')

async function cluster(key: BenchKey): Promise<CertificateAuthority> {
  const root = await createRootCa({ subject: 'CN=Root CA,O=Istio', lifetime: '3650d', key })
  const { csr, signer } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Istio', key })
  const issued = await root.issueIntermediate(csr, { lifetime: '365d', pathLength: 0 })
  return CertificateAuthority.from({ certificate: issued.certificate, chain: issued.chain, signer })
}

async function readLeaf(ca: CertificateAuthority): Promise<void> {
  const { csr } = await createCsr({ key: 'P-256' })
  const { der } = (await ca.issueWorkload(csr, { id: ID, lifetime: '24h' })).certificate
  const cases: Case[] = [
    {
      name: 'mesh-pki',
      run: () => {
        const leaf = Certificate.fromDer(der)
        const uris: string[] = []
        for (const name of leaf.subjectAltNames) if (name.type === 'uri') uris.push(name.value)
        return [String(leaf.subject), uris, leaf.notBefore, leaf.notAfter, leaf.keyUsage]
      },
    },
    { name: '@peculiar/x509', run: () => readLeafWithPeculiar(der) },
    {
      name: 'node',
      run: () => {
        const leaf = new X509Certificate(der)
        return [leaf.subject, leaf.subjectAltName, leaf.validFrom, leaf.validTo, leaf.keyUsage]
      },
    },
  ]
  const { micros, ratios } = await compare(cases, ROUNDS)
  console.log(`\nread a leaf of ${der.length} bytes: ${describe(micros)}`)
  row('read a leaf', ratios.get('@peculiar/x509') ?? 0, '× @peculiar/x509', 300)
  row('read a leaf', ratios.get('node') ?? 0, '× node X509Certificate', 40)
}

async function issue(kind: BenchKey, ca: CertificateAuthority): Promise<void> {
  const requestKey = keyObject(kind)
  const { csr } = await createCsr({ key: kind })
  const { der } = csr
  const issuer = await peculiarIssuer(kind)
  const floor = issuanceFloor(kind, requestKey, keyObject(kind))
  const { micros, ratios } = await compare(
    [
      { name: 'mesh-pki', run: () => ca.issueWorkload(der, { id: ID, lifetime: '24h' }) },
      { name: 'floor', run: floor },
      { name: '@peculiar/x509', run: () => issueWithPeculiar(der, issuer, String(ID)) },
    ],
    ROUNDS,
  )
  console.log(`\n${kind}: CSR in, workload certificate out: ${describe(micros)}`)
  row(
    `issue, ${kind}`,
    ratios.get('floor') ?? 0,
    kind === 'P-256' ? '× import+verify+sign' : '× verify+sign',
    kind === 'RSA-2048' ? 0.85 : 0.8,
  )
  if (kind === 'P-256') row(`issue, ${kind}`, ratios.get('@peculiar/x509') ?? 0, '× @peculiar/x509', 15)
}

/** What the rules of a policy cost beside an issuance where everything is decided. */
async function signUnderPolicy(ca: CertificateAuthority): Promise<void> {
  const { der } = (await createCsr({ key: 'P-256' })).csr
  const policy = IssuancePolicy.from({
    name: 'bench',
    names: { spiffe: { allow: ['spiffe://kind2/ns/*/sa/*'], deny: ['spiffe://kind2/ns/kube-system/**'] } },
    keys: { allow: ['P-256', 'Ed25519'] },
    lifetime: { max: '24h' },
  })
  const { micros, ratios } = await compare(
    [
      { name: 'sign', run: () => ca.sign(der, policy, { identities: [ID] }) },
      { name: 'issueWorkload', run: () => ca.issueWorkload(der, { id: ID, lifetime: '24h' }) },
    ],
    ROUNDS,
  )
  console.log(`\nP-256, under a policy: ${describe(micros)}`)
  row('sign under a policy', ratios.get('issueWorkload') ?? 0, '× issueWorkload', 0.85)
}

function keyObject(kind: BenchKey): ReturnType<typeof generateKeyPairSync>['privateKey'] {
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519').privateKey
  if (kind === 'P-256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

console.log(
  `mesh-pki bench: ${ROUNDS} rounds, CPU clock, medians of ratios within a round; Node ${process.version}`,
)
const p256 = await cluster('P-256')
await readLeaf(p256)
await issue('P-256', p256)
await signUnderPolicy(p256)
await issue('Ed25519', await cluster('Ed25519'))
await issue('RSA-2048', await cluster('RSA-2048'))
const verification = await prepareVerification(p256)
const go = measureGo(verification)
await verifyRows(verification, go, ROUNDS)
await bundleRows(go, ROUNDS)
await svidRows(verification, ROUNDS)
await concurrencyRows(verification, p256, ROUNDS)
await schedulerRows(ROUNDS)
process.exitCode = summary()
