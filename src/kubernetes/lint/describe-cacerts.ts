/**
 * Describes a Secret or ConfigMap with certificates of a mesh.
 *
 * @module
 */

import { readIstioVersion } from '../../ca/lint/istio-version.ts'
import type { LintFinding } from '../../ca/lint/lint-finding.ts'
import { MeshPkiError } from '../../errors.ts'
import { isOneSet, MAX_SETS, readDescribeOptions } from '../../inspect/describe/describe-options.ts'
import { settled } from '../../inspect/describe/described-text.ts'
import { type AnchorSet, type DescribeOptions, describe } from '../../inspect/index.ts'
import { instantText } from '../../internal/instant-text.ts'
import { checkOptionNames, readInstant, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { DataKey } from '../objects/names.ts'
import type { ConfigMapLike, SecretLike } from '../objects/secret-like.ts'
import { detectCacertsLayout, ISTIO_KEYS, TLS_KEYS } from '../secrets/cacerts-layout.ts'
import { objectName } from '../secrets/secret-reader.ts'
import type { CacertsDescription, CacertsEntry, IstiodVerdict } from './cacerts-description.ts'
import { checkCacerts } from './check-cacerts.ts'
import { lintCacerts } from './lint-cacerts.ts'
import { LintedSecret } from './linted-secret.ts'
import { secretShapeOf } from './secret-shape.ts'

/** Options of {@link describeCacerts}. */
export interface DescribeCacertsOptions {
  /** The instant to describe at. Default: now. */
  readonly time?: Date | undefined
  /** As for `describe`. */
  readonly renewal?: DescribeOptions['renewal']
  /** Who else may trust it, by name, at most 63 sets; its own roots are asked in any case, under the name of their data key. */
  readonly anchors?: Readonly<Record<string, AnchorSet>> | undefined
  /** The release of istiod, such as `1.28.7`. Default: a new one, 1.30 or later. */
  readonly istioVersion?: string | undefined
}

const OPTION_NAMES = ['time', 'renewal', 'anchors', 'istioVersion']

/** Data keys that are described. An object has a handful. */
const MAX_ENTRIES = 64

type Holding = CacertsEntry['holds']

/** A map: `__proto__` and `constructor` are data keys that an API server takes, and members of every object. */
const HOLDINGS: ReadonlyMap<string, Holding> = new Map<string, Holding>([
  [DataKey.caCert, 'signing certificate'],
  [DataKey.tlsCert, 'signing certificate'],
  [DataKey.certChain, 'chain'],
  [DataKey.rootCert, 'roots'],
  [DataKey.tlsCa, 'roots'],
  [DataKey.caCrl, 'CRLs'],
  [DataKey.caKey, 'private key'],
  [DataKey.tlsKey, 'private key'],
  [DataKey.key, 'private key'],
  [DataKey.privateKey, 'private key'],
])

/** In which order they stand. */
const ORDER: readonly Holding[] = ['signing certificate', 'chain', 'roots', 'CRLs', 'other', 'private key']

/**
 * Says what a `cacerts` secret holds, in any layout that `lintCacerts` knows: each certificate, CRL and chain as `describe` has it, which
 * keys are there, which are missing, whether its own roots and those of others verify the signing certificate, what istiod would say
 * (`checkCacerts`), and what the lint finds. Of a ConfigMap such as `istio-ca-root-cert`, the certificates in it. `printCacerts` prints it.
 *
 * Private keys are never decoded: that there is one is all that it says. Content never makes it throw.
 *
 * **Warning**: a plain object of a client often has no `kind`. Without one it is a ConfigMap where a value of `data` is PEM, since
 * those of Secrets are base64.
 *
 * @throws `TypeError` and `RangeError` for options, and for what is no object; `MeshPkiError` for anchors that cannot be read.
 *
 * @example
 * ```ts
 * import { describeCacerts, printCacerts, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike, westRoots: string
 * console.log(printCacerts(await describeCacerts(secret, { anchors: { west: westRoots } })))
 * ```
 */
export async function describeCacerts(
  object: SecretLike | ConfigMapLike,
  options: DescribeCacertsOptions = {},
): Promise<CacertsDescription> {
  checkOptionNames(options, OPTION_NAMES, 'describeCacerts')
  if (object === null || typeof object !== 'object' || Array.isArray(object))
    throw new TypeError(`describeCacerts takes a Secret or ConfigMap object; got ${typeName(object)}`)
  const now = readInstant(options.time ?? new Date(), 'time')
  // Here, so that a fault in them is not taken for one of the object.
  checkAnchorNames(options.anchors)
  readDescribeOptions({ time: options.time, renewal: options.renewal, anchors: options.anchors })
  readIstioVersion(options.istioVersion)
  const settledOptions = { ...options, time: new Date(now) }
  return settled(
    isConfigMap(object)
      ? await describeConfigMap(object, settledOptions)
      : await describeSecret(object, settledOptions),
  )
}

/** @throws `TypeError`, `RangeError`. */
function checkAnchorNames(anchors: DescribeCacertsOptions['anchors']): void {
  if (anchors === undefined) return
  if (anchors === null || typeof anchors !== 'object' || isOneSet(anchors))
    throw new TypeError(
      `option "anchors" of describeCacerts must be an object with sets of anchors by name; got ${anchors === null || typeof anchors !== 'object' ? typeName(anchors) : 'one set'}`,
    )
  const names = Object.keys(anchors)
  // One place is that of its own roots.
  if (names.length > MAX_SETS - 1)
    throw new RangeError(
      `option "anchors" of describeCacerts must have from 1 to ${MAX_SETS - 1} sets; got ${names.length}`,
    )
  const taken = names.find((name) => HOLDINGS.get(name) === 'roots')
  if (taken !== undefined)
    throw new RangeError(
      `option "anchors" of describeCacerts has a set ${quote(taken)}, which is the name of the object's own roots; give it another`,
    )
}

type Settled = DescribeCacertsOptions & { readonly time: Date }

function isConfigMap({ kind, data }: SecretLike | ConfigMapLike): boolean {
  if (typeof kind === 'string') return kind === 'ConfigMap'
  return Object.values(data ?? {}).some((value) => typeof value === 'string' && value.includes('-----BEGIN '))
}

async function describeConfigMap(map: ConfigMapLike, options: Settled): Promise<CacertsDescription> {
  const { data = {}, metadata } = map
  const entries: CacertsEntry[] = []
  const keys = isRecord(data) ? Object.keys(data).sort() : []
  for (const key of keys.slice(0, MAX_ENTRIES)) {
    const value: unknown = Reflect.get(data, key)
    const isPem = typeof value === 'string' && value.includes('-----BEGIN ')
    const holds = HOLDINGS.get(key) ?? (isPem ? 'roots' : 'other')
    entries.push(
      typeof value === 'string'
        ? await describeEntry(key, holds, value, { ...options, lint: true })
        : {
            key: escapeText(key),
            holds,
            state: 'unreadable',
            problem: `expected text; got ${typeName(value)}`,
          },
    )
  }
  return {
    kind: 'cacerts',
    at: instantText(options.time.getTime()),
    object: `ConfigMap ${objectName(metadata)}`,
    layout: 'config-map',
    entries: inOrder(entries),
    missing: [],
    findings: [],
    omitted: keys.length > MAX_ENTRIES ? keys.length - MAX_ENTRIES : undefined,
  }
}

async function describeSecret(secret: SecretLike, options: Settled): Promise<CacertsDescription> {
  const linted = new LintedSecret(secret, 'describeCacerts')
  const { reader } = linted
  const shape = secretShapeOf(reader, secret, (key) => linted.isFilled(key))
  const isPlugIn = shape === 'cacerts' || shape === 'tls'
  const layout = shape === 'cacerts' ? detectCacertsLayout((key) => reader.has(key)) : shape
  const rootKey = reader.has(DataKey.rootCert) ? DataKey.rootCert : DataKey.tlsCa
  const roots = certificatesOf(linted, rootKey)
  const intermediates = certificatesOf(linted, DataKey.certChain)
  const own = roots.length === 0 ? {} : { [rootKey]: roots }
  const entries: CacertsEntry[] = []
  for (const key of reader.keys.slice(0, MAX_ENTRIES)) {
    const holds = HOLDINGS.get(key) ?? 'other'
    const signs = holds === 'signing certificate'
    const text = linted.text(key)
    entries.push(
      text === undefined
        ? { key: escapeText(key), holds, state: 'unreadable', problem: 'the value is not base64 of a text' }
        : await describeEntry(key, holds, text, {
            ...options,
            anchors: signs ? { ...own, ...options.anchors } : undefined,
            intermediates: signs ? intermediates : undefined,
            lint: false,
          }),
    )
  }
  const judged = await judge(secret, isPlugIn, options)
  const required = shape === 'tls' ? TLS_KEYS : shape === 'cacerts' ? ISTIO_KEYS : []
  return {
    kind: 'cacerts',
    at: instantText(options.time.getTime()),
    object: reader.where,
    layout: layout ?? 'unknown',
    entries: inOrder(entries),
    missing: required.filter((key) => !reader.has(key)),
    ...judged,
    omitted: reader.keys.length > MAX_ENTRIES ? reader.keys.length - MAX_ENTRIES : undefined,
  }
}

async function judge(
  secret: SecretLike,
  isPlugIn: boolean,
  { time, istioVersion }: Settled,
): Promise<{ readonly findings: readonly LintFinding[]; readonly istiod?: IstiodVerdict | undefined }> {
  if (!isPlugIn) return { findings: await lintCacerts(secret, { time, istioVersion }) }
  try {
    const { findings, ...verdict } = await checkCacerts(secret, { parity: 'istio', time, istioVersion })
    return {
      findings,
      istiod: verdict.ok
        ? { ok: true }
        : { ok: false, step: verdict.step, message: escapeText(verdict.message, 1024) },
    }
  } catch (error) {
    // Of a secret whose values are not base64 no istiod hears, so there is no verdict. The lint says it.
    if (!(error instanceof MeshPkiError)) throw error
    return { findings: await lintCacerts(secret, { time, istioVersion }) }
  }
}

interface EntryOptions extends Settled {
  readonly intermediates?: readonly Certificate[] | undefined
  readonly lint: boolean
}

async function describeEntry(
  name: string,
  holds: Holding,
  text: string,
  { time, renewal, anchors, intermediates, lint }: EntryOptions,
): Promise<CacertsEntry> {
  const key = escapeText(name)
  if (text.trim() === '') return { key, holds, state: 'empty' }
  if (holds === 'private key' || holds === 'other') return { key, holds, state: 'present' }
  const hasAnchors = anchors !== undefined && Object.keys(anchors).length > 0
  try {
    const content = await describe(text, {
      time,
      renewal,
      anchors: hasAnchors ? anchors : undefined,
      intermediates,
      lint,
    })
    return { key, holds, state: 'described', content }
  } catch (error) {
    if (!(error instanceof MeshPkiError) || !error.code.startsWith('ERR_PEM_')) throw error
    return { key, holds, state: 'unreadable', problem: error.message }
  }
}

/** Those that can be read; the lint tells of the others. */
function certificatesOf(linted: LintedSecret, key: string): readonly Certificate[] {
  return linted.certificates(key, true).certificates.map(({ certificate }) => certificate)
}

const inOrder = (entries: readonly CacertsEntry[]): readonly CacertsEntry[] =>
  [...entries].sort((a, b) => ORDER.indexOf(a.holds) - ORDER.indexOf(b.holds))

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
