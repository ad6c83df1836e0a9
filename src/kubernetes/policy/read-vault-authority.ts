/**
 * `agentCa`: a PKI engine of Vault that each agent asks by itself.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import type { NamespacedName } from '../objects/kube-object.ts'
import type { PolicyNode } from './policy-node.ts'
import type { VaultAuthority, VaultLogin, VaultTrust } from './trust-policy.ts'

const DEFAULT_MOUNT_PATH = '/v1/auth/kubernetes'
const DEFAULT_TOKEN_KEY = 'token'
const DEFAULT_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Reads `agentCa` (v2) or `intermediateCertificateAuthority` (v1). @throws `MeshPkiError` `ERR_KUBERNETES_POLICY` without Vault. */
export function readVaultAuthority(parent: PolicyNode, namespace: string): VaultAuthority {
  const node = parent.node('vault')
  if (node === undefined)
    throw parent.report.refuse(
      parent.path,
      'it names no "vault", and Vault is the only CA that agents can ask. Write vault: {server, caPath, csrPath}, or take the management CA',
    )
  parent.end()
  const server = node.needText('server', 'the address of Vault')
  if (!/^https?:\/\/[^\s/?#]+/.test(server))
    throw node.report.refuse(
      node.at('server'),
      `expected a URL such as https://vault:8200, found ${quote(server)}`,
    )
  if (!server.startsWith('https://'))
    node.report.warn(
      'vault-without-tls',
      node.at('server'),
      'Vault is asked without TLS: its token, and the private key of the mesh that it answers, can be read on the way. Use https',
    )
  const vault: VaultAuthority = {
    server,
    caPath: node.needText('caPath', 'the path at which Vault signs, such as pki/root/sign-intermediate'),
    csrPath: node.needText(
      'csrPath',
      'the path at which Vault makes the key, such as pki_int/intermediate/generate/exported',
    ),
    namespace: node.text('namespace'),
    trust: readTrust(node, namespace),
    login: readLogin(node, namespace),
  }
  node.end()
  return Object.freeze(vault)
}

/** Reads `{name, namespace}`; the namespace may be left out where the policy's own stands in for it. */
export function readReference(
  node: PolicyNode,
  name: string,
  fallbackNamespace: string | undefined,
): NamespacedName | undefined {
  const reference = node.node(name)
  if (reference === undefined) return undefined
  const object = reference.needText('name', 'the name')
  const given = reference.text('namespace')
  const namespace = given ?? fallbackNamespace
  if (namespace === undefined)
    throw node.report.refuse(reference.at('namespace'), 'the namespace is missing. Write it there')
  if (given === undefined)
    node.report.warn(
      'secret-namespace-defaulted',
      reference.at('namespace'),
      `no namespace; that of the policy is taken, ${quote(namespace)}. Write it there`,
    )
  // Some versions of the reference have it; on the management cluster it has no meaning.
  reference.raw('clusterName')
  reference.end()
  return Object.freeze({ name: object, namespace })
}

function readTrust(node: PolicyNode, namespace: string): VaultTrust | undefined {
  const pem = node.text('caBundle')
  const secret = readReference(node, 'caSecretRef', namespace)
  const path = node.text('caLocalPath')
  const given = [pem, secret, path].filter((value) => value !== undefined)
  if (given.length > 1)
    throw node.report.refuse(
      node.path,
      'expected one of caBundle, caSecretRef and caLocalPath, found several',
    )
  if (pem !== undefined) return { from: 'inline', pem }
  if (secret !== undefined) return { from: 'secret', secret }
  return path === undefined ? undefined : { from: 'file', path }
}

function readLogin(node: PolicyNode, namespace: string): VaultLogin {
  const token = readReference(node, 'tokenSecretRef', namespace)
  const kubernetes = node.node('kubernetesAuth')
  if (token !== undefined && kubernetes !== undefined)
    throw node.report.refuse(node.path, 'expected one of tokenSecretRef and kubernetesAuth, found both')
  if (token !== undefined) return { method: 'token', secret: token }
  if (kubernetes === undefined)
    throw node.report.refuse(node.path, 'nothing says how to log in: write tokenSecretRef or kubernetesAuth')
  const serviceAccount = readReference(kubernetes, 'serviceAccountRef', namespace)
  const mountedPath = kubernetes.text('mountedSaPath')
  if (serviceAccount !== undefined && mountedPath !== undefined)
    throw node.report.refuse(
      kubernetes.path,
      'expected one of serviceAccountRef and mountedSaPath, found both',
    )
  const login: VaultLogin = {
    method: 'kubernetes',
    mountPath: kubernetes.text('mountPath') ?? DEFAULT_MOUNT_PATH,
    role: kubernetes.needText('role', 'the role of Vault'),
    secretTokenKey: kubernetes.text('secretTokenKey') ?? DEFAULT_TOKEN_KEY,
    ...(serviceAccount === undefined
      ? { mountedPath: mountedPath ?? DEFAULT_ACCOUNT_PATH }
      : { serviceAccount }),
  }
  kubernetes.end()
  return login
}
