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
} as const

/** Names of ConfigMaps. */
export const ConfigMapName = {
  /** Trust anchors, in every namespace. */
  istioRoot: 'istio-ca-root-cert',
  /** CRLs, in every namespace. */
  istioCrl: 'istio-ca-crl',
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
} as const

/** The label on ConfigMaps that istiod distributes; its value is `true`. */
export const ISTIO_CONFIG_LABEL = 'istio.io/config'
