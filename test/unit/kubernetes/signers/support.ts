import type { KubeRequest, KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'
import { isKubeObject, type KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { SigningPolicy, type SigningPolicyInput } from '../../../../src/kubernetes/signers/signing-policy.ts'
import {
  serviceAccountIdentity,
  workloadSigning,
} from '../../../../src/kubernetes/signers/workload-signing.ts'

export const NOW = new Date('2026-03-01T12:00:00Z')
export const SIGNER_NAME = 'example.com/mesh'
export const CART = 'system:serviceaccount:shop:cart'
export const CART_ID = 'spiffe://cluster.local/ns/shop/sa/cart'

export const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')
export const text = (value: unknown): string => Buffer.from(String(value), 'base64').toString('utf8')
export const ago = (seconds: number): string =>
  new Date(NOW.getTime() - seconds * 1000).toISOString().replace('.000Z', 'Z')

export const POLICY: SigningPolicy = SigningPolicy.from(
  workloadSigning({ identify: serviceAccountIdentity('cluster.local') }),
)

/** Makes CAs too, for whoever asks. */
export const CA_POLICY_INPUT: SigningPolicyInput = {
  ...workloadSigning({ identify: serviceAccountIdentity('cluster.local') }),
  ca: { lifetime: { max: '90d', onTooLong: 'cap' } },
  authorize: ({ isCa }) =>
    isCa ? { identities: [], subject: 'CN=cluster-1,O=Example' } : { identities: [CART_ID] },
}

export const condition = (type: string, status = 'True', rest: object = {}): object => ({
  type,
  status,
  reason: 'Test',
  message: 'by a test',
  ...rest,
})

/** An object as it comes over the wire, with members that no type of ours names. */
export function wire(value: unknown): KubeObject {
  if (!isKubeObject(value)) throw new Error('an object has metadata')
  return value
}

/** A CertificateSigningRequest as the API server answers it. */
export function csrObject(
  pem: string,
  { spec = {}, status = {}, metadata = {} }: { spec?: object; status?: object; metadata?: object } = {},
): KubeObject {
  return wire({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'cart-1', uid: 'uid-1', resourceVersion: '7', creationTimestamp: ago(60), ...metadata },
    spec: {
      request: base64(pem),
      signerName: SIGNER_NAME,
      usages: ['digital signature', 'key encipherment', 'server auth', 'client auth'],
      username: CART,
      uid: 'sa-uid',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/pod-name': ['cart-abc'] },
      ...spec,
    },
    status: { conditions: [condition('Approved')], ...status },
  })
}

/** A CertificateRequest of cert-manager. */
export function requestObject(
  pem: string,
  { spec = {}, status = {}, metadata = {} }: { spec?: object; status?: object; metadata?: object } = {},
): KubeObject {
  return wire({
    apiVersion: 'cert-manager.io/v1',
    kind: 'CertificateRequest',
    metadata: {
      name: 'cart-1',
      namespace: 'shop',
      uid: 'uid-1',
      resourceVersion: '7',
      generation: 1,
      creationTimestamp: ago(60),
      ...metadata,
    },
    spec: {
      request: base64(pem),
      issuerRef: { group: 'pki.mesh-pki.dev', kind: 'MeshIssuer', name: 'mesh' },
      duration: '12h0m0s',
      usages: ['digital signature', 'key encipherment'],
      username: CART,
      groups: [],
      ...spec,
    },
    status: { conditions: [condition('Approved')], ...status },
  })
}

/** An issuer of ours that is ready. */
export function issuerObject({
  spec = {},
  status = {},
  metadata = {},
}: {
  spec?: object
  status?: object
  metadata?: object
} = {}): KubeObject {
  return wire({
    apiVersion: 'pki.mesh-pki.dev/v1alpha1',
    kind: 'MeshIssuer',
    metadata: { name: 'mesh', namespace: 'shop', uid: 'issuer-uid', generation: 2, ...metadata },
    spec: { signer: 'istio', ...spec },
    status: { conditions: [condition('Ready', 'True', { observedGeneration: 2 })], ...status },
  })
}

/** A PodCertificateRequest. */
export function podRequestObject(
  der: Uint8Array,
  { spec = {}, status = {}, metadata = {} }: { spec?: object; status?: object; metadata?: object } = {},
): KubeObject {
  return wire({
    apiVersion: 'certificates.k8s.io/v1beta1',
    kind: 'PodCertificateRequest',
    metadata: {
      name: 'req-1',
      namespace: 'shop',
      uid: 'uid-1',
      resourceVersion: '7',
      creationTimestamp: ago(60),
      ...metadata,
    },
    spec: {
      signerName: SIGNER_NAME,
      podName: 'cart-abc',
      podUID: 'pod-uid',
      serviceAccountName: 'cart',
      serviceAccountUID: 'sa-uid',
      nodeName: 'node-1',
      nodeUID: 'node-uid',
      maxExpirationSeconds: 86_400,
      stubPKCS10Request: base64(der),
      ...spec,
    },
    status,
  })
}

/** A transport that lets a test act right before some of its requests. */
export function intercepted(
  transport: KubeTransport,
  before: (request: KubeRequest) => void | Promise<void>,
): KubeTransport {
  return {
    async request(request) {
      await before(request)
      return transport.request(request)
    },
    watch: (request) => transport.watch(request),
  }
}
