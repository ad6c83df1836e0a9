/**
 * What is wrong with a planned certificate below those above it.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { formatDuration } from '../internal/duration.ts'
import { escapeText } from '../internal/text.ts'
import { constraintViolation } from '../verify/name-constraints.ts'
import { rfc5280Violations } from '../verify/rfc5280-rules.ts'
import type { Certificate } from '../x509/certificate.ts'
import { ExtendedKeyUsage } from '../x509/extensions/extended-key-usage.ts'
import type { GeneralNameInput } from '../x509/general-name.ts'
import { constraintProblem } from './constraint-problem.ts'
import { checkPathLengthBelow, checkSubject } from './issuance-rules.ts'
import { judgeSpiffe } from './policy/certificate-rules.ts'
import { Violations } from './policy/policy-violation.ts'

/** Why a plan would not work. */
export interface HierarchyFinding {
  readonly rule:
    | 'extended-key-usage'
    | 'lifetime'
    | 'name-constraints'
    | 'not-ca'
    | 'path-length'
    | 'rfc5280'
    | 'self-issued'
    | 'spiffe'
    | 'subject'
  /** `refused`: no verifier would accept it. `shortened`: it works, for a shorter time than planned. */
  readonly effect: 'refused' | 'shortened'
  /** Whom it is about, as messages name it. */
  readonly subject: string
  readonly message: string
}

/** A CA of the plan, or one that exists. */
export interface Level {
  readonly certificate: Certificate
  readonly label: string
  readonly lifetime: number | undefined
  /** Of a planned CA: what it permits. */
  readonly samples: readonly Sample[]
}

/** A name that a CA permits, and a leaf that bears it. */
export interface Sample {
  readonly name: GeneralNameInput
  readonly leaf: Certificate
}

const { any, serverAuth, clientAuth } = ExtendedKeyUsage

/** Judges one certificate of a plan by those above it, top first. */
export function judgePlanned(
  level: Level,
  above: readonly Level[],
  isCa: boolean,
): readonly HierarchyFinding[] {
  const findings: HierarchyFinding[] = []
  const add = (
    rule: HierarchyFinding['rule'],
    message: string,
    effect: HierarchyFinding['effect'] = 'refused',
  ): void => {
    findings.push(
      Object.freeze({ rule, effect, subject: level.label, message: `${level.label}: ${message}` }),
    )
  }
  const { certificate } = level
  const issuers = above.map((upper) => upper.certificate).reverse()
  const fault = subjectFault(certificate, isCa, issuers)
  if (fault !== undefined) add(fault.code === 'ERR_CA_SELF_ISSUED' ? 'self-issued' : 'subject', fault.message)
  judgePathLength(certificate, above, isCa, issuers, add)
  for (const upper of above) judgeBelow(level, upper, isCa, add)
  const constrained = constraintProblem(issuers, certificate)
  if (constrained !== undefined) add('name-constraints', constrained)
  for (const { rule, text, clause } of rfc5280Violations(certificate, {
    isRoot: above.length === 0,
    isAnchor: false,
  }))
    if (rule !== 'ca-subject' && rule !== 'issuer') add('rfc5280', `${text} (${clause})`)
  if (!isCa) {
    const violations = new Violations('certificate')
    judgeSpiffe(certificate.subjectAltNames, violations)
    for (const { message } of violations.list) add('spiffe', message)
  }
  return findings
}

type Add = (rule: HierarchyFinding['rule'], message: string, effect?: HierarchyFinding['effect']) => void

/** What issuance would refuse of its subject. */
function subjectFault(
  { subject }: Certificate,
  isCa: boolean,
  issuers: readonly Certificate[],
): MeshPkiError | undefined {
  return refusalOf(() => checkSubject(subject, new Uint8Array(), isCa, issuers))
}

function refusalOf(check: () => void): MeshPkiError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}

function judgePathLength(
  certificate: Certificate,
  above: readonly Level[],
  isCa: boolean,
  issuers: readonly Certificate[],
  add: Add,
): void {
  if (isCa) {
    const fault = refusalOf(() => checkPathLengthBelow(certificate.pathLength, issuers))
    if (fault !== undefined) add('path-length', fault.message)
    return
  }
  for (const [i, { certificate: upper, label }] of above.entries()) {
    // Self-issued CAs do not count (RFC 5280 §6.1.4 (l)).
    const between = above.slice(i + 1).filter((lower) => !lower.certificate.isSelfIssued).length
    if (upper.pathLength !== undefined && between > upper.pathLength)
      add(
        'path-length',
        `${label} has path length ${upper.pathLength}, but ${between} CAs would stand below it (RFC 5280 §4.2.1.9)`,
      )
  }
}

function judgeBelow({ samples, lifetime }: Level, upper: Level, isCa: boolean, add: Add): void {
  const { certificate, label } = upper
  if (!certificate.isCa) add('not-ca', `${label} is above it and no CA (RFC 5280 §4.2.1.9)`)
  const purposes = certificate.extendedKeyUsage
  if (!isCa && purposes !== undefined && !purposes.includes(any))
    for (const [name, oid] of Object.entries({ serverAuth, clientAuth }))
      if (!purposes.includes(oid))
        add('extended-key-usage', `${label} is above it and not for ${name} (RFC 5280 §4.2.1.12)`)
  for (const names of shutForms(certificate, samples))
    add(
      'name-constraints',
      `it permits names such as ${names}, and ${label} permits none of them (RFC 5280 §4.2.1.10)`,
    )
  if (lifetime !== undefined && upper.lifetime !== undefined && lifetime > upper.lifetime)
    add(
      'lifetime',
      `it shall live for ${formatDuration(lifetime)}, and ${label} for ${formatDuration(upper.lifetime)}; it will be cut short`,
      'shortened',
    )
}

const FORMS = ['uri', 'dns', 'email', 'ip'] as const

/** What a CA permits in one form, and nobody can have because of a CA above. */
function shutForms(upper: Certificate, samples: readonly Sample[]): readonly string[] {
  return FORMS.flatMap((form) => {
    const own = samples.filter(({ name }) => name.type === form)
    const isShut = own.every(
      ({ leaf }) => constraintViolation(upper, leaf, { take: () => true }) !== undefined,
    )
    if (own.length === 0 || !isShut) return []
    return [own.map(({ name }) => escapeText(String(name.value))).join(', ')]
  })
}
