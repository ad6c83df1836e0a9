/**
 * Who may do what: users with rules of RBAC (`rbac.authorization.k8s.io/v1` PolicyRule).
 *
 * @module
 */

import type { KubeResource } from '../api/kube-resource.ts'
import { ApiRefusal, forbidden } from './api-refusal.ts'
import type { ApiRequest } from './api-request.ts'
import type { Caller } from './fake-kind.ts'

/** One rule, with the members of a Role's. */
export interface FakeKubeRule {
  /** `''` is the core group, `'*'` every group. */
  readonly apiGroups: readonly string[]
  /** Plurals, and their parts as `certificatesigningrequests/status`. `'*'` is all. */
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  /** Left out: all. Requests without a name, as `create`, are never allowed by a rule that has it. */
  readonly resourceNames?: readonly string[] | undefined
  /** The namespace of the Role; left out for the rule of a ClusterRole. */
  readonly namespace?: string | undefined
}

/** A user of a {@link FakeKubeApi}. */
export interface FakeKubeUser {
  readonly groups?: readonly string[] | undefined
  readonly uid?: string | undefined
  /** `'all'`: everything, as `system:masters`. */
  readonly rules: 'all' | readonly FakeKubeRule[]
}

/** What a rule is asked about. */
interface Question {
  readonly verb: string
  readonly group: string
  /** Plural, with its part. */
  readonly resource: string
  readonly name: string | undefined
  readonly namespace: string | undefined
}

function allows(rule: FakeKubeRule, question: Question): boolean {
  const { verb, group, resource, name, namespace } = question
  const has = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value)
  const [, part] = resource.split('/')
  return (
    (rule.namespace === undefined || rule.namespace === namespace) &&
    has(rule.verbs, verb) &&
    has(rule.apiGroups, group) &&
    (has(rule.resources, resource) || (part !== undefined && rule.resources.includes(`*/${part}`))) &&
    (rule.resourceNames === undefined || (name !== undefined && rule.resourceNames.includes(name)))
  )
}

/** The users of a server. */
export class AccessRules {
  readonly #users = new Map<string, FakeKubeUser>()

  set(name: string, user: FakeKubeUser | undefined): void {
    if (user === undefined) this.#users.delete(name)
    else this.#users.set(name, user)
  }

  /** Who it is. @throws `ApiRefusal` 401. */
  authenticate(name: string): Caller {
    const user = this.#users.get(name)
    if (user === undefined) throw new ApiRefusal(401, { reason: 'Unauthorized', message: 'Unauthorized' })
    return {
      name,
      uid: user.uid ?? '',
      groups: [...new Set([...(user.groups ?? []), 'system:authenticated'])],
      may: (verb, group, resource, resourceName) =>
        this.#allows(user, { verb, group, resource, name: resourceName, namespace: undefined }),
    }
  }

  /** Whether the user may do it. @throws `ApiRefusal` 401, 403. */
  authorize(user: string, request: ApiRequest, resource: KubeResource): void {
    this.authenticate(user)
    const { verb, group, plural, part, namespace, name } = request
    const path = part === undefined ? plural : `${plural}/${part}`
    const known = this.#users.get(user)
    if (known !== undefined && this.#allows(known, { verb, group, resource: path, name, namespace })) return
    const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
    throw forbidden(
      { resource, name },
      `User "${user}" cannot ${verb} resource "${path}" in API group "${group}" ${where}`,
    )
  }

  #allows(user: FakeKubeUser, question: Question): boolean {
    return user.rules === 'all' || user.rules.some((rule) => allows(rule, question))
  }
}
