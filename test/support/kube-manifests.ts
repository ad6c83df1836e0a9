/**
 * The manifests that users install, as objects.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import {
  KubeClient,
  type KubeObject,
  type KubeResource,
  KubeResources,
  type KubeTransport,
} from '../../src/kubernetes/index.ts'

const folder = new URL('../../examples/kubernetes/', import.meta.url)

const read = (path: string): readonly KubeObject[] =>
  parseAllDocuments(readFileSync(new URL(path, folder), 'utf8')).map((one): KubeObject => one.toJS())

/** The definitions of our kinds and of those that this library shares. */
function definitions(): readonly KubeObject[] {
  return readdirSync(new URL('crds/', folder))
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => read(`crds/${file}`))
}

/** The rules of an adapter: Roles and ClusterRoles of `examples/kubernetes/rbac`, and what binds them. */
const rulesOf = (adapter: string): readonly KubeObject[] => read(`rbac/${adapter}.yaml`)

const rbac = (kind: string, plural: string, namespaced: boolean): KubeResource => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural,
  namespaced,
})
const KINDS: Readonly<Record<string, readonly [KubeResource, KubeResource]>> = {
  Role: [rbac('Role', 'roles', true), rbac('RoleBinding', 'rolebindings', true)],
  ClusterRole: [
    rbac('ClusterRole', 'clusterroles', false),
    rbac('ClusterRoleBinding', 'clusterrolebindings', false),
  ],
}

/** Installs the definitions and namespaces, and waits until the kinds are served. */
export async function install(
  admin: KubeTransport,
  namespaces: readonly string[],
  kinds: readonly KubeResource[],
): Promise<KubeClient> {
  const client = new KubeClient(admin, { fieldManager: 'test-install' })
  for (const definition of definitions())
    await client.create(KubeResources.customResourceDefinitions, definition)
  for (const name of namespaces) await client.create(KubeResources.namespaces, { metadata: { name } })
  for (const kind of kinds)
    for (let i = 0; !(await client.serves(kind)); i++) {
      if (i > 300) throw new Error(`${kind.plural} are not served`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  return client
}

/** One rule of a Role, and where it holds. */
export interface GrantedRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
  /** Of the Role; left out for a ClusterRole. */
  readonly namespace?: string
}

/** Which of an adapter's rules a user is given. */
export interface AllowOptions {
  /** The Roles, by name; all that the adapter's own account has by default. */
  readonly roles?: readonly string[]
  /** Takes rules away, or parts of them. */
  readonly change?: (rule: GrantedRule) => GrantedRule | undefined
}

/** The accounts that manifests bind roles to; others, as cert-manager's, are somebody else. */
const OWN = [
  'mesh-pki',
  'mesh-pki-agent',
  'mesh-pki-approver',
  'mesh-pki-issuer',
  'mesh-pki-relay-client',
  'mesh-pki-relay-server',
]

/** Gives a user the documented rules of an adapter, and nothing else. Answers them. */
export async function allow(
  client: KubeClient,
  user: string,
  adapter: string,
  { roles, change = (rule) => rule }: AllowOptions = {},
): Promise<readonly GrantedRule[]> {
  const documents = rulesOf(adapter)
  const bindings = documents.filter(({ kind }) => kind?.endsWith('Binding') === true)
  const isOwn = ({ kind, metadata }: KubeObject): boolean =>
    bindings.some(
      ({ roleRef, subjects }) =>
        Reflect.get(Object(roleRef), 'kind') === kind &&
        Reflect.get(Object(roleRef), 'name') === metadata.name &&
        Array.isArray(subjects) &&
        subjects.some((subject) => OWN.includes(subject.name)),
    )
  const granted: GrantedRule[] = []
  for (const role of documents) {
    if (bindings.includes(role) || !isOwn(role)) continue
    if (roles?.includes(role.metadata.name ?? '') === false) continue
    const kinds = KINDS[role.kind ?? '']
    if (kinds === undefined) throw new Error(`${adapter}: ${role.kind}`)
    const [resource, binding] = kinds
    const { namespace } = role.metadata
    const name = `${role.metadata.name}-${user}`
    const rules = (Array.isArray(role['rules']) ? role['rules'] : []).flatMap((rule: GrantedRule) => {
      const kept = change(rule)
      return kept === undefined ? [] : [kept]
    })
    granted.push(
      ...rules.map((rule) => ({ ...rule, ...(role.kind === 'Role' && namespace ? { namespace } : {}) })),
    )
    await client.create(resource, { ...role, metadata: { ...role.metadata, name }, rules })
    await client.create(binding, {
      metadata: { name, namespace },
      roleRef: { apiGroup: resource.group, kind: role.kind, name },
      subjects: [{ apiGroup: resource.group, kind: 'User', name: user }],
    })
  }
  if (granted.length === 0) throw new Error(`${adapter}: no role is bound`)
  return granted
}
