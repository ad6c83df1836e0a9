/**
 * Signs requests under a policy.
 *
 * @module
 */

import { Csr, type CsrInput } from '../../csr/csr.ts'
import { provePossession, VerifiedCsr } from '../../csr/proof-of-possession.ts'
import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { rfc5280Violations } from '../../verify/rfc5280-rules.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { CertificateInput } from '../../x509/certificate-input.ts'
import { ExtendedKeyUsage } from '../../x509/extensions/extended-key-usage.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import { encodeGeneralNames } from '../../x509/general-name-encoder.ts'
import { type Name, type NameInput, readNameOption } from '../../x509/name.ts'
import { readPublicKeyInfo } from '../../x509/public-key-info.ts'
import type { IssuedCertificate } from '../authority-options.ts'
import type { CertificateValues } from '../certificate-template.ts'
import { dryRun } from '../dry-run.ts'
import { checkPathLengthBelow, checkSubject } from '../issuance-rules.ts'
import { checkPurposes, inTurn } from '../issue-workload.ts'
import type { Issuance, Issuer } from '../issuer.ts'
import { keyIdentifier } from '../key-identifier.ts'
import { type KeptKeyIdentifier, renewedKeyIdentifier, type SameKeyRule } from '../renewed-key-identifier.ts'
import { type CertificatePlan, type PolicyCall, planCertificate } from './certificate-plan.ts'
import { judgeWithoutCa } from './certificate-preview.ts'
import { judgeCertificate } from './certificate-rules.ts'
import { IssuancePolicy, type IssuancePolicyInput } from './issuance-policy.ts'
import { freezeNames, type IdentityInput, readIdentities } from './names-of.ts'
import { decisionOf, type PolicyDecision } from './policy-decision.ts'
import { askAuthorize, askEnrich, type PolicyRequest } from './policy-hooks.ts'
import { PolicyError, type PolicyRule, type PolicyViolation, Violations } from './policy-violation.ts'
import { Renewal } from './renewed-certificate.ts'

/** What `ca.sign` is told beside request and policy. */
export interface SignOptions {
  /** Whom the call authenticated as the sender. A text is a SPIFFE ID. */
  readonly identities?: readonly IdentityInput[] | undefined
  /** The subject, for policies that take it from the caller. */
  readonly subject?: NameInput | undefined
  /** How long the certificate shall be valid: what the sender asked for, since a request cannot say it. */
  readonly lifetime?: string | undefined
  /**
   * A certificate of this CA that the new one takes the place of. It must be valid now, and not revoked in this CA's store;
   * its names are the identities. Everything else is judged as for a first certificate.
   *
   * **Warning**: that the sender holds its key is for the caller to know, by mutual TLS for instance.
   */
  readonly renews?: CertificateInput | undefined
  /**
   * CAs whose certificates may be renewed here as well, such as this one before it was re-keyed. They must lead to the same
   * root; what they revoked is not known here.
   */
  readonly predecessors?: CertificateInput | readonly CertificateInput[] | undefined
  /** Whether a renewal may be for the same key. Default `'refuse'`. */
  readonly sameKey?: SameKeyRule | undefined
  /** Given to the policy's functions as it is. */
  readonly context?: unknown
  /** Given to the policy's functions and the signer. */
  readonly signal?: AbortSignalLike | undefined
}

/** A certificate that a policy let pass. */
export interface SignedCertificate extends IssuedCertificate {
  /** What was asked for, what it got, and where that came from. */
  readonly decision: PolicyDecision
}

const OPTION_NAMES = [
  'identities',
  'subject',
  'lifetime',
  'renews',
  'predecessors',
  'sameKey',
  'context',
  'signal',
]

/** `CertificateAuthority.sign`. */
export async function signRequest(
  issuer: Issuer,
  csr: CsrInput | VerifiedCsr,
  input: IssuancePolicy | IssuancePolicyInput,
  options: SignOptions = {},
): Promise<SignedCertificate> {
  checkOptionNames(options, OPTION_NAMES, 'sign')
  const policy = IssuancePolicy.from(input)
  if (policy.profile.extendedKeyUsage.some((oid) => TLS.includes(oid)) && !policy.isCa) checkPurposes(issuer)
  if (policy.isCa) checkPathLengthBelow(policy.pathLength, issuer.chain)
  const { renews, predecessors, sameKey, context, identities } = options
  if (renews !== undefined && identities !== undefined)
    throw new TypeError(
      'options "identities" and "renews" exclude each other: the names are those of the certificate',
    )
  if (renews === undefined && predecessors !== undefined)
    throw new TypeError(
      'option "predecessors" says whose certificates may be renewed; it needs the option "renews"',
    )
  const signal = readSignal(options.signal)
  const call = {
    identities: readIdentities(identities === undefined ? [] : identities, 'identities'),
    subject: options.subject === undefined ? undefined : readNameOption(options.subject, 'subject'),
    lifetime: options.lifetime === undefined ? undefined : readDuration(options.lifetime, 'lifetime'),
  }
  const request = VerifiedCsr.is(csr) ? csr : Csr.from(csr)
  const renewal = renews === undefined ? undefined : new Renewal(issuer, policy, renews, predecessors)
  const begun: Begun = {
    issuer,
    policy,
    call,
    renews: renewal?.certificate,
    keptKeyIdentifier: renewedKeyIdentifier(
      { renews: renewal?.certificate, sameKey },
      // Whether it is of the kind that the policy makes, the renewal itself verifies.
      'end-entity',
    ),
    context,
    signal,
  }

  if (renewal === undefined && policy.enrich === undefined && policy.authorize === undefined)
    return inTurn(issuer, request, (verified, isCrowded) => finish(begun, verified, isCrowded()))
  const verified = await issuer.window.run((isCrowded) => provePossession(request, undefined, isCrowded()))
  await renewal?.verify()
  // Nobody is asked about a renewal whose key is refused.
  begun.keptKeyIdentifier(verified.csr.publicKey)
  const known =
    renewal === undefined
      ? begun
      : { ...begun, call: { ...call, identities: freezeNames(renewal.certificate.subjectAltNames) } }
  const allowed = await askHooks(known, verified)
  // It may have ended, or been revoked, while others were asked.
  if (allowed !== known) await renewal?.verify()
  // Waiting for somebody else must not take the place of those who compute; nor must a signer that is elsewhere.
  return issuer.signer.isInProcess
    ? issuer.window.run((isCrowded) => finish(allowed, verified, isCrowded()))
    : finish(allowed, verified, false)
}

const TLS: readonly string[] = [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]

interface Begun {
  readonly issuer: Issuer
  readonly policy: IssuancePolicy
  readonly call: PolicyCall
  /** The certificate that is to be followed. */
  readonly renews: Certificate | undefined
  /** The subject key identifier to copy, of a renewal for the same key. */
  readonly keptKeyIdentifier: KeptKeyIdentifier
  readonly context: unknown
  readonly signal: AbortSignalLike | undefined
}

/** The rules on the request, then the caller's functions; a request that is refused already asks nobody. */
async function askHooks(begun: Begun, { csr }: VerifiedCsr): Promise<Begun> {
  const { policy, renews, context, signal } = begun
  if (policy.enrich === undefined && policy.authorize === undefined) return begun
  const refuse = (violations: readonly PolicyViolation[]): void => {
    if (violations.length > 0)
      throw new PolicyError(policy.name, requestLabel(csr, begun.call.identities), violations)
  }
  // Whom it is for, and for how long, may be known only to "enrich".
  const early = judgeRequest(begun, csr).violations.filter(({ rule }) => !OPEN_TO_ENRICH.includes(rule))
  if (policy.enrich !== undefined) refuse([...early, ...judgeKey(policy, csr)])
  const told = (call: PolicyCall): PolicyRequest => {
    const { names, subject, lifetime } = planCertificate(policy, csr, call, new Violations('request'))
    return Object.freeze({
      policy: policy.name,
      csr,
      identities: call.identities,
      names,
      subject,
      lifetimeMs: lifetime.granted,
      renews,
      context,
      signal,
    })
  }
  let { call } = begun
  if (policy.enrich !== undefined) {
    const { identities = [], subject, lifetime } = await askEnrich(policy.enrich, told(call))
    call = {
      identities: freezeNames([
        ...call.identities,
        ...readIdentities(identities, 'the identities of "enrich"'),
      ]),
      subject: subject === undefined ? call.subject : readNameOption(subject, 'the subject of "enrich"'),
      lifetime: lifetime === undefined ? call.lifetime : readDuration(lifetime, 'the lifetime of "enrich"'),
    }
  }
  if (policy.authorize !== undefined) {
    // Nobody is asked about what is refused anyway; below the CA all of it is judged once more.
    const { plan, violations } = judgeRequest({ policy, call }, csr)
    refuse([...violations, ...(await judgeWithoutCa(policy, plan, csr))])
    const answers = new Violations('request')
    await askAuthorize(policy.authorize, told(call), answers)
    refuse(answers.list)
  }
  return { ...begun, call }
}

/** Rules about what "enrich" may add. */
const OPEN_TO_ENRICH: readonly PolicyRule[] = ['identities', 'lifetime', 'subject']

function judgeKey(policy: IssuancePolicy, csr: Csr): readonly PolicyViolation[] {
  const violations = new Violations('request')
  policy.keys.judge(readPublicKeyInfo(csr.publicKey), () => csr.publicKeyFingerprint(), violations)
  return violations.list
}

/** What the request breaks, and what it would become. */
export function judgeRequest(
  { policy, call }: Pick<Begun, 'policy' | 'call'>,
  csr: Csr,
): { readonly plan: CertificatePlan; readonly violations: readonly PolicyViolation[] } {
  const violations = new Violations('request')
  policy.request.judge(csr, call.identities, policy.names.max, violations)
  const plan = planCertificate(policy, csr, call, violations)
  return { plan, violations: violations.list }
}

/** Template, enforcement, the rules again on the certificate, and only then the signature. */
async function finish(begun: Begun, verified: VerifiedCsr, crowded: boolean): Promise<SignedCertificate> {
  const { issuer, policy, signal } = begun
  const { csr } = verified
  const { plan, violations: asked } = judgeRequest(begun, csr)
  const { profile, lifetime } = plan
  const { publicKey } = Csr.signedPartsOf(csr)
  const key = VerifiedCsr.keyOf(verified)
  const issuance = issuer.begin(lifetime.granted, policy.lifetime.backdate)
  const template = await (policy.isCa
    ? issuer.compile(profile, policy.pathLength, true)
    : issuer.template(profile, key.kind === 'RSA'))
  const values: CertificateValues & Issuance = {
    ...issuance,
    subject: plan.subject.der,
    publicKey,
    subjectKeyId:
      begun.keptKeyIdentifier(publicKey, policy.isCa ? plan.subject : undefined) ??
      keyIdentifier(publicKey, policy.keyIdentifier, key),
    subjectAltNames: encodeNames(begun, csr, plan.names, asked),
    nameConstraints: policy.nameConstraints,
  }
  const preview = issuer.preview(template, values)
  const found = judgePreview(begun, plan, preview, issuance.now)
  const fault = subjectFault(begun, plan, publicKey)
  // What is wrong with it below this CA has a code of its own, unless there is more to say.
  if (fault !== undefined && asked.length + found.length === 0) throw fault
  if (fault !== undefined) found.push({ rule: 'subject', in: 'certificate', message: fault.message })
  if (asked.length + found.length > 0)
    throw new PolicyError(policy.name, requestLabel(csr, begun.call.identities), [...asked, ...found])
  const issued = await issuer.issue(
    template,
    values,
    { isCa: policy.isCa, pathLength: policy.pathLength, deviations: profile.deviations },
    signal,
    crowded,
  )
  if (policy.isCa)
    await dryRun({
      certificate: issued.certificate,
      above: issuer.chain,
      signer: undefined,
      now: issuance.now,
      anchor: 'any',
    })
  return { ...issued, decision: decisionOf(policy, csr, plan, issued.certificate, issuance) }
}

/** The rules of the policy, of RFC 5280, and of the issuer's chain, on the certificate as it would be. */
function judgePreview(
  { issuer, policy }: Begun,
  plan: CertificatePlan,
  preview: Certificate,
  now: number,
): PolicyViolation[] {
  const violations = new Violations('certificate')
  judgeCertificate(policy, plan, preview, now, violations)
  for (const { rule, text, clause } of rfc5280Violations(preview, { isRoot: false, isAnchor: false }))
    if (!issuer.mayBreak(rule, plan.profile.deviations)) violations.add('rfc5280', `${text} (${clause})`)
  const constrained = policy.names.isTooMany(plan.names.length)
    ? undefined
    : issuer.constraintViolation(preview)
  if (constrained !== undefined) violations.add('name-constraints', constrained)
  return [...violations.list]
}

/** Why the subject or key has no place below this CA. */
function subjectFault(
  { issuer, policy }: Begun,
  { subject, profile }: CertificatePlan,
  publicKey: Uint8Array,
): MeshPkiError | undefined {
  try {
    checkSubject(subject, publicKey, policy.isCa && !profile.deviations.includes('ca-subject'), issuer.chain)
    return undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}

/** Names of a request may be readable and still nothing that we write: then there is no certificate to judge. */
function encodeNames(
  { policy, call }: Begun,
  csr: Csr,
  names: readonly GeneralName[],
  asked: readonly PolicyViolation[],
): Uint8Array | undefined {
  if (names.length === 0) return undefined
  try {
    return encodeGeneralNames(names, 'names')
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    const violations = new Violations('certificate')
    policy.names.judge(names, violations)
    violations.add('names', error.message)
    throw new PolicyError(policy.name, requestLabel(csr, call.identities), [...asked, ...violations.list])
  }
}

/** Whose request it is, in a few words: what it says, or else whom the call authenticated. */
export function requestLabel(csr: Csr, identities: readonly GeneralName[] = []): string {
  const [name = identities[0]] = csr.subjectAltNames
  const subject: Name = csr.subject
  return subject.isEmpty
    ? name === undefined
      ? 'somebody without a name'
      : quote(formatGeneralName(name), 160)
    : quote(String(subject), 160)
}
