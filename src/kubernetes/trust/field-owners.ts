/**
 * Who wrote a field, as `metadata.managedFields` tells.
 *
 * @module
 */

import { isRecord, type KubeObject, listAt, textAt } from '../objects/kube-object.ts'

/** One who owns a field. */
export interface FieldOwner {
  /** The field manager: `pilot-discovery`, `kubectl-edit`. */
  readonly manager: string
  readonly operation: string
  /** When it last wrote any of its fields, in milliseconds; `undefined` where that is not told. */
  readonly time: number | undefined
}

/**
 * The owners of a field, by its path of member names: `['data', 'root-cert.pem']`. Empty where nobody owns it, or the
 * object came without its managed fields, as out of many caches.
 */
export function fieldOwners(object: KubeObject, path: readonly string[]): readonly FieldOwner[] {
  return listAt(object.metadata, 'managedFields').flatMap((entry) => {
    let fields: unknown = isRecord(entry) ? entry['fieldsV1'] : undefined
    for (const member of path)
      fields = isRecord(fields) && Object.hasOwn(fields, `f:${member}`) ? fields[`f:${member}`] : undefined
    if (fields === undefined) return []
    const time = Date.parse(textAt(entry, 'time') ?? '')
    return [
      {
        manager: textAt(entry, 'manager') ?? '',
        operation: textAt(entry, 'operation') ?? '',
        time: Number.isNaN(time) ? undefined : time,
      },
    ]
  })
}
