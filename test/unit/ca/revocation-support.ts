/**
 * CAs that revoke, with a clock that stands still and stores that fail on purpose.
 */

import type { CertificateAuthority, IssueWorkloadOptions } from '../../../src/ca/index.ts'
import { type IssueCrlOptions, type IssuedCrl, issueCrl } from '../../../src/ca/revocation/issue-crl.ts'
import { memoryRevocationStore } from '../../../src/ca/revocation/memory-revocation-store.ts'
import { newRevocationState, type RevocationState } from '../../../src/ca/revocation/revocation-state.ts'
import type { RevocationContext, RevocationStore } from '../../../src/ca/revocation/revocation-store.ts'
import { type RevocationChange, type RevokeOptions, revoke } from '../../../src/ca/revocation/revoke.ts'
import { CheckedSigner } from '../../../src/ca/sign-certificate.ts'
import type { ManualClock } from '../../../src/testing/index.ts'
import { checkPathSync, type VerifyPathOptions } from '../../../src/verify/index.ts'
import type { Certificate, CertificateList, KeyAlgorithm } from '../../../src/x509/index.ts'
import { clockAt, ID, keyOf, request, rootCa } from './support.ts'

export interface RevokingCa {
  readonly ca: CertificateAuthority
  readonly context: RevocationContext
  readonly clock: ManualClock
  leaf(options?: Partial<IssueWorkloadOptions>): Promise<Certificate>
  revoke(certificate: Certificate | string, options: RevokeOptions): Promise<RevocationChange>
  issueCrl(options?: Partial<IssueCrlOptions>): Promise<IssuedCrl>
  /** The state that the store has. */
  state(): Promise<RevocationState>
}

interface RevokingCaOptions {
  readonly key?: KeyAlgorithm
  readonly store?: RevocationStore
  readonly lifetime?: string
}

/** A root that signs workloads and CRLs. */
export async function revokingCa({
  key = 'Ed25519',
  store,
  lifetime = '3650d',
}: RevokingCaOptions = {}): Promise<RevokingCa> {
  const clock = clockAt()
  const privateKey = await keyOf(key)
  const ca = await rootCa({ key: privateKey, clock, lifetime })
  const context: RevocationContext = {
    certificate: ca.certificate,
    signer: await CheckedSigner.of(privateKey),
    clock,
    store: store ?? memoryRevocationStore(),
  }
  return {
    ca,
    context,
    clock,
    leaf: async (options = {}) =>
      (await ca.issueWorkload(await request(), { id: ID, lifetime: '24h', ...options })).certificate,
    revoke: (certificate, options) => revoke(context, certificate, options),
    issueCrl: (options = {}) => issueCrl(context, { nextUpdate: '7d', ...options }),
    state: async () => (await context.store.read())?.state ?? newRevocationState(ca.certificate),
  }
}

/** Entries as `serial reason`. */
export const listed = (crl: CertificateList | undefined): readonly string[] =>
  [...(crl ?? [])].map(({ serialNumber, reason }) => `${serialNumber} ${reason ?? 'none'}`)

/** `ok`, or the code, of a leaf under some CRLs. */
export function verdict(
  { ca, clock }: Pick<RevokingCa, 'ca' | 'clock'>,
  leaf: Certificate,
  crls: readonly CertificateList[],
  options: Partial<VerifyPathOptions> = {},
): string {
  const result = checkPathSync(leaf, {
    anchors: ca.certificate,
    crls,
    time: clock.now(),
    purpose: 'any',
    ...options,
  })
  return result.ok ? 'ok' : result.error.code
}

/** What a store does in place of its work, call by call; `undefined` for its work. */
export type Misdeed = 'conflict' | 'lost' | 'fails' | 'fails after it was done' | undefined

/**
 * A store over another, which follows a script. `conflict`: it answers false and changes nothing. `lost`: it does
 * its work and answers false, as a retried request would.
 */
export function scriptedStore(inner: RevocationStore, next: () => Misdeed): RevocationStore {
  return {
    read: () => inner.read(),
    async replace(version, state) {
      const misdeed = next()
      if (misdeed === 'fails') throw new Error('ECONNRESET')
      if (misdeed === 'conflict') return false
      const done = await inner.replace(version, state)
      if (misdeed === 'fails after it was done') throw new Error('ETIMEDOUT')
      return misdeed === 'lost' ? false : done
    },
  }
}

/** A store whose `replace` is preceded by what a replica does. */
export function racedStore(inner: RevocationStore, race: () => Promise<unknown>): RevocationStore {
  return {
    read: () => inner.read(),
    async replace(version, state) {
      await race()
      return inner.replace(version, state)
    },
  }
}
