/**
 * Whether an object is what a call needs, and an answer what was asked for.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import type { KubeObject, ObjectName } from '../objects/kube-object.ts'
import { type KubeCall, strangeAnswer } from './kube-error.ts'
import type { KubeResource } from './kube-resource.ts'

/** What names an object. @throws `TypeError` for one without a name. */
export function nameOf(object: KubeObject): ObjectName {
  const { name, namespace } = object.metadata
  if (typeof name !== 'string') throw new TypeError('the object needs metadata.name')
  return { name, namespace }
}

/** @throws `TypeError` for an object without the version that was read. */
export function needsVersion(object: KubeObject, callee: string): void {
  if (typeof object.metadata.resourceVersion === 'string' && object.metadata.resourceVersion !== '') return
  throw new TypeError(
    `${callee} needs metadata.resourceVersion of what was read: without it the server would write over what others wrote since`,
  )
}

/** Something in between may answer for the server, from a cache of its own. @throws `KubeError`. */
export function checkKind(call: KubeCall, { kind }: KubeResource, object: KubeObject): void {
  // The part "scale" of an object is of a kind of its own.
  if (object.kind === undefined || object.kind === kind || object.kind === 'Scale') return
  throw strangeAnswer(call, `expected the kind ${kind}, found ${quote(String(object.kind), 64)}`)
}

/** Whether an answer is of the object that was asked for. @throws `KubeError`. */
export function checkAnswer(
  call: KubeCall,
  resource: KubeResource,
  ref: ObjectName,
  object: KubeObject,
): void {
  checkKind(call, resource, object)
  const { name, namespace } = object.metadata
  const isOther =
    (name !== undefined && name !== ref.name) ||
    (resource.namespaced && namespace !== undefined && namespace !== ref.namespace)
  if (isOther) throw strangeAnswer(call, 'the answer is another object')
}
