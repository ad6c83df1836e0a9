import { describe, expect, test } from 'vitest'
import {
  bounceTargets,
  readPodBounceDirective,
} from '../../../../src/kubernetes/trust/pod-bounce-directive.ts'

const directive = (podsToBounce: unknown) => ({
  apiVersion: 'certificates.mesh.gloo.solo.io/v1',
  kind: 'PodBounceDirective',
  metadata: { name: 'istiod-istio-system-cluster-1', namespace: 'gloo-mesh' },
  spec: { podsToBounce },
})

/** As Gloo Mesh writes it (mesh-contracts §1.6): istiod first, then what waits for the roots. */
const SYNC = {
  secretRef: { name: 'cacerts', namespace: 'istio-system' },
  secretKey: 'root-cert.pem',
  configMapRef: { name: 'istio-ca-root-cert', namespace: 'shop' },
  configMapKey: 'root-cert.pem',
}
const ISTIOD = { namespace: 'istio-system', labels: { app: 'istiod' }, waitForReplicas: 1 }
const SHOP = { namespace: 'shop', labels: { app: 'cart' }, rootCertSync: SYNC }

const workload = (namespace: string, name: string, app: string) => ({
  metadata: { namespace, name },
  spec: { template: { metadata: { labels: { app, version: 'v1' } } } },
})

describe('a PodBounceDirective', () => {
  test('is read as Gloo Mesh writes it', () => {
    expect(readPodBounceDirective(directive([ISTIOD, SHOP]))).toEqual([
      { ...ISTIOD, rootCertSync: undefined },
      {
        namespace: 'shop',
        labels: { app: 'cart' },
        waitForReplicas: 0,
        rootCertSync: {
          secret: SYNC.secretRef,
          secretKey: 'root-cert.pem',
          configMap: SYNC.configMapRef,
          configMapKey: 'root-cert.pem',
        },
      },
    ])
    expect(readPodBounceDirective(directive(undefined))).toEqual([])
  })

  test.each([
    [{ labels: { app: 'x' } }, 'namespace'],
    [{ namespace: 'shop' }, 'labels'],
    [{ namespace: 'shop', labels: {} }, 'labels'],
    [{ namespace: 'shop', labels: { app: 7 } }, 'labels'],
    [{ ...SHOP, waitForReplicas: -1 }, 'waitForReplicas'],
    [{ ...SHOP, rootCertSync: { secretKey: 'x' } }, 'rootCertSync'],
  ])('is refused where it would mean too many, or nobody: %j', (entry, word) => {
    expect(() => readPodBounceDirective(directive([ISTIOD, entry]))).toThrow(
      expect.objectContaining({
        code: 'ERR_KUBERNETES_ORDER',
        message: expect.stringMatching(`podsToBounce\\[1\\].*${word}`),
      }),
    )
  })

  test('names workloads by the labels of their pods, in its own order, each once', () => {
    const targets = bounceTargets(readPodBounceDirective(directive([ISTIOD, SHOP, SHOP])), {
      deployments: [
        workload('shop', 'cart', 'cart'),
        workload('istio-system', 'istiod', 'istiod'),
        workload('other', 'cart', 'cart'),
      ],
      statefulSets: [workload('shop', 'cart-store', 'cart'), workload('shop', 'payment', 'payment')],
    })
    expect(targets).toEqual([
      { kind: 'Deployment', namespace: 'istio-system', name: 'istiod' },
      { kind: 'Deployment', namespace: 'shop', name: 'cart' },
      { kind: 'StatefulSet', namespace: 'shop', name: 'cart-store' },
    ])
  })
})
