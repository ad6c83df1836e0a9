/**
 * The transport of a pod to its own cluster's API server.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { env } from 'node:process'
import { MeshPkiError } from '../../errors.ts'
import type { Clock } from '../../internal/clock.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { isObjectName } from '../api/kube-resource.ts'
import { type KubeHttpsTransport, kubeHttpsTransport } from './kube-https-transport.ts'

/** Options of {@link inClusterTransport}; a pod needs none. */
export interface InClusterOptions {
  /** Default: the environment's `KUBERNETES_SERVICE_HOST`. */
  readonly host?: string | undefined
  /** Default: the environment's `KUBERNETES_SERVICE_PORT`, or 443. */
  readonly port?: string | undefined
  /** Where kubelet puts token, CA and namespace. Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly serviceAccountFolder?: string | undefined
  readonly clock?: Clock | undefined
}

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Makes the transport of a pod: the server from the environment, the ServiceAccount's token and CA from their files,
 * which are read again once a minute, and the token at once after an answer of 401.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_UNAVAILABLE` outside of a cluster.
 *
 * @example
 * ```ts
 * import { KubeClient } from 'mesh-pki/kubernetes'
 * import { inClusterTransport } from 'mesh-pki/kubernetes/in-cluster'
 *
 * const client = new KubeClient(inClusterTransport(), { fieldManager: 'my-controller' })
 * ```
 */
export function inClusterTransport(options: InClusterOptions = {}): KubeHttpsTransport {
  checkOptionNames(options, ['host', 'port', 'serviceAccountFolder', 'clock'], 'inClusterTransport()')
  const host = options.host ?? env['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = options.port ?? env['KUBERNETES_SERVICE_PORT'] ?? '443'
  if (host === '')
    throw new MeshPkiError(
      'ERR_KUBERNETES_UNAVAILABLE',
      'this is no pod: KUBERNETES_SERVICE_HOST is not set. Outside of a cluster use kubeHttpsTransport() or a client library',
    )
  // Addresses of IPv6 come bare.
  const authority = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const folder = options.serviceAccountFolder ?? FOLDER
  return kubeHttpsTransport({
    server: `https://${authority}:${port}`,
    caFile: join(folder, 'ca.crt'),
    tokenFile: join(folder, 'token'),
    clock: options.clock,
  })
}

/**
 * The namespace that this pod is in.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_UNAVAILABLE` outside of a pod.
 */
export async function inClusterNamespace(
  options: Pick<InClusterOptions, 'serviceAccountFolder'> = {},
): Promise<string> {
  checkOptionNames(options, ['serviceAccountFolder'], 'inClusterNamespace()')
  const file = join(options.serviceAccountFolder ?? FOLDER, 'namespace')
  const text = await readFile(file, 'utf8').catch(() => '')
  const namespace = text.trim()
  if (!isObjectName(namespace))
    throw new MeshPkiError('ERR_KUBERNETES_UNAVAILABLE', 'this is no pod: it has no file with its namespace')
  return namespace
}
