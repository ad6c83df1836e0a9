/**
 * Whether everybody in a mesh takes a trust domain name.
 *
 * @module
 */

import { quote } from '../internal/text.ts'
import { checkText, findTrustDomainFault, nameCharacter, type SpiffeRefusal } from './spiffe-grammar.ts'

/** Why a name is not safe: Istio's reasons, SPIFFE's, and `trailing-dot`, which both of them take. */
export type TrustDomainFindingReason =
  | 'empty'
  | 'label-empty'
  | 'label-length'
  | 'label-character'
  | 'label-dash'
  | 'trailing-dot'
  | SpiffeRefusal

/** One reason against a trust domain name. */
export interface TrustDomainFinding {
  /** Who refuses it: the SPIFFE standard, Istio's `ValidateTrustDomain`, or nobody. */
  readonly refusedBy: 'spiffe' | 'istio' | 'nobody'
  readonly reason: TrustDomainFindingReason
  readonly message: string
}

/** What {@link lintTrustDomain} finds. */
export interface TrustDomainLint {
  /** Whether the name is in the safe intersection: there are no findings. */
  readonly safe: boolean
  readonly findings: readonly TrustDomainFinding[]
}

const MAX_LABEL_LENGTH = 63

/**
 * Tells whether a trust domain name suits both SPIFFE implementations and Istio, and if not, who refuses it.
 *
 * SPIFFE-ID §2.1 wants lower case and allows underscores; Istio wants DNS labels (RFC 1123 §2.1) of at most
 * 63 characters and allows upper case. A final dot passes both and still makes a second, different trust
 * domain, so it is a finding too. It never throws on text.
 *
 * @throws `TypeError` for anything but a string.
 *
 * @example
 * ```ts
 * import { lintTrustDomain } from 'mesh-pki/spiffe'
 *
 * const { safe, findings } = lintTrustDomain('prod_1.example.com')
 * console.log(safe, findings.map((finding) => finding.refusedBy)) // false [ 'istio' ]
 * ```
 */
export function lintTrustDomain(text: string): TrustDomainLint {
  checkText(text, 'the text given to lintTrustDomain')
  const findings: TrustDomainFinding[] = []
  const fault = findTrustDomainFault(text, 0, text.length)
  if (fault !== undefined) {
    findings.push({
      refusedBy: 'spiffe',
      reason: fault.reason,
      message: `trust domain ${quote(text)}: ${fault.message}`,
    })
  }
  const istio = findIstioFault(text)
  if (istio !== undefined) findings.push(istio)
  if (findings.length === 0 && text.endsWith('.')) {
    const message =
      `trust domain ${quote(text)}: it ends in a dot, which SPIFFE and Istio take for another trust ` +
      'domain than the one without; leave the dot out'
    findings.push({ refusedBy: 'nobody', reason: 'trailing-dot', message })
  }
  return { safe: findings.length === 0, findings }
}

/** The first thing that Istio's `ValidateTrustDomain` refuses. */
function findIstioFault(text: string): TrustDomainFinding | undefined {
  if (text === '') return istioFinding('empty', 'empty domain name not allowed')
  const invalid = `trust domain name ${quote(text)} invalid`
  let start = 0
  while (start <= text.length) {
    const dot = text.indexOf('.', start)
    const end = dot === -1 ? text.length : dot
    if (start === end) {
      // Only the last label may be empty, as in "example.com.", and only when another stands before it.
      if (dot === -1) return undefined
      return istioFinding(
        'label-empty',
        `${invalid}: an empty label at position ${start + 1}; fill it or leave its dot out`,
      )
    }
    if (end - start > MAX_LABEL_LENGTH) {
      return istioFinding(
        'label-length',
        `${invalid}: a label of ${end - start} characters at position ${start + 1}, at most ` +
          `${MAX_LABEL_LENGTH} are allowed; split or shorten it`,
      )
    }
    for (let i = start; i < end; i++) {
      if (isLabelCharacter(text.charCodeAt(i))) continue
      return istioFinding(
        'label-character',
        `${invalid}: ${nameCharacter(text, i)}, only letters, digits and "-" are allowed in a ` +
          'label; leave it out',
      )
    }
    if (text.charAt(start) === '-' || text.charAt(end - 1) === '-') {
      return istioFinding(
        'label-dash',
        `${invalid}: the label at position ${start + 1} begins or ends in "-"; leave that dash out`,
      )
    }
    start = end + 1
  }
  return undefined
}

function istioFinding(reason: TrustDomainFindingReason, problem: string): TrustDomainFinding {
  return { refusedBy: 'istio', reason, message: `${problem} (Istio ValidateTrustDomain)` }
}

function isLabelCharacter(code: number): boolean {
  const lower = code | 0x20
  return (lower >= 0x61 && lower <= 0x7a && code < 0x80) || (code >= 0x30 && code <= 0x39) || code === 0x2d
}
