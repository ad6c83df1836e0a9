/**
 * The names of a workload certificate (X509-SVID §2).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { typeName } from '../internal/options.ts'
import { SpiffeId } from '../spiffe/spiffe-id.ts'
import { encodeGeneralNames } from '../x509/general-name-encoder.ts'
import type { IssueWorkloadOptions } from './authority-options.ts'

/** The identity first, then the further names. */
export function workloadNames({ id, subjectAltNames = [] }: IssueWorkloadOptions): Uint8Array {
  if (typeof id !== 'string' && !(id instanceof SpiffeId))
    throw new TypeError('option "id" must be a SpiffeId or its text')
  // Read again: what is signed is decided here, not where the value was made.
  const identity = SpiffeId.parse(String(id))
  if (identity.path === '') {
    throw new MeshPkiError(
      'ERR_CA_SUBJECT_ALT_NAME',
      `the identity ${String(identity)} has no path; a workload's must have one, that of a trust domain is for CAs (X509-SVID §5.2)`,
    )
  }
  if (!Array.isArray(subjectAltNames)) {
    throw new TypeError(
      `option "subjectAltNames" must be an array of general names; got ${typeName(subjectAltNames)}`,
    )
  }
  if (subjectAltNames.some((name) => name?.type === 'uri')) {
    throw new MeshPkiError(
      'ERR_CA_SUBJECT_ALT_NAME',
      'option "subjectAltNames" holds a URI, but an SVID has exactly one, its identity: use the option "id" (X509-SVID §2)',
    )
  }
  return encodeGeneralNames([{ type: 'uri', value: String(identity) }, ...subjectAltNames], 'subjectAltNames')
}
