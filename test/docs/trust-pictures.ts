/** The two pictures of trust that the documentation shows, and the clusters that are on them. */
import { createECDH, createPrivateKey } from 'node:crypto'
import { CertificateAuthority, createRootCa, type FederationCluster } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { renderTrust } from '../../src/inspect/index.ts'
import { manualClock, seededRandom } from '../../src/testing/index.ts'
import { importKeyObject, type PrivateKey } from '../../src/x509/index.ts'

const time = new Date('2026-03-01T00:00:00Z')
const clock = manualClock(time)

/** The same P-256 key for the same label: the pictures show how keys hash. Below the order of the curve but once in 2^32. */
async function keyOf(label: string): Promise<PrivateKey> {
  const pair = createECDH('prime256v1')
  pair.setPrivateKey(seededRandom(`trust picture ${label}`)(new Uint8Array(32)))
  const point = pair.getPublicKey()
  const text = (part: Uint8Array): string => Buffer.from(part).toString('base64url')
  const [x, y, d] = [text(point.subarray(1, 33)), text(point.subarray(33)), text(pair.getPrivateKey())]
  return importKeyObject(createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d }, format: 'jwk' }))
}

async function rootCa(name: string): Promise<CertificateAuthority> {
  return createRootCa({
    subject: `CN=${name},O=Example`,
    lifetime: '3653d',
    key: await keyOf(name),
    clock,
    random: seededRandom(name),
  })
}

/** A cluster whose CA was issued by a root: its key is the same whoever that is. */
async function cluster(name: string, root: CertificateAuthority): Promise<FederationCluster> {
  const key = await keyOf(`${name} CA`)
  const { csr } = await createCsr({ subject: `CN=Intermediate CA of ${name},O=Example`, key })
  const { certificate, chain } = await root.issueIntermediate(csr, { lifetime: '366d', pathLength: 0 })
  const random = seededRandom(`${name} workloads`)
  const ca = await CertificateAuthority.from({ certificate, chain, signer: key, clock, random })
  const workload = await createCsr({ key: await keyOf(`${name} workload`) })
  const id = `spiffe://${name}.example/ns/shop/sa/cart`
  const svid = await ca.issueWorkload(workload.csr, { id, lifetime: '24h' })
  return {
    name,
    trustDomain: `${name}.example`,
    roots: root.certificate,
    chain: [certificate, ...chain],
    leaves: svid.certificate,
  }
}

/** Both pictures, by their files in `docs`, and the first as a text. */
export async function trustPictures(): Promise<
  Readonly<Record<'trust-before.svg' | 'trust-after.svg' | 'trust-before', string>>
> {
  const [eastRoot, westRoot, root] = [
    await rootCa('Root CA of east'),
    await rootCa('Root CA of west'),
    await rootCa('Mesh Root CA'),
  ]
  const before = [await cluster('east', eastRoot), await cluster('west', westRoot)]
  const after = [await cluster('east', root), await cluster('west', root)]
  return {
    'trust-before.svg': await renderTrust(
      { clusters: before, time },
      { format: 'svg', title: 'Before: each cluster trusts a root of its own' },
    ),
    'trust-before': await renderTrust({ clusters: before, time }, { format: 'text' }),
    'trust-after.svg': await renderTrust(
      { clusters: after, time },
      { format: 'svg', title: 'After: both stand below one root' },
    ),
  }
}
