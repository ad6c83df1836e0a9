/**
 * What can be told of certificates that sign others, or are meant to.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import { ExtendedKeyUsage, purposeLabel } from '../../x509/extensions/extended-key-usage.ts'
import { type ChainNode, isRootNode } from './issuer-graph.ts'
import { type LintFinding, lintFinding } from './lint-finding.ts'
import { rootRepair } from './root-repair.ts'

/** Why a certificate should be a CA's. */
export interface CaRole {
  /** It issued another certificate that is here. */
  readonly issuesAnother: boolean
  /** It stands where the certificate belongs that signs. */
  readonly isSigner: boolean
  /** CRLs are used, so that it must be able to sign one. */
  readonly needsCrlSign: boolean
}

/** Rules for a certificate that issued another, is an anchor, stands where one signs, or says that it is a CA. */
export function caFindings(node: ChainNode, role: CaRole): readonly LintFinding[] {
  const { certificate } = node
  if (certificate.isCa) {
    return [
      ...keyUsageFindings(node, role.needsCrlSign),
      ...extendedKeyUsageFindings(node),
      ...nameConstraintFindings(node),
    ]
  }
  // What a version 1 certificate lacks is told by its own finding.
  if (certificate.version < 3) return []
  const isRoot = isRootNode(node)
  const isMeant = role.issuesAnother || role.isSigner || isRoot || node.isAnchor
  return isMeant ? [notCaFinding(node, isRoot, role)] : []
}

function notCaFinding(node: ChainNode, isRoot: boolean, { isSigner }: CaRole): LintFinding {
  const { at, isAnchor } = node
  const role = isAnchor
    ? 'it is trusted as a root'
    : isRoot
      ? 'it signed itself, as a root does'
      : isSigner
        ? 'it stands where the certificate belongs that signs workloads'
        : 'it signed another certificate here'
  return lintFinding('not-a-ca', {
    at,
    found: 'no basic constraints with cA TRUE',
    problem: `${role}, but it is not a CA: it has no basic constraints with cA TRUE, so nothing that it signs verifies`,
    ...rootRepair(
      node,
      isRoot
        ? 'Issue it again as a CA, for the same name and key'
        : 'Have it issued again as a CA by whoever issued it',
    ),
    clause: 'RFC 5280 §4.2.1.9, §6.1.4 (k)',
  })
}

function keyUsageFindings(node: ChainNode, needsCrlSign: boolean): readonly LintFinding[] {
  const { at, certificate } = node
  const { keyUsage } = certificate
  if (keyUsage === undefined) return []
  const found = `key usage ${keyUsage.join(', ')}`
  const findings: LintFinding[] = []
  if (!keyUsage.includes('keyCertSign')) {
    findings.push(
      lintFinding('key-cert-sign-missing', {
        at,
        found,
        problem: 'this CA may not sign certificates: its key usage lacks keyCertSign',
        ...rootRepair(node, 'Have it issued again with key usage keyCertSign and cRLSign'),
        clause: 'RFC 5280 §4.2.1.3, §6.1.4 (n)',
      }),
    )
  }
  if (!keyUsage.includes('cRLSign')) {
    findings.push(
      lintFinding('crl-sign-missing', {
        at,
        found,
        problem: needsCrlSign
          ? "its key usage lacks cRLSign, so its CRL counts for nothing, and istiod refuses the secret. Istio's own tools/certs leave it out"
          : "its key usage lacks cRLSign: it cannot revoke what it issues. Istio's own tools/certs leave it out",
        ...rootRepair(
          node,
          'Have it issued again, for the same name and key, with key usage keyCertSign and cRLSign, before CRLs are used',
        ),
        clause: 'RFC 5280 §4.2.1.3, §6.3.3 (f)',
        ...(needsCrlSign ? { severity: 'error' as const } : {}),
      }),
    )
  }
  return findings
}

function extendedKeyUsageFindings({ at, certificate }: ChainNode): readonly LintFinding[] {
  const purposes = certificate.extendedKeyUsage
  if (purposes === undefined || purposes.includes(ExtendedKeyUsage.any)) return []
  const missing = [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth].filter(
    (purpose) => !purposes.includes(purpose),
  )
  if (missing.length === 0) return []
  const listed = purposes.slice(0, 8).map(purposeLabel).join(', ')
  return [
    lintFinding('ca-extended-key-usage', {
      at,
      found: `extended key usage ${listed}`,
      problem: `its extended key usage lacks ${missing.map(purposeLabel).join(' and ')}, and everything below it is bound by that: ${missing.includes(ExtendedKeyUsage.serverAuth) ? 'istiod refuses the CA' : 'no workload below it can be a client'}`,
      remedy: 'Have the CA issued again without extended key usage, or with serverAuth and clientAuth',
      clause: 'RFC 5280 §4.2.1.12',
    }),
  ]
}

const FORMS = ['dns', 'email', 'uri', 'ip'] as const

function nameConstraintFindings({ at, certificate }: ChainNode): readonly LintFinding[] {
  const { nameConstraints } = certificate
  if (nameConstraints === undefined) return []
  const mentioned = new Set(
    [...nameConstraints.permitted, ...nameConstraints.excluded].map(({ type }) => type),
  )
  const open = FORMS.filter((form) => !mentioned.has(form))
  if (open.length === 0) return []
  return [
    lintFinding('name-constraints-open', {
      at,
      found: `name constraints for ${[...mentioned].map((type) => quote(type)).join(', ')}`,
      problem: `its name constraints say nothing about names of the forms ${open.join(', ')}, so the CA may issue any of those: a constraint holds for its own form alone`,
      remedy:
        'Have it issued again with constraints that close the other forms; the option "nameConstraints" here does so by itself',
      clause: 'RFC 5280 §4.2.1.10',
    }),
  ]
}
