/**
 * Definitions that stand in for those of cert-manager and trust-manager: their structure, as far as the adapters read and
 * write it.
 */
import type { KubeObject, KubeResource } from '../../../src/kubernetes/index.ts'
import { CERTIFICATE_USAGES } from '../../../src/kubernetes/signers/usages.ts'

const text = { type: 'string' }
const bytes = { type: 'string', format: 'byte' }
const texts = { type: 'array', items: text }

const conditions = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type', 'status'],
    properties: {
      type: text,
      status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
      reason: text,
      message: text,
      lastTransitionTime: { type: 'string', format: 'date-time' },
      observedGeneration: { type: 'integer', format: 'int64' },
    },
  },
}

const object = (properties: object, required: readonly string[] = []): object => ({
  type: 'object',
  properties,
  ...(required.length === 0 ? {} : { required }),
})

function definition(
  { group, version, kind, plural, namespaced }: KubeResource,
  spec: object,
  status: object,
): KubeObject {
  return {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: object({ spec, status }) },
        },
      ],
    },
  }
}

/** `cert-manager.io/v1` CertificateRequest. */
export const certificateRequests = (resource: KubeResource): KubeObject =>
  definition(
    resource,
    object(
      {
        request: bytes,
        issuerRef: object({ group: text, kind: text, name: text }, ['name']),
        duration: text,
        isCA: { type: 'boolean' },
        usages: { type: 'array', items: { type: 'string', enum: CERTIFICATE_USAGES } },
        username: text,
        uid: text,
        groups: texts,
        extra: { type: 'object', additionalProperties: texts },
      },
      ['issuerRef', 'request'],
    ),
    object({
      conditions,
      certificate: bytes,
      ca: bytes,
      failureTime: { type: 'string', format: 'date-time' },
    }),
  )

/** `trust.cert-manager.io/v1alpha1` Bundle. */
export function bundles(resource: KubeResource): KubeObject {
  const source = object({ name: text, key: text }, ['key'])
  return definition(
    resource,
    object(
      {
        sources: {
          type: 'array',
          'x-kubernetes-list-type': 'atomic',
          minItems: 1,
          items: object({
            configMap: source,
            secret: source,
            inLine: text,
            useDefaultCAs: { type: 'boolean' },
          }),
        },
        target: object({
          configMap: object({ key: text }, ['key']),
          secret: object({ key: text }, ['key']),
          namespaceSelector: object({ matchLabels: { type: 'object', additionalProperties: text } }),
        }),
      },
      ['sources'],
    ),
    object({ conditions, defaultCAVersion: text }),
  )
}
