/**
 * CustomResourceDefinitions: their rules, and the kinds that they make.
 *
 * @module
 */

import { isRecord, listAt, recordAt, textAt } from '../objects/kube-object.ts'
import type { FakeKind, KindRules } from './fake-kind.ts'
import { customKind } from './kind-registry.ts'
import { subdomainFault } from './meta-rules.ts'
import { isDnsLabel } from './name-rules.ts'
import { type JsonMap, withMembers } from './stored-object.ts'
import { listKeysOf, pruned, validateBySchema } from './structural-schema.ts'

/** Where CustomResourceDefinitions are kept. */
export const CRD_TABLE = 'apiextensions.k8s.io/customresourcedefinitions'

/** Rules of `apiextensions.k8s.io/v1` CustomResourceDefinition. What is taken is established at once. */
export const CRD_RULES: KindRules = {
  nameFault: subdomainFault,
  onCreate(object, { now }) {
    const names = recordAt(recordAt(object, 'spec'), 'names')
    const condition = (type: string, reason: string): JsonMap => ({
      type,
      status: 'True',
      reason,
      message: '',
      lastTransitionTime: now,
    })
    return {
      ...object,
      status: {
        acceptedNames: names,
        conditions: [
          condition('NamesAccepted', 'NoConflicts'),
          condition('Established', 'InitialNamesAccepted'),
        ],
        storedVersions: versionsOf(object)
          .filter((version) => version['storage'] === true)
          .map((version) => version['name']),
      },
    }
  },
  validate(object, causes) {
    const spec = recordAt(object, 'spec')
    const names = recordAt(spec, 'names')
    const group = textAt(spec, 'group') ?? ''
    const plural = textAt(names, 'plural') ?? ''
    if (textAt(object['metadata'], 'name') !== `${plural}.${group}`)
      causes.invalid('metadata.name', 'must be spec.names.plural+"."+spec.group')
    if (group === '') causes.required('spec.group')
    if (!isDnsLabel(plural)) causes.invalid('spec.names.plural', 'not an RFC 1123 label')
    if ((textAt(names, 'kind') ?? '') === '') causes.required('spec.names.kind')
    const scope = spec['scope']
    if (scope !== 'Namespaced' && scope !== 'Cluster')
      causes.unsupported('spec.scope', scope, ['Cluster', 'Namespaced'])
    const annotations = recordAt(recordAt(object, 'metadata'), 'annotations')
    const isProtected = /(^|\.)(k8s|kubernetes)\.io$/.test(group)
    if (isProtected && annotations['api-approved.kubernetes.io'] === undefined)
      causes.required('metadata.annotations[api-approved.kubernetes.io]')
    const versions = versionsOf(object)
    if (versions.filter((version) => version['storage'] === true).length !== 1)
      causes.invalid('spec.versions', 'must have exactly one version marked as storage version')
    for (const [i, version] of versions.entries())
      if (!isRecord(recordAt(version, 'schema')['openAPIV3Schema']))
        causes.required(`spec.versions[${i}].schema.openAPIV3Schema`, 'schemas are required')
  },
}

const versionsOf = (object: JsonMap): readonly JsonMap[] =>
  listAt(recordAt(object, 'spec'), 'versions').filter(isRecord)

/** The kinds that a CustomResourceDefinition makes: one for each version that it serves. */
export function kindsOf(definition: JsonMap): readonly FakeKind[] {
  const spec = recordAt(definition, 'spec')
  const names = recordAt(spec, 'names')
  return versionsOf(definition)
    .filter((version) => version['served'] === true)
    .map((version) => {
      const schema = recordAt(recordAt(version, 'schema'), 'openAPIV3Schema')
      const resource = {
        group: textAt(spec, 'group') ?? '',
        version: textAt(version, 'name') ?? '',
        kind: textAt(names, 'kind') ?? '',
        plural: textAt(names, 'plural') ?? '',
        namespaced: spec['scope'] === 'Namespaced',
      }
      const hasStatus = isRecord(recordAt(version, 'subresources')['status'])
      return customKind(resource, {
        parts: hasStatus ? ['status'] : [],
        listKeys: listKeysOf(schema),
        rules: schemaRules(schema),
        fields: ['metadata.name', 'metadata.namespace', ...selectableFields(version)],
      })
    })
}

/** `selectableFields`, since 1.31. */
function selectableFields(version: JsonMap): readonly string[] {
  return listAt(version, 'selectableFields').flatMap((field) => {
    const path = textAt(field, 'jsonPath')
    return path === undefined ? [] : [path.replace(/^\./, '')]
  })
}

function schemaRules(schema: JsonMap): KindRules {
  return {
    nameFault: subdomainFault,
    decode(object) {
      const plain = pruned(withMembers(object, { metadata: undefined }), schema)
      const { apiVersion, kind, metadata } = object
      return { ...(isRecord(plain) ? plain : {}), apiVersion, kind, metadata }
    },
    validate(object, causes) {
      validateBySchema(withMembers(object, { metadata: undefined }), schema, '', causes)
    },
  }
}
