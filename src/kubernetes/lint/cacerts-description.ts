/**
 * What `describeCacerts` answers.
 *
 * @module
 */

import type { LintFinding } from '../../ca/lint/lint-finding.ts'
import type { FileDescription } from '../../inspect/index.ts'
import type { CacertsLayout } from '../secrets/cacerts-layout.ts'
import type { IstiodStep } from './istiod-verdict.ts'
import type { SecretShape } from './secret-shape.ts'

/** One data key of an object. */
export interface CacertsEntry {
  readonly key: string
  readonly holds: 'signing certificate' | 'chain' | 'roots' | 'CRLs' | 'private key' | 'other'
  /** `present`: there, and not read. `described`: `content` says what it holds. */
  readonly state: 'described' | 'present' | 'empty' | 'unreadable'
  readonly content?: FileDescription | undefined
  /** Why it is unreadable. */
  readonly problem?: string | undefined
}

/** What istiod says of it. */
export interface IstiodVerdict {
  readonly ok: boolean
  /** The check that refused, as numbered at `checkCacerts`. */
  readonly step?: IstiodStep | 'incomplete' | undefined
  /** As istiod prints it. */
  readonly message?: string | undefined
}

/** A Secret or ConfigMap with certificates. No private key is in it. */
export interface CacertsDescription {
  readonly kind: 'cacerts'
  readonly at: string
  /** Such as `Secret istio-system/cacerts`. */
  readonly object: string
  /**
   * `istio`, `istio-legacy`, `tls`: a plug-in CA of istiod. `istio-root`: istiod's own. `gloo-root`, `gloo-legacy-root`: roots of
   * Gloo Mesh. `relay`, `roots`, `token`, `agent-key`: of its relay. `config-map`: whatever certificates a ConfigMap holds.
   */
  readonly layout: CacertsLayout | Exclude<SecretShape, 'cacerts'> | 'config-map' | 'unknown'
  /** By what they hold: certificates first, private keys last. */
  readonly entries: readonly CacertsEntry[]
  /** Keys of the layout that are not there. */
  readonly missing: readonly string[]
  /** Of a plug-in CA. */
  readonly istiod?: IstiodVerdict | undefined
  /** Those of `lintCacerts`; of a ConfigMap none, its contents have theirs. */
  readonly findings: readonly LintFinding[]
  /** Data keys that are left out. */
  readonly omitted?: number | undefined
}
