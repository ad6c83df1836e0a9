/**
 * Throw-away hierarchies, sound and broken, to test code that verifies.
 *
 * @module
 */

import { CertificateAuthority } from '../ca/certificate-authority.ts'
import { CertificateTemplate } from '../ca/certificate-template.ts'
import { createRootCa } from '../ca/create-root-ca.ts'
import { type ProfileFamily, profileOf } from '../ca/profiles/profiles.ts'
import { CheckedSigner } from '../ca/sign-certificate.ts'
import { createCsr } from '../csr/create-csr.ts'
import type { TimeSource } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOptionNames } from '../internal/options.ts'
import { Certificate } from '../x509/certificate.ts'
import { encodeGeneralNames } from '../x509/general-name-encoder.ts'
import { generateKeyPair, type KeyAlgorithm } from '../x509/generate-key-pair.ts'
import type { PrivateKey } from '../x509/private-key.ts'
import { manualClock } from './manual-clock.ts'

/** Options of {@link createTestHierarchy}; every one has a default. */
export interface TestHierarchyOptions {
  /** Root, intermediate and workload keys. Default `'P-256'`. */
  readonly key?: KeyAlgorithm | undefined
  /** Trust domain of the workload, and name of its cluster. Default `'cluster.local'`. */
  readonly trustDomain?: string | undefined
  /** Default `'mesh'`. */
  readonly profile?: ProfileFamily | undefined
  /** The instant at which everything is issued. Default: now. */
  readonly time?: Date | undefined
  /** Lifetime of the workload certificate; root and intermediate live ten years and one. Default `'24h'`. */
  readonly lifetime?: string | undefined
}

/** Certificates that a verifier must refuse, each for one reason. */
export interface BrokenVariants {
  /** A workload certificate whose last second has passed. */
  readonly expired: readonly Certificate[]
  /** One that becomes valid tomorrow. */
  readonly notYetValid: readonly Certificate[]
  /** The sound one with one bit of its signature changed. */
  readonly badSignature: readonly Certificate[]
  /** A sound chain of another root with the same names. */
  readonly foreignRoot: readonly Certificate[]
  /** A workload certificate that a workload certificate signed. */
  readonly notCa: readonly Certificate[]
  /** The sound workload certificate without its intermediate. */
  readonly missingIntermediate: readonly Certificate[]
}

/** A root, an intermediate and a workload, with keys. */
export interface TestHierarchy {
  readonly root: CertificateAuthority
  readonly intermediate: CertificateAuthority
  /** Leaf first, root last. */
  readonly chain: readonly Certificate[]
  readonly workload: Certificate
  readonly workloadKey: PrivateKey
  /** When everything was issued; the sound chain is valid then. */
  readonly time: Date
  /** Makes the broken variants, each a chain with its leaf first and without its root. */
  broken(): Promise<BrokenVariants>
}

/**
 * Makes a sound hierarchy of three and, on request, its broken variants.
 *
 * @example
 * ```ts
 * import { createTestHierarchy } from 'mesh-pki/testing'
 * import { checkPath } from 'mesh-pki/verify'
 *
 * const { root, broken, time } = await createTestHierarchy({ trustDomain: 'kind2' })
 * const [leaf, ...intermediates] = (await broken()).expired
 * if (leaf === undefined) throw new Error('a variant has a leaf')
 * const result = await checkPath(leaf, { anchors: [root.certificate], intermediates, time, purpose: 'serverAuth' })
 * console.log(result.ok ? 'accepted' : result.error.code) // ERR_PATH_EXPIRED
 * ```
 */
export async function createTestHierarchy(options: TestHierarchyOptions = {}): Promise<TestHierarchy> {
  checkOptionNames(options, ['key', 'trustDomain', 'profile', 'time', 'lifetime'], 'createTestHierarchy')
  const { key = 'P-256', trustDomain = 'cluster.local', profile = 'mesh', lifetime = '24h' } = options
  const time = options.time ?? new Date(Math.floor(Date.now() / 1000) * 1000)
  const clock = manualClock(time)
  const root = await testRoot(key, profile, clock)
  const intermediate = await testIntermediate(root, key, profile, trustDomain, clock)
  const id = `spiffe://${trustDomain}/ns/default/sa/test`
  const { csr, privateKey } = await workloadRequest(key)
  const { certificate, chain } = await intermediate.issueWorkload(csr, { id, lifetime })
  const withoutRoot = chain.slice(0, -1)

  return {
    root,
    intermediate,
    chain,
    workload: certificate,
    workloadKey: privateKey,
    time,
    broken: async () => {
      const other = await testRoot(key, profile, clock)
      const otherIntermediate = await testIntermediate(other, key, profile, trustDomain, clock)
      const foreign = await otherIntermediate.issueWorkload(csr, { id, lifetime })
      return {
        expired: await issuedAt(intermediate, clock, -readDuration(lifetime, 'lifetime') - 1000, {
          key,
          id,
          lifetime,
        }),
        notYetValid: await issuedAt(intermediate, clock, 86_400_000, { key, id, lifetime }),
        badSignature: [withBadSignature(certificate), ...withoutRoot.slice(1)],
        foreignRoot: foreign.chain.slice(0, -1),
        notCa: await signedByWorkload(certificate, privateKey, { key, id, lifetime }, withoutRoot, clock),
        missingIntermediate: [certificate],
      }
    },
  }
}

interface LeafOptions {
  readonly key: KeyAlgorithm
  readonly id: string
  readonly lifetime: string
}

function testRoot(
  key: KeyAlgorithm,
  profile: ProfileFamily,
  clock: TimeSource,
): Promise<CertificateAuthority> {
  return createRootCa({
    subject: 'CN=Test Root CA,O=mesh-pki testing',
    lifetime: '3650d',
    key,
    profile,
    clock,
    backdate: '400d',
  })
}

async function testIntermediate(
  root: CertificateAuthority,
  key: KeyAlgorithm,
  profile: ProfileFamily,
  cluster: string,
  clock: TimeSource,
): Promise<CertificateAuthority> {
  const { csr, signer } = await createCsr({
    subject: [{ O: 'mesh-pki testing' }, { CN: 'Test Intermediate CA' }, { L: cluster }],
    key,
  })
  const { certificate, chain } = await root.issueIntermediate(csr, { lifetime: '365d', backdate: '400d' })
  return CertificateAuthority.from({ certificate, chain, signer, profile, clock })
}

async function workloadRequest(
  key: KeyAlgorithm,
): Promise<{ csr: Awaited<ReturnType<typeof createCsr>>['csr']; privateKey: PrivateKey }> {
  const { privateKey } = await generateKeyPair(key, { extractable: true })
  const { csr } = await createCsr({ key: privateKey })
  return { csr, privateKey }
}

/** Issues with the clock moved by `offset` milliseconds, and puts it back. */
async function issuedAt(
  ca: CertificateAuthority,
  clock: ReturnType<typeof manualClock>,
  offset: number,
  { key, id, lifetime }: LeafOptions,
): Promise<readonly Certificate[]> {
  const { csr } = await workloadRequest(key)
  const time = clock.now()
  clock.set(new Date(time.getTime() + offset))
  try {
    return (await ca.issueWorkload(csr, { id, lifetime, backdate: '0s' })).chain.slice(0, -1)
  } finally {
    clock.set(time)
  }
}

/** No issuing function signs with a workload's key, so this one is put together here. */
async function signedByWorkload(
  issuer: Certificate,
  issuerKey: PrivateKey,
  { key, id, lifetime }: LeafOptions,
  above: readonly Certificate[],
  clock: TimeSource,
): Promise<readonly Certificate[]> {
  const { csr } = await workloadRequest(key)
  const now = Math.floor(clock.now().getTime() / 1000) * 1000
  const template = await CertificateTemplate.compile({
    profile: profileOf('mesh', 'end-entity'),
    issuer: issuer.subject.der,
    algorithm: issuerKey.signatureAlgorithm,
    pathLength: undefined,
    authorityKeyId: undefined,
    enciphers: false,
  })
  const tbs = template.build({
    serialNumber: Uint8Array.of(1),
    notBefore: now,
    notAfter: now + readDuration(lifetime, 'lifetime'),
    subject: Uint8Array.of(0x30, 0),
    publicKey: csr.publicKey,
    subjectKeyId: undefined,
    subjectAltNames: encodeGeneralNames([{ type: 'uri', value: id }], 'id'),
  })
  return [await (await CheckedSigner.of(issuerKey)).certify(tbs), ...above]
}

/** Changes the last bit, which is the signature's. */
function withBadSignature(certificate: Certificate): Certificate {
  const { der } = certificate
  der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1
  return Certificate.fromDer(der)
}
