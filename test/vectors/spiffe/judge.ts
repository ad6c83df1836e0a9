/**
 * Runs a conformance vector through the library, and says what came out in the words of the vectors. Other
 * implementations write this file again for their own functions.
 */
import { MeshPkiError } from '../../../src/errors.ts'
import {
  BundleMap,
  checkSvid,
  checkSvidSync,
  createBundleHandler,
  diffBundles,
  FederationClient,
  type FederationRelationship,
  normalizeSpiffeId,
  SpiffeBundle,
  SpiffeId,
  TrustDomain,
} from '../../../src/spiffe/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { type ScriptedAnswer, scriptedEndpoint } from './scripted-endpoint.ts'

export interface Vector {
  readonly id: string
  readonly row: string
  readonly section: string
  readonly kind: string
  readonly comment: string
  readonly input: Readonly<Record<string, unknown>>
  readonly verdict: 'accept' | 'reject'
  readonly code?: string
  readonly reason?: string
  readonly result?: Readonly<Record<string, unknown>>
}

interface Outcome {
  readonly verdict: 'accept' | 'reject'
  readonly code?: string
  readonly reason?: unknown
  readonly result?: unknown
}

export function isVector(value: unknown): value is Vector {
  if (typeof value !== 'object' || value === null) return false
  const parts = value as Record<string, unknown>
  return (
    ['id', 'row', 'section', 'kind', 'comment'].every((name) => typeof parts[name] === 'string') &&
    typeof parts['input'] === 'object' &&
    (parts['verdict'] === 'accept' || parts['verdict'] === 'reject')
  )
}

type Judge = (vector: Vector, time: Date) => Outcome | Promise<Outcome>

const judges: Readonly<Record<string, Judge>> = {
  'spiffe-id': (vector) => {
    const id = SpiffeId.parse(text(vector, 'text'))
    expectSame(String(id), text(vector, 'text'))
    return accept(vector, { trustDomain: id.trustDomain.name, path: id.path })
  },
  'trust-domain': (vector) => accept(vector, { trustDomain: TrustDomain.parse(text(vector, 'text')).name }),
  normalize: (vector) => accept(vector, { text: String(normalizeSpiffeId(text(vector, 'text'))) }),
  svid: judgeSvid,
  bundle: judgeBundle,
  'bundle-write': judgeWrite,
  'bundle-map': (vector) => {
    const map = BundleMap.fromJson(text(vector, 'json'))
    return accept(vector, {
      trustDomains: map.trustDomains.map(String),
      refreshHint: map.refreshHint ?? null,
    })
  },
  'federation-config': (vector) => {
    new FederationClient({
      relationships: [relationshipOf(vector)],
      staleAfter: '1h',
      dial: () => Promise.reject(new Error('nothing is dialled')),
    })
    return accept(vector)
  },
  'federation-fetch': judgeFetch,
  'federation-serve': judgeServe,
  'bundle-diff': judgeDiff,
}

export async function judge(vector: Vector, time: Date): Promise<Outcome> {
  const one = judges[vector.kind]
  if (one === undefined) throw new Error(`no judge for ${vector.kind}`)
  try {
    return await one(vector, time)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return reject(vector, error)
  }
}

async function judgeSvid(vector: Vector, time: Date): Promise<Outcome> {
  const { input } = vector
  const bundles = BundleMap.of(bundlesOf(input['bundles']))
  const options = {
    bundles,
    time: typeof input['time'] === 'string' ? new Date(input['time']) : time,
    ...(typeof input['expect'] === 'string' ? { expect: input['expect'] } : {}),
  }
  const chain = list(input['chain']).map(bytes)
  const result = await checkSvid(chain, options)
  // Both ways must decide alike.
  const sync = checkSvidSync(chain, options)
  expectSame(sync.ok ? 'ok' : sync.error.code, result.ok ? 'ok' : result.error.code)
  if (!result.ok) return reject(vector, result.error)
  const warnings = [...new Set(result.svid.warnings.map(({ requirement }) => requirement))].sort()
  return accept(vector, { spiffeId: String(result.svid.id), warnings })
}

function judgeBundle(vector: Vector): Outcome {
  const { input } = vector
  const document = typeof input['base64'] === 'string' ? bytes(input['base64']) : text(vector, 'json')
  const bundle = SpiffeBundle.fromJson(text(vector, 'trustDomain'), document)
  // What was read is written and read again to the same.
  expectSame(SpiffeBundle.fromJson(bundle.trustDomain, bundle.toJson()).digest(), bundle.digest())
  return accept(vector, {
    x509Authorities: bundle.x509Authorities.length,
    jwtAuthorities: bundle.jwtAuthorities.length,
    sequence: bundle.sequence?.toString() ?? null,
    refreshHint: bundle.refreshHint ?? null,
    skipped: bundle.skipped.map(({ index, reason }) => ({ index: index ?? null, reason })),
  })
}

function judgeWrite(vector: Vector): Outcome {
  const { input } = vector
  const { sequence, refreshHint } = input
  const bundle = SpiffeBundle.of({
    trustDomain: text(vector, 'trustDomain'),
    x509Authorities: list(input['x509Authorities']).map(bytes),
    ...(typeof sequence === 'string' ? { sequence: BigInt(sequence) } : {}),
    ...(typeof refreshHint === 'number' ? { refreshHint: `${refreshHint}s` } : {}),
  })
  return accept(vector, { document: JSON.parse(bundle.toJson()) })
}

async function judgeFetch(vector: Vector, time: Date): Promise<Outcome> {
  const { input } = vector
  const answers = list(input['responses']) as readonly ScriptedAnswer[]
  const endpoint = scriptedEndpoint(answers)
  const trustDomain = text(vector, 'trustDomain')
  const current =
    typeof input['current'] === 'string' ? SpiffeBundle.fromJson(trustDomain, input['current']) : undefined
  const client = new FederationClient({
    relationships: [relationshipOf(vector)],
    staleAfter: 'unlimited',
    clock: manualClock(time),
    fetch: endpoint.fetch,
    dial: endpoint.dial,
    initial: current === undefined ? [] : [{ bundle: current, confirmed: time }],
  })
  const held = client.bundleFor(trustDomain)
  try {
    await client.refresh(trustDomain)
  } catch (error) {
    // Whatever went wrong, the last good bundle stays.
    expectSame(client.bundleFor(trustDomain)?.digest(), held?.digest())
    throw error
  }
  const bundle = client.bundleFor(trustDomain)
  return accept(vector, {
    trustDomain: bundle?.trustDomain.name,
    sequence: bundle?.sequence?.toString() ?? null,
    x509Authorities: bundle?.x509Authorities.length,
    requests: endpoint.requests,
  })
}

async function judgeServe(vector: Vector): Promise<Outcome> {
  const { input, result = {} } = vector
  const bundle = SpiffeBundle.fromJson(text(vector, 'trustDomain'), text(vector, 'bundle'))
  const request = input['request'] as { method: string; headers?: Record<string, string> }
  const response = await createBundleHandler({ bundle })(
    new Request('https://bundles.example/', { method: request.method, headers: request.headers ?? {} }),
  )
  const wanted = Object.keys((result['headers'] ?? {}) as object)
  const headers = Object.fromEntries(wanted.map((name) => [name, response.headers.get(name)]))
  if (response.status === 200 && request.method === 'GET')
    expectSame(SpiffeBundle.fromJson(bundle.trustDomain, await response.text()).digest(), bundle.digest())
  const outcome = accept(vector, { status: response.status, headers })
  return response.status < 400 ? outcome : { ...outcome, verdict: 'reject' }
}

function judgeDiff(vector: Vector, time: Date): Outcome {
  const { input } = vector
  const trustDomain = text(vector, 'trustDomain')
  const { safe, changes } = diffBundles(
    SpiffeBundle.fromJson(trustDomain, text(vector, 'old')),
    SpiffeBundle.fromJson(trustDomain, text(vector, 'new')),
    { inUse: list(input['inUse']).map(bytes), time },
  )
  const outcome = accept(vector, { safe, kinds: changes.map(({ kind }) => kind).sort() })
  return safe ? outcome : { ...outcome, verdict: 'reject' }
}

/** The parts of a relationship as a configuration file would have them; what is missing stays missing. */
function relationshipOf({ input }: Vector): FederationRelationship {
  const { trustDomain, url, profile, endpointSpiffeId, bootstrap, endpointBundles } = input
  const own = typeof trustDomain === 'string' ? trustDomain : 'unknown'
  const endpoint =
    typeof endpointSpiffeId === 'string' ? /^spiffe:\/\/([^/]*)/.exec(endpointSpiffeId)?.[1] : own
  const parts = {
    trustDomain,
    url,
    profile,
    ...(endpointSpiffeId === undefined ? {} : { endpointSpiffeId }),
    ...(typeof bootstrap === 'string'
      ? { bootstrap: SpiffeBundle.fromJson(endpoint ?? own, bootstrap) }
      : {}),
    ...(endpointBundles === undefined ? {} : { endpointBundles: BundleMap.of(bundlesOf(endpointBundles)) }),
  }
  return parts as FederationRelationship
}

function bundlesOf(bundles: unknown): SpiffeBundle[] {
  return Object.entries((bundles ?? {}) as Record<string, string>).map(([name, json]) =>
    SpiffeBundle.fromJson(name, json),
  )
}

/** The parts of a result that the vector names. */
function accept({ result }: Vector, found: Readonly<Record<string, unknown>> = {}): Outcome {
  if (result === undefined) return { verdict: 'accept' }
  return {
    verdict: 'accept',
    result: Object.fromEntries(Object.keys(result).map((name) => [name, found[name]])),
  }
}

function reject({ reason }: Vector, error: MeshPkiError): Outcome {
  return {
    verdict: 'reject',
    code: error.code,
    ...(reason === undefined ? {} : { reason: error.data['reason'] }),
  }
}

function text({ id, input }: Vector, name: string): string {
  const value = input[name]
  if (typeof value !== 'string') throw new Error(`${id}: the input "${name}" is no text`)
  return value
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const bytes = (base64: unknown): Uint8Array => new Uint8Array(Buffer.from(String(base64), 'base64'))

function expectSame(found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`expected ${String(expected)}, found ${String(found)}`)
}
