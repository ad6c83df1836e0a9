/**
 * Whether the CRLs of a secret are those that istiod asks for.
 *
 * @module
 */

import { limitFinding, type PlacedCertificate } from '../../ca/lint/certificate-file.ts'
import type { SignatureOracle } from '../../ca/lint/issuer-graph.ts'
import { type LintFinding, lintFinding } from '../../ca/lint/lint-finding.ts'
import { MeshPkiError } from '../../errors.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'
import { CertificateList } from '../../x509/certificate-list.ts'
import { DataKey } from '../objects/names.ts'
import type { LintedSecret } from './linted-secret.ts'

/**
 * istiod wants, for every certificate of the chain, a CRL that this certificate signed; OpenSSL wants one that covers
 * what it issued. `signer`: the CA that issues workload certificates, which name no distribution point.
 */
export async function addCrlFindings(
  secret: LintedSecret,
  chain: readonly PlacedCertificate[],
  signer: Certificate | undefined,
  now: number,
  oracle: SignatureOracle,
): Promise<void> {
  const source = secret.sourceOf(DataKey.caCrl)
  let lists: readonly CertificateList[]
  try {
    const text = secret.text(DataKey.caCrl) ?? ''
    if (text.includes('PRIVATE KEY-----'))
      throw new MeshPkiError('ERR_PEM_LABEL', 'a private key stands here')
    lists = CertificateList.listFromPem(text)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    secret.add(
      lintFinding('crl-unreadable', {
        at: { source },
        found: error.code,
        problem: `the CRLs cannot be read: ${error.message.replace(/\.$/, '')}. istiod refuses the whole secret`,
        remedy: 'Put blocks X509 CRL here and nothing else',
      }),
    )
    return
  }
  for (const list of lists) {
    const { nextUpdate } = list
    if (nextUpdate === undefined || nextUpdate.getTime() >= now) continue
    secret.add(
      lintFinding('crl-expired', {
        at: { source },
        found: `next update ${nextUpdate.toISOString()}`,
        problem: `the CRL of ${nameLabel(list.issuer)} was due to be replaced at ${nextUpdate.toISOString()}; strict verifiers refuse everything below that CA`,
        remedy: 'Issue the CRL again, and do so by a schedule',
        clause: 'RFC 5280 §5.1.2.5',
      }),
    )
  }
  for (const at of chain) {
    const signed = await Promise.all(lists.map((list) => oracle.isSignedBy(list, at.certificate)))
    if (signed.includes(true)) {
      const issues = signer?.equals(at.certificate) === true ? 'workloads' : 'CAs'
      const parts = lists.filter((_, i) => signed[i] === true).map((list) => partOf(list, issues))
      const [part] = parts
      if (part !== undefined && !parts.includes(undefined)) secret.add(scopeFinding(at, issues, part))
      continue
    }
    const isUnsure = signed.includes(undefined)
    secret.add(
      lintFinding('crl-missing', {
        at,
        found: isUnsure ? 'CRLs whose signatures cannot be checked' : 'no CRL that it signed',
        problem: `${certificateLabel(at.certificate)} stands in the chain without a CRL that it signed${isUnsure ? ', as far as signatures can be checked' : ''}; istiod refuses the whole secret ("missing CRL signed by certificates")`,
        remedy: 'Let this CA issue a CRL too, an empty one if it revoked nothing',
      }),
    )
  }
  if (oracle.isExhausted) secret.add(limitFinding('more signatures of CRLs than are checked', { source }))
}

/** What a CA of the chain issues. */
type Issues = 'workloads' | 'CAs'

/** Of what a CRL speaks alone, and what OpenSSL makes of that. */
interface PartialCrl {
  readonly part: string
  readonly effect: string
}

const OUT_OF_SCOPE = 'OpenSSL refuses everything below that CA (error 44)'

/** `undefined` where the CRL speaks of all that the CA issues. */
function partOf(list: CertificateList, issues: Issues): PartialCrl | undefined {
  if (list.isDelta) {
    return {
      part: 'what changed since another CRL (a delta CRL)',
      effect: 'OpenSSL takes it for a complete one, and so accepts what was revoked before',
    }
  }
  const scope = list.issuingDistributionPoint
  if (scope === undefined) return undefined
  if (scope.onlySomeReasons !== undefined)
    return { part: 'some reasons', effect: 'OpenSSL refuses everything below that CA (error 3)' }
  if (scope.onlyContainsAttributeCerts) return { part: 'attribute certificates', effect: OUT_OF_SCOPE }
  if (issues === 'workloads' && scope.onlyContainsCaCerts)
    return { part: 'certificates of CAs', effect: OUT_OF_SCOPE }
  if (issues === 'CAs' && scope.onlyContainsUserCerts)
    return { part: 'certificates of workloads', effect: OUT_OF_SCOPE }
  const isPoint = scope.fullName !== undefined || scope.relativeName !== undefined
  return issues === 'workloads' && isPoint
    ? { part: 'one distribution point', effect: OUT_OF_SCOPE }
    : undefined
}

function scopeFinding(at: PlacedCertificate, issues: Issues, { part, effect }: PartialCrl): LintFinding {
  return lintFinding('crl-scope', {
    at,
    found: `a CRL for ${part} alone`,
    problem: `${certificateLabel(at.certificate)} issues ${issues}, and no CRL that it signed covers them all: there is one for ${part} alone. istiod accepts that; ${effect}`,
    remedy: 'Let this CA issue a complete CRL too, without a scope',
    clause: 'RFC 5280 §5.2.4, §5.2.5, §6.3.3 (b)(2)',
  })
}
