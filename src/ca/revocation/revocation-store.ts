/**
 * Where the state of a CA's revocations is kept, and how it is changed without anybody's change being lost.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import type { TimeSource } from '../../internal/clock.ts'
import { typeName } from '../../internal/options.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { RevocationReason } from '../../x509/revoked-certificate.ts'
import type { CheckedSigner } from '../sign-certificate.ts'
import { checkOwner, newRevocationState, type RevocationState } from './revocation-state.ts'
import { checkRevocationState } from './revocation-state-reader.ts'

/** A state and the version under which the store has it. */
export interface StoredRevocations {
  /** Whatever tells two states apart: a resource version, an ETag, a row's counter. */
  readonly version: string
  readonly state: RevocationState
}

/**
 * Keeps one CA's revocations, shared by all of its replicas: a row of a database, an object of Kubernetes.
 *
 * **Warning**: it must be read where it is written. A store that answers `undefined` after it was written, or an
 * older state, forgets revocations and gives CRL numbers away again.
 */
export interface RevocationStore {
  /** What it has; `undefined` where nobody has written yet. */
  read(): Promise<StoredRevocations | undefined>
  /**
   * Replaces the state of a version, `undefined` for none, by the next, in one step. Answers `false`, and changes
   * nothing, where the version is no longer that.
   */
  replace(version: string | undefined, next: RevocationState): Promise<boolean>
}

/** The option "revocations". @throws `TypeError` for what is no store. */
export function readRevocationStore(store: RevocationStore | undefined): RevocationStore | undefined {
  if (store === undefined) return undefined
  if (typeof store?.read === 'function' && typeof store.replace === 'function') return store
  throw new TypeError(
    `option "revocations" must be a revocation store with the methods read() and replace(version, next); got ${typeName(store)}`,
  )
}

/** A CA as revocation needs it. */
export interface RevocationContext {
  readonly certificate: Certificate
  /** Its signer; that it has the certificate's key was checked. */
  readonly signer: CheckedSigner
  readonly clock: TimeSource
  readonly store: RevocationStore
}

/** Each lost attempt means that another replica's was made, so only a crowd uses up so many. */
const ATTEMPTS = 32

/** What becomes of a state: the next one, `undefined` to leave it, and an answer. */
export interface StateChange<T> {
  readonly next: RevocationState | undefined
  readonly answer: T
}

/**
 * Changes the state by compare-and-swap. `change` is called again with the newer state when another was first.
 *
 * @throws `MeshPkiError` `ERR_CA_REVOCATION_STORE`, `ERR_CA_REVOCATION_STATE`, `ERR_CA_REVOCATION_CONFLICT`, and
 * what `change` throws; the reason of an abort as it is.
 */
export async function updateState<T>(
  { certificate, store }: Pick<RevocationContext, 'certificate' | 'store'>,
  change: (state: RevocationState) => StateChange<T>,
  signal: AbortSignalLike | undefined,
): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await readStore(certificate, store, signal)
    const { next, answer } = change(found?.state ?? newRevocationState(certificate))
    if (next === undefined) return answer
    const checked = checkRevocationState(next)
    const replaced: unknown = await ask('replace', () => store.replace(found?.version, checked), signal)
    if (typeof replaced !== 'boolean')
      throw new MeshPkiError(
        'ERR_CA_REVOCATION_STATE',
        `replace() of the revocation store must answer true or false; got ${typeName(replaced)}`,
      )
    if (replaced) return answer
  }
  throw new MeshPkiError(
    'ERR_CA_REVOCATION_CONFLICT',
    `the revocation store of ${certificateLabel(certificate)}: another replica was first ${ATTEMPTS} times in a row, so nothing was changed. Call again; or let fewer replicas issue CRLs at the same time`,
    { data: { attempts: ATTEMPTS } },
  )
}

/** Why a serial number is revoked, also on hold; `undefined` where it is not. @throws as {@link updateState}. */
export async function revocationOf(
  context: Pick<RevocationContext, 'certificate' | 'store'>,
  serialNumber: string,
): Promise<RevocationReason | undefined> {
  const { store, certificate } = context
  const found = await readStore(certificate, store, undefined)
  const entry = found?.state.entries.find((one) => one.serialNumber === serialNumber)
  return entry === undefined || entry.reason === 'removeFromCRL' ? undefined : entry.reason
}

async function readStore(
  certificate: Certificate,
  store: RevocationStore,
  signal: AbortSignalLike | undefined,
): Promise<StoredRevocations | undefined> {
  const found: unknown = await ask('read', () => store.read(), signal)
  if (found === undefined) return undefined
  if (typeof found !== 'object' || found === null || !('version' in found) || !('state' in found))
    throw new MeshPkiError(
      'ERR_CA_REVOCATION_STATE',
      `read() of the revocation store must answer { version, state }, or undefined where nobody has written; got ${typeName(found)}`,
    )
  const { version, state } = found
  if (typeof version !== 'string')
    throw new MeshPkiError(
      'ERR_CA_REVOCATION_STATE',
      `the version that the revocation store answers must be text; got ${typeName(version)}`,
    )
  const checked = checkRevocationState(state)
  checkOwner(checked, certificate)
  return { version, state: checked }
}

/** What the store answers; its failure as the cause of ours, but a typed one of its reader as it is. */
async function ask<T>(
  method: 'read' | 'replace',
  call: () => Promise<T>,
  signal: AbortSignalLike | undefined,
): Promise<T> {
  try {
    return await orAborted((async () => call())(), signal)
  } catch (cause) {
    if (signal?.aborted === true || cause instanceof MeshPkiError) throw cause
    throw new MeshPkiError(
      'ERR_CA_REVOCATION_STORE',
      method === 'read'
        ? 'the revocation store cannot be read, so nothing was done; its own error is the cause'
        : 'the revocation store failed to replace the state, and whether it did is not known; its own error is the cause. Call again: nothing is revoked twice, and no CRL number is used twice',
      { cause },
    )
  }
}
