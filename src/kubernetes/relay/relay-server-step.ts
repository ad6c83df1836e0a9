/**
 * The Secrets of a relay's server: root, signing CA, server certificate, token.
 *
 * @module
 */

import { CertificateAuthority } from '../../ca/certificate-authority.ts'
import type { CertificateProfileName } from '../../ca/profiles/profiles.ts'
import { createCsr } from '../../csr/create-csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { encodeBase64Url } from '../../internal/base64.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOneOf, checkOptionNames, readFunction, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { type RandomSource, systemRandom } from '../../internal/web-crypto.ts'
import { readGraceRatio, renewalTime } from '../../rotation/renewal-time.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { normalizeDnsName } from '../../x509/dns-name.ts'
import { exportPrivateKey } from '../../x509/export-private-key.ts'
import { generateKeyPair } from '../../x509/generate-key-pair.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import { parseIpAddress } from '../../x509/ip-address.ts'
import type { PrivateKey } from '../../x509/private-key.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { SecretName } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import type { StepResult } from '../runner/step-result.ts'
import { encodeRelaySecret } from '../secrets/encode-relay-secret.ts'
import { RELAY_NAMES, type RelayPairSecret } from '../secrets/relay-secret.ts'
import { SealedPem } from '../secrets/sealed-pem.ts'
import { type FoundRelaySecret, findRelaySecret, withinSecret } from './find-relay-secret.ts'
import { annotationOf, isMadePair, MADE_LABELS } from './relay-mark.ts'
import {
  keptRoot,
  newRoot,
  pairsOfAnotherRoot,
  RELAY_PAIRS,
  ROOT_KEY,
  rootIsGone,
  rootSigner,
} from './relay-root.ts'

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
  /** What remains of a certificate's life when it is renewed, where it was made here. Default 0.1. */
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

const KEY_ALGORITHMS = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256', 'P-384'] as const
/** Names of one server: a handshake carries them all. */
const MAX_NAMES = 100
/** Octets of a token. */
const TOKEN_OCTETS = 32
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
 * whoever made it, and never overwritten. Only pairs that were made here are renewed, at their grace ratio and also when they
 * have expired since: the server's with a new key; the signing CA's, where the root outlives it, with its own, so that the
 * certificates of clusters go on. A pair that somebody has put in the place of one that was made here is theirs.
 *
 * The key of the root is kept in `mesh-pki-relay-root`; `relay-root-tls-secret` is copied to every cluster and holds the certificate alone.
 * Where a root is adopted without its key, what is below it must be there, too. No root is made while there is a pair: it would be
 * below another.
 *
 * @throws `KubeError`; `MeshPkiError` `ERR_KUBERNETES_…` for a Secret of these names that cannot be read or used, and for a root
 * that is gone while its pairs are there; `ERR_CA_…` for a root that cannot sign any longer; `TypeError`, `RangeError` for options.
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
  const settings = readSettings(options)
  const { namespace } = settings
  const create = async (secret: SecretLike, what: string): Promise<StepResult> => {
    options.beforeWrite?.()
    try {
      const { name, annotations } = secret.metadata ?? {}
      await client.create(KubeResources.secrets, {
        ...secret,
        metadata: {
          name,
          namespace,
          labels: MADE_LABELS,
          ...(annotations === undefined ? {} : { annotations }),
        },
      })
    } catch (error) {
      // Another process was first. What it made is looked at in the next step.
      if (!isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')) throw error
    }
    return { changed: true, requeueAfterMs: 1, message: `${what} is made` }
  }
  const root = await findRelaySecret(client, namespace, 'root')
  const owned = await client.find(KubeResources.secrets, { namespace, name: ROOT_KEY })
  if (root === undefined) {
    const kept = owned === undefined ? undefined : await keptRoot(client, owned)
    const strays = await pairsOfAnotherRoot(client, namespace, kept)
    if (strays.length > 0) {
      // Both were read before the pairs: another process may have made all of it in between.
      const again = await findRelaySecret(client, namespace, 'root')
      if (again === undefined) throw rootIsGone(namespace, strays)
      return { changed: true, requeueAfterMs: 1, message: 'the root is there now' }
    }
    if (kept === undefined) return create(await newRoot(client.clock, settings), 'the root')
    return create(encodeRelaySecret({ role: 'root', namespace, roots: kept }), 'the Secret of the root')
  }
  const { roots } = root.secret
  const now = client.clock.now()
  const authority = async (): Promise<CertificateAuthority> => {
    const signer = await rootSigner(root.secret, owned, now)
    if (signer !== undefined)
      return withinSecret(SecretName.relayRoot, () =>
        CertificateAuthority.from({ ...signer, clock: client.clock }),
      )
    throw new MeshPkiError(
      'ERR_KUBERNETES_INCOMPLETE_SECRET',
      `Secret ${namespace}/${SecretName.relayRoot}: its key is not here, neither beside it nor in ${ROOT_KEY}: restore that from the backup, or bring ${SecretName.relaySigning} and ${SecretName.relayServer} below it. To begin anew, delete all of them`,
      { data: { secret: `${namespace}/${SecretName.relayRoot}` } },
    )
  }
  let waiting: string | undefined
  for (const role of RELAY_PAIRS) {
    const found = await findRelaySecret(client, namespace, role)
    if (found === undefined)
      return create(await newPair(await authority(), role, settings, roots), `the ${role} pair`)
    const { certificate } = found.secret
    const isMade = isMadePair(found.object, certificate)
    const isInTime = certificate.notBefore <= now && now <= certificate.notAfter
    // One of ours whose time is over is made anew, not refused; all else must be right with it. No issuer ends before it.
    await checkPair(found.secret, roots, isMade && !isInTime ? certificate.notAfter : now, isMade)
    const isDue = isMade && (!isInTime || renewsAt(found.secret, settings) <= now)
    if (!isDue) continue
    if (isInTime) {
      const signer = await rootSigner(root.secret, owned, now)
      // What is good still is not failed for: there is time to bring the key.
      if (signer === undefined)
        waiting = `the certificate of ${RELAY_NAMES[role]} is due, and the key of the root is not here`
      // A key that signs for clusters is kept, so a certificate with the same end would be nothing new.
      const isForNothing = role === 'signing' && (signer?.certificate.notAfter ?? now) <= certificate.notAfter
      if (signer === undefined || isForNothing) continue
    }
    const next = await newPair(await authority(), role, settings, roots, found)
    options.beforeWrite?.()
    try {
      await client.replace(KubeResources.secrets, {
        ...next,
        metadata: { ...found.object.metadata, ...next.metadata },
      })
    } catch (error) {
      // As above: who else writes here renews it, too, or has brought another.
      if (!isKubeError(error, 'ERR_KUBERNETES_CONFLICT')) throw error
    }
    return { changed: true, requeueAfterMs: 1, message: `the certificate of ${RELAY_NAMES[role]} is renewed` }
  }
  const token = await findRelaySecret(client, namespace, 'identity-token')
  if (token === undefined)
    return create(
      encodeRelaySecret({ role: 'identity-token', namespace, token: newToken(settings.random) }),
      'the token',
    )
  return {
    changed: false,
    requeueAfterMs: POLL_MS,
    message: waiting ?? 'the relay has everything that it needs',
  }
}

/** Before anything is written: what a later step would stumble over must not come half-way. */
function readSettings(options: RelayServerStepOptions): Settings {
  checkOptionNames(options, OPTIONS, 'relayServerStep')
  const { serverNames = DEFAULT_NAMES, lifetime = '3650d', random = systemRandom } = options
  if (!Array.isArray(serverNames) || serverNames.length === 0 || serverNames.length > MAX_NAMES)
    throw new TypeError(`option "serverNames" must be a list of 1 to ${MAX_NAMES} DNS names`)
  for (const name of serverNames)
    if (typeof name !== 'string' || !isServerName(name))
      throw new TypeError(
        `option "serverNames" must hold DNS names, such as relay.example.com or *.example.com; got ${typeof name === 'string' ? quote(name, 64) : typeName(name)}`,
      )
  readDuration(lifetime, 'lifetime')
  readFunction(random, 'random')
  return {
    namespace: options.namespace ?? 'gloo-mesh',
    serverNames,
    keyAlgorithm: checkOneOf(options.keyAlgorithm ?? 'RSA-2048', KEY_ALGORITHMS, 'keyAlgorithm'),
    lifetime,
    gracePeriodRatio: readGraceRatio(options.gracePeriodRatio ?? 0.1, 'gracePeriodRatio'),
    random,
  }
}

/** What a certificate may have, without the underscores that some names have and no certificate. */
const isServerName = (name: string): boolean =>
  normalizeDnsName(name, true) !== undefined && !name.includes('_') && parseIpAddress(name) === undefined

/** 256 bits, in what YAML, headers and shells all take. */
function newToken(random: RandomSource): string {
  const bytes: unknown = random(new Uint8Array(TOKEN_OCTETS))
  if (
    !(bytes instanceof Uint8Array) ||
    bytes.length !== TOKEN_OCTETS ||
    bytes.every((byte) => byte === bytes[0])
  )
    throw new TypeError(
      `option "random" must answer the ${TOKEN_OCTETS} bytes that it is given, filled by chance`,
    )
  return encodeBase64Url(bytes)
}

/** Its life counts from issuance, not from its backdated begin. */
const renewsAt = ({ certificate }: RelayPairSecret, { gracePeriodRatio }: Settings): Date =>
  renewalTime(certificate, { gracePeriodRatio })

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
  base?: FoundRelaySecret<'signing' | 'server'>,
): Promise<SecretLike> {
  const privateKey =
    base !== undefined && role === 'signing'
      ? await importPrivateKey(base.secret.privateKey.reveal(), { extractable: true })
      : (await generateKeyPair(keyAlgorithm, { extractable: true })).privateKey
  const { csr } = await createCsr({ subject: SUBJECT[role], key: privateKey })
  const policy = {
    name: `relay ${role}`,
    profile: PROFILE[role],
    subject: { from: 'policy' as const, value: SUBJECT[role] },
    names: { dns: { allow: serverNames }, wildcards: true },
    // Clocks of replicas and clusters differ; the original begins at once.
    lifetime: { max: lifetime, backdate: '2m' },
  }
  const { certificate } = await root.sign(csr, policy, {
    identities: serverNames.map((value) => ({ type: 'dns' as const, value })),
  })
  const pair = { role, certificate, roots, privateKey: await sealed(privateKey) }
  const secret =
    base === undefined ? encodeRelaySecret({ ...pair, namespace }) : encodeRelaySecret(pair, base.object)
  const annotations = { ...secret.metadata?.annotations, ...annotationOf(certificate) }
  return { ...secret, metadata: { ...secret.metadata, annotations } }
}

async function sealed(key: PrivateKey): Promise<SealedPem> {
  return SealedPem.parse(await exportPrivateKey(key, { format: 'pkcs8' }))
}

/** A pair that somebody brought must be usable: a relay that starts with another fails at its first client. */
async function checkPair(
  { role, certificate, chain, privateKey }: RelayPairSecret,
  roots: readonly Certificate[],
  time: Date,
  isMade: boolean,
): Promise<void> {
  const refuse = (problem: string): MeshPkiError =>
    new MeshPkiError(
      'ERR_KUBERNETES_SECRET_DATA',
      `Secret ${RELAY_NAMES[role]}: ${problem}. ${isMade ? `It was made here, and was changed since, or the root was: restore both from the backup, or delete it to have one made below ${RELAY_NAMES.root}` : 'It was there before and is left alone; replace it, or delete it to have one made'}`,
      { data: { secret: RELAY_NAMES[role] } },
    )
  const key = await importPrivateKey(privateKey.reveal()).catch((error: unknown) => {
    throw error instanceof MeshPkiError ? refuse('its key cannot be read') : error
  })
  if (!equalBytes(key.publicKey, certificate.publicKey))
    throw refuse('its key is not that of its certificate')
  if (role === 'signing' && !certificate.isCa) throw refuse('its certificate is no CA’s')
  const verdict = await checkPath(certificate, {
    anchors: roots,
    intermediates: chain,
    time,
    ...(role === 'server' ? { purpose: 'serverAuth', ekuStrictness: 'leaf' } : { purpose: 'any' }),
  })
  if (!verdict.ok) throw refuse(`it does not lead to ${RELAY_NAMES.root}: ${verdict.error.message}`)
}
