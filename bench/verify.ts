/**
 * The rows "verify a three-certificate path" and "PEM bundle of 150 roots".
 *
 * @module
 */

import { createPublicKey, type JsonWebKey, type KeyObject, verify, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { CertificateAuthority } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { checkPathSync, TrustStore } from 'mesh-pki/verify'
import { Certificate } from 'mesh-pki/x509'
import { type GoFigures, measureWithGo } from './go-peer.js'
import { type Case, compare } from './harness.js'
import { readBundleWithPeculiar, verifyWithPeculiar } from './peers.js'
import { describe, row } from './report.js'

/** So many that hardly one is remembered when it comes back: the row is about leaves that are new. */
const LEAVES = 8192

/** Roots of the system; the goal is stated for 150, Debian has some less. */
const BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt']

const LENIENCY = ['generalized-time-before-2050', 'trailing-zero-bits'] as const

/** A hierarchy and many leaves of it. */
export interface Verification {
  readonly root: Uint8Array
  readonly intermediate: Uint8Array
  readonly leaves: readonly Uint8Array[]
  /** The next leaf, in turn. */
  next(): Uint8Array
}

/** Issues the leaves. */
export async function prepareVerification(ca: CertificateAuthority): Promise<Verification> {
  const [intermediate, root] = ca.chain
  const { csr } = await createCsr({ key: 'P-256' })
  const leaves: Uint8Array[] = []
  for (let i = 0; i < LEAVES; i++) {
    const issued = await ca.issueWorkload(csr, { id: `spiffe://kind2/ns/default/sa/w${i}`, lifetime: '24h' })
    leaves.push(issued.certificate.der)
  }
  if (intermediate === undefined || root === undefined) throw new Error('expected a chain of two')
  let turn = 0
  return {
    root: root.der,
    intermediate: intermediate.der,
    leaves,
    next: () => leaves[turn++ % LEAVES] ?? new Uint8Array(),
  }
}

/** Figures of Go's crypto/x509, where it is installed. */
export function measureGo({ root, intermediate, leaves }: Verification): GoFigures | undefined {
  const go = measureWithGo({
    leaf: leaves[0] ?? new Uint8Array(),
    intermediate,
    root,
    bundle: readBundle(),
    time: new Date(),
    seconds: 2,
  })
  console.log(
    go === undefined
      ? '\nno go on this machine: its columns are left out'
      : `\nGo: ${go.version}, own process`,
  )
  return go
}

/** Verification with issuers known, and with nothing known. */
export async function verifyRows(
  verification: Verification,
  go: GoFigures | undefined,
  rounds: number,
): Promise<void> {
  const { root, intermediate } = verification
  const store = new TrustStore({ anchors: root })
  const [leaf] = verification.leaves
  if (leaf === undefined) throw new Error('expected leaves')
  const signed = [signedBy(leaf, intermediate), signedBy(intermediate, root)] as const
  const warm = await compare(
    [
      {
        name: 'mesh-pki',
        run: () => accepted(verification.next(), { store, intermediates: [intermediate] }),
      },
      { name: 'floor', run: () => check(signed[0], signed[0].key) },
    ],
    rounds,
  )
  console.log(`\nverify a three-certificate path, issuers known: ${describe(warm.micros)}`)
  row('verify, issuers known', warm.ratios.get('floor') ?? 0, '× one verify', 0.9)
  against(go, 'verify-warm', 'verify, issuers known', warm.micros, 1.8)

  const cold = await compare(
    [
      {
        name: 'mesh-pki',
        run: () => accepted(verification.next(), { anchors: root, intermediates: [intermediate] }),
      },
      {
        name: 'floor',
        run: () => {
          for (const one of signed) check(one, createPublicKey({ key: one.jwk, format: 'jwk' }))
        },
      },
      { name: '@peculiar/x509', run: () => verifyWithPeculiar(leaf, [intermediate, root]) },
    ],
    rounds,
  )
  console.log(`\nverify a three-certificate path, everything from DER: ${describe(cold.micros)}`)
  row('verify, everything from DER', cold.ratios.get('floor') ?? 0, '× 2 imports, 2 verifies', 0.8)
  row('verify, everything from DER', cold.ratios.get('@peculiar/x509') ?? 0, '× @peculiar/x509', 12)
}

/** Reads the system's roots. */
export async function bundleRows(go: GoFigures | undefined, rounds: number): Promise<void> {
  const bundle = readBundle()
  if (bundle === '') return console.log('\nno bundle of roots on this machine: its rows are left out')
  const ours: Case = {
    name: 'mesh-pki',
    run: () => Certificate.listFromPem(bundle, { leniency: LENIENCY }),
  }
  // Go is measured in a process of its own, so here too nobody else's garbage is cleared away meanwhile.
  const alone = await compare([ours], rounds)
  const { micros, ratios } = await compare(
    [ours, { name: '@peculiar/x509', run: () => readBundleWithPeculiar(bundle) }],
    rounds,
  )
  const { length } = Certificate.listFromPem(bundle, { leniency: LENIENCY })
  console.log(`\nPEM bundle of ${length} roots: ${describe(micros)}`)
  row('PEM bundle', ratios.get('@peculiar/x509') ?? 0, '× @peculiar/x509', 100)
  against(go, 'pem-bundle', 'PEM bundle', alone.micros, 5)
}

function against(
  go: GoFigures | undefined,
  job: 'verify-warm' | 'pem-bundle',
  name: string,
  micros: ReadonlyMap<string, number>,
  goal: number,
): void {
  if (go !== undefined) row(name, (go.micros[job] ?? 0) / (micros.get('mesh-pki') ?? 1), '× Go', goal)
}

/** What `checkPathSync` answers for a leaf that must pass. */
export function accepted(
  leaf: Uint8Array,
  options: Pick<Parameters<typeof checkPathSync>[1], 'store' | 'anchors' | 'intermediates'>,
): unknown {
  const result = checkPathSync(leaf, { ...options, purpose: 'clientAuth' })
  if (!result.ok) throw result.error
  return result.path
}

function readBundle(): string {
  const path = BUNDLES.find(existsSync)
  return path === undefined ? '' : readFileSync(path, 'latin1')
}

/** A signature with the key that made it, as the floor wants them. */
interface Signed {
  readonly data: Uint8Array
  readonly signature: Uint8Array
  readonly jwk: JsonWebKey
  readonly key: KeyObject
}

function signedBy(der: Uint8Array, issuer: Uint8Array): Signed {
  const { publicKey } = new X509Certificate(issuer)
  const jwk = publicKey.export({ format: 'jwk' })
  const length = ((der[6] ?? 0) << 8) | (der[7] ?? 0)
  return {
    // Both lengths have two octets: the TBSCertificate begins at 4.
    data: der.slice(4, 8 + length),
    signature: Certificate.fromDer(der).signature,
    jwk,
    key: createPublicKey({ key: jwk, format: 'jwk' }),
  }
}

function check({ data, signature }: Signed, key: KeyObject): void {
  if (!verify('sha256', data, key, signature)) throw new Error('the floor does not verify')
}
