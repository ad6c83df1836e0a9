/**
 * Secrets and ConfigMaps in the in-memory API server.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { isRecord, recordAt, textAt } from '../objects/kube-object.ts'
import { badRequest, type Causes } from './api-refusal.ts'
import type { KindRules } from './fake-kind.ts'
import { byteLength, checkTexts, isEmpty, subdomainFault } from './meta-rules.ts'
import { dataKeyFault } from './name-rules.ts'
import { isSameJson, type JsonMap, onlyMembers, type StoredObject, withMembers } from './stored-object.ts'

/** `core/v1` MaxSecretSize: all values of a Secret or a ConfigMap together. */
const MAX_DATA = 1_048_576

const COMMON: readonly string[] = ['apiVersion', 'kind', 'metadata']

/** Keys that types of Secrets ask for, by the path that the refusal names (`core/v1` validation). */
const REQUIRED_KEYS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'kubernetes.io/tls': [
    ['tls.crt', 'data[tls.crt]'],
    ['tls.key', 'data[tls.key]'],
  ],
  'kubernetes.io/dockercfg': [['.dockercfg', 'data[.dockercfg]']],
  'kubernetes.io/dockerconfigjson': [['.dockerconfigjson', 'data[.dockerconfigjson]']],
  'kubernetes.io/ssh-auth': [['ssh-privatekey', 'data[%s][ssh-privatekey]']],
}

const SERVICE_ACCOUNT = 'kubernetes.io/service-account.name'

/** Rules of `v1` Secret. */
export const SECRET_RULES: KindRules = {
  nameFault: subdomainFault,
  decode(object) {
    const data = decodeBytes(object['data'], 'Secret', 'Data')
    checkTexts(object['stringData'], 'stringData')
    const plain = Object.entries(recordAt(object, 'stringData')).map(([key, text]): [string, string] => [
      key,
      encodeBase64(new TextEncoder().encode(String(text ?? ''))),
    ])
    const all = Object.fromEntries([...Object.entries(data), ...plain])
    const type = object['type'] ?? ''
    if (typeof type !== 'string') throw badRequest('type: expects a string')
    return withMembers(onlyMembers(object, [...COMMON, 'immutable']), {
      immutable: decodeFlag(object['immutable']),
      data: isEmpty(all) ? undefined : all,
      type: type === '' ? 'Opaque' : type,
    })
  },
  validate(object, causes) {
    const data = recordAt(object, 'data')
    const sizes = Object.entries(data).map(([key, value]) => {
      checkKey(key, 'data', causes)
      return decodedLength(String(value))
    })
    checkSize(sizes, 'data', causes)
    const type = textAt(object, 'type') ?? ''
    for (const [key, field] of Object.hasOwn(REQUIRED_KEYS, type) ? (REQUIRED_KEYS[type] ?? []) : [])
      if (!Object.hasOwn(data, key)) causes.required(field)
    if (
      type === 'kubernetes.io/basic-auth' &&
      !Object.hasOwn(data, 'username') &&
      !Object.hasOwn(data, 'password')
    )
      for (const key of ['username', 'password']) causes.required(`data[%s][${key}]`)
    const annotations = recordAt(recordAt(object, 'metadata'), 'annotations')
    if (type === 'kubernetes.io/service-account-token' && (textAt(annotations, SERVICE_ACCOUNT) ?? '') === '')
      causes.required(`metadata.annotations[${SERVICE_ACCOUNT}]`)
  },
  validateUpdate(next, before, causes) {
    if (next['type'] !== before['type'])
      causes.invalid('type', `"${String(next['type'])}": field is immutable`)
    checkImmutable(next, before, ['data'], causes)
  },
}

/** Rules of `v1` ConfigMap. */
export const CONFIG_MAP_RULES: KindRules = {
  nameFault: subdomainFault,
  decode(object) {
    checkTexts(object['data'], 'data')
    const data = Object.fromEntries(
      Object.entries(recordAt(object, 'data')).map(([key, text]) => [key, text ?? '']),
    )
    const binaryData = decodeBytes(object['binaryData'], 'ConfigMap', 'BinaryData')
    return withMembers(onlyMembers(object, [...COMMON, 'immutable']), {
      immutable: decodeFlag(object['immutable']),
      data: isEmpty(data) ? undefined : data,
      binaryData: isEmpty(binaryData) ? undefined : binaryData,
    })
  },
  validate(object, causes) {
    const data = recordAt(object, 'data')
    const binaryData = recordAt(object, 'binaryData')
    for (const key of Object.keys(data)) {
      checkKey(key, 'data', causes)
      if (Object.hasOwn(binaryData, key))
        causes.invalid(`data[${key}]`, `"${key}": duplicate of key present in binaryData`)
    }
    for (const key of Object.keys(binaryData)) checkKey(key, 'binaryData', causes)
    const sizes = [
      ...Object.values(data).map((text) => byteLength(String(text))),
      ...Object.values(binaryData).map((value) => decodedLength(String(value))),
    ]
    // The server names no member for it.
    checkSize(sizes, '[]', causes)
  },
  validateUpdate(next, before, causes) {
    checkImmutable(next, before, ['data', 'binaryData'], causes)
  },
}

function decodeFlag(value: unknown): true | false | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw badRequest('immutable: expects a boolean')
  return value
}

/** Base64 as Go's `encoding/base64` reads it, which lets line breaks and unused bits pass, and writes it. */
function decodeBytes(value: unknown, kind: string, member: string): JsonMap {
  if (value === undefined || value === null) return {}
  if (!isRecord(value)) throw badRequest(`${kind} in version "v1" cannot be handled as a ${kind}: ${member}`)
  return Object.fromEntries(
    Object.entries(value).map(([key, text]) => {
      const bytes =
        typeof text === 'string' ? looseBase64(text) : text === null ? new Uint8Array() : undefined
      if (bytes === undefined)
        throw badRequest(
          `${kind} in version "v1" cannot be handled as a ${kind}: v1.${kind}.${member}: decode base64: illegal base64 data`,
        )
      return [key, encodeBase64(bytes)]
    }),
  )
}

/** Base64 with line breaks and unused bits in it; `undefined` for anything else. */
export function looseBase64(text: string): Uint8Array | undefined {
  const plain = text.replace(/[\r\n]/g, '')
  const strict = decodeBase64(plain)
  if (strict instanceof Uint8Array) return strict
  if (strict.reason !== 'trailing-bits') return undefined
  const last = plain.replace(/=+$/, '').length - 1
  const mask = plain.endsWith('==') ? 0x30 : 0x3c
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const cleared = alphabet.charAt(alphabet.indexOf(plain.charAt(last)) & mask)
  const again = decodeBase64(`${plain.slice(0, last)}${cleared}${plain.slice(last + 1)}`)
  return again instanceof Uint8Array ? again : undefined
}

function decodedLength(text: string): number {
  const pads = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return (text.length / 4) * 3 - pads
}

function checkKey(key: string, member: string, causes: Causes): void {
  const fault = dataKeyFault(key)
  if (fault !== undefined) causes.invalid(`${member}[${key}]`, `"${key}": ${fault}`)
}

function checkSize(sizes: readonly number[], field: string, causes: Causes): void {
  if (sizes.reduce((sum, size) => sum + size, 0) > MAX_DATA) causes.tooLong(field, MAX_DATA)
}

/** `immutable: true` is for ever. */
function checkImmutable(
  next: JsonMap,
  before: StoredObject,
  members: readonly string[],
  causes: Causes,
): void {
  if (before['immutable'] !== true) return
  const why = 'field is immutable when `immutable` is set'
  if (next['immutable'] !== true) causes.forbidden('immutable', why)
  for (const member of members)
    if (!isSameJson(next[member] ?? {}, before[member] ?? {})) causes.forbidden(member, why)
}
