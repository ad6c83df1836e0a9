/**
 * Kinds as the in-memory API server knows them: what of the server's behaviour differs from kind to kind.
 *
 * @module
 */

import type { KubeResource } from '../api/kube-resource.ts'
import type { Causes } from './api-refusal.ts'
import type { ListKeys } from './field-set.ts'
import type { JsonMap, StoredObject } from './stored-object.ts'

/** Who asks. */
export interface Caller {
  readonly name: string
  readonly uid: string
  readonly groups: readonly string[]
  /** Whether a rule allows something beside the request itself. */
  may(verb: string, group: string, resource: string, name: string | undefined): boolean
}

/** What a rule of a kind may want to know. */
export interface RuleContext {
  readonly caller: Caller
  readonly part: string | undefined
  readonly now: string
  /** The server's version. */
  readonly version: FakeKubeVersion
}

/** Which API server is played. */
export type FakeKubeVersion = '1.20' | '1.36'

/** Rules of one kind. All members may be left out; objects are plain JSON and are never changed in place. */
export interface KindRules {
  /** Reads the object as the kind's Go type would: drops what the type lacks. @throws `ApiRefusal` 400. */
  readonly decode?: (object: JsonMap, context: RuleContext) => JsonMap
  /** What the server sets at creation. */
  readonly onCreate?: (object: JsonMap, context: RuleContext) => JsonMap
  /** What of a change counts; `part` says through which path it came. */
  readonly onUpdate?: (next: JsonMap, before: StoredObject, context: RuleContext) => JsonMap
  readonly validate?: (object: JsonMap, causes: Causes, context: RuleContext) => void
  readonly validateUpdate?: (
    next: JsonMap,
    before: StoredObject,
    causes: Causes,
    context: RuleContext,
  ) => void
  /** Who may do it, beyond RBAC. @throws `ApiRefusal` 403. */
  readonly admit?: (next: JsonMap, before: StoredObject | undefined, context: RuleContext) => void
  /** What takes time to be checked, before anything else. @throws `ApiRefusal`. */
  readonly examine?: (object: JsonMap) => Promise<void>
  /** Which of an object's names are allowed: why one is not. */
  readonly nameFault?: (name: string) => string | undefined
}

/** One kind in one version. */
export interface FakeKind {
  readonly resource: KubeResource
  /** Parts with a path of their own. */
  readonly parts: readonly string[]
  /** Whether `metadata.generation` is kept, and what it grows with. */
  readonly generation: 'none' | 'spec' | 'all'
  /** Whether it is taken without `resourceVersion`: the last writer wins. */
  readonly allowsBlindUpdate: boolean
  /** Whether PUT makes what is not there. */
  readonly createsOnUpdate: boolean
  /** Whether a CustomResourceDefinition made it. */
  readonly isCustom: boolean
  /** Fields that `fieldSelector` takes. */
  readonly fields: readonly string[]
  /** Lists whose items have keys. */
  readonly listKeys: ListKeys
  readonly rules: KindRules
}

/** `group/plural`: versions of one kind share their objects. */
export function tableOf({ group, plural }: KubeResource): string {
  return `${group}/${plural}`
}

/** Whether the status of a kind is written apart. */
export function hasStatusPart(kind: FakeKind): boolean {
  return kind.parts.includes('status')
}
