/**
 * The root of a relay: making it, signing by it, and telling whether it is the one that was there.
 *
 * @module
 */

import { CertificateAuthority } from '../../ca/certificate-authority.ts'
import { createRootCa } from '../../ca/create-root-ca.ts'
import { MeshPkiError } from '../../errors.ts'
import { equalBytes } from '../../internal/bytes.ts'
import type { Clock } from '../../internal/clock.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { exportPrivateKey } from '../../x509/export-private-key.ts'
import { generateKeyPair, type KeyAlgorithm } from '../../x509/generate-key-pair.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import type { PrivateKey } from '../../x509/private-key.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import { SecretName } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { decodeRelaySecret, RELAY_NAMES, type RelayRootSecret } from '../secrets/relay-secret.ts'
import { decodeRootSecret, encodeRootSecret } from '../secrets/root-secret.ts'
import { SealedPem } from '../secrets/sealed-pem.ts'
import { withinSecret } from './find-relay-secret.ts'

/** Where the key of the root stays: in a Secret of its own, which is copied nowhere. */
export const ROOT_KEY: string = 'mesh-pki-relay-root'

/** What stands below the root, in the order in which it is made. */
export const RELAY_PAIRS: readonly ['signing', 'server'] = ['signing', 'server']

interface NewRoot {
  readonly namespace: string
  readonly keyAlgorithm: KeyAlgorithm
  readonly lifetime: string
}

/** Makes a root with its key, as the Secret that stays. */
export async function newRoot(
  clock: Clock,
  { namespace, keyAlgorithm, lifetime }: NewRoot,
): Promise<SecretLike> {
  const { privateKey } = await generateKeyPair(keyAlgorithm, { extractable: true })
  const ca = await createRootCa({
    subject: 'CN=relay-root-ca',
    lifetime,
    key: privateKey,
    clock,
  })
  return encodeRootSecret(
    {
      certificate: ca.certificate,
      privateKey: SealedPem.parse(await exportPrivateKey(privateKey, { format: 'pkcs8' })),
    },
    { layout: 'gloo', namespace, name: ROOT_KEY },
  )
}

/** What signs below the root: the key of its own Secret, or the one beside an adopted root. */
export async function rootSigner(
  { roots, privateKey }: RelayRootSecret,
  owned: KubeObject | undefined,
  now: Date,
): Promise<{ readonly certificate: Certificate; readonly signer: PrivateKey } | undefined> {
  const keys = [
    ...(owned === undefined ? [] : [[ROOT_KEY, decodeRootSecret(owned).privateKey] as const]),
    ...(privateKey === undefined ? [] : [[SecretName.relayRoot, privateKey] as const]),
  ]
  // A root that was renewed with its key stands there twice: the one that lasts.
  const inOrder = [...roots].sort(
    (a, b) =>
      Number(b.notBefore <= now) - Number(a.notBefore <= now) || b.notAfter.getTime() - a.notAfter.getTime(),
  )
  for (const [name, sealedKey] of keys) {
    const signer = await withinSecret(name, () => importPrivateKey(sealedKey.reveal()))
    const certificate = inOrder.find((root) => equalBytes(root.publicKey, signer.publicKey))
    if (certificate !== undefined) return { certificate, signer }
  }
  return undefined
}

/** The root that was made here, where it can sign: one that cannot is not handed to clusters. */
export async function keptRoot(client: KubeClient, owned: KubeObject): Promise<Certificate> {
  const { certificate, privateKey } = decodeRootSecret(owned)
  return withinSecret(ROOT_KEY, async () => {
    const signer = await importPrivateKey(privateKey.reveal())
    return (await CertificateAuthority.from({ certificate, signer, clock: client.clock })).certificate
  })
}

/** The pairs that are there and lead to another root than this one, or to none that could be told. */
export async function pairsOfAnotherRoot(
  client: KubeClient,
  namespace: string,
  root: Certificate | undefined,
): Promise<readonly string[]> {
  const strays: string[] = []
  for (const role of RELAY_PAIRS) {
    const object = await client.find(KubeResources.secrets, { namespace, name: RELAY_NAMES[role] })
    if (object !== undefined && !(root !== undefined && (await leadsTo(object, role, root))))
      strays.push(RELAY_NAMES[role])
  }
  return strays
}

/** Whether a pair was ever below a root. Whether it is in time is another question. */
async function leadsTo(object: KubeObject, role: 'signing' | 'server', root: Certificate): Promise<boolean> {
  try {
    const pair = decodeRelaySecret(object, { role })
    if (pair.role !== role) return false
    const { certificate, chain } = pair
    const path = { anchors: root, intermediates: chain, time: certificate.notAfter, purpose: 'any' as const }
    return (await checkPath(certificate, path)).ok
  } catch (error) {
    if (error instanceof MeshPkiError) return false
    throw error
  }
}

/** Why no root is made. */
export function rootIsGone(namespace: string, pairs: readonly string[]): MeshPkiError {
  return new MeshPkiError(
    'ERR_KUBERNETES_INCOMPLETE_SECRET',
    `namespace ${namespace}: ${SecretName.relayRoot} is gone, and ${pairs.join(' and ')} ${pairs.length === 1 ? 'leads' : 'lead'} to no root that is here. A new root would be worthless to them and to every cluster, so nothing was written: restore ${SecretName.relayRoot}, and ${ROOT_KEY} where it was made here, from the backup. To begin anew all the same, delete ${pairs.join(' and ')}; then every cluster must get the new root, and enroll again`,
    { data: { namespace, missing: [SecretName.relayRoot], present: pairs } },
  )
}
