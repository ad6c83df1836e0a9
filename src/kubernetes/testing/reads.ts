/**
 * Reads of the in-memory API server: what `resourceVersion` means for them, and pages.
 *
 * @module
 */

import { decodeBase64Url, encodeBase64Url } from '../../internal/base64.ts'
import { apiVersionOf } from '../api/kube-resource.ts'
import { isRecord, numberAt, textAt } from '../objects/kube-object.ts'
import { badRequest, expired, invalidOptions, notFound, serverFailure, tooNew } from './api-refusal.ts'
import { type ApiRequest, isTrue } from './api-request.ts'
import { type FakeKind, tableOf } from './fake-kind.ts'
import { CompactedError, keyOf, type ObjectStore } from './object-store.ts'
import { fieldRequirements, fieldSelector, labelSelector, type Selector } from './selectors.ts'
import type { JsonMap, StoredObject } from './stored-object.ts'

/** How many bytes of a token are read. */
const MAX_TOKEN = 4096

/** A server's view: the store, and how far the copy of it goes that answers reads which may be old. */
export interface ReadView {
  readonly store: ObjectStore
  /** The version of the copy. */
  readonly copied: number
}

/** An object as a version of its kind shows it. */
export function shown(kind: FakeKind, object: StoredObject): JsonMap {
  return { ...object, apiVersion: apiVersionOf(kind.resource), kind: kind.resource.kind }
}

/** Reads a version. @throws `ApiRefusal` 500, which is what the server says. */
export function readVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,15}$/.test(text))
    throw serverFailure(`resourceVersion: Invalid value: ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

/** Reads one object. @throws `ApiRefusal`. */
export function getObject(view: ReadView, kind: FakeKind, request: ApiRequest): JsonMap {
  const { store } = view
  const name = request.name ?? ''
  const key = keyOf(name, request.namespace)
  const asked = readVersion(request.query.get('resourceVersion'))
  if (asked !== undefined && asked > view.copied) throw tooNew(asked, view.copied)
  const found =
    asked === undefined
      ? store.get(tableOf(kind.resource), key)
      : store.getAt(tableOf(kind.resource), key, view.copied)
  if (found === undefined) throw notFound({ resource: kind.resource, name })
  return shown(kind, found)
}

/** Which objects of a kind a list or a watch is about. @throws `ApiRefusal` 400. */
export function selectorOf(kind: FakeKind, request: ApiRequest): Selector {
  const labels = labelSelector(request.query.get('labelSelector'))
  const fields = fieldSelector(fieldRequirements(request.query.get('fieldSelector')), kind.fields)
  const { namespace } = request
  return (object) =>
    (namespace === undefined ||
      textAt(isRecord(object) ? object['metadata'] : undefined, 'namespace') === namespace) &&
    labels(object) &&
    fields(object)
}

/** What follows a page. */
interface Continuation {
  readonly version: number
  /** Keys after this one. */
  readonly after: string
}

function writeToken({ version, after }: Continuation): string {
  const token = JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, start: `${after}\u0000` })
  return encodeBase64Url(new TextEncoder().encode(token))
}

function readToken(token: string): Continuation {
  const bytes = token.length > MAX_TOKEN ? undefined : decodeBase64Url(token.replace(/=+$/, ''))
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes))
    const version = numberAt(parsed, 'rv')
    const after = textAt(parsed, 'start')
    if (version !== undefined && after?.endsWith('\u0000') === true)
      return { version, after: after.slice(0, -1) }
  } catch {
    // Refused below.
  }
  throw badRequest('invalid continue token: continue key is not valid')
}

/** Where a list reads. */
interface ListPlan {
  readonly version: number
  readonly after: string | undefined
  readonly limit: number
}

function planOf(view: ReadView, { query }: ApiRequest): ListPlan {
  const { store, copied } = view
  const token = query.get('continue') ?? ''
  const match = query.get('resourceVersionMatch') ?? ''
  const rv = query.get('resourceVersion') ?? ''
  checkMatch(match, rv, token)
  const limit = readLimit(query.get('limit'))
  if (token !== '') {
    if (rv !== '' && rv !== '0')
      throw badRequest('specifying resource version is not allowed when using continue')
    const { version, after } = readToken(token)
    // A token without a version goes on with what there is now.
    return { version: version > 0 ? version : store.version, after, limit }
  }
  const asked = readVersion(rv)
  if (asked === undefined) return { version: store.version, after: undefined, limit }
  // The copy answers whole lists only.
  if (asked === 0) return { version: copied, after: undefined, limit: 0 }
  if (match === 'Exact' || (match === '' && limit > 0)) {
    if (asked > store.version) throw serverFailure('etcdserver: mvcc: required revision is a future revision')
    return { version: asked, after: undefined, limit }
  }
  if (limit > 0) {
    if (asked > store.version) throw tooNew(asked, store.version)
    return { version: store.version, after: undefined, limit }
  }
  if (asked > copied) throw tooNew(asked, copied)
  return { version: copied, after: undefined, limit: 0 }
}

function checkMatch(match: string, rv: string, token: string): void {
  if (match === '') return
  const field = 'resourceVersionMatch'
  const refuse = (reason: string, message: string): never => {
    throw invalidOptions('ListOptions', { reason, message, field })
  }
  if (match !== 'Exact' && match !== 'NotOlderThan')
    refuse('FieldValueNotSupported', `Unsupported value: ${JSON.stringify(match)}`)
  if (token !== '')
    refuse('FieldValueForbidden', 'Forbidden: resourceVersionMatch is forbidden when continue is provided')
  if (rv === '')
    refuse(
      'FieldValueForbidden',
      'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    )
  if (match === 'Exact' && rv === '0')
    refuse(
      'FieldValueForbidden',
      'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    )
}

function readLimit(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  if (!/^-?\d{1,15}$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Math.max(0, Number(text))
}

/** Reads a collection, or a page of it. @throws `ApiRefusal`. */
export function listObjects(view: ReadView, kind: FakeKind, request: ApiRequest): JsonMap {
  const matches = selectorOf(kind, request)
  const { version, after, limit } = planOf(view, request)
  const rows = rowsAt(view.store, kind, version, after)
  const prefix = request.namespace === undefined ? '' : `${request.namespace}/`
  const wanted = rows.filter(
    ([key, object]) => key.startsWith(prefix) && (after === undefined || key > after) && matches(object),
  )
  const page = limit > 0 ? wanted.slice(0, limit) : wanted
  const rest = wanted.length - page.length
  const last = page.at(-1)?.[0]
  const isSelected =
    (request.query.get('labelSelector') ?? '') !== '' || (request.query.get('fieldSelector') ?? '') !== ''
  return {
    kind: `${kind.resource.kind}List`,
    apiVersion: apiVersionOf(kind.resource),
    metadata: {
      resourceVersion: String(version),
      ...(rest === 0 || last === undefined ? {} : { continue: writeToken({ version, after: last }) }),
      // How much remains is not counted where a selector filters.
      ...(rest === 0 || isSelected ? {} : { remainingItemCount: rest }),
    },
    items: page.map(([, object]) => listed(kind, object)),
  }
}

/** Items of the kinds of Kubernetes come without what the list says for all. */
function listed(kind: FakeKind, object: StoredObject): JsonMap {
  return kind.isCustom
    ? shown(kind, object)
    : Object.fromEntries(Object.entries(object).filter(([name]) => name !== 'apiVersion' && name !== 'kind'))
}

function rowsAt(
  store: ObjectStore,
  kind: FakeKind,
  version: number,
  after: string | undefined,
): readonly (readonly [string, StoredObject])[] {
  try {
    return store.list(tableOf(kind.resource), version)
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error
    if (after === undefined) throw expired('The resourceVersion for the provided list is too old.')
    // It goes on from there with what there is now, for those who can live with that.
    throw expired('The provided continue parameter is too old to display a consistent list result.', {
      continue: writeToken({ version: -1, after }),
    })
  }
}

/** Whether a request asks for a watch. */
export function isWatch(query: ReadonlyMap<string, string>): boolean {
  return isTrue(query, 'watch')
}
