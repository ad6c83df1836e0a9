/**
 * What a lint answers: findings as plain data, worst first.
 *
 * @module
 */

import { escapeText } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import { LINT_SEVERITIES, type LintCode, type LintSeverity } from './lint-codes.ts'

/** What was found and where. Members that are not known are absent. No key material is ever in it. */
export interface LintEvidence {
  /** What was found, in words. */
  readonly found: string
  /** Which text: a data key of a secret, the name of a file or an option, a member of an architecture. */
  readonly source?: string | undefined
  /** 1-based: the line in that text where the block begins. */
  readonly line?: number | undefined
  /** 1-based: which certificate of that text or list. */
  readonly position?: number | undefined
  /** Subject and serial number of the certificate. */
  readonly certificate?: string | undefined
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint?: string | undefined
}

/** One finding. */
export interface LintFinding {
  readonly code: LintCode
  readonly severity: LintSeverity
  readonly evidence: LintEvidence
  /** What to do, in words. */
  readonly remedy: string
  /** A shell command that does it, or looks for what is needed, where there is one. */
  readonly command?: string | undefined
  /** Where, what, why and what to do, in one text. */
  readonly message: string
  /** The clause of the rule, such as `RFC 5280 §4.2.1.9`. */
  readonly clause?: string | undefined
}

/** Where something stands. */
export interface LintPlace {
  readonly source?: string | undefined
  readonly line?: number | undefined
  readonly position?: number | undefined
  readonly certificate?: Certificate | undefined
}

/** What a rule says. Text from outside must be quoted already. */
export interface FindingParts {
  readonly at?: LintPlace | undefined
  readonly found: string
  /** What is wrong with it, as a sentence without its stop. */
  readonly problem: string
  /** What to do, as a sentence without its stop. */
  readonly remedy: string
  readonly command?: string | undefined
  readonly clause?: string | undefined
  /** Where it is not the usual one. */
  readonly severity?: LintSeverity | undefined
}

/** The longest text of a finding. Each piece from outside was cut before. */
const MAX_TEXT = 4096

const RANK: Readonly<Record<LintSeverity, number>> = { error: 0, warning: 1, info: 2 }

/** Makes a finding. Every text goes through `escapeText` once more: nothing that looks like a key comes out. */
export function lintFinding(code: LintCode, parts: FindingParts): LintFinding {
  const { at = {}, found, problem, remedy, command, clause } = parts
  const { source, line, position, certificate } = at
  const label = certificate === undefined ? undefined : certificateLabel(certificate)
  const advice = command === undefined ? remedy : `${remedy}: ${command}`
  const rule = clause === undefined ? '' : ` (${clause})`
  return Object.freeze({
    code,
    severity: parts.severity ?? LINT_SEVERITIES[code],
    evidence: Object.freeze({
      found: safe(found),
      ...(source === undefined ? {} : { source: safe(source) }),
      ...(line === undefined ? {} : { line }),
      ...(position === undefined ? {} : { position }),
      ...(label === undefined ? {} : { certificate: label }),
      ...(certificate === undefined ? {} : { fingerprint: certificate.fingerprint() }),
    }),
    remedy: safe(remedy),
    ...(command === undefined ? {} : { command: safe(command) }),
    message: safe(`${placeLabel(at, label)}${problem}${rule}. ${advice}.`),
    ...(clause === undefined ? {} : { clause }),
  })
}

/** The findings worst first, and among equals in the order of their places. Equal ones stand once. */
export function sortFindings(findings: readonly LintFinding[]): readonly LintFinding[] {
  const distinct = new Map(findings.map((finding) => [`${finding.code} ${finding.message}`, finding]))
  return Object.freeze([...distinct.values()].sort(compareFindings))
}

/** A word of a shell command for a name from outside: only harmless names come through, others become `FILE`. */
export function shellWord(name: string): string {
  return /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$/.test(name) ? name : 'FILE'
}

const safe = (text: string): string => escapeText(text, MAX_TEXT)

function placeLabel({ source, line, position }: LintPlace, label: string | undefined): string {
  const where = line !== undefined ? `line ${line}` : position !== undefined ? `number ${position}` : ''
  const text = [source === undefined ? '' : escapeText(source), where]
    .filter((part) => part !== '')
    .join(', ')
  const parts = [text, label ?? ''].filter((part) => part !== '')
  return parts.length === 0 ? '' : `${parts.join(': ')}: `
}

function compareFindings(a: LintFinding, b: LintFinding): number {
  const { evidence: x } = a
  const { evidence: y } = b
  return (
    RANK[a.severity] - RANK[b.severity] ||
    compareTexts(x.source ?? '', y.source ?? '') ||
    (x.line ?? 0) - (y.line ?? 0) ||
    (x.position ?? 0) - (y.position ?? 0) ||
    compareTexts(a.code, b.code)
  )
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
