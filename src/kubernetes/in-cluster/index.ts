/**
 * Transports over `node:https`, for pods and without a client library: `mesh-pki/kubernetes/in-cluster`.
 *
 * @module
 */

export { type InClusterOptions, inClusterNamespace, inClusterTransport } from './in-cluster-transport.ts'
export { type KubeHttpsOptions, type KubeHttpsTransport, kubeHttpsTransport } from './kube-https-transport.ts'
