/**
 * A federation client with one relationship, and endpoints to fetch from over no network.
 */
import {
  FederationClient,
  type FederationClientOptions,
  type FederationRelationship,
  type FetchLike,
  SpiffeBundle,
} from '../../../src/spiffe/index.ts'
import { forgeCa } from '../verify/forge.ts'

export const root = forgeCa({ subject: 'root' }).certificate
export const second = forgeCa({ subject: 'second' }).certificate
export const trustDomain = 'partner.example'
export const url = 'https://partner.example/bundle.json'
export const web: FederationRelationship = { trustDomain, url, profile: 'https_web' }
export const bundle = (sequence: bigint, refreshHint = '5m') =>
  SpiffeBundle.of({ trustDomain, x509Authorities: [root, second], sequence, refreshHint })

/** Answers bundles of rising sequence and notes when it was asked. */
export function publisher(clock: { now(): Date }, hint = '5m') {
  const asked: number[] = []
  const fetch: FetchLike = async () => {
    asked.push(clock.now().getTime())
    return new Response(bundle(BigInt(asked.length), hint).toJson())
  }
  return { asked, fetch }
}

export const clientOf = (options: Partial<FederationClientOptions> = {}) =>
  new FederationClient({ relationships: [web], staleAfter: '1h', ...options })

/** A fetch that is answered by hand. */
export function heldFetch() {
  const waiting: ((response: Response) => void)[] = []
  const fetch: FetchLike = () => new Promise((resolve) => waiting.push(resolve))
  return { fetch, answer: (text: string) => waiting.shift()?.(new Response(text)), waiting }
}
