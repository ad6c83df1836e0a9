/**
 * What a relay's server runs with, out of its Secrets.
 *
 * @module
 */

import type { CertificateAuthorityOptions } from '../../ca/authority-options.ts'
import { CertificateAuthority } from '../../ca/certificate-authority.ts'
import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames } from '../../internal/options.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { RELAY_NAMES } from '../secrets/relay-secret.ts'
import type { SealedPem } from '../secrets/sealed-pem.ts'
import type { SealedToken } from '../secrets/sealed-token.ts'
import { pemOf } from '../secrets/secret-writer.ts'
import { findRelaySecret, withinSecret } from './find-relay-secret.ts'

/** What an enrollment server is made of. */
export interface RelayServerMaterial {
  /** Signs clusters. */
  readonly signingCa: CertificateAuthority
  /** The server's certificate with its chain, as PEM, and its key. */
  readonly credentials: { readonly cert: string; readonly key: SealedPem }
  /** What clusters verify the server by. */
  readonly roots: readonly Certificate[]
  /** What a cluster shows the first time. */
  readonly token: SealedToken
}

/**
 * Reads what `relayServerStep` has made or adopted.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_INCOMPLETE_SECRET` where a Secret is missing; the codes of reading them; `KubeError`;
 * `TypeError` for an unknown option.
 *
 * @example
 * ```ts
 * import { createTokenStore, enrollmentIssuer, importEnrollmentToken } from 'mesh-pki/ca'
 * import { type KubeClient, loadRelayServer, secretTokenRecords } from 'mesh-pki/kubernetes'
 * import { createEnrollmentServer } from 'mesh-pki/node'
 *
 * declare const client: KubeClient
 * const { signingCa, credentials, roots, token } = await loadRelayServer(client)
 * const tokens = createTokenStore({ records: secretTokenRecords(client, 'gloo-mesh') })
 * // At the first start; later the store has it.
 * await importEnrollmentToken({ store: tokens, token: token.reveal(), uses: 'unlimited', expiresIn: 'never' }).catch((error) => {
 *   if (error.code !== 'ERR_ENROLLMENT_TOKEN') throw error
 * })
 * const { server } = createEnrollmentServer({
 *   credentials: { cert: credentials.cert, key: credentials.key.reveal() },
 *   tokens,
 *   issue: enrollmentIssuer(signingCa),
 *   clientAnchors: signingCa.certificate,
 *   serverAnchors: roots,
 * })
 * server.listen(9900)
 * ```
 */
export async function loadRelayServer(
  client: KubeClient,
  options: { readonly namespace?: string | undefined } & Pick<
    CertificateAuthorityOptions,
    'revocations'
  > = {},
): Promise<RelayServerMaterial> {
  checkOptionNames(options, ['namespace', 'revocations'], 'loadRelayServer')
  const { namespace = 'gloo-mesh', revocations } = options
  const [root, signing, server, token] = await Promise.all([
    findRelaySecret(client, namespace, 'root'),
    findRelaySecret(client, namespace, 'signing'),
    findRelaySecret(client, namespace, 'server'),
    findRelaySecret(client, namespace, 'identity-token'),
  ])
  if (root === undefined || signing === undefined || server === undefined || token === undefined) {
    const missing = Object.entries({ root, signing, server, 'identity-token': token })
      .filter(([, found]) => found === undefined)
      .map(([role]) => Reflect.get(RELAY_NAMES, role))
    throw new MeshPkiError(
      'ERR_KUBERNETES_INCOMPLETE_SECRET',
      `namespace ${namespace} lacks ${missing.join(', ')}: take relayServerStep until it changes nothing`,
      { data: { namespace, missing } },
    )
  }
  const { certificate, chain, privateKey } = signing.secret
  const signingCa = await withinSecret(RELAY_NAMES.signing, async () =>
    CertificateAuthority.from({
      certificate,
      chain: [...chain, ...root.secret.roots],
      signer: await importPrivateKey(privateKey.reveal()),
      clock: client.clock,
      ...(revocations === undefined ? {} : { revocations }),
    }),
  )
  return {
    signingCa,
    credentials: { cert: pemOf(server.secret.chain), key: server.secret.privateKey },
    roots: root.secret.roots,
    token: token.secret.token,
  }
}
