/**
 * What Istio's mesh configuration says about trust.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { isJsonObject, type JsonValue, readJson } from '../../internal/json.ts'
import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { lintTrustDomain } from '../../spiffe/trust-domain-lint.ts'
import { Certificate } from '../../x509/certificate.ts'
import { isRecord, recordAt, textAt } from '../objects/kube-object.ts'
import { DataKey } from '../objects/names.ts'
import type { ConfigMapLike } from '../objects/secret-like.ts'
import { objectName } from '../secrets/secret-reader.ts'
import type { MeshCaCertificates } from './inventory.ts'
import { MeshYaml, YamlProblem, type YamlValue } from './mesh-yaml.ts'
import { type PolicyFinding, PolicyReport } from './policy-finding.ts'

/** A member that is read. */
export type MeshConfigMember = 'trustDomain' | 'trustDomainAliases' | 'caCertificates'

/** What {@link readMeshConfig} answers. */
export interface MeshConfig {
  /** `undefined` where it is not set, and where it cannot be read: `unreadable` tells the two apart. */
  readonly trustDomain: string | undefined
  readonly trustDomainAliases: readonly string[]
  readonly caCertificates: readonly MeshCaCertificates[]
  /** Members that are there and could not be read. Nothing was guessed for them. */
  readonly unreadable: readonly MeshConfigMember[]
  readonly findings: readonly PolicyFinding[]
}

const MEMBERS: readonly MeshConfigMember[] = ['trustDomain', 'trustDomainAliases', 'caCertificates']
const MAX_ITEMS = 1000

type Tree = JsonValue | YamlValue | undefined

/**
 * Reads trust domain, aliases and CA certificates out of Istio's ConfigMap `istio`, key `mesh`.
 *
 * The value is YAML. There is no YAML reader in this package: these three members are read where they stand at the top
 * level in block style, as Helm and istioctl write them, and JSON is read too. Whatever else is met there is a finding,
 * and the member is listed in `unreadable`; no value is guessed.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_CONFIG_MAP` without the key `mesh`; `TypeError` for what is no object.
 *
 * @example
 * ```ts
 * import { type ConfigMapLike, readMeshConfig } from 'mesh-pki/kubernetes'
 *
 * declare const configMap: ConfigMapLike
 * const { trustDomain = 'cluster.local', unreadable } = readMeshConfig(configMap)
 * if (unreadable.length === 0) console.log(trustDomain)
 * ```
 */
export function readMeshConfig(configMap: ConfigMapLike): MeshConfig {
  const given: unknown = configMap
  if (!isRecord(given)) throw new TypeError(`readMeshConfig takes a ConfigMap object; got ${typeName(given)}`)
  const name = objectName(configMap.metadata)
  const report = new PolicyReport(`ConfigMap ${name}`)
  const text = textAt(recordAt(configMap, 'data'), DataKey.mesh)
  if (text === undefined)
    throw new MeshPkiError(
      'ERR_KUBERNETES_CONFIG_MAP',
      `ConfigMap ${name}, key "${DataKey.mesh}": missing. Is this the ConfigMap "istio" (or "istio-<revision>") of istiod's namespace?`,
      { data: { configMap: name, key: DataKey.mesh } },
    )
  const unreadable: MeshConfigMember[] = []
  const get = open(text, report, unreadable)
  const member = <T>(key: MeshConfigMember, fallback: T, read: (value: Tree) => T): T => {
    if (unreadable.includes(key)) return fallback
    try {
      const value = get(key)
      return value === undefined || value === null ? fallback : read(value)
    } catch (error) {
      if (!(error instanceof YamlProblem)) throw error
      unreadable.push(key)
      warnUnreadable(report, key, error.message)
      return fallback
    }
  }
  const trustDomain = member('trustDomain', undefined, readText)
  const trustDomainAliases = member('trustDomainAliases', [], readTexts)
  const caCertificates = member('caCertificates', [], (value) =>
    itemsOf(value).map((item, i) => readCaEntry(item, `${DataKey.mesh}.caCertificates[${i}]`)),
  )
  for (const each of trustDomain === undefined || trustDomain === '' ? [] : [trustDomain])
    warnUnsafe(each, report)
  return Object.freeze({
    trustDomain: trustDomain === '' ? undefined : trustDomain,
    trustDomainAliases: Object.freeze(trustDomainAliases),
    caCertificates: Object.freeze(caCertificates),
    unreadable: Object.freeze(unreadable),
    findings: report.findings,
  })
}

function warnUnreadable(report: PolicyReport, key: string, problem: string): void {
  report.warn(
    'config-unreadable',
    `${DataKey.mesh}.${key}`,
    `it is not read: ${problem}. Give the value by hand, or write it in block style, each text on a line of its own`,
  )
}

function warnUnsafe(trustDomain: string, report: PolicyReport): void {
  const [first] = lintTrustDomain(trustDomain).findings
  if (first === undefined) return
  report.warn('trust-domain-unsafe', `${DataKey.mesh}.trustDomain`, first.message)
}

/** How to get a member, whichever form the text has. */
function open(
  text: string,
  report: PolicyReport,
  unreadable: MeshConfigMember[],
): (key: MeshConfigMember) => Tree {
  const nothing = (problem: string) => {
    unreadable.push(...MEMBERS)
    for (const key of MEMBERS) warnUnreadable(report, key, problem)
    return () => undefined
  }
  if (text.trim() === '') return () => undefined
  try {
    if (!text.trimStart().startsWith('{')) {
      const yaml = new MeshYaml(text)
      return (key) => yaml.get(key)
    }
    const json = readJson(text)
    return (key) => (isJsonObject(json) ? json.get(key) : undefined)
  } catch (error) {
    if (error instanceof YamlProblem || error instanceof MeshPkiError) return nothing(error.message)
    throw error
  }
}

function readText(value: Tree): string {
  if (typeof value === 'string') return value
  throw new YamlProblem(0, 'it is no text')
}

function readTexts(value: Tree): readonly string[] {
  return itemsOf(value).map(readText)
}

function itemsOf(value: Tree): readonly Tree[] {
  if (value === null || value === undefined) return []
  if (!isList(value)) throw new YamlProblem(0, 'it is no list')
  if (value.length > MAX_ITEMS) throw new YamlProblem(0, `it is a list of more than ${MAX_ITEMS}`)
  return value
}

function readCaEntry(item: Tree, path: string): MeshCaCertificates {
  if (!isMap(item)) throw new YamlProblem(0, `${path} is no map`)
  const member = (key: string): Tree => item.get(key)
  const pem = member('pem')
  const url = member('spiffeBundleUrl')
  if ((pem === undefined || pem === null) === (url === undefined || url === null))
    throw new YamlProblem(0, `${path} has not one of pem and spiffeBundleUrl`)
  return Object.freeze({
    certificates: Object.freeze(pem === undefined || pem === null ? [] : readPem(readText(pem), path)),
    ...(url === undefined || url === null ? {} : { spiffeBundleUrl: readText(url) }),
    trustDomains: Object.freeze(readTexts(member('trustDomains'))),
    certSigners: Object.freeze(readTexts(member('certSigners'))),
  })
}

const isList = (value: Tree): value is readonly JsonValue[] | readonly YamlValue[] => Array.isArray(value)
const isMap = (value: Tree): value is ReadonlyMap<string, JsonValue> | ReadonlyMap<string, YamlValue> =>
  value instanceof Map

function readPem(text: string, path: string): readonly Certificate[] {
  try {
    return Certificate.listFromPem(text)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    throw new YamlProblem(0, `${path}.pem holds no certificates that can be read (${quote(error.code)})`)
  }
}
