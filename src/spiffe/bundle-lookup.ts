/**
 * Asks a source for the bundle of an identity, and checks what it answers.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { quote } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { BundleSource } from './bundle-source.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'
import type { SpiffeId } from './spiffe-id.ts'
import { SvidError } from './svid-error.ts'

/**
 * The bundle of the identity's own trust domain; no other is ever asked for.
 *
 * @param certificate what messages are about; absent for tokens
 * @throws {@link SvidError} `ERR_SVID_NO_BUNDLE`; `TypeError` for an answer that is another bundle: believing it
 * would be a wrong accept.
 */
export function lookUpBundle(
  source: BundleSource,
  id: SpiffeId,
  certificate?: Certificate,
): SpiffeBundle | Promise<SpiffeBundle> {
  const check = (bundle: SpiffeBundle | undefined): SpiffeBundle => checkAnswer(bundle, id, certificate)
  const fail = (error: unknown): never => {
    if (!(error instanceof MeshPkiError)) throw error
    const problem = `the bundle of its trust domain is not to be had: ${error.message}`
    throw noBundle(id, certificate, problem, error)
  }
  let answer: ReturnType<BundleSource['bundleFor']>
  try {
    answer = source.bundleFor(id.trustDomain)
  } catch (error) {
    return fail(error)
  }
  return answer instanceof Promise ? answer.then(check, fail) : check(answer)
}

function checkAnswer(
  bundle: SpiffeBundle | undefined,
  id: SpiffeId,
  certificate: Certificate | undefined,
): SpiffeBundle {
  const { name } = id.trustDomain
  if (bundle === undefined)
    throw noBundle(id, certificate, `nobody here has a bundle of its trust domain ${quote(name)}`)
  if (bundle instanceof SpiffeBundle && bundle.trustDomain.equals(id.trustDomain)) return bundle
  const what =
    bundle instanceof SpiffeBundle
      ? `the bundle of ${bundle.trustDomain.name}`
      : 'something that is no SpiffeBundle'
  throw new TypeError(`the bundle source answered ${what} when asked for that of ${name}`)
}

function noBundle(
  id: SpiffeId,
  certificate: Certificate | undefined,
  problem: string,
  cause?: MeshPkiError,
): SvidError {
  return new SvidError('ERR_SVID_NO_BUNDLE', {
    problem,
    requirement: 'X-27',
    clause: 'SPIFFE Federation §7.3',
    expected: `a bundle of ${id.trustDomain.name}`,
    found: cause === undefined ? 'none' : cause.code,
    remedy:
      cause === undefined
        ? 'Federate with that trust domain, or correct the identity; bundles of other domains do not count'
        : undefined,
    certificate,
    cause,
  })
}
