/**
 * What can be told of one certificate by itself.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { formatDuration } from '../../internal/duration.ts'
import { quote } from '../../internal/text.ts'
import { lintTrustDomain } from '../../spiffe/trust-domain-lint.ts'
import { iso } from '../../verify/finding.ts'
import { nameSyntaxViolations, type Rfc5280Rule, rfc5280Violations } from '../../verify/rfc5280-rules.ts'
import { readPublicKeyInfo } from '../../x509/public-key-info.ts'
import { checkPublicKeyInfo } from '../../x509/verification-key.ts'
import { type ChainNode, isRootNode } from './issuer-graph.ts'
import type { LintCode } from './lint-codes.ts'
import { type LintFinding, lintFinding } from './lint-finding.ts'
import { rootRepair } from './root-repair.ts'

/** Istio's rotator renews its root when a fifth of its life is left. */
const SOON = 0.2

const SPIFFE_SCHEME = 'spiffe://'

/** How a certificate is judged. */
export interface CertificateContext {
  readonly now: number
  /** Whether trust domains and the SPIFFE IDs of CAs are judged. */
  readonly spiffe: boolean
  /** Whether anything depends on it: an old root that nobody leads to any longer only is in the way. */
  readonly isNeeded: boolean
}

/** Everything about one certificate that no other certificate is needed for. */
export function certificateFindings(
  node: ChainNode,
  { now, spiffe, isNeeded }: CertificateContext,
): readonly LintFinding[] {
  const isV1 = node.certificate.version < 3
  return [
    ...(isV1 ? [v1Finding(node)] : ruleFindings(node)),
    ...validityFindings(node, now, isNeeded),
    ...strengthFindings(node),
    ...(spiffe ? spiffeFindings(node) : []),
  ]
}

function v1Finding(node: ChainNode): LintFinding {
  const { at, certificate } = node
  return lintFinding('v1-certificate', {
    at,
    found: `an X.509 v${certificate.version} certificate`,
    problem: `an X.509 v${certificate.version} certificate has no extensions, so it is not a CA: Istio and every verifier of RFC 5280 refuse what it signs. "openssl x509 -req" without -extfile makes such certificates`,
    ...rootRepair(node, 'Issue it again as a version 3 certificate with the extensions of a CA'),
    clause: 'RFC 5280 §4.1.2.1, §6.1.4 (k)',
  })
}

/** Rules that have a finding of their own, with what to do. */
const RULES: Readonly<Partial<Record<Rfc5280Rule, readonly [code: LintCode, remedy: string]>>> = {
  'authority-key-identifier': [
    'authority-key-identifier-missing',
    'Issue it again with an authority key identifier. Below a CA without a name Go leaves it out: give the CA a subject first',
  ],
  'basic-constraints-critical': [
    'basic-constraints-not-critical',
    'Issue it again with critical basic constraints',
  ],
  'ca-key-usage': ['ca-key-usage-missing', 'Issue it again with critical key usage keyCertSign and cRLSign'],
  'ca-subject': [
    'empty-subject',
    'Issue the CA again with a subject that no other CA has. Old Gloo Mesh releases drop the subject of the request; later ones keep it',
  ],
  'ca-subject-key-identifier': [
    'subject-key-identifier-missing',
    'Issue it again with a subject key identifier; OpenSSL: subjectKeyIdentifier=hash',
  ],
  issuer: [
    'empty-issuer',
    'Give the CA above it a subject that no other CA has, and let the certificate be issued again',
  ],
  'serial-number': [
    'serial-number',
    'Issue it again with a random positive serial number; OpenSSL: -set_serial 0x$(openssl rand -hex 16)',
  ],
}

function ruleFindings(node: ChainNode): readonly LintFinding[] {
  const { at, certificate } = node
  const violations = [
    ...rfc5280Violations(certificate, { isRoot: isRootNode(node), isAnchor: false }),
    ...nameSyntaxViolations(certificate),
  ]
  return violations.map(({ rule, text, clause }) => {
    const [code, remedy] = RULES[rule] ?? [
      'rfc5280-rule' as const,
      'Issue it again by a CA that keeps to RFC 5280; "openssl verify -x509_strict" refuses most such certificates',
    ]
    const repair = code === 'rfc5280-rule' ? { remedy } : rootRepair(node, remedy)
    return lintFinding(code, { at, found: rule, problem: text, ...repair, clause })
  })
}

function validityFindings(
  { at, certificate }: ChainNode,
  now: number,
  isNeeded: boolean,
): readonly LintFinding[] {
  const notBefore = certificate.notBefore.getTime()
  const notAfter = certificate.notAfter.getTime()
  const found = `valid from ${iso(notBefore)} to ${iso(notAfter)}`
  const clause = 'RFC 5280 §4.1.2.5'
  const severity = isNeeded ? {} : { severity: 'warning' as const }
  if (now > notAfter) {
    return [
      lintFinding('expired', {
        at,
        found,
        problem: `it expired at ${iso(notAfter)}`,
        remedy: isNeeded
          ? 'Renew it now; whatever leads through it is refused'
          : 'Take it out; nothing leads to it',
        clause,
        ...severity,
      }),
    ]
  }
  if (now < notBefore) {
    return [
      lintFinding('not-yet-valid', {
        at,
        found,
        problem: `it is not valid before ${iso(notBefore)}`,
        remedy: 'Wait, and check the clock of whoever issued it',
        clause,
        ...severity,
      }),
    ]
  }
  const left = notAfter - now
  if (left > (notAfter - notBefore) * SOON) return []
  return [
    lintFinding('expires-soon', {
      at,
      found,
      problem: `it expires at ${iso(notAfter)}, in ${left === 0 ? '0s' : formatDuration(left)}: less than a fifth of its life is left`,
      remedy: certificate.isCa
        ? 'Renew it now: what it signs cannot live longer, and a root needs time to reach everybody'
        : 'Look why it was not renewed',
    }),
  ]
}

function strengthFindings({ at, certificate }: ChainNode): readonly LintFinding[] {
  const findings: LintFinding[] = []
  if (certificate.signatureAlgorithm === undefined) {
    const algorithm = certificate.signatureAlgorithmDescription
    const isWeak = /\b(MD[245]|SHA-?1)\b/i.test(algorithm)
    findings.push(
      lintFinding(isWeak ? 'weak-signature' : 'unsupported-algorithm', {
        at,
        found: algorithm,
        problem: isWeak
          ? `it is signed with ${algorithm}, for which forged certificates can be made`
          : `it is signed with ${algorithm}, which is not accepted here, nor by many peers`,
        remedy: 'Issue it again with SHA-256 or better, and P-256, P-384, P-521, Ed25519 or RSA',
        ...(isWeak ? { clause: 'RFC 9155 §2, NIST SP 800-131A' } : {}),
      }),
    )
  }
  try {
    checkPublicKeyInfo(readPublicKeyInfo(certificate.publicKey))
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    findings.push(
      lintFinding(error.code === 'ERR_KEY_WEAK' ? 'weak-key' : 'unsupported-algorithm', {
        at,
        found: certificate.publicKeyType,
        problem: error.message,
        remedy: 'Make a new key, P-256 or RSA from 2048 bits, and have the certificate issued again',
      }),
    )
  }
  return findings
}

function spiffeFindings({ at, certificate }: ChainNode): readonly LintFinding[] {
  const findings: LintFinding[] = []
  for (const name of certificate.subjectAltNames) {
    if (name.type !== 'uri' || !name.value.startsWith(SPIFFE_SCHEME)) continue
    const [trustDomain = '', ...path] = name.value.slice(SPIFFE_SCHEME.length).split('/')
    if (certificate.isCa && path.length > 0) {
      findings.push(
        lintFinding('ca-spiffe-path', {
          at,
          found: quote(name.value),
          problem: `this CA bears the SPIFFE ID ${quote(name.value)}, and the ID of a signing certificate must not have a path; Gloo Mesh issues such CAs`,
          remedy:
            'Issue the CA with a DNS name in place of the SPIFFE ID, as Istio does, or with the trust domain alone',
          clause: 'X509-SVID §3.2',
        }),
      )
    }
    for (const { message } of lintTrustDomain(trustDomain).findings) {
      findings.push(
        lintFinding('trust-domain', {
          at,
          found: `trust domain ${quote(trustDomain, 160)}`,
          problem: message,
          remedy:
            'Choose a trust domain of lower-case letters, digits, dashes and dots, which SPIFFE and Istio both take, and move to it by meshConfig.trustDomainAliases',
          clause: 'SPIFFE-ID §2.1',
        }),
      )
    }
  }
  return findings
}
