/**
 * What is odd in a policy, or in the mesh's configuration, that can be read nevertheless.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { escapeText } from '../../internal/text.ts'

/** Which oddity it is. `docs/kubernetes.md` explains each. */
export type PolicyFindingCode =
  | 'authority-defaulted'
  | 'auto-restart-pods'
  | 'cluster-selector-list'
  | 'config-unreadable'
  | 'generated-defaults'
  | 'key-size-in-bytes'
  | 'mesh-not-found'
  | 'more-findings'
  | 'null-member'
  | 'number-as-text'
  | 'passive-authorities'
  | 'ratio-out-of-range'
  | 'renewal-at-once'
  | 'revision-not-read'
  | 'root-shorter-than-intermediate'
  | 'rotation-options'
  | 'secret-namespace-defaulted'
  | 'selector-not-list'
  | 'selector-without-istio'
  | 'service-account-defaulted'
  | 'trust-domain-defaulted'
  | 'trust-domain-unsafe'
  | 'unknown-field'
  | 'vault-without-tls'

/** One oddity. */
export interface PolicyFinding {
  readonly code: PolicyFindingCode
  /** Where it stands, such as `spec.config.mgmtServerCa.generated`. */
  readonly path: string
  /** What was found, how it is read, and what to do. */
  readonly message: string
}

/** A policy of a mebibyte could have a hundred thousand unknown members. */
const MAX_FINDINGS = 100

/** Collects findings, and makes the errors of one object. */
export class PolicyReport {
  /** What the object is called in messages: `RootTrustPolicy gloo-mesh/root-trust`. */
  readonly where: string
  readonly #findings: PolicyFinding[] = []

  constructor(where: string) {
    this.where = where
  }

  /** All findings so far, in the order in which they were met. */
  get findings(): readonly PolicyFinding[] {
    return Object.freeze([...this.#findings])
  }

  /** Adds a finding. `message` is a sentence; text from the object must be quoted already. */
  warn(code: PolicyFindingCode, path: string, message: string): void {
    const { length } = this.#findings
    if (length > MAX_FINDINGS) return
    const finding: PolicyFinding =
      length === MAX_FINDINGS
        ? { code: 'more-findings', path: '', message: `more than ${MAX_FINDINGS} findings; mend these first` }
        : { code, path: escapeText(path), message: `${this.where}, ${escapeText(path)}: ${message}` }
    this.#findings.push(Object.freeze(finding))
  }

  /** The refusal of a member. */
  refuse(path: string, problem: string, data: Readonly<Record<string, unknown>> = {}): MeshPkiError {
    const shown = escapeText(path)
    return new MeshPkiError('ERR_KUBERNETES_POLICY', `${this.where}, ${shown}: ${problem}`, {
      data: { ...data, object: this.where, path: shown },
    })
  }
}
