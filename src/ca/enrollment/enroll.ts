/**
 * A cluster's first certificate, for a token.
 *
 * @module
 */

import { checkOptionNames } from '../../internal/options.ts'
import { CLIENT_OPTIONS, type EnrollmentClientOptions, readClientOptions } from './client-options.ts'
import { readClusterName } from './cluster-name.ts'
import { askForCertificate, type Enrollment } from './enrollment-client.ts'
import { readToken } from './enrollment-token.ts'

/** Options of {@link enroll}. */
export interface EnrollOptions extends EnrollmentClientOptions {
  /** The enrollment token. It is sent to a server that was authenticated, and shown nowhere. */
  readonly token: string
  /** The cluster, as it is registered: lower-case labels of RFC 1123, no underscores. */
  readonly name: string
}

/**
 * Gets a cluster its first certificate: makes a key, which stays, and a request, which travels with the token.
 *
 * The server's certificate is verified before a byte of the request is sent: a path for servers to the pinned anchors,
 * and its name (RFC 5280 §6, RFC 9525). What comes back is verified against the request: the key, exactly the name, no CA,
 * a path to the pinned anchors. Redirects are not followed.
 *
 * @throws `MeshPkiError` `ERR_ENROLLMENT_SERVER`, `ERR_ENROLLMENT_REFUSED`, `ERR_ENROLLMENT_RESPONSE`,
 * `ERR_ENROLLMENT_CERTIFICATE`, `ERR_ENROLLMENT_TRANSPORT`, `ERR_ENROLLMENT_TIMEOUT`, `ERR_ENROLLMENT_TOKEN`,
 * `ERR_ENROLLMENT_NAME`, `ERR_ENROLLMENT_URL`, `ERR_TLS_…`; the signal's reason; `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { enroll } from 'mesh-pki/ca'
 * import { enrollmentDialer } from 'mesh-pki/node'
 * import { exportPrivateKey } from 'mesh-pki/x509'
 *
 * declare const token: string, relayRootPem: string
 * const { chain, privateKey } = await enroll({
 *   url: 'https://relay.example:9900/enrollment/v1',
 *   dial: enrollmentDialer(),
 *   anchors: relayRootPem,
 *   token,
 *   name: 'cluster-1',
 *   extractable: true,
 * })
 * const cert = chain.map(String).join('')
 * const key = privateKey && (await exportPrivateKey(privateKey, { format: 'pkcs8' }))
 * ```
 */
export async function enroll(options: EnrollOptions): Promise<Enrollment> {
  checkOptionNames(options, [...CLIENT_OPTIONS, 'token', 'name'], 'enroll')
  const token = readToken(options.token)
  const name = readClusterName(options.name, 'name')
  const ask = { operation: 'enroll', name, token, checkKey: () => {} } as const
  return askForCertificate(readClientOptions(options), ask)
}
