/**
 * Installs what a cluster needs: definitions, namespaces, and the rules of each user.
 *
 * @module
 */

import { readdir, readFile } from 'node:fs/promises'
import {
  type KubeClient,
  type KubeObject,
  type KubeResource,
  KubeResources,
  MESH_PKI_API,
} from 'mesh-pki/kubernetes'
import { parseAllDocuments } from 'yaml'

const MANIFESTS = new URL('../../../examples/kubernetes/', import.meta.url)

async function read(path: string): Promise<readonly KubeObject[]> {
  const text = await readFile(new URL(path, MANIFESTS), 'utf8')
  return parseAllDocuments(text).map((document): KubeObject => document.toJS())
}

/** The definitions of our kinds, and namespaces. */
export async function install(admin: KubeClient, namespaces: readonly string[]): Promise<void> {
  for (const file of await readdir(new URL('crds/', MANIFESTS)))
    for (const definition of await read(`crds/${file}`))
      await admin.create(KubeResources.customResourceDefinitions, definition)
  for (const name of namespaces) await admin.create(KubeResources.namespaces, { metadata: { name } })
  while (!(await admin.serves(MESH_PKI_API.issuedCertificates)))
    await new Promise((resolve) => setTimeout(resolve, 100))
}

const rbac = (kind: string): KubeResource => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced: !kind.startsWith('Cluster'),
})

/**
 * Gives a user the documented rules of an adapter, with further names of Secrets, and nothing else. The manifests bind them to
 * ServiceAccounts; here users have certificates.
 */
export async function allow(
  admin: KubeClient,
  user: string,
  adapter: string,
  secrets: readonly string[] = [],
): Promise<void> {
  for (const role of await read(`rbac/${adapter}.yaml`)) {
    const { kind = '' } = role
    if (kind.endsWith('Binding')) continue
    const { name = '', namespace } = role.metadata
    const rules = Object(role['rules']).map(
      (rule: { resourceNames?: readonly string[]; resources: readonly string[] }) =>
        rule.resourceNames !== undefined && rule.resources.includes('secrets')
          ? { ...rule, resourceNames: [...rule.resourceNames, ...secrets] }
          : rule,
    )
    await admin.create(rbac(kind), { ...role, rules })
    await admin.create(rbac(`${kind}Binding`), {
      metadata: { name: `${name}-${user}`, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    })
  }
}
