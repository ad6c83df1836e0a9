/**
 * What Istio and Gloo Mesh call their objects, data keys and types.
 *
 * @module
 */

/** The namespace of istiod where nobody chose another. */
export const ISTIO_NAMESPACE = 'istio-system'

/** Names of secrets. */
export const SecretName = {
  /** The plug-in CA of istiod. */
  cacerts: 'cacerts',
  /** The CA that istiod made for itself. */
  istioCa: 'istio-ca-secret',
  /** What agents verify the relay server of Gloo Mesh by. */
  relayRoot: 'relay-root-tls-secret',
  relayServer: 'relay-server-tls-secret',
  /** The CA that signs the agents' certificates. */
  relaySigning: 'relay-tls-signing-secret',
  relayClient: 'relay-client-tls-secret',
  relayIdentityToken: 'relay-identity-token-secret',
  relayForwardingIdentityToken: 'relay-forwarding-identity-token-secret',
} as const

/** Names of ConfigMaps. */
export const ConfigMapName = {
  /** Trust anchors, in every namespace. */
  istioRoot: 'istio-ca-root-cert',
  /** CRLs, in every namespace. */
  istioCrl: 'istio-ca-crl',
  /** The mesh's configuration; that of a revision is `istio-<revision>`. */
  istioMesh: 'istio',
} as const

/** Types of secrets. A type cannot be changed once the object exists. */
export const SecretType = {
  opaque: 'Opaque',
  tls: 'kubernetes.io/tls',
  istioCaRoot: 'istio.io/ca-root',
  glooGeneratedRoot: 'certificates.mesh.gloo.solo.io/generated_signing_cert',
  glooGeneratedKey: 'certificates.mesh.gloo.solo.io/generated_private_key',
  glooIssued: 'certificates.mesh.gloo.solo.io/issued_certificate',
  /** Service Mesh Hub's, before Gloo Mesh. */
  smhIssued: 'certificates.smh.solo.io/issued_certificate',
} as const

/** Data keys of secrets and ConfigMaps. */
export const DataKey = {
  caCert: 'ca-cert.pem',
  caKey: 'ca-key.pem',
  certChain: 'cert-chain.pem',
  rootCert: 'root-cert.pem',
  caCrl: 'ca-crl.pem',
  /** An empty marker: istiod made this `cacerts` itself. */
  istioGenerated: 'istio-generated',
  /** The root's key in Gloo's two-key form; empty elsewhere. */
  key: 'key.pem',
  tlsCert: 'tls.crt',
  tlsKey: 'tls.key',
  tlsCa: 'ca.crt',
  /** The key of Gloo's agent. */
  privateKey: 'private-key',
  /** The relay's bootstrap token. */
  token: 'token',
  /** The mesh's configuration, in the ConfigMap `istio`. */
  mesh: 'mesh',
} as const

/** The label on ConfigMaps that istiod distributes; its value is `true`. */
export const ISTIO_CONFIG_LABEL = 'istio.io/config'

/** The label that names the revision of an istiod. */
export const ISTIO_REVISION_LABEL = 'istio.io/rev'

/** The ClusterTrustBundle of istiod, which none but istiod may write. */
export const ISTIO_TRUST_BUNDLE = 'istio.io:istiod-ca:root-cert'

/** Labels of Gloo Mesh. */
export const GlooLabel = {
  /** On what the management side wrote; its value is the namespace of the writer. */
  owner: 'owner.networking.mesh.gloo.solo.io',
  /** On what an agent wrote; its value is the agent's namespace. */
  agent: 'agent.certificates.mesh.gloo.solo.io',
  /** On what an agent wrote; its value is the name of its cluster. */
  agentCluster: 'agent.networking.mesh.gloo.solo.io',
} as const

/** Annotations of Gloo Mesh. */
export const GlooAnnotation = {
  /** JSON: `{"<group>/<version>, Kind=<kind>": [{"name": …, "namespace": …}]}`. */
  parents: 'parents.networking.mesh.gloo.solo.io',
} as const
