/**
 * An external issuer whose certificates the tests' own builder makes, and a clock that stands still.
 */
import {
  type ExternalIssuer,
  type IssuedCertificate,
  type IssuerAnswer,
  type IssuerEvent,
  type IssuerRequest,
  type RequestCertificateOptions,
  requestCertificate,
} from '../../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import { type ManualClock, manualClock } from '../../../../src/testing/index.ts'
import { importKeyObject } from '../../../../src/x509/index.ts'
import type { Keys } from '../../../fixtures/x509/forge-der.ts'
import {
  basicConstraints,
  CLIENT_AUTH,
  eku,
  type Forged,
  forge,
  forgeCa,
  keysOf,
  keyUsage,
  type Recipe,
  SERVER_AUTH,
  san,
  uri,
} from '../../verify/forge.ts'

export const NOW = new Date('2026-06-01T00:00:00Z')
export const ID = 'spiffe://td/ns/default/sa/a'

const LONG = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2040-01-01T00:00:00Z' }
export const root: Forged = forgeCa({ subject: 'root', ...LONG })
export const upper: Forged = forgeCa({ subject: 'upper', issuer: root, ...LONG })
export const otherRoot: Forged = forgeCa({ subject: 'other root', ...LONG })

/** The workload that asks, and the CA that does. */
export const workloadKeys: Keys = keysOf('the workload')
export const caKeys: Keys = keysOf('the cluster CA')
export const requestOf = async (keys: Keys, subject = ''): Promise<Csr> =>
  (await createCsr({ key: importKeyObject(keys.privateKey), subject })).csr
export const workloadCsr: Csr = await requestOf(workloadKeys)
const caCsr: Csr = await requestOf(caKeys, 'CN=cluster')

export const leafExtensions = (id: string): readonly Uint8Array[] => [
  basicConstraints(false),
  keyUsage(0),
  eku(SERVER_AUTH, CLIENT_AUTH),
  san([uri(id)], true),
]

/** What a good issuer answers to the workload: 24 hours from two minutes ago. */
export const leaf = (recipe: Partial<Recipe> = {}): Forged =>
  forge({
    subject: Uint8Array.of(0x30, 0),
    issuer: upper,
    keys: workloadKeys,
    notBefore: '2026-05-31T23:58:00Z',
    notAfter: '2026-06-02T00:00:00Z',
    extensions: leafExtensions(ID),
    ...recipe,
  })

/** What a good issuer answers to the CA. */
export const clusterCa = (
  recipe: Partial<Recipe> & { readonly pathLength?: number } = { pathLength: 0 },
): Forged =>
  forgeCa({
    subject: 'cluster',
    issuer: upper,
    keys: caKeys,
    notBefore: '2026-05-31T23:58:00Z',
    notAfter: '2026-06-11T00:00:00Z',
    ...recipe,
  })

/** An answer with the chain above, or another. */
export const answerOf = (
  { certificate }: Forged,
  chain: IssuerAnswer['chain'] = [upper.der, root.der],
): IssuerAnswer => ({
  certificate,
  chain,
})

export const LEAF_WISH = { csr: workloadCsr, id: ID, lifetime: { max: '24h' }, anchors: root.certificate }
export const CA_WISH = { csr: caCsr, isCa: true, lifetime: { max: '10d' }, anchors: root.certificate }

/** An issuer that does as it is told, and what became of it. */
export interface Scripted {
  readonly clock: ManualClock
  readonly issued: IssuerRequest[]
  readonly signals: AbortSignal[]
  readonly lookups: string[]
  readonly events: IssuerEvent[]
  ask(options?: Partial<RequestCertificateOptions>): Promise<IssuedCertificate>
}

type Reply = unknown | ((call: number) => unknown)
const reply = (given: Reply, call: number): unknown => (typeof given === 'function' ? given(call) : given)

export function scripted(
  script: { readonly issue: Reply; readonly lookup?: Reply; readonly idempotent?: boolean },
  wish: RequestCertificateOptions = LEAF_WISH,
): Scripted {
  const clock = manualClock(NOW)
  const issued: IssuerRequest[] = []
  const signals: AbortSignal[] = []
  const lookups: string[] = []
  const events: IssuerEvent[] = []
  const issuer: ExternalIssuer = {
    name: 'scripted',
    idempotent: script.idempotent,
    issue: (request, { signal }) => {
      issued.push(request)
      signals.push(signal)
      return reply(script.issue, issued.length) as Promise<IssuerAnswer>
    },
    ...(script.lookup === undefined
      ? {}
      : {
          lookup: (requestId: string) => {
            lookups.push(requestId)
            return reply(script.lookup, lookups.length) as Promise<IssuerAnswer>
          },
        }),
  }
  return {
    clock,
    issued,
    signals,
    lookups,
    events,
    ask: (options = {}) => {
      const pending = requestCertificate(issuer, {
        clock,
        onEvent: (event) => void events.push(event),
        ...wish,
        ...options,
      })
      pending.catch(() => {})
      return pending
    },
  }
}

/** What an issuer that never answers answers. */
export const silence = (): Promise<never> => new Promise(() => {})
