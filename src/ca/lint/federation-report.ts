/**
 * What the check of a federation answers.
 *
 * @module
 */

import { escapeText } from '../../internal/text.ts'
import type { SharedRoot } from './federation-findings.ts'
import type { FederationCell } from './federation-matrix.ts'
import type { LintFinding } from './lint-finding.ts'

/** Who trusts whom, and why not. `String(report)` is a table. */
export class FederationReport {
  /** Whether every workload verifies everywhere and no finding is an error. */
  readonly ok: boolean
  /** One cell for each ordered pair of clusters, a cluster with itself included. */
  readonly matrix: readonly FederationCell[]
  readonly sharedRoots: readonly SharedRoot[]
  readonly findings: readonly LintFinding[]
  readonly #names: readonly string[]

  /** @internal */
  constructor(
    names: readonly string[],
    matrix: readonly FederationCell[],
    sharedRoots: readonly SharedRoot[],
    findings: readonly LintFinding[],
  ) {
    this.#names = [...names]
    this.matrix = Object.freeze([...matrix])
    this.sharedRoots = sharedRoots
    this.findings = findings
    this.ok = matrix.every(({ ok }) => ok) && findings.every(({ severity }) => severity !== 'error')
    Object.freeze(this)
  }

  /** A table of who verifies where, the shared roots, and the findings, a line each. */
  toString(): string {
    const names = this.#names.map((name) => escapeText(name, 32))
    const width = Math.max(...names.map((name) => name.length), 'issued by'.length)
    const row = (cells: readonly string[]): string =>
      cells
        .map((cell) => cell.padEnd(width))
        .join('  ')
        .trimEnd()
    const lines = [row(['issued by', ...names.map((name) => `in ${name}`.padEnd(width + 3))])]
    const verified = new Map(this.#names.map((name) => [name, new Set<string>()]))
    for (const { from, to, ok } of this.matrix) if (ok) verified.get(from)?.add(to)
    for (const [i, from] of this.#names.entries()) {
      const mark = (to: string): string => (verified.get(from)?.has(to) === true ? 'verifies' : 'refused')
      const marks = this.#names.map((to) => mark(to).padEnd(width + 3))
      lines.push(row([names[i] ?? '', ...marks]))
    }
    for (const { certificate, clusters, by } of this.sharedRoots)
      lines.push(
        `shared root ${certificate}: ${clusters.map((name) => escapeText(name, 32)).join(', ')}${by === 'key' ? ' (issued again)' : ''}`,
      )
    if (this.sharedRoots.length === 0) lines.push('no shared root')
    for (const { severity, code, message } of this.findings) lines.push(`${severity} ${code}: ${message}`)
    return lines.join('\n')
  }
}
