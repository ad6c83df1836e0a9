/**
 * The Secrets of a relay's server: root, signing CA, server certificate, token.
 *
 * @module
 */

import { CertificateAuthority } from '../../ca/certificate-authority.ts'
import { createRootCa } from '../../ca/create-root-ca.ts'
import type { CertificateProfileName } from '../../ca/profiles/profiles.ts'
import { createCsr } from '../../csr/create-csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { encodeBase64 } from '../../internal/base64.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { type RandomSource, systemRandom } from '../../internal/web-crypto.ts'
import { renewalTime } from '../../rotation/renewal-time.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { exportPrivateKey } from '../../x509/export-private-key.ts'
import { generateKeyPair } from '../../x509/generate-key-pair.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import type { PrivateKey } from '../../x509/private-key.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { MESH_PKI_GROUP } from '../objects/api-group.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import { SecretName } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import type { StepResult } from '../runner/step-result.ts'
import { encodeRelaySecret } from '../secrets/encode-relay-secret.ts'
import { RELAY_NAMES, type RelayPairSecret, type RelayRootSecret } from '../secrets/relay-secret.ts'
import { decodeRootSecret, encodeRootSecret } from '../secrets/root-secret.ts'
import { SealedPem } from '../secrets/sealed-pem.ts'
import { findRelaySecret } from './find-relay-secret.ts'

/** Options of {@link relayServerStep}. */
export interface RelayServerStepOptions {
  /** Default `'gloo-mesh'`. */
  readonly namespace?: string | undefined
  /**
   * DNS names of the server and, as in the original, of the signing CA. Default: the original's `*.gloo-mesh`, and the names by which its
   * servers are called, since no careful client takes a wildcard right below a single label.
   */
  readonly serverNames?: readonly string[] | undefined
  /** Default `'RSA-2048'`, as the original's server and signing CA; `'P-256'` is quicker by far. */
  readonly keyAlgorithm?: 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'P-256' | 'P-384' | undefined
  /** Of everything that is made. Default `'3650d'`, as the original. */
  readonly lifetime?: string | undefined
  /** What remains of a server certificate's life when it is renewed, where it was made here. Default 0.1. */
  readonly gracePeriodRatio?: number | undefined
  readonly random?: RandomSource | undefined
  readonly beforeWrite?: (() => void) | undefined
}

const OPTIONS = [
  'namespace',
  'serverNames',
  'keyAlgorithm',
  'lifetime',
  'gracePeriodRatio',
  'random',
  'beforeWrite',
]

/** Gloo Mesh 1.x and 2.x call their servers so. */
const DEFAULT_NAMES: readonly string[] = [
  '*.gloo-mesh',
  'enterprise-networking.gloo-mesh',
  'gloo-mesh-mgmt-server.gloo-mesh',
]

/** Where the key of the root stays: in a Secret of its own, which is copied nowhere. */
const ROOT_KEY = 'mesh-pki-relay-root'
/** Label of what was made here. Only that is ever renewed. */
const MADE = `${MESH_PKI_GROUP}/relay`
const POLL_MS = 3_600_000

interface Settings {
  readonly namespace: string
  readonly serverNames: readonly string[]
  readonly keyAlgorithm: NonNullable<RelayServerStepOptions['keyAlgorithm']>
  readonly lifetime: string
  readonly gracePeriodRatio: number
  readonly random: RandomSource
}

/**
 * Takes the Secrets of a relay's server one step further: what is missing is made, root first; what is there is taken as it is,
 * whoever made it, and never overwritten. Only a server certificate that was made here is renewed, at its grace ratio.
 *
 * The key of the root is kept in `mesh-pki-relay-root`; `relay-root-tls-secret` is copied to every cluster and holds the certificate alone.
 * Where a root is adopted without its key, what is below it must be there, too.
 *
 * @throws `KubeError`; `MeshPkiError` `ERR_KUBERNETES_…` for a Secret of these names that cannot be read or used.
 *
 * @example
 * ```ts
 * import { type KubeClient, relayServerStep } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * for (let changed = true; changed; ) ({ changed } = await relayServerStep(client, { serverNames: ['relay.example'] }))
 * ```
 */
export async function relayServerStep(
  client: KubeClient,
  options: RelayServerStepOptions = {},
): Promise<StepResult> {
  checkOptionNames(options, OPTIONS, 'relayServerStep')
  const settings: Settings = {
    namespace: options.namespace ?? 'gloo-mesh',
    serverNames: options.serverNames ?? DEFAULT_NAMES,
    keyAlgorithm: options.keyAlgorithm ?? 'RSA-2048',
    lifetime: options.lifetime ?? '3650d',
    gracePeriodRatio: options.gracePeriodRatio ?? 0.1,
    random: options.random ?? systemRandom,
  }
  readDuration(settings.lifetime, 'lifetime')
  const create = async (secret: SecretLike, what: string): Promise<StepResult> => {
    options.beforeWrite?.()
    try {
      const { name, namespace } = secret.metadata ?? {}
      await client.create(KubeResources.secrets, {
        ...secret,
        metadata: { name, namespace, labels: { [MADE]: 'server' } },
      })
    } catch (error) {
      // Another process was first. What it made is looked at in the next step.
      if (!isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')) throw error
    }
    return { changed: true, requeueAfterMs: 1, message: `${what} is made` }
  }
  const root = await findRelaySecret(client, settings.namespace, 'root')
  const owned = await client.find(KubeResources.secrets, { namespace: settings.namespace, name: ROOT_KEY })
  if (root === undefined) {
    if (owned === undefined) return create(await newRoot(client, settings), 'the root')
    const { certificate } = decodeRootSecret(owned)
    return create(
      encodeRelaySecret({ role: 'root', namespace: settings.namespace, roots: certificate }),
      'the Secret of the root',
    )
  }
  const { roots } = root.secret
  const authority = async (): Promise<CertificateAuthority> => {
    const signer = await rootSigner(root.secret, owned)
    if (signer !== undefined) return CertificateAuthority.from({ ...signer, clock: client.clock })
    throw new MeshPkiError(
      'ERR_KUBERNETES_INCOMPLETE_SECRET',
      `Secret ${settings.namespace}/${SecretName.relayRoot} was there before, and its key is not here: bring ${SecretName.relaySigning} and ${SecretName.relayServer} below it, or delete it to have a new root made`,
      { data: { secret: `${settings.namespace}/${SecretName.relayRoot}` } },
    )
  }
  for (const role of ['signing', 'server'] as const) {
    const found = await findRelaySecret(client, settings.namespace, role)
    if (found === undefined)
      return create(await newPair(await authority(), role, settings, roots), `the ${role} pair`)
    await checkPair(found.secret, roots, client.clock.now())
    const due =
      role === 'server' && isMade(found.object) && renewsAt(found.secret, settings) <= client.clock.now()
    if (!due) continue
    const next = await newPair(await authority(), role, settings, roots, found.object)
    options.beforeWrite?.()
    await client.replace(KubeResources.secrets, { ...found.object, ...next, metadata: found.object.metadata })
    return { changed: true, requeueAfterMs: 1, message: 'the certificate of the server is renewed' }
  }
  const token = await findRelaySecret(client, settings.namespace, 'identity-token')
  if (token === undefined) {
    // 256 bits, in what YAML, headers and shells all take.
    const bytes = settings.random(new Uint8Array(32))
    const text = encodeBase64(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
    return create(
      encodeRelaySecret({ role: 'identity-token', namespace: settings.namespace, token: text }),
      'the token',
    )
  }
  return { changed: false, requeueAfterMs: POLL_MS, message: 'the relay has everything that it needs' }
}

const isMade = ({ metadata }: KubeObject): boolean => metadata.labels?.[MADE] !== undefined

/** The original is not backdated; what this library makes is, and its life counts from issuance. */
const renewsAt = ({ certificate }: RelayPairSecret, { gracePeriodRatio }: Settings): Date =>
  renewalTime(certificate, { gracePeriodRatio })

async function newRoot(
  client: KubeClient,
  { namespace, keyAlgorithm, lifetime }: Settings,
): Promise<SecretLike> {
  const { privateKey } = await generateKeyPair(keyAlgorithm, { extractable: true })
  const ca = await createRootCa({
    subject: 'CN=relay-root-ca',
    lifetime,
    key: privateKey,
    clock: client.clock,
  })
  return encodeRootSecret(
    { certificate: ca.certificate, privateKey: await sealed(privateKey) },
    { layout: 'gloo', namespace, name: ROOT_KEY },
  )
}

/** What signs below the root: the key of its own Secret, or the one beside an adopted root. */
async function rootSigner(
  { roots, privateKey }: RelayRootSecret,
  owned: KubeObject | undefined,
): Promise<{ readonly certificate: Certificate; readonly signer: PrivateKey } | undefined> {
  const keys = [
    ...(owned === undefined ? [] : [decodeRootSecret(owned).privateKey]),
    ...(privateKey === undefined ? [] : [privateKey]),
  ]
  for (const sealedKey of keys) {
    const signer = await importPrivateKey(sealedKey.reveal())
    const certificate = roots.find((root) => equalBytes(root.publicKey, signer.publicKey))
    if (certificate !== undefined) return { certificate, signer }
  }
  return undefined
}

const PROFILE: Readonly<Record<'signing' | 'server', CertificateProfileName>> = {
  signing: 'gloo-relay-signing',
  server: 'gloo-relay-server',
}
const SUBJECT = { signing: 'CN=relay-tls-signing-ca', server: 'CN=relay-server' } as const

async function newPair(
  root: CertificateAuthority,
  role: 'signing' | 'server',
  { namespace, serverNames, keyAlgorithm, lifetime }: Settings,
  roots: readonly Certificate[],
  base?: KubeObject,
): Promise<SecretLike> {
  const { privateKey } = await generateKeyPair(keyAlgorithm, { extractable: true })
  const { csr } = await createCsr({ subject: SUBJECT[role], key: privateKey })
  const policy = {
    name: `relay ${role}`,
    profile: PROFILE[role],
    subject: { from: 'policy' as const, value: SUBJECT[role] },
    names: { dns: { allow: serverNames }, wildcards: true },
    lifetime: { max: lifetime },
  }
  const { certificate } = await root.sign(csr, policy, {
    identities: serverNames.map((value) => ({ type: 'dns' as const, value })),
  })
  const pair = { role, certificate, roots, privateKey: await sealed(privateKey) }
  return base === undefined ? encodeRelaySecret({ ...pair, namespace }) : encodeRelaySecret(pair, base)
}

async function sealed(key: PrivateKey): Promise<SealedPem> {
  return SealedPem.parse(await exportPrivateKey(key, { format: 'pkcs8' }))
}

/** A pair that somebody brought must be usable: a relay that starts with another fails at its first client. */
async function checkPair(
  { role, certificate, chain, privateKey }: RelayPairSecret,
  roots: readonly Certificate[],
  now: Date,
): Promise<void> {
  const refuse = (problem: string): MeshPkiError =>
    new MeshPkiError(
      'ERR_KUBERNETES_SECRET_DATA',
      `Secret ${RELAY_NAMES[role]}: ${problem}. It was there before and is left alone; replace it, or delete it to have one made`,
      { data: { secret: RELAY_NAMES[role] } },
    )
  const key = await importPrivateKey(privateKey.reveal())
  if (!equalBytes(key.publicKey, certificate.publicKey))
    throw refuse('its key is not that of its certificate')
  if (role === 'signing' && !certificate.isCa) throw refuse('its certificate is no CA’s')
  const verdict = await checkPath(certificate, {
    anchors: roots,
    intermediates: chain,
    time: now,
    purpose: 'any',
  })
  if (!verdict.ok) throw refuse(`it does not lead to ${RELAY_NAMES.root}: ${verdict.error.message}`)
}
