/**
 * Rules beyond RFC 5280 §6 that a profile asks for, each a switch of its own.
 *
 * @module
 */

import { checkOptionNames, readFlag } from '../internal/options.ts'
import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type Finding, finding } from './finding.ts'
import { nameSyntaxViolations, RFC5280_RULES, type Rfc5280Rule, rfc5280Violations } from './rfc5280-rules.ts'
import { WEB_PKI_RULES, type WebPkiRule, webPkiViolations } from './web-pki-rules.ts'

/** A rule that can be switched on or off by name. */
export type ProfileRule = Rfc5280Rule | WebPkiRule

/** Which rules to ask for, beyond or below those of the profile. */
export type ProfileRules = Readonly<Partial<Record<ProfileRule, boolean | undefined>>>

/** Every rule. */
const PROFILE_RULES: readonly ProfileRule[] = [...RFC5280_RULES, ...WEB_PKI_RULES]

const NO_RULES: ReadonlySet<ProfileRule> = new Set()

/** The rules in force: none under `rfc5280`, all under `webpki`, and then what the option says. */
export function readRules(
  profile: 'rfc5280' | 'webpki',
  rules: ProfileRules | undefined,
): ReadonlySet<ProfileRule> {
  if (rules === undefined) return profile === 'webpki' ? new Set(PROFILE_RULES) : NO_RULES
  checkOptionNames(rules, PROFILE_RULES, 'option "rules"')
  return new Set(PROFILE_RULES.filter((rule) => readFlag(rules[rule], `rules.${rule}`, profile === 'webpki')))
}

/** Judges a certificate by the rules in force. */
export function checkRules(
  certificate: Certificate,
  depth: number,
  role: 'leaf' | 'ca' | 'root',
  rules: ReadonlySet<ProfileRule>,
): Finding | undefined {
  if (rules.size === 0) return undefined
  const violations = [
    ...rfc5280Violations(certificate, { isRoot: role === 'root', isAnchor: role === 'root' }),
    ...nameSyntaxViolations(certificate),
    ...webPkiViolations(certificate, role),
  ]
  const broken = violations.find(({ rule }) => rules.has(rule))
  if (broken === undefined) return undefined
  return finding('ERR_PATH_RULE', certificate, depth, [], () => ({
    problem: `it breaks the rule "${broken.rule}": ${escapeText(broken.text)}`,
    clause: broken.clause,
    remedy: `Have it issued again so that it does; rules: { '${broken.rule}': false } verifies without this rule`,
    data: { rule: broken.rule },
  }))
}
