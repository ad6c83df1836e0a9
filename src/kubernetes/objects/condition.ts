/**
 * Conditions: what a controller tells about an object.
 *
 * @module
 */

import { instantText } from '../../internal/instant-text.ts'
import { escapeText } from '../../internal/text.ts'
import { isRecord, listAt, numberAt, recordAt, textAt } from './kube-object.ts'

/** A condition in the form of `meta/v1`. */
export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  /** One word in CamelCase, for programs. */
  readonly reason: string
  /** For people. */
  readonly message: string
  /** When the status last changed: `2026-01-01T00:00:00Z`. */
  readonly lastTransitionTime: string
  /** The generation of the object that was judged. */
  readonly observedGeneration?: number
}

/** What a condition shall say now. */
export interface ConditionInput {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number | undefined
}

/** The API server takes at most so much of a message (`meta/v1` Condition). */
const MAX_MESSAGE = 32_768

/** The conditions of an object, as far as they can be read: those without a type are left out. */
function conditionsOf(object: unknown): readonly Condition[] {
  return listAt(recordAt(object, 'status'), 'conditions').flatMap((value) => {
    const type = textAt(value, 'type')
    const status = textAt(value, 'status')
    if (type === undefined || (status !== 'True' && status !== 'False' && status !== 'Unknown')) return []
    const observedGeneration = numberAt(value, 'observedGeneration')
    return [
      {
        type,
        status,
        reason: textAt(value, 'reason') ?? '',
        message: textAt(value, 'message') ?? '',
        lastTransitionTime: textAt(value, 'lastTransitionTime') ?? '',
        ...(observedGeneration === undefined ? {} : { observedGeneration }),
      },
    ]
  })
}

/** The condition of a type. */
export function conditionOf(object: unknown, type: string): Condition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type)
}

/** Whether the condition of a type is `True`. */
export function isConditionTrue(object: unknown, type: string): boolean {
  return conditionOf(object, type)?.status === 'True'
}

/**
 * The list of conditions with one set: `lastTransitionTime` changes only with the status, and every other condition is
 * kept with all of its members, known here or not.
 *
 * `conditions` is the list as it came from the server. What says the same already is returned as it is, so that
 * nobody writes for nothing.
 */
export function setCondition(
  conditions: readonly unknown[],
  input: ConditionInput,
  now: Date,
): readonly unknown[] {
  const index = conditions.findIndex((value) => textAt(value, 'type') === input.type)
  const found = conditions[index]
  const message = escapeText(input.message, MAX_MESSAGE)
  const before = isRecord(found) ? found : {}
  const next = {
    ...before,
    type: input.type,
    status: input.status,
    reason: input.reason,
    message,
    lastTransitionTime:
      textAt(before, 'status') === input.status && textAt(before, 'lastTransitionTime') !== undefined
        ? textAt(before, 'lastTransitionTime')
        : instantText(Math.floor(now.getTime() / 1000) * 1000),
    ...(input.observedGeneration === undefined ? {} : { observedGeneration: input.observedGeneration }),
  }
  const isSame =
    index >= 0 &&
    (['status', 'reason', 'message', 'observedGeneration'] as const).every(
      (member) => before[member] === Reflect.get(next, member),
    )
  if (isSame) return conditions
  return index < 0 ? [...conditions, next] : conditions.map((value, i) => (i === index ? next : value))
}
