/**
 * The objects that an agent writes.
 *
 * @module
 */

import { createCsr } from '../../csr/create-csr.ts'
import { readDuration } from '../../internal/duration.ts'
import { instantText } from '../../internal/instant-text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { exportPrivateKey } from '../../x509/export-private-key.ts'
import { generateKeyPair } from '../../x509/generate-key-pair.ts'
import type { PrivateKey } from '../../x509/private-key.ts'
import { apiVersionOf, KubeResources } from '../api/kube-resource.ts'
import { canonicalJson, sha256Hex } from '../objects/canonical-json.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import { type KubeObject, recordAt } from '../objects/kube-object.ts'
import { DataKey, SecretType } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { encodeCacerts } from '../secrets/encode-cacerts.ts'
import { SealedPem } from '../secrets/sealed-pem.ts'
import { writeSecret } from '../secrets/secret-writer.ts'
import { encodeCertificateRequest } from './certificate-request.ts'
import type { FederationApi } from './federation-api.ts'
import { namesOneAuthority } from './fulfilment.ts'
import type { InstalledCa } from './installed-ca.ts'
import type { IssuedCertificate } from './issued-certificate.ts'

/** Labels of everything that an agent writes. Gloo Mesh's is there too, so that its agent takes it for its own. */
export function agentLabels(api: FederationApi, agentNamespace: string): Readonly<Record<string, string>> {
  return {
    [FederationMark.agent]: agentNamespace,
    ...(api.flavour === 'gloo' ? { [FederationMark.glooAgent]: agentNamespace } : {}),
  }
}

/** The Secret of a key that waits for its certificate. The key is made here and never leaves the cluster. */
export async function newKeySecret(
  { name, namespace, spec }: IssuedCertificate,
  round: string,
  labels: Readonly<Record<string, string>>,
): Promise<KubeObject> {
  const { privateKey } = await generateKeyPair(spec.keyAlgorithm, { extractable: true })
  // Gloo Mesh's agent reads PKCS#1 only; other kinds of keys are ours alone.
  const format = spec.keyAlgorithm.startsWith('RSA-') ? 'pkcs1' : 'pkcs8'
  const secret = writeSecret({
    name,
    namespace,
    type: SecretType.glooGeneratedKey,
    entries: { [DataKey.privateKey]: await exportPrivateKey(privateKey, { format }) },
  })
  return { ...secret, metadata: { name, namespace, labels, annotations: { [FederationMark.round]: round } } }
}

/** The request of a key: names and subject as ordered, so that an issuer that looks at them finds nothing else. */
export async function newRequest(
  api: FederationApi,
  { name, namespace, spec }: IssuedCertificate,
  key: PrivateKey,
  round: string,
  labels: Readonly<Record<string, string>>,
): Promise<KubeObject> {
  const { csr } = await createCsr({
    // As Gloo Mesh's last open source: the name of the order tells the CAs of clusters apart.
    subject: [{ O: spec.organization }, { OU: name }],
    subjectAltNames: spec.hosts.map((value) => ({ type: 'uri', value })),
    key,
  })
  return encodeCertificateRequest(api.certificateRequests, { name, namespace, csr, round, labels })
}

/** What becomes `cacerts`. */
export interface CacertsChange {
  readonly order: IssuedCertificate
  readonly installed: InstalledCa | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly roots: readonly Certificate[]
  readonly now: Date
  /** How long istiod may take to sign with a CA that was installed. */
  readonly switchMs: number
  /** Which tenure of a Lease this is. */
  readonly fence?: string | undefined
}

/** `cacerts` with a new CA: every key in one object, since one write is what istiod sees as a whole. */
export async function withNewCa(
  change: CacertsChange,
  wish: string,
  issued: { readonly certificate: Certificate; readonly chain: readonly Certificate[] },
  key: PrivateKey,
): Promise<KubeObject> {
  const { order, installed, roots, now } = change
  const { authority } = order.spec
  const before = installed?.authority
  const ledger = {
    ...stillNeeded(installed?.ledger ?? {}, now),
    ...(before === undefined || before === authority ? {} : { [before]: endOfWorkloads(change) }),
  }
  const { [authority ?? '']: _own, ...others } = ledger
  const isRsa = order.spec.keyAlgorithm.startsWith('RSA-')
  const pem = await exportPrivateKey(key, { format: isRsa ? 'pkcs1' : 'pkcs8' })
  const secret = encodeCacerts(
    {
      certificate: issued.certificate,
      chain: issued.chain,
      roots,
      privateKey: SealedPem.parse(pem),
      ...order.spec.target,
    },
    baseOf(installed),
  )
  return marked(secret, change, {
    [FederationMark.wish]: wish,
    [FederationMark.installedAt]: upToSecond(now.getTime()),
    [FederationMark.ledger]: Object.keys(others).length === 0 ? undefined : JSON.stringify(others),
    [FederationMark.authority]: authority,
    [FederationMark.adopted]: undefined,
  })
}

/** Lines of what ended are kept for a day: clocks differ, and nobody asks later. */
const LEDGER_TAIL_MS = 86_400_000

function stillNeeded(ledger: InstalledCa['ledger'], now: Date): InstalledCa['ledger'] {
  return Object.fromEntries(
    Object.entries(ledger).filter(([, end]) => now.getTime() - Date.parse(end) < LEDGER_TAIL_MS),
  )
}

/** What somebody else put beside a CA that is replaced, as a CRL of its own or `istio-generated`, says nothing of the new one. */
function baseOf(installed: InstalledCa | undefined): SecretLike {
  if (installed === undefined) return { type: SecretType.glooIssued }
  const { secret, isOurs, adopted } = installed
  if (!isOurs) return { ...secret, data: {} }
  if (adopted === undefined) return secret
  const stale: readonly string[] = [DataKey.caCrl, DataKey.istioGenerated]
  const data = Object.entries(recordAt(secret, 'data')).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && !stale.includes(entry[0]),
  )
  return { ...secret, data: Object.fromEntries(data) }
}

/** `cacerts` with other roots; the CA stays. */
export function withRoots(change: CacertsChange): KubeObject {
  const { installed, roots } = change
  const bundle = installed?.bundle
  if (installed === undefined || bundle === undefined)
    throw new TypeError('there is no CA to publish roots beside')
  const { findings: _unused, ...parts } = bundle
  return marked(encodeCacerts({ ...parts, roots }, installed.secret), change, {})
}

/** `cacerts` as it is, marked as ours. */
export function adopted(change: CacertsChange, wish: string): KubeObject {
  const { installed, order, roots, now } = change
  if (installed === undefined) throw new TypeError('there is no secret to adopt')
  const { spec } = order
  return marked(installed.secret, change, {
    [FederationMark.wish]: wish,
    [FederationMark.adopted]: wish,
    // A rollover that is told the wrong authority withdraws one that is in use.
    [FederationMark.authority]: namesOneAuthority(spec, roots) ? spec.authority : undefined,
    // Since when it has been there nobody says; that istiod signs with it is known once that takes no longer.
    [FederationMark.installedAt]: upToSecond(now.getTime()),
  })
}

/** A copy of a `cacerts` that somebody else wrote, before it is replaced. */
export function copyOf(secret: KubeObject, labels: Readonly<Record<string, string>>): KubeObject {
  const { name = '', namespace } = secret.metadata
  const digest = sha256Hex(canonicalJson(secret['data'])).slice(0, 16)
  return {
    apiVersion: apiVersionOf(KubeResources.secrets),
    kind: KubeResources.secrets.kind,
    // By its content: a crash between copy and replacement makes no second copy, and another content is copied too.
    metadata: { name: `${name.slice(0, 200)}-before-${digest}`, namespace, labels },
    type: SecretType.opaque,
    immutable: true,
    data: secret['data'],
  }
}

function marked(
  secret: { readonly metadata?: KubeObject['metadata'] | undefined },
  { order, labels, fence }: CacertsChange,
  annotations: Readonly<Record<string, string | undefined>>,
): KubeObject {
  const { metadata = {} } = secret
  const { bundleSequence, rollover } = order.spec
  const all = {
    ...metadata.annotations,
    ...annotations,
    [FederationMark.bundle]: bundleSequence === undefined ? undefined : String(bundleSequence),
    [FederationMark.rollover]: rollover,
    [FederationMark.fence]: fence,
  }
  return {
    ...secret,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, ...labels },
      annotations: Object.fromEntries(
        Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
    },
  }
}

/** When the last workload certificate ends that istiod may have signed with the CA that is replaced now. */
function endOfWorkloads({ order, now, switchMs }: CacertsChange): string {
  const life = readDuration(order.spec.workloadLifetime, 'workloadLifetime')
  return upToSecond(now.getTime() + life + switchMs)
}

function upToSecond(time: number): string {
  return instantText(Math.ceil(time / 1000) * 1000)
}
