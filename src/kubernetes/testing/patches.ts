/**
 * Merge patches (RFC 7396) and JSON patches (RFC 6902).
 *
 * @module
 */

import { isRecord, listAt, textAt } from '../objects/kube-object.ts'
import { ApiRefusal, badRequest } from './api-refusal.ts'
import { isSameJson, type JsonMap, memberAt } from './stored-object.ts'

/** Applies a merge patch: RFC 7396 §2. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const members = new Map(Object.entries(isRecord(target) ? target : {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name)
    else members.set(name, mergePatch(members.get(name), value))
  }
  return Object.fromEntries(members)
}

/** More operations than the server takes. */
const MAX_OPERATIONS = 10_000

/** Applies a JSON patch. @throws `ApiRefusal` 400 for what is none, 422 for one that does not fit. */
export function jsonPatch(target: JsonMap, patch: unknown): unknown {
  if (!Array.isArray(patch))
    throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  if (patch.length > MAX_OPERATIONS)
    throw new ApiRefusal(413, {
      reason: 'RequestEntityTooLarge',
      message: 'The allowed maximum operations in a JSON patch is 10000',
    })
  return patch.reduce(operate, target)
}

const misfit = (): ApiRefusal =>
  new ApiRefusal(422, {
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: {},
  })

function operate(document: unknown, operation: unknown): unknown {
  const path = pointer(textAt(operation, 'path'))
  const value = memberAt(operation, 'value')
  switch (textAt(operation, 'op')) {
    case 'add':
      return change(document, path, value, 'add')
    case 'replace':
      valueAt(document, path)
      return change(document, path, value, 'replace')
    case 'remove':
      valueAt(document, path)
      return change(document, path, undefined, 'remove')
    case 'test':
      if (isSameJson(valueAt(document, path), value)) return document
      throw misfit()
    case 'move': {
      const from = pointer(textAt(operation, 'from'))
      const moved = valueAt(document, from)
      return change(change(document, from, undefined, 'remove'), path, moved, 'add')
    }
    case 'copy':
      return change(document, path, valueAt(document, pointer(textAt(operation, 'from'))), 'add')
    default:
      throw misfit()
  }
}

function pointer(text: string | undefined): readonly string[] {
  if (text === undefined || (text !== '' && !text.startsWith('/'))) throw misfit()
  return text
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document
  for (const token of path) {
    if (Array.isArray(value)) value = value[indexOf(token, value.length - 1)]
    else if (isRecord(value) && Object.hasOwn(value, token)) value = value[token]
    else throw misfit()
  }
  return value
}

function indexOf(token: string, max: number): number {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(token) || Number(token) > max) throw misfit()
  return Number(token)
}

function change(
  document: unknown,
  path: readonly string[],
  value: unknown,
  how: 'add' | 'replace' | 'remove',
): unknown {
  const [token, ...rest] = path
  if (token === undefined) return value
  if (Array.isArray(document)) {
    const list = [...listAt({ document }, 'document')]
    if (rest.length > 0) {
      const index = indexOf(token, list.length - 1)
      list[index] = change(list[index], rest, value, how)
    } else if (how === 'add') list.splice(token === '-' ? list.length : indexOf(token, list.length), 0, value)
    else if (how === 'remove') list.splice(indexOf(token, list.length - 1), 1)
    else list[indexOf(token, list.length - 1)] = value
    return list
  }
  if (!isRecord(document)) throw misfit()
  const members = new Map(Object.entries(document))
  if (rest.length > 0) {
    if (!members.has(token)) throw misfit()
    members.set(token, change(members.get(token), rest, value, how))
  } else if (how === 'remove') members.delete(token)
  else members.set(token, value)
  return Object.fromEntries(members)
}
