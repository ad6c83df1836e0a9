/**
 * Discovery documents of the in-memory API server.
 *
 * @module
 */

import { apiVersionOf } from '../api/kube-resource.ts'
import { noSuchPath } from './api-refusal.ts'
import { type FakeKind, type FakeKubeVersion, hasStatusPart } from './fake-kind.ts'
import type { KindRegistry } from './kind-registry.ts'
import type { JsonMap } from './stored-object.ts'

const VERBS: readonly string[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]

/** The document at a path. @throws `ApiRefusal` 404. */
export function discover(path: string, kinds: KindRegistry, version: FakeKubeVersion): JsonMap {
  const [, root, group, groupVersion, ...more] = path.replace(/\/$/, '').split('/')
  if (path === '/version') {
    const minor = version.slice(2)
    return { major: '1', minor, gitVersion: `v${version}.0`, platform: 'memory' }
  }
  if (root === 'api' && group === undefined) return { kind: 'APIVersions', versions: ['v1'] }
  if (root === 'api' && groupVersion === undefined) return resourceList('', group ?? '', kinds)
  if (root !== 'apis' || more.length > 0) throw noSuchPath()
  if (group === undefined) {
    const groups = [...new Set(kinds.all().map(({ resource }) => resource.group))].filter(
      (name) => name !== '',
    )
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((name) => groupOf(name, kinds)) }
  }
  if (groupVersion === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, kinds) }
  return resourceList(group, groupVersion, kinds)
}

function groupOf(name: string, kinds: KindRegistry): JsonMap {
  const own = kinds.all().filter(({ resource }) => resource.group === name)
  const versions = [...new Set(own.map(({ resource }) => resource.version))].map((version) => ({
    groupVersion: `${name}/${version}`,
    version,
  }))
  if (versions.length === 0) throw noSuchPath()
  return { name, versions, preferredVersion: versions[0] }
}

function resourceList(group: string, version: string, kinds: KindRegistry): JsonMap {
  const own = kinds.all().filter(({ resource }) => resource.group === group && resource.version === version)
  const [first] = own
  if (first === undefined) throw noSuchPath()
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(first.resource),
    resources: own.flatMap((kind) => [entry(kind), ...kind.parts.map((part) => partEntry(kind, part))]),
  }
}

const entry = ({ resource }: FakeKind): JsonMap => ({
  name: resource.plural,
  singularName: resource.kind.toLowerCase(),
  namespaced: resource.namespaced,
  kind: resource.kind,
  verbs: VERBS,
})

const partEntry = (kind: FakeKind, part: string): JsonMap => ({
  name: `${kind.resource.plural}/${part}`,
  singularName: '',
  namespaced: kind.resource.namespaced,
  kind: kind.resource.kind,
  verbs: hasStatusPart(kind) ? ['get', 'patch', 'update'] : ['update'],
})
