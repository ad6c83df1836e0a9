/**
 * What istiod makes of a changed `root-cert.pem`.
 *
 * @module
 */

import { scanPemText } from '../../ca/lint/pem-scan.ts'
import { MeshPkiError } from '../../errors.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { checkOptionNames, readFlag } from '../../internal/options.ts'
import { readPem } from '../../x509/pem.ts'
import {
  COMPARES_SETS,
  isAtLeast,
  RELOADS_INTERMEDIATE,
  RELOADS_ROOTS,
  readIstioVersion,
} from './istio-version.ts'

/** Options of {@link checkIstioRoots}. */
export interface IstioRootsOptions {
  /** As `'1.24'` or `'1.24.3'`. */
  readonly istioVersion: string
  /** Whether istiod has `ISTIO_MULTIROOT_MESH=true`. Default `false`, as Istio. */
  readonly multiRoot?: boolean | undefined
}

/** What istiod does with the files that it finds. */
export interface IstioRootsVerdict {
  /**
   * `reloaded`: it takes them, without a restart. `restart`: it takes them when it starts anew; until then it goes on with the old
   * ones. `ignored`: it refuses the whole update, a new intermediate included.
   */
  readonly outcome: 'reloaded' | 'restart' | 'ignored'
  /** What istiod logs, where it refuses. */
  readonly log?: string
  /** Why, and what to do. */
  readonly message: string
}

/**
 * Tells what a running istiod does when `root-cert.pem` in its `cacerts` changes from one text to another.
 *
 * Roots are reloaded from 1.20 on, and only with `ISTIO_MULTIROOT_MESH=true` and where one text contains the other: as sets of
 * certificates from 1.30 on, byte by byte before. So `A` → `A+B` → `B` is taken, and `A` → `B` is not. The first question is always one
 * of bytes: a changed comment is a changed root.
 *
 * **Warning**: it looks at the roots only. Whether istiod accepts signer, key and chain is another matter.
 *
 * @throws `TypeError` for options and for what is no text.
 *
 * @example
 * ```ts
 * import { checkIstioRoots } from 'mesh-pki/rotation'
 *
 * declare const oldRoots: string
 * declare const newRoots: string
 * const { outcome, message } = checkIstioRoots(oldRoots, newRoots, { istioVersion: '1.24', multiRoot: true })
 * if (outcome !== 'reloaded') console.error(message)
 * ```
 */
export function checkIstioRoots(
  current: string,
  next: string,
  options: IstioRootsOptions,
): IstioRootsVerdict {
  checkOptionNames(options, ['istioVersion', 'multiRoot'], 'checkIstioRoots')
  const version = readIstioVersion(options.istioVersion)
  const multiRoot = readFlag(options.multiRoot, 'multiRoot', false)
  if (typeof current !== 'string' || typeof next !== 'string')
    throw new TypeError('checkIstioRoots takes two texts: root-cert.pem before and after')
  if (!isAtLeast(version, RELOADS_INTERMEDIATE))
    return {
      outcome: 'restart',
      message: 'Istio before 1.12 reads its CA when it starts only: restart istiod, then every workload',
    }
  if (current === next)
    return {
      outcome: 'reloaded',
      message: 'the roots are the same bytes; a new intermediate below them is taken',
    }
  if (!isAtLeast(version, RELOADS_ROOTS))
    return {
      outcome: 'restart',
      log: MULTI_ROOT_OFF,
      message:
        'Istio before 1.20 takes no new roots while it runs, and with them no new intermediate: restart istiod at this step',
    }
  if (!multiRoot)
    return {
      outcome: 'ignored',
      log: MULTI_ROOT_OFF,
      message:
        'ISTIO_MULTIROOT_MESH is not true, so istiod ignores the whole update, a new intermediate included. Set it on istiod before this step',
    }
  const sets = isAtLeast(version, COMPARES_SETS)
  const contains = sets ? containSets(current, next) : current.includes(next) || next.includes(current)
  if (contains)
    return { outcome: 'reloaded', message: 'one contains the other, so istiod takes the new roots' }
  return {
    outcome: 'ignored',
    log: NOT_CONTAINED,
    message: sets
      ? 'neither set of roots contains the other. Add the new root first, and take the old one away later'
      : 'neither text contains the other, byte by byte (before 1.30). Keep the old text as it is and add below it; do not sort, re-wrap or comment',
  }
}

const MULTI_ROOT_OFF = 'Multi root is disabled, updating new ROOT-CA not supported'
const NOT_CONTAINED = 'Updating new ROOT-CA not supported'

function containSets(current: string, next: string): boolean {
  const [old, fresh] = [certificatesOf(current), certificatesOf(next)]
  // A bundle without a certificate never passes.
  if (old.length === 0 || fresh.length === 0) return false
  const within = (some: readonly Uint8Array[], all: readonly Uint8Array[]): boolean =>
    some.every((one) => all.some((other) => equalBytes(one, other)))
  return within(old, fresh) || within(fresh, old)
}

/** The certificates of a text as istiod sees them: what is none is passed over. */
function certificatesOf(text: string): readonly Uint8Array[] {
  return scanPemText(text).blocks.flatMap(({ label, text: block }) => {
    if (label !== 'CERTIFICATE') return []
    try {
      return readPem(block, ['CERTIFICATE']).map(({ der }) => der)
    } catch (error) {
      if (error instanceof MeshPkiError) return []
      throw error
    }
  })
}
