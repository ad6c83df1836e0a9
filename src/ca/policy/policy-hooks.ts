/**
 * Functions of the caller's that a policy asks.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { escapeText, quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import type { Name, NameInput } from '../../x509/name.ts'
import type { IdentityInput } from './names-of.ts'
import { checkRules } from './plain-rules.ts'
import type { Violations } from './policy-violation.ts'

/** What a hook is told. The request's key is proven; what it asks for are wishes. */
export interface PolicyRequest {
  /** The name of the policy. */
  readonly policy: string
  readonly csr: Csr
  /** Whom the call authenticated. */
  readonly identities: readonly GeneralName[]
  /** The names that the certificate would bear. */
  readonly names: readonly GeneralName[]
  /** The subject that it would have. */
  readonly subject: Name
  /** How long it would be valid, before the issuer's chain is asked. */
  readonly lifetimeMs: number
  /** The certificate that it takes the place of. */
  readonly renews: Certificate | undefined
  /** The option `context` of the call, as it is. */
  readonly context: unknown
  readonly signal: AbortSignalLike | undefined
}

/** What {@link EnrichHook} adds. The rules hold for all of it. */
export interface Enrichment {
  /** Further identities. */
  readonly identities?: readonly IdentityInput[] | undefined
  /** The subject, for policies that take it from the caller. */
  readonly subject?: NameInput | undefined
  /** Another lifetime. */
  readonly lifetime?: string | undefined
}

/** Adds to a request what its sender cannot know. What it throws refuses the request (`ERR_POLICY_HOOK`). */
export type EnrichHook = (request: PolicyRequest) => Enrichment | undefined | Promise<Enrichment | undefined>

/** Answers `true`, or the reason why not; `false` and anything else refuse too. */
export type AuthorizeHook = (
  request: PolicyRequest,
) => boolean | { readonly refuse: string } | Promise<boolean | { readonly refuse: string }>

/** Asks a hook; not longer than the signal lets us wait. */
async function ask<T>(
  hook: (request: PolicyRequest) => T | Promise<T>,
  name: string,
  request: PolicyRequest,
): Promise<T> {
  const { signal } = request
  try {
    return await orAborted(Promise.resolve(hook(request)), signal)
  } catch (cause) {
    if (signal?.aborted === true) throw cause
    throw new MeshPkiError(
      'ERR_POLICY_HOOK',
      `the function "${name}" of the policy ${quote(request.policy, 64)} failed, so nothing was signed; its own error is the cause`,
      { cause },
    )
  }
}

/** What the caller adds. @throws `MeshPkiError` `ERR_POLICY_HOOK`; `TypeError` for an answer of another shape. */
export async function askEnrich(hook: EnrichHook, request: PolicyRequest): Promise<Enrichment> {
  const answer = (await ask(hook, 'enrich', request)) ?? {}
  checkRules(answer, ['identities', 'subject', 'lifetime'], 'the answer of "enrich"')
  return { ...answer }
}

/** Whether the caller lets it pass. @throws `MeshPkiError` `ERR_POLICY_HOOK`. */
export async function askAuthorize(
  hook: AuthorizeHook,
  request: PolicyRequest,
  violations: Violations,
): Promise<void> {
  const answer: unknown = await ask(hook, 'authorize', request)
  if (answer === true) return
  const refuse: unknown =
    typeof answer === 'object' && answer !== null && 'refuse' in answer ? answer.refuse : undefined
  const reason =
    typeof refuse === 'string'
      ? escapeText(refuse)
      : 'no reason was given; only the answer true lets a request pass'
  violations.add('authorize', `the request was not authorised: ${reason}`)
}
