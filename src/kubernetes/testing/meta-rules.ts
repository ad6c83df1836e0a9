/**
 * Rules of `metadata` that all kinds share (`k8s.io/apimachinery` validation of ObjectMeta).
 *
 * @module
 */

import { isRecord, listAt, recordAt, textAt } from '../objects/kube-object.ts'
import { badRequest, type Causes } from './api-refusal.ts'
import { isDnsSubdomain, isLabelValue, isQualifiedName } from './name-rules.ts'
import { isSameJson, type JsonMap, type StoredObject, withMembers } from './stored-object.ts'

/** All annotations of an object together. */
const MAX_ANNOTATIONS = 262_144

const FINALIZERS: readonly string[] = ['orphan', 'foregroundDeletion', 'kubernetes']

/** Reads `metadata` as Go would: maps of text, and nothing that is empty. @throws `ApiRefusal` 400. */
export function decodeMeta(object: JsonMap): JsonMap {
  const metadata = object['metadata'] ?? {}
  if (!isRecord(metadata)) throw badRequest('metadata is not an object')
  for (const member of ['name', 'namespace', 'generateName', 'uid', 'resourceVersion'])
    if (!['string', 'undefined'].includes(typeof (metadata[member] ?? undefined)))
      throw badRequest(`metadata.${member}: expects a string`)
  for (const member of ['labels', 'annotations']) checkTexts(metadata[member], `metadata.${member}`)
  for (const member of ['finalizers', 'ownerReferences'])
    if (!Array.isArray(metadata[member] ?? [])) throw badRequest(`metadata.${member}: expects a list`)
  const empty = ['labels', 'annotations', 'finalizers', 'ownerReferences'].filter((member) =>
    isEmpty(metadata[member]),
  )
  const cleared = Object.fromEntries(
    [...empty, ...nullMembers(metadata)].map((member) => [member, undefined]),
  )
  return { ...object, metadata: withMembers(metadata, cleared) }
}

const nullMembers = (map: JsonMap): readonly string[] => Object.keys(map).filter((name) => map[name] === null)

/** Whether Go leaves it out: an empty map or list, nothing at all. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0
}

/** Refuses what is no map of texts. @throws `ApiRefusal` 400. */
export function checkTexts(value: unknown, path: string): void {
  if (value === undefined || value === null) return
  if (!isRecord(value)) throw badRequest(`${path}: expects a map`)
  for (const text of Object.values(value))
    if (typeof text !== 'string' && text !== null) throw badRequest(`${path}: expects strings`)
}

/** What is wrong with `metadata`. */
export function validateMeta(object: JsonMap, causes: Causes): void {
  const metadata = recordAt(object, 'metadata')
  for (const [key, value] of Object.entries(recordAt(metadata, 'labels'))) {
    if (!isQualifiedName(key)) causes.invalid('metadata.labels', `"${key}": not a qualified name`)
    if (!isLabelValue(String(value)))
      causes.invalid('metadata.labels', `"${String(value)}": not a label value`)
  }
  let size = 0
  for (const [key, value] of Object.entries(recordAt(metadata, 'annotations'))) {
    if (!isQualifiedName(key.toLowerCase()))
      causes.invalid('metadata.annotations', `"${key}": not a qualified name`)
    size += key.length + byteLength(String(value))
  }
  if (size > MAX_ANNOTATIONS) causes.tooLong('metadata.annotations', MAX_ANNOTATIONS)
  for (const [i, finalizer] of listAt(metadata, 'finalizers').entries()) {
    const text = String(finalizer)
    if (!isQualifiedName(text)) causes.invalid('metadata.finalizers', `"${text}": not a qualified name`)
    if (!text.includes('/') && !FINALIZERS.includes(text))
      causes.invalid(
        `metadata.finalizers[${i}]`,
        `"${text}": name is neither a standard finalizer name nor is it fully qualified`,
      )
  }
  for (const owner of listAt(metadata, 'ownerReferences'))
    for (const member of ['apiVersion', 'kind', 'name', 'uid'])
      if ((textAt(owner, member) ?? '') === '')
        causes.invalid(`metadata.ownerReferences.${member}`, `"": ${member} must not be empty`)
}

/** What is wrong with a change of `metadata`. */
export function validateMetaUpdate(next: JsonMap, before: StoredObject, causes: Causes): void {
  const metadata = recordAt(next, 'metadata')
  const uid = textAt(metadata, 'uid')
  if (uid !== undefined && uid !== before.metadata.uid)
    causes.invalid('metadata.uid', `"${uid}": field is immutable`)
  if (before.metadata['deletionTimestamp'] === undefined) return
  const had = listAt(before.metadata, 'finalizers')
  const added = listAt(metadata, 'finalizers').filter((one) => !had.some((known) => isSameJson(known, one)))
  if (added.length > 0)
    causes.forbidden('metadata.finalizers', 'no new finalizers can be added if the object is being deleted')
}

/** What most kinds ask of their names. */
export function subdomainFault(name: string): string | undefined {
  return isDnsSubdomain(name)
    ? undefined
    : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
}

/** Bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
