/**
 * The trust material of a small mesh, as an API server answers it.
 */
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import * as pem from '../fixtures.ts'
import { secretOf } from '../support.ts'

export const PASSPHRASE = 'correct horse battery staple'
/** The least that is taken, so that tests are quick. */
export const QUICK = { passphrase: PASSPHRASE, iterations: 10_000, clock: manualClock() }

const server = {
  uid: '6f4c',
  resourceVersion: '123',
  generation: 2,
  creationTimestamp: '2026-01-01T00:00:00Z',
  managedFields: [{ manager: 'kubectl' }],
  ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'gone' }],
  selfLink: '/api/v1/x',
}

const data = secretOf({ 'ca-key.pem': pem.INTERMEDIATE_A_KEY, 'ca-cert.pem': pem.INTERMEDIATE_A }).data

export const cacerts: KubeObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: {
    name: 'cacerts',
    namespace: 'istio-system',
    labels: { a: 'b' },
    // kubectl apply leaves the whole secret here.
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ data }) },
    finalizers: ['keep/me'],
    ...server,
  },
  data,
}
export const token: KubeObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'relay-identity-token-secret', namespace: 'gloo-mesh', ...server },
  stringData: { token: 'a-token-nobody-may-see' },
}
export const roots: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio-ca-root-cert', namespace: 'shop', ...server },
  data: { 'root-cert.pem': pem.ROOT_A },
}
export const policy: KubeObject = {
  apiVersion: 'admin.gloo.solo.io/v2',
  kind: 'RootTrustPolicy',
  metadata: { name: 'root-trust-policy', namespace: 'gloo-mesh', ...server },
  spec: { config: { mgmtServerCa: { generated: { ttlDays: 3650 } }, zero: 0, none: null, list: [] } },
  status: { state: 'ACCEPTED' },
}
export const bundle: KubeObject = {
  apiVersion: 'certificates.k8s.io/v1beta1',
  kind: 'ClusterTrustBundle',
  metadata: { name: 'example.com:mesh:roots', ...server },
  spec: { trustBundle: pem.ROOT_A },
}
export const OBJECTS: readonly KubeObject[] = [cacerts, token, roots, policy, bundle]

/** An object as it is restored. */
export function portable({ status: _, ...object }: KubeObject): KubeObject {
  const metadata = Object.fromEntries(
    Object.entries(object.metadata).filter(([name]) => !Object.hasOwn(server, name)),
  )
  return { ...object, metadata }
}
