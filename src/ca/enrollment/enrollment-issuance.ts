/**
 * Issues for a request whose sender was judged, and checks what was issued.
 *
 * @module
 */

import { provePossession, type VerifiedCsr } from '../../csr/proof-of-possession.ts'
import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { quote } from '../../internal/text.ts'
import { checkPath } from '../../verify/verify-path.ts'
import { Certificate } from '../../x509/certificate.ts'
import { enrolledFault, withoutRoots } from './enrolled-certificate.ts'
import type { EnrollmentAnswer } from './enrollment-answer.ts'
import type { CheckedHandlerOptions, EnrollmentOperation } from './enrollment-options.ts'
import { badCertificate, EnrollmentRefusal, unavailable } from './enrollment-refusal.ts'
import { type AskedCertificate, badCsr } from './enrollment-request.ts'

/** The host's functions, and what is believed of their answers. */
export class EnrollmentIssuance {
  readonly #options: CheckedHandlerOptions
  #active = 0

  constructor(options: CheckedHandlerOptions) {
    this.#options = options
  }

  /** Does the work where there is room for it. @throws `EnrollmentRefusal` 503 where there is none. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { concurrent } = this.#options.limits
    if (this.#active >= concurrent)
      throw unavailable(`${concurrent} certificates are being issued already (limits.concurrent)`)
    this.#active++
    try {
      return await work()
    } finally {
      this.#active--
    }
  }

  /**
   * Proves, asks, issues, and checks what was issued.
   *
   * @throws `EnrollmentRefusal` 400, 403, 503; what the host's functions throw; the signal's reason.
   */
  async issue(
    { csr, name }: AskedCertificate,
    operation: EnrollmentOperation,
    renewal: Certificate | undefined,
    signal: AbortSignalLike,
  ): Promise<EnrollmentAnswer> {
    const { issue, authorize } = this.#options
    const verified = await orAborted(prove(csr), signal)
    if (authorize !== undefined) {
      const allowed: unknown = await orAborted(
        later(() => authorize({ name, operation, csr: verified })),
        signal,
      )
      if (allowed !== true)
        throw new EnrollmentRefusal(403, 'name', `the cluster ${quote(name)} may not be enrolled here`, {
          reason: `"authorize" answered ${allowed === false ? 'false' : 'something else than true'}`,
        })
    }
    const context = renewal === undefined ? { name, signal } : { name, signal, renewal }
    const issued: unknown = await orAborted(
      later(() => issue(verified, context)),
      signal,
    ).catch(asRefusal)
    const answer = await orAborted(this.#checkIssued(issued, csr.publicKey, name), signal)
    // What comes too late must not count a token.
    if (signal.aborted) throw signal.reason
    return answer
  }

  async #checkIssued(issued: unknown, publicKey: Uint8Array, name: string): Promise<EnrollmentAnswer> {
    const { clientAnchors, serverAnchors, clock } = this.#options
    if (!isIssued(issued))
      throw unavailable('"issue" answered something else than { certificate, chain } with certificates')
    const { certificate, chain } = issued
    const fault = enrolledFault(certificate, { publicKey, name })
    if (fault !== undefined)
      throw unavailable(`"issue" answered a certificate that is not released: ${fault}`)
    const result = await checkPath(certificate, {
      store: (await clientAnchors.current()).store,
      intermediates: chain,
      purpose: 'clientAuth',
      time: clock.now(),
    })
    if (!result.ok)
      throw unavailable(
        `"issue" answered a certificate that does not verify under "clientAnchors", so that it could never be renewed: ${result.error.message}`,
        result.error,
      )
    const above = await withoutRoots(chain.filter((one) => !one.equals(certificate)))
    const { certificates: anchors } = await serverAnchors.current()
    return { name, certificate, chain: [certificate, ...above], anchors }
  }
}

async function prove(csr: AskedCertificate['csr']): Promise<VerifiedCsr> {
  try {
    return await provePossession(csr, undefined, true)
  } catch (error) {
    if (error instanceof MeshPkiError) throw badCsr(error.message, error)
    throw error
  }
}

/** What a CA refuses for good is no failure that passes: the client shall not come again. @throws always. */
function asRefusal(error: unknown): never {
  if (error instanceof MeshPkiError && error.code === 'ERR_POLICY_RENEWAL')
    throw badCertificate(error.message, error)
  if (error instanceof MeshPkiError && error.code === 'ERR_POLICY_REFUSED')
    throw new EnrollmentRefusal(
      403,
      'refused',
      'the policy of this server refuses the request; its log says why',
      {
        reason: error.message,
        error,
      },
    )
  throw error
}

/** What a function of the host throws at once is a rejection like any other. */
const later = async <T>(call: () => T | Promise<T>): Promise<T> => call()

function isIssued(
  value: unknown,
): value is { readonly certificate: Certificate; readonly chain: readonly Certificate[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'certificate' in value &&
    value.certificate instanceof Certificate &&
    'chain' in value &&
    Array.isArray(value.chain) &&
    value.chain.every((one) => one instanceof Certificate)
  )
}
