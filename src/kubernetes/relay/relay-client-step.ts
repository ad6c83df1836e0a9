/**
 * The certificate of a relay's client: the agent of a cluster.
 *
 * @module
 */

import { enroll } from '../../ca/enrollment/enroll.ts'
import type { Enrollment } from '../../ca/enrollment/enrollment-client.ts'
import type { EnrollmentDialer } from '../../ca/enrollment/enrollment-dialer.ts'
import { renewEnrollment } from '../../ca/enrollment/renew-enrollment.ts'
import { MeshPkiError } from '../../errors.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { readGraceRatio, renewalTime } from '../../rotation/renewal-time.ts'
import { checkPath } from '../../verify/verify-path.ts'
import { exportPrivateKey } from '../../x509/export-private-key.ts'
import type { KeyAlgorithm } from '../../x509/generate-key-pair.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import { encodeRelaySecret } from '../secrets/encode-relay-secret.ts'
import { decodeRelaySecret, RELAY_NAMES, type RelayPairSecret } from '../secrets/relay-secret.ts'
import { SealedPem } from '../secrets/sealed-pem.ts'
import { pemOf } from '../secrets/secret-writer.ts'
import { findRelaySecret } from './find-relay-secret.ts'

/** Options of {@link relayClientStep}. */
export interface RelayClientStepOptions {
  /** Default `'gloo-mesh'`. */
  readonly namespace?: string | undefined
  /** The cluster, as it is registered: the server knows it by this name alone. */
  readonly cluster: string
  /** The server with the path of its handler: `https://relay.example:9900/enrollment/v1`. */
  readonly url: string
  /** The DNS name that the server's certificate must have. Default: the host of the URL. */
  readonly serverName?: string | undefined
  /**
   * How to connect: without a certificate for the first time, with the current one for renewal. On Node:
   * `(credentials) => enrollmentDialer({ credentials })` of `mesh-pki/node`.
   */
  readonly dial: (credentials?: { readonly cert: string; readonly key: string }) => EnrollmentDialer
  /** What remains of a certificate's life when it is renewed. Default 0.1: of a year, 36.5 days. */
  readonly gracePeriodRatio?: number | undefined
  /** The new key. Default `'P-256'`. */
  readonly key?: KeyAlgorithm | undefined
  /** For one enrollment. Default `'30s'`. */
  readonly timeout?: string | undefined
  /** Called before anything that cannot be taken back: a token is used, or a Secret is written. What it throws ends the step. */
  readonly beforeWrite?: (() => void) | undefined
}

const OPTIONS = [
  'namespace',
  'cluster',
  'url',
  'serverName',
  'dial',
  'gracePeriodRatio',
  'key',
  'timeout',
  'beforeWrite',
]

/** A Secret that a person has to bring is looked for this often. */
const WAIT_MS = 60_000
const MAX_REQUEUE_MS = 3_600_000

/**
 * Takes the client certificate of a cluster one step further. Where there is none, or one that cannot be used any longer, it
 * enrolls with the token of `relay-identity-token-secret`; where one is due, it renews with that. The server is verified by
 * `relay-root-tls-secret`, and nothing that it sends changes what it is verified by.
 *
 * A Secret that was deleted is made again, as long as the token still counts; where the token was deleted, as `meshctl` does, the step says
 * that it waits for one. A certificate that is valid is never replaced by anything but its renewal.
 *
 * @throws `KubeError`; `MeshPkiError` `ERR_ENROLLMENT_…`.
 *
 * @example
 * ```ts
 * import { type KubeClient, relayClientStep } from 'mesh-pki/kubernetes'
 * import { enrollmentDialer } from 'mesh-pki/node'
 *
 * declare const client: KubeClient
 * const { message, requeueAfterMs } = await relayClientStep(client, {
 *   cluster: 'cluster-1',
 *   url: 'https://relay.example:9900/enrollment/v1',
 *   dial: (credentials) => enrollmentDialer({ credentials }),
 * })
 * ```
 */
export async function relayClientStep(
  client: KubeClient,
  options: RelayClientStepOptions,
): Promise<StepResult> {
  checkOptionNames(options, OPTIONS, 'relayClientStep')
  const { namespace = 'gloo-mesh' } = options
  const gracePeriodRatio = readGraceRatio(options.gracePeriodRatio ?? 0.1, 'gracePeriodRatio')
  const root = await findRelaySecret(client, namespace, 'root')
  if (root === undefined)
    return waitsFor(namespace, RELAY_NAMES.root, 'the server cannot be verified without it')
  const { roots } = root.secret
  const current = await findClient(client, namespace)
  const now = client.clock.now()
  const problem =
    current?.pair === undefined
      ? 'there is no certificate'
      : await whyNotUsable(current.pair, options, roots, now)
  const shared = {
    url: options.url,
    anchors: roots,
    key: options.key ?? ('P-256' as const),
    extractable: true,
    clock: client.clock,
    ...(options.serverName === undefined ? {} : { serverName: options.serverName }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  }
  if (current?.pair !== undefined && problem === undefined) {
    const { certificate, chain, privateKey } = current.pair
    const renewAt = renewalTime(certificate, { gracePeriodRatio })
    if (renewAt > now)
      return {
        changed: false,
        requeueAfterMs: Math.min(MAX_REQUEUE_MS, Math.max(1, renewAt.getTime() - now.getTime())),
        message: `the certificate is renewed at ${renewAt.toISOString()}`,
      }
    checkWritable(current.object)
    const dial = options.dial({ cert: pemOf(chain), key: privateKey.reveal() })
    const renewed = await renewEnrollment({ ...shared, dial, certificate })
    return keep(client, namespace, current, renewed, options, 'the certificate is renewed')
  }
  const token = await findRelaySecret(client, namespace, 'identity-token')
  if (token === undefined)
    return waitsFor(
      namespace,
      RELAY_NAMES['identity-token'],
      `${problem}, and none can be had without the token`,
    )
  if (current !== undefined) checkWritable(current.object)
  options.beforeWrite?.()
  const enrolled = await enroll({
    ...shared,
    dial: options.dial(),
    token: token.secret.token.reveal(),
    name: options.cluster,
  })
  return keep(client, namespace, current, enrolled, options, `the cluster is enrolled: ${problem}`)
}

interface Current {
  readonly object: KubeObject
  /** `undefined` where it cannot be read: then it is as good as none. */
  readonly pair: RelayPairSecret | undefined
}

async function findClient(client: KubeClient, namespace: string): Promise<Current | undefined> {
  const object = await client.find(KubeResources.secrets, { namespace, name: RELAY_NAMES.client })
  if (object === undefined) return undefined
  try {
    const secret = decodeRelaySecret(object, { role: 'client' })
    return { object, pair: secret.role === 'client' ? secret : undefined }
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return { object, pair: undefined }
  }
}

/** A certificate that cannot be kept must not cost a token. */
function checkWritable(object: KubeObject): void {
  if (object['immutable'] !== true) return
  throw new MeshPkiError(
    'ERR_KUBERNETES_SECRET_DATA',
    `Secret ${RELAY_NAMES.client} is immutable, so no certificate can be kept in it, and none was asked for. Delete it`,
    { data: { secret: RELAY_NAMES.client } },
  )
}

async function whyNotUsable(
  { certificate, chain, privateKey }: RelayPairSecret,
  { cluster }: RelayClientStepOptions,
  roots: RelayPairSecret['roots'],
  now: Date,
): Promise<string | undefined> {
  const [name, other] = certificate.subjectAltNames
  if (name?.type !== 'dns' || name.value !== cluster || other !== undefined)
    return 'its certificate is not for this cluster'
  try {
    const key = await importPrivateKey(privateKey.reveal())
    if (!equalBytes(key.publicKey, certificate.publicKey)) return 'its key is not that of its certificate'
  } catch (error) {
    if (error instanceof MeshPkiError) return 'its key cannot be read'
    throw error
  }
  const verdict = await checkPath(certificate, {
    anchors: roots,
    intermediates: chain,
    time: now,
    purpose: 'clientAuth',
  })
  return verdict.ok ? undefined : `its certificate does not verify: ${verdict.error.message}`
}

async function keep(
  client: KubeClient,
  namespace: string,
  current: Current | undefined,
  { chain, certificate, anchors, privateKey }: Enrollment,
  { beforeWrite }: RelayClientStepOptions,
  message: string,
): Promise<StepResult> {
  if (privateKey === undefined) throw new TypeError('the key of the enrollment was made elsewhere')
  const pair = {
    role: 'client' as const,
    certificate,
    chain,
    // What the server says to trust is shown beside it; this agent goes on by relay-root-tls-secret.
    roots: anchors,
    privateKey: SealedPem.parse(await exportPrivateKey(privateKey, { format: 'pkcs8' })),
  }
  beforeWrite?.()
  if (current === undefined) {
    const secret = encodeRelaySecret({ ...pair, namespace })
    await client.create(KubeResources.secrets, {
      ...secret,
      metadata: { namespace, name: RELAY_NAMES.client },
    })
  } else {
    const secret = encodeRelaySecret(pair, current.object)
    await client.replace(KubeResources.secrets, {
      ...secret,
      metadata: current.object.metadata,
    })
  }
  return { changed: true, requeueAfterMs: 1, message }
}

function waitsFor(namespace: string, name: string, why: string): StepResult {
  return {
    changed: false,
    requeueAfterMs: WAIT_MS,
    message: `Secret ${namespace}/${name} is not there: ${why}`,
  }
}
