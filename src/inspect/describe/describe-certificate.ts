/**
 * Describes one certificate.
 *
 * @module
 */

import type { PlacedCertificate } from '../../ca/lint/certificate-file.ts'
import { buildIssuerGraph, type ChainNode, isRootNode, SignatureOracle } from '../../ca/lint/issuer-graph.ts'
import { type LintFinding, sortFindings } from '../../ca/lint/lint-finding.ts'
import { lintPlacedChain } from '../../ca/lint/placed-chain.ts'
import { instantText } from '../../internal/instant-text.ts'
import { RENEWAL_PRESETS, type RenewalPresets } from '../../rotation/renewal-presets.ts'
import { renewalStatus } from '../../rotation/renewal-status.ts'
import { SvidError } from '../../spiffe/svid-error.ts'
import { readSvidLeaf } from '../../spiffe/svid-leaf.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { DescribeTerms } from './describe-options.ts'
import { refusal, trustVerdicts } from './describe-trust.ts'
import { subjectParts } from './described-subject.ts'
import { generalNameText, Lists, nameText } from './described-text.ts'
import type {
  CertificateDescription,
  DescribedRenewal,
  DescribedRole,
  DescribedValidity,
  DescribedVerdict,
} from './description.ts'

const OCSP = '1.3.6.1.5.5.7.48.1'
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2'

/** Hex of a serial number: RFC 5280 §4.1.2.2 allows 20 octets. */
const MAX_SERIAL = 80

/** Extensions that RFC 5280 §4.2 defines: their content is described, or matters to path verification only. */
const DEFINED =
  /^(?:2\.5\.29\.(?:9|14|15|17|18|19|30|31|32|33|35|36|37|46|54)|1\.3\.6\.1\.5\.5\.7\.1\.(?:1|11))$/

/** Describes a certificate that stands by itself. `line`: where, for the findings. */
export async function describeCertificate(
  certificate: Certificate,
  terms: DescribeTerms,
  line?: number,
): Promise<CertificateDescription> {
  const { nodes, findings } = await examine([{ certificate, line }], terms)
  const description = certificateParts(certificate, nodes.some(isRootNode), terms)
  return {
    ...description,
    // That it comes without its issuer is no fault of a certificate that is looked at alone.
    findings: findings?.filter(({ code }) => code !== 'issuer-missing'),
    trust: await trustVerdicts(certificate, [], description.role === 'workload', terms),
  }
}

/** Certificates linked by their signatures, and what the lint finds, worst first. */
export async function examine(
  chain: readonly PlacedCertificate[],
  { now, lint }: DescribeTerms,
): Promise<{
  readonly nodes: readonly ChainNode[]
  readonly findings: readonly LintFinding[] | undefined
  /** Whether there were more signatures than are checked. */
  readonly isExhausted: boolean
}> {
  const oracle = new SignatureOracle()
  if (!lint) {
    const { nodes } = await buildIssuerGraph(chain, [], oracle)
    return { nodes, findings: undefined, isExhausted: oracle.isExhausted }
  }
  const { nodes, findings } = await lintPlacedChain({
    chain,
    anchors: undefined,
    now,
    purpose: 'any',
    spiffe: true,
    istio: undefined,
    kind: 'presented',
    firstSigns: false,
    needsCrlSign: false,
    oracle,
  })
  return { nodes, findings: sortFindings(findings), isExhausted: oracle.isExhausted }
}

/** What can be said of a certificate without any other. */
export function certificateParts(
  certificate: Certificate,
  selfSigned: boolean,
  terms: DescribeTerms,
): Omit<CertificateDescription, 'findings' | 'trust'> {
  const lists = new Lists()
  const { nameConstraints, authorityInfoAccess = [], isCa } = certificate
  const subject = subjectParts(certificate, lists, ({ oid }) => !DEFINED.test(oid))
  const role = roleOf(isCa, selfSigned, subject.spiffeIds.length > 0)
  const points = (certificate.crlDistributionPoints ?? []).flatMap(({ fullName }) => fullName ?? [])
  const access = (method: string) =>
    authorityInfoAccess.filter((one) => one.method === method).map(({ location }) => location)
  return {
    kind: 'certificate',
    at: terms.at,
    role,
    ...subject,
    issuer: nameText(certificate.issuer),
    serialNumber: shortHex(certificate.serialNumber, MAX_SERIAL),
    version: certificate.version,
    selfSigned,
    pathLength: certificate.pathLength,
    svid: role === 'workload' ? svidForm(certificate) : undefined,
    validity: validityOf(certificate, terms.now),
    renewal: renewalOf(certificate, role, terms),
    nameConstraints:
      nameConstraints === undefined
        ? undefined
        : {
            permitted: lists.take('permitted', nameConstraints.permitted, generalNameText),
            excluded: lists.take('excluded', nameConstraints.excluded, generalNameText),
          },
    policies: lists.take('policies', certificate.certificatePolicies ?? [], ({ policy }) =>
      shortHex(policy, 128),
    ),
    subjectKeyIdentifier: optional(certificate.subjectKeyIdentifier),
    authorityKeyIdentifier: optional(certificate.authorityKeyIdentifier),
    crlAddresses: lists.take('crlAddresses', points, generalNameText),
    ocspAddresses: lists.take('ocspAddresses', access(OCSP), generalNameText),
    issuerAddresses: lists.take('issuerAddresses', access(CA_ISSUERS), generalNameText),
    omitted: lists.omitted,
  }
}

function roleOf(isCa: boolean, selfSigned: boolean, hasSpiffeUri: boolean): DescribedRole {
  if (isCa) return selfSigned ? 'root' : 'intermediate'
  return hasSpiffeUri ? 'workload' : 'end-entity'
}

function validityOf(certificate: Certificate, now: number): DescribedValidity {
  const [from, until] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()]
  return {
    notBefore: instantText(from),
    notAfter: instantText(until),
    lifetimeMs: until - from,
    remainingMs: until - now,
    state: now > until ? 'expired' : now < from ? 'not-yet-valid' : 'valid',
  }
}

const PRESET_OF: Readonly<Record<DescribedRole, keyof RenewalPresets>> = {
  root: 'istiodRoot',
  intermediate: 'glooMesh',
  workload: 'istioAgent',
  'end-entity': 'istioAgent',
}

function renewalOf(certificate: Certificate, role: DescribedRole, terms: DescribeTerms): DescribedRenewal {
  const name = PRESET_OF[role]
  const { name: policyName, policy } = terms.renewal ?? { name, policy: RENEWAL_PRESETS[name] }
  const { renewAt, state } = renewalStatus(certificate, policy, { now: new Date(terms.now) })
  return {
    policy: policyName,
    at: instantText(renewAt.getTime()),
    inMs: renewAt.getTime() - terms.now,
    state,
  }
}

function svidForm(certificate: Certificate): DescribedVerdict {
  try {
    readSvidLeaf(certificate)
    return { ok: true }
  } catch (error) {
    if (!(error instanceof SvidError)) throw error
    return refusal(error)
  }
}

/** Hex and object identifiers have harmless characters, and no bound. */
export const shortHex = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max)}…`

const optional = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : shortHex(text, 128)
