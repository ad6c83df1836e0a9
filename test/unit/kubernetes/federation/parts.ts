import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import { createRootCa } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { apiVersionOf, KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import { type InstalledCa, readInstalledCa } from '../../../../src/kubernetes/federation/installed-ca.ts'
import {
  encodeIssuedCertificate,
  type IssuedCertificate,
  type IssuedCertificateSpec,
  readIssuedCertificate,
} from '../../../../src/kubernetes/federation/issued-certificate.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { encodeCacerts } from '../../../../src/kubernetes/secrets/encode-cacerts.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import {
  type Certificate,
  exportPrivateKey,
  generateKeyPair,
  type KeyAlgorithm,
  type PrivateKey,
} from '../../../../src/x509/index.ts'

/** The instant of every decision, unless a test says otherwise. */
export const NOW = new Date('2026-03-01T12:00:00Z')
export const HOST = 'spiffe://east.example/ns/istio-system/sa/istiod'
export const AGENT_NAMESPACE = 'mesh-pki'
export const ORDER = { namespace: 'mesh-pki', name: 'istiod-istio-system-east' }
export const TARGET = { namespace: 'istio-system', name: 'cacerts' }

/** An instant so long after {@link NOW}. */
export const instant = (ms: number): Date => new Date(NOW.getTime() + ms)
export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 86_400_000

export function rootOf(name: string): Promise<CertificateAuthority> {
  return createRootCa({ subject: `O=${name}`, lifetime: '3650d', clock: manualClock(NOW) })
}

/** A CA below a root, with its key. */
export interface MadeCa {
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  readonly key: PrivateKey
}

interface CaTerms {
  readonly hosts?: readonly string[]
  readonly lifetime?: string
  readonly pathLength?: number | 'none'
  readonly algorithm?: KeyAlgorithm
  /** Which key; a new one where none is given. */
  readonly key?: PrivateKey
}

/** What an issuer signs by default: one name, a year, P-256, no CA below. */
export async function caUnder(root: CertificateAuthority, terms: CaTerms = {}): Promise<MadeCa> {
  const { hosts = [HOST], lifetime = '365d', pathLength = 0, algorithm = 'P-256' } = terms
  const key = terms.key ?? (await generateKeyPair(algorithm, { extractable: true })).privateKey
  const { csr } = await createCsr({ subject: 'O=Istio,OU=istiod-istio-system-east', key })
  const { certificate, chain } = await root.issueIntermediate(csr, {
    lifetime,
    pathLength,
    subjectAltNames: hosts.map((value) => ({ type: 'uri', value })),
  })
  return { certificate, chain, key }
}

/** A `cacerts`: of our agent, unless its labels say otherwise. */
export async function cacertsOf(
  ca: MadeCa,
  roots: readonly CertificateAuthority[],
  marks: {
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  } = {},
): Promise<KubeObject> {
  const { certificate, chain, key } = ca
  const secret = encodeCacerts({
    certificate,
    chain,
    roots: roots.map((root) => root.certificate),
    privateKey: await exportPrivateKey(key, { format: 'pkcs8' }),
  })
  const { labels = { [FederationMark.agent]: AGENT_NAMESPACE }, annotations = {} } = marks
  return {
    ...secret,
    apiVersion: apiVersionOf(KubeResources.secrets),
    kind: 'Secret',
    metadata: { ...TARGET, uid: 'u-cacerts', resourceVersion: '7', labels, annotations },
  }
}

/** The same, read. */
export async function installedOf(...parts: Parameters<typeof cacertsOf>): Promise<InstalledCa> {
  const installed = await readInstalledCa(await cacertsOf(...parts), AGENT_NAMESPACE)
  if (installed?.bundle === undefined) throw new Error(installed?.problem)
  return installed
}

/** An order for what {@link caUnder} makes. */
export function orderOf(spec: Partial<IssuedCertificateSpec> = {}): IssuedCertificate {
  const object = encodeIssuedCertificate(MESH_PKI_API.issuedCertificates, {
    ...ORDER,
    spec: {
      hosts: [HOST],
      organization: 'Istio',
      lifetime: '365d',
      keyAlgorithm: 'P-256',
      gracePeriodRatio: 0.1,
      target: TARGET,
      pathLength: 0,
      ...spec,
    },
  })
  return readIssuedCertificate({ ...object, metadata: { ...object.metadata, uid: 'u-order', generation: 1 } })
}

export const pemOf = (...roots: readonly CertificateAuthority[]): string =>
  roots.map((root) => root.certificate.toPem()).join('')
