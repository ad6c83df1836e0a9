/**
 * Says what a policy makes of a request, without a CA and without a signature.
 *
 * @module
 */

import { Csr, type CsrInput } from '../../csr/csr.ts'
import { provePossession, VerifiedCsr } from '../../csr/proof-of-possession.ts'
import { MeshPkiError } from '../../errors.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { type NameInput, readNameOption } from '../../x509/name.ts'
import { usagesOf } from '../profiles/certificate-profile.ts'
import { judgeWithoutCa } from './certificate-preview.ts'
import { IssuancePolicy, type IssuancePolicyInput } from './issuance-policy.ts'
import { type IdentityInput, readIdentities } from './names-of.ts'
import { decisionOf, type PolicyDecision } from './policy-decision.ts'
import type { PolicyViolation } from './policy-violation.ts'
import { judgeRequest, requestLabel } from './sign-request.ts'

/** What the call to `ca.sign` would say. */
export interface ExplainPolicyOptions {
  readonly identities?: readonly IdentityInput[] | undefined
  readonly subject?: NameInput | undefined
  readonly lifetime?: string | undefined
}

/** What a policy makes of a request. `String(explanation)` is a text for a person. */
export interface PolicyExplanation {
  /** `'sign'`; `'refuse'`; `'ask'`: everything else passes, and the policy's functions decide. */
  readonly verdict: 'sign' | 'refuse' | 'ask'
  /** Why it is refused; all of it. */
  readonly violations: readonly PolicyViolation[]
  /** Why the request does not prove that its sender holds the key; `undefined` where it does. */
  readonly possession: MeshPkiError | undefined
  readonly decision: PolicyDecision
  toString(): string
}

/**
 * Explains, without signing, what a policy would do with a request.
 *
 * **Warning**: it asks no CA, so it does not know what the issuer's chain adds: its end, its path length and its name
 * constraints. It calls neither `enrich` nor `authorize`.
 *
 * @throws what reading the request throws; `TypeError` and `RangeError` for policy and options.
 *
 * @example
 * ```ts
 * import { explainPolicy, istioCa } from 'mesh-pki/ca'
 *
 * declare const csr: string
 * console.log(String(await explainPolicy(istioCa(), csr, { identities: ['spiffe://cluster.local/ns/a/sa/b'] })))
 * ```
 */
export async function explainPolicy(
  input: IssuancePolicy | IssuancePolicyInput,
  csr: CsrInput | VerifiedCsr,
  options: ExplainPolicyOptions = {},
): Promise<PolicyExplanation> {
  checkOptionNames(options, ['identities', 'subject', 'lifetime'], 'explainPolicy')
  const policy = IssuancePolicy.from(input)
  const call = {
    identities: readIdentities(options.identities ?? [], 'identities'),
    subject: options.subject === undefined ? undefined : readNameOption(options.subject, 'subject'),
    lifetime: options.lifetime === undefined ? undefined : readDuration(options.lifetime, 'lifetime'),
  }
  const request = VerifiedCsr.is(csr) ? csr.csr : Csr.from(csr)
  const possession = await provePossession(request, undefined, false).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof MeshPkiError) return error
      throw error
    },
  )
  const { plan, violations: asked } = judgeRequest({ policy, call }, request)
  const violations = Object.freeze([...asked, ...(await judgeWithoutCa(policy, plan, request))])
  const asks = policy.enrich !== undefined || policy.authorize !== undefined
  const verdict = violations.length > 0 || possession !== undefined ? 'refuse' : asks ? 'ask' : 'sign'
  const decision = decisionOf(
    policy,
    request,
    plan,
    usagesOf(plan.profile, request.publicKeyType.startsWith('RSA')),
  )
  const label = requestLabel(request, call.identities)
  const text = render(policy, label, { verdict, violations, possession, decision })
  return Object.freeze({ verdict, violations, possession, decision, toString: () => text })
}

const VERDICTS = {
  sign: 'would sign',
  refuse: 'refuses',
  ask: 'leaves it to its own functions whether to sign',
} as const

function render(
  policy: IssuancePolicy,
  label: string,
  { verdict, violations, possession, decision }: Omit<PolicyExplanation, 'toString'>,
): string {
  const lines = [`The policy ${quote(policy.name, 64)} ${VERDICTS[verdict]} the request of ${label}.`]
  if (possession !== undefined) lines.push(`  ${possession.message}`)
  for (const [i, { message }] of violations.entries()) lines.push(`  ${i + 1}. ${message}`)
  lines.push(verdict === 'refuse' ? 'Otherwise the certificate would have:' : 'The certificate has:')
  for (const { field, asked, granted, from } of decision.fields)
    lines.push(
      `  ${field}: ${granted} (from the ${from}${asked === undefined ? '' : `; asked for: ${asked}`})`,
    )
  return `${lines.join('\n')}\n`
}
