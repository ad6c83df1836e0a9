/**
 * Issues certificate revocation lists.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { currentTime } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { instantOf, instantText } from '../../internal/instant-text.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { CertificateList } from '../../x509/certificate-list.ts'
import { KeyUsageBit } from '../../x509/extensions/key-usage.ts'
import { subjectKeyIdOf } from '../dry-run.ts'
import { BACKDATE_RULES, cappedValidity } from '../issuance-rules.ts'
import { keyIdentifier } from '../key-identifier.ts'
import { type CrlValues, encodeFreshestCrl, encodeTbsCertList } from './crl-writer.ts'
import {
  encodeFullName,
  type IssuingDistributionPointInput,
  type IssuingScope,
  readScopeOption,
} from './issuing-scope.ts'
import { completeEntries, deltaEntries, recordComplete } from './listed-entries.ts'
import { readSignedCrl } from './read-signed-crl.ts'
import { MAX_CRL_NUMBER, type RecordedCrl, type RevocationState } from './revocation-state.ts'
import { type RevocationContext, type StateChange, updateState } from './revocation-store.ts'

/** Options of `CertificateAuthority.issueCrl`. */
export interface IssueCrlOptions {
  /** By when the next list comes, from now: `'7d'`. Capped to the CA's `notAfter`: nobody could verify it later. */
  readonly nextUpdate: string
  /**
   * `false` (default): a complete list. `true`: what changed since the last complete one of the scope, in a delta
   * CRL. `'with-complete'`: both, under one number (RFC 5280 §5.2.4).
   */
  readonly delta?: boolean | 'with-complete' | undefined
  /** Which certificates it is about. Default: all. Each scope has its own base for delta CRLs. */
  readonly issuingDistributionPoint?: IssuingDistributionPointInput | undefined
  /** URIs where the delta CRLs will be. Not in delta CRLs themselves (RFC 5280 §5.2.6). */
  readonly freshestCrl?: readonly string[] | undefined
  /** How far before now it says to be issued, for clocks that lag. Default `'2m'`; never before the list before it, unless that is of the future. */
  readonly backdate?: string | undefined
  /** Given to the signer. */
  readonly signal?: AbortSignalLike | undefined
}

/** What `CertificateAuthority.issueCrl` made. */
export interface IssuedCrl {
  /** The list that was asked for; with `delta: 'with-complete'` the complete one. */
  readonly crl: CertificateList
  readonly number: bigint
  /** The number of the complete CRL that the delta CRL starts from; absent where there is no delta CRL. */
  readonly baseNumber?: bigint | undefined
  /** The delta CRL beside the complete one. Absent in the first list of a scope: there is nothing to start from. */
  readonly delta?: CertificateList | undefined
  /** The CA's certificate, where its `notAfter` cut `nextUpdate` short. */
  readonly cappedBy?: Certificate | undefined
  /**
   * When the list before it says that it was issued, where that is later than now: the clock of some replica is ahead.
   * Take that list away wherever it was published; OpenSSL goes by the later date.
   */
  readonly predecessorAhead?: Date | undefined
  /**
   * Why the store could not note a complete list. The list is good: publish it. Delta CRLs go on from the one
   * before it, and nothing is pruned, until the next complete list is noted.
   */
  readonly unrecorded?: MeshPkiError | undefined
}

const OPTION_NAMES = ['nextUpdate', 'delta', 'issuingDistributionPoint', 'freshestCrl', 'backdate', 'signal']

/**
 * Issues a version 2 CRL (RFC 5280 §5).
 *
 * Its number is taken from the store before it is signed. Two replicas so never sign two lists of one number;
 * where signing fails, the number is lost and no other list gets it. What was signed is read back and compared
 * with what was meant before it is released.
 *
 * @throws `MeshPkiError` `ERR_CA_CRL_SIGN`, `ERR_CA_CRL_BASE`, `ERR_CA_EXPIRED`, `ERR_CA_NOT_YET_VALID`,
 * `ERR_CA_SIGNER`, `ERR_CA_REVOCATION_CONFLICT`, `ERR_CA_REVOCATION_STORE`, `ERR_CA_REVOCATION_STATE`;
 * `TypeError` and `RangeError` for options.
 */
export async function issueCrl(context: RevocationContext, options: IssueCrlOptions): Promise<IssuedCrl> {
  checkOptionNames(options, OPTION_NAMES, 'issueCrl')
  const order = readOrder(options)
  checkCanSignCrls(context.certificate)
  const reserved = await updateState(context, (state) => reserve(state, order, context), order.signal)
  const { state, base } = reserved
  const values: Omit<CrlValues, 'entries' | 'baseNumber' | 'freshestCrl'> = {
    algorithm: context.signer.signer.signatureAlgorithm,
    issuer: context.certificate.subject.der,
    authorityKeyId:
      subjectKeyIdOf(context.certificate) ?? keyIdentifier(context.certificate.publicKey, 'sha1'),
    thisUpdate: reserved.thisUpdate,
    nextUpdate: reserved.nextUpdate,
    number: reserved.number,
    scope: order.scope.der,
  }
  const sign = async (all: CrlValues): Promise<CertificateList> =>
    readSignedCrl(await context.signer.seal(encodeTbsCertList(all), 'CRL', order.signal), all)
  const delta =
    base === undefined
      ? undefined
      : await sign({
          ...values,
          baseNumber: base,
          freshestCrl: undefined,
          entries: deltaEntries(state, order.scope, base),
        })
  const { number } = reserved
  const { cappedBy, predecessorAhead } = reserved
  const rest = {
    ...(cappedBy === undefined ? {} : { cappedBy }),
    ...(predecessorAhead === undefined ? {} : { predecessorAhead }),
  }
  if (delta !== undefined && order.delta === true) return { crl: delta, number, baseNumber: base, ...rest }
  const crl = await sign({
    ...values,
    baseNumber: undefined,
    freshestCrl: order.freshestCrl,
    entries: completeEntries(state, order.scope),
  })
  const unrecorded = await record(context, order, {
    scope: order.scope.key,
    number: String(number),
    thisUpdate: instantText(reserved.thisUpdate),
    nextUpdate: instantText(reserved.nextUpdate),
  })
  return {
    crl,
    number,
    ...(delta === undefined ? {} : { delta, baseNumber: base }),
    ...rest,
    ...(unrecorded === undefined ? {} : { unrecorded }),
  }
}

/** Options after checking. */
interface CrlOrder {
  readonly lifetime: number
  readonly backdate: number
  readonly delta: boolean | 'with-complete'
  readonly scope: IssuingScope
  readonly freshestCrl: Uint8Array | undefined
  readonly signal: AbortSignalLike | undefined
}

function readOrder(options: IssueCrlOptions): CrlOrder {
  const { delta = false, freshestCrl } = options
  if (delta !== true && delta !== false && delta !== 'with-complete')
    throw new TypeError(`option "delta" must be true, false or 'with-complete'`)
  if (delta === true && freshestCrl !== undefined)
    throw new TypeError(
      'option "freshestCrl" is for complete CRLs: a delta CRL must not have the extension (RFC 5280 §5.2.6)',
    )
  return {
    lifetime: readDuration(options.nextUpdate, 'nextUpdate'),
    backdate: readDuration(options.backdate ?? '2m', 'backdate', BACKDATE_RULES),
    delta,
    scope: readScopeOption(options.issuingDistributionPoint),
    freshestCrl:
      freshestCrl === undefined ? undefined : encodeFreshestCrl(encodeFullName(freshestCrl, 'freshestCrl')),
    signal: readSignal(options.signal),
  }
}

/** A number that nobody else gets, and the state that its lists show. */
interface Reserved {
  readonly state: RevocationState
  readonly number: bigint
  readonly base: bigint | undefined
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly cappedBy: Certificate | undefined
  readonly predecessorAhead: Date | undefined
}

function reserve(
  state: RevocationState,
  { lifetime, backdate, delta, scope }: CrlOrder,
  { certificate, clock }: RevocationContext,
): StateChange<Reserved> {
  const now = currentTime(clock)
  const { notBefore, notAfter: nextUpdate, cappedBy } = cappedValidity(now, lifetime, backdate, [certificate])
  const number = BigInt(state.number) + 1n
  if (number > MAX_CRL_NUMBER)
    throw new MeshPkiError(
      'ERR_CA_REVOCATION_STATE',
      `the CRL numbers of ${certificateLabel(certificate)} are used up: the next would be longer than 20 octets (RFC 5280 §5.2.3). A CA with a new key begins anew`,
    )
  const base = delta === false ? undefined : baseOf(state, scope, now)
  if (delta === true && base === undefined)
    throw new MeshPkiError(
      'ERR_CA_CRL_BASE',
      `a delta CRL of ${certificateLabel(certificate)} needs a complete one of the same scope to start from, and none that is current is on record. Issue a complete CRL first, or both with { delta: 'with-complete' } (RFC 5280 §5.2.4)`,
    )
  // Verifiers take the list with the latest date: a backdate must not put this one before its predecessor. Where
  // that is of the future, some replica's clock is ahead, and now is as far as this one goes.
  const last = state.thisUpdate === undefined ? notBefore : instantOf(state.thisUpdate)
  const thisUpdate = Math.max(notBefore, Math.min(last, now))
  const next: RevocationState = { ...state, number: String(number), thisUpdate: instantText(thisUpdate) }
  const predecessorAhead = last > now ? new Date(last) : undefined
  return { next, answer: { state: next, number, base, thisUpdate, nextUpdate, cappedBy, predecessorAhead } }
}

/** The complete CRL that a delta CRL starts from: the newest of its scope, while it is current. */
function baseOf(state: RevocationState, scope: IssuingScope, now: number): bigint | undefined {
  const found = state.complete.find((one) => one.scope === scope.key)
  return found === undefined || now > instantOf(found.nextUpdate) ? undefined : BigInt(found.number)
}

/** Notes a complete list. It is signed and good, so a store that fails now does not keep it back. */
async function record(
  context: RevocationContext,
  { signal }: CrlOrder,
  released: RecordedCrl,
): Promise<MeshPkiError | undefined> {
  try {
    await updateState(
      context,
      (state) => {
        const next = recordComplete(state, released, currentTime(context.clock))
        return { next: next === state ? undefined : next, answer: undefined }
      },
      signal,
    )
    return undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}

/** @throws `MeshPkiError` `ERR_CA_CRL_SIGN`. */
function checkCanSignCrls(certificate: Certificate): void {
  const { keyUsage } = Certificate.layoutOf(certificate)
  // Without the extension every use is allowed (RFC 5280 §4.2.1.3).
  if (keyUsage === 0 || (keyUsage & KeyUsageBit.cRLSign) !== 0) return
  throw new MeshPkiError(
    'ERR_CA_CRL_SIGN',
    `${certificateLabel(certificate)} may not sign CRLs: expected key usage cRLSign, found ${certificate.keyUsage?.join(', ')}; verifiers refuse its lists (RFC 5280 §4.2.1.3, §6.3.3 (f)). Istio's tools/certs and Gloo issue CAs without it: have the certificate issued again for the same key with cRLSign, as the profile "mesh" has it`,
  )
}
