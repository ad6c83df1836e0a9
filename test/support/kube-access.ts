/**
 * Rules of RBAC on a real API server, in the form in which the one in memory takes them.
 */
import type { KubeTransport } from '../../src/kubernetes/index.ts'
import type { FakeKubeRule } from '../../src/kubernetes/testing/index.ts'

const RBAC = '/apis/rbac.authorization.k8s.io/v1'

async function create(admin: KubeTransport, path: string, body: object): Promise<void> {
  const answer = await admin.request({ method: 'POST', path, body, signal: AbortSignal.timeout(10_000) })
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
}

/**
 * Lets a user do what some rules say: a Role for each namespace, a ClusterRole for the rest. Resolves when the server
 * acts on them, which it does a moment after it has taken them.
 */
export async function grant(
  admin: KubeTransport,
  user: string,
  rules: readonly FakeKubeRule[],
): Promise<void> {
  const name = `test-${user}`
  const subjects = [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }]
  for (const namespace of new Set(rules.map((rule) => rule.namespace))) {
    const own = rules
      .filter((rule) => rule.namespace === namespace)
      .map(({ apiGroups, resources, verbs, resourceNames }) => ({
        apiGroups,
        resources,
        verbs,
        resourceNames,
      }))
    const kind = namespace === undefined ? 'ClusterRole' : 'Role'
    const root = namespace === undefined ? RBAC : `${RBAC}/namespaces/${namespace}`
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name }
    await create(admin, `${root}/${kind.toLowerCase()}s`, { metadata: { name }, rules: own })
    await create(admin, `${root}/${kind.toLowerCase()}bindings`, { metadata: { name }, subjects, roleRef })
  }
  for (const rule of rules) await untilAllowed(admin, user, rule)
}

/** Resolves when the server acts on a rule of a user. */
export async function untilAllowed(admin: KubeTransport, user: string, rule: FakeKubeRule): Promise<void> {
  const first = (list: readonly string[]): string => list[0] ?? ''
  const [resource = '', subresource] = first(rule.resources).split('/')
  const spec = {
    user,
    resourceAttributes: {
      verb: first(rule.verbs),
      group: first(rule.apiGroups),
      resource,
      subresource,
      name: rule.resourceNames?.[0],
      namespace: rule.namespace,
    },
  }
  for (let i = 0; i < 200; i++) {
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
    const signal = AbortSignal.timeout(10_000)
    const { body } = await admin.request({ method: 'POST', path, body: { spec }, signal })
    if (Object(body).status?.allowed === true) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`the rules of ${user} have no effect`)
}
