/**
 * Reads what Envoy tells of its secrets: roots and certificates, never keys.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { decodeBase64 } from '../../internal/base64.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { Certificate } from '../../x509/certificate.ts'
import { ALL_LENIENCIES } from '../../x509/certificate-walker.ts'
import { isRecord } from '../objects/kube-object.ts'
import type { EnvoySecret, EvidenceFinding, EvidenceFindingCode, ProxySecrets } from './proxy-secrets.ts'

/** Options of {@link readEnvoySecrets}. */
export interface ReadEnvoySecretsOptions {
  /** What to call the proxy, such as `reviews-v1-7f8d.bookinfo`. */
  readonly proxy: string
  /** The secret with the trust anchors. Default `'ROOTCA'`, Istio's. */
  readonly rootsName?: string | undefined
  /** The secret with the workload's certificate. Default `'default'`, Istio's. */
  readonly chainName?: string | undefined
}

/** A dump of a large gateway has a few MiB. */
const MAX_TEXT = 64 * 1024 * 1024
const MAX_SECRETS = 1000
/** One bundle: as much as a Secret may hold. */
const MAX_PEM = 4 * 1024 * 1024
const MAX_TEXT_SHOWN = 128

const SECTIONS = [
  ['dynamic_active_secrets', 'active'],
  ['dynamic_warming_secrets', 'warming'],
  ['static_secrets', 'static'],
] as const

/** What Envoy says of a secret that it has asked for and not got. */
const UNINITIALIZED = 'uninitialized'

/**
 * Reads the output of `istioctl proxy-config secret -o json`, or Envoy's `/config_dump`, whole or by
 * `?resource=dynamic_active_secrets`, as text or parsed: names in both spellings, `inlineBytes` and `inlineString`.
 *
 * Only secrets that are active count as what the proxy holds; those that warm up are in `secrets`, with a finding.
 * Private keys are passed over: nothing of them is decoded or kept.
 *
 * **Warning**: it is what the proxy says of itself, at one moment. Ask every proxy, and again for every step.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_EVIDENCE` for what is no such dump; `TypeError` for options.
 *
 * @example
 * ```ts
 * import { readEnvoySecrets } from 'mesh-pki/kubernetes'
 *
 * declare const json: string
 * const { roots, chain } = readEnvoySecrets(json, { proxy: 'reviews-v1.bookinfo' })
 * console.log(roots?.certificates.map((root) => root.fingerprint()), chain?.certificates[0]?.notAfter)
 * ```
 */
export function readEnvoySecrets(json: unknown, options: ReadEnvoySecretsOptions): ProxySecrets {
  checkOptionNames(options, ['proxy', 'rootsName', 'chainName'], 'readEnvoySecrets')
  const { proxy, rootsName = 'ROOTCA', chainName = 'default' } = options
  for (const [name, value] of Object.entries({ proxy, rootsName, chainName }))
    if (typeof value !== 'string' || value === '')
      throw new TypeError(`option "${name}" must be text that is not empty; got ${typeName(value)}`)
  const reader = new DumpReader(proxy)
  const secrets = reader.read(parse(json, proxy))
  const roots = reader.choose(secrets, rootsName, 'roots', 'roots-missing')
  const chain = reader.choose(secrets, chainName, 'chain', 'chain-missing')
  return Object.freeze({
    proxy,
    roots,
    chain,
    secrets: Object.freeze(secrets),
    findings: Object.freeze(reader.findings),
  })
}

/** What JSON.parse says of an error may quote the text, and a key may stand there. */
function parse(json: unknown, proxy: string): unknown {
  const text = json instanceof Uint8Array ? new TextDecoder().decode(json) : json
  if (typeof text !== 'string') return json
  if (text.length > MAX_TEXT)
    throw refuse(proxy, `${text.length} characters; at most ${MAX_TEXT} are read. Ask for the secrets alone`)
  try {
    return JSON.parse(text)
  } catch {
    throw refuse(proxy, 'it is no JSON. Was "-o json" left out, or an error printed in between?')
  }
}

function refuse(proxy: string, problem: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_KUBERNETES_EVIDENCE',
    `the dump of ${quote(proxy, MAX_TEXT_SHOWN)}: ${problem}`,
    {
      data: { proxy: escapeText(proxy, MAX_TEXT_SHOWN) },
    },
  )
}

/** A member in the spelling of Envoy's own JSON, `snake_case`, or in that of istioctl, `camelCase`. */
function memberOf(value: unknown, snake: string): unknown {
  if (!isRecord(value)) return undefined
  if (Object.hasOwn(value, snake)) return value[snake]
  const camel = snake.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return Object.hasOwn(value, camel) ? value[camel] : undefined
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Reads one dump, and notes what it does not tell. */
class DumpReader {
  readonly findings: EvidenceFinding[] = []
  readonly #proxy: string

  constructor(proxy: string) {
    this.#proxy = proxy
  }

  read(dump: unknown): EnvoySecret[] {
    const configs = memberOf(dump, 'configs')
    const parts: readonly unknown[] = Array.isArray(configs) ? configs : [dump]
    let isDump = false
    const secrets: EnvoySecret[] = []
    for (const part of parts) {
      for (const [section, state] of SECTIONS) {
        const entries = memberOf(part, section)
        if (!Array.isArray(entries)) continue
        isDump = true
        for (const entry of entries) this.#add(secrets, entry, state)
      }
      // By ?resource=… the secrets stand there by themselves, and whether one warms up only its version tells.
      if (isRecord(part) && isRecord(part['secret'])) {
        isDump = true
        const isWarming = textOf(memberOf(part, 'version_info')) === UNINITIALIZED
        this.#add(secrets, part, isWarming ? 'warming' : 'active')
      }
    }
    // Envoy leaves out what is empty: a dump with other parts only says that there are no secrets.
    if (!isDump && !(Array.isArray(configs) && configs.length > 0))
      throw refuse(
        this.#proxy,
        'it has no secrets: expected "dynamicActiveSecrets" as istioctl prints it, or "configs" of /config_dump',
      )
    return secrets
  }

  /** The secret that counts: active, or of the bootstrap; of two, the one that was updated last. */
  choose(
    secrets: readonly EnvoySecret[],
    name: string,
    kind: EnvoySecret['kind'],
    missing: EvidenceFindingCode,
  ): EnvoySecret | undefined {
    const named = secrets.filter((secret) => secret.name === name && secret.kind === kind)
    const counting = named.filter(({ state, certificates }) => state !== 'warming' && certificates.length > 0)
    if (named.some(({ state }) => state === 'warming'))
      this.#find('secret-warming', `${quote(name, MAX_TEXT_SHOWN)} is asked for anew and not there yet`)
    if (counting.length > 1)
      this.#find(
        'secret-twice',
        `${quote(name, MAX_TEXT_SHOWN)} stands there ${counting.length} times; the one that was updated last counts`,
      )
    const chosen = counting.reduce<EnvoySecret | undefined>(
      (best, each) =>
        best === undefined || (each.lastUpdated?.getTime() ?? 0) > (best.lastUpdated?.getTime() ?? 0)
          ? each
          : best,
      undefined,
    )
    if (chosen === undefined)
      this.#find(missing, `it has no active secret ${quote(name, MAX_TEXT_SHOWN)} that can be read`)
    return chosen
  }

  #find(code: EvidenceFindingCode, problem: string): void {
    const proxy = this.#proxy
    this.findings.push(
      Object.freeze({ code, proxy, message: `${escapeText(proxy, MAX_TEXT_SHOWN)}: ${problem}` }),
    )
  }

  #add(secrets: EnvoySecret[], entry: unknown, state: EnvoySecret['state']): void {
    if (secrets.length === MAX_SECRETS)
      throw refuse(this.#proxy, `more than ${MAX_SECRETS} secrets. Ask for those of the mesh alone`)
    if (!isRecord(entry)) return
    const secret = memberOf(entry, 'secret')
    const name = textOf(memberOf(entry, 'name')) ?? textOf(memberOf(secret, 'name')) ?? ''
    const updated = textOf(memberOf(entry, 'last_updated'))
    const time = updated === undefined ? Number.NaN : Date.parse(updated)
    const version = textOf(memberOf(entry, 'version_info'))
    secrets.push(
      Object.freeze({
        name,
        state,
        ...this.#contentOf(secret, name),
        versionInfo: version === undefined ? undefined : escapeText(version, MAX_TEXT_SHOWN),
        lastUpdated: Number.isNaN(time) ? undefined : new Date(time),
      }),
    )
  }

  #contentOf(secret: unknown, name: string): Pick<EnvoySecret, 'kind' | 'certificates' | 'byTrustDomain'> {
    const nothing = new Map<string, readonly Certificate[]>()
    // Only the chain is looked at; the key stands beside it.
    const chain = memberOf(memberOf(secret, 'tls_certificate'), 'certificate_chain')
    if (chain !== undefined)
      return { kind: 'chain', certificates: this.#certificates(chain, name), byTrustDomain: nothing }
    const context = memberOf(secret, 'validation_context')
    if (context === undefined) return { kind: 'other', certificates: [], byTrustDomain: nothing }
    const trusted = memberOf(context, 'trusted_ca')
    const certificates = trusted === undefined ? [] : this.#certificates(trusted, name)
    const byTrustDomain = this.#trustDomains(context, name)
    return {
      kind: 'roots',
      certificates: Object.freeze([...certificates, ...[...byTrustDomain.values()].flat()]),
      byTrustDomain,
    }
  }

  /** Envoy's own verifier of SPIFFE IDs has a bundle for each trust domain. */
  #trustDomains(context: unknown, name: string): ReadonlyMap<string, readonly Certificate[]> {
    const config = memberOf(memberOf(context, 'custom_validator_config'), 'typed_config')
    const domains = memberOf(config, 'trust_domains')
    const found = new Map<string, readonly Certificate[]>()
    if (!Array.isArray(domains)) return found
    for (const domain of domains) {
      const trustDomain = textOf(memberOf(domain, 'name'))
      if (trustDomain === undefined || found.has(trustDomain) || found.size === MAX_SECRETS) continue
      found.set(trustDomain, this.#certificates(memberOf(domain, 'trust_bundle'), name))
    }
    return found
  }

  /** The certificates of a data source; none where one of them cannot be read, since the set is then not known. */
  #certificates(source: unknown, name: string): readonly Certificate[] {
    const shown = quote(name, MAX_TEXT_SHOWN)
    const text = inlineText(source)
    if (text === undefined) {
      const isFile = isRecord(source) && Object.hasOwn(source, 'filename')
      this.#find(
        isFile ? 'certificate-by-file' : 'certificate-unreadable',
        isFile
          ? `${shown} is a file of the proxy, which the dump does not show`
          : `${shown} holds no base64 or text that can be read`,
      )
      return []
    }
    try {
      return Object.freeze([...Certificate.listFromPem(text, { leniency: ALL_LENIENCIES })])
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      // The message could quote what stands there; the code says enough.
      this.#find('certificate-unreadable', `${shown} holds a certificate that cannot be read (${error.code})`)
      return []
    }
  }
}

function inlineText(source: unknown): string | undefined {
  const text = textOf(memberOf(source, 'inline_string'))
  if (text !== undefined) return text.length > MAX_PEM ? undefined : text
  const encoded = textOf(memberOf(source, 'inline_bytes'))
  if (encoded === undefined || encoded.length > MAX_PEM * 2) return undefined
  const bytes = decodeBase64(encoded)
  return bytes instanceof Uint8Array && bytes.length <= MAX_PEM ? new TextDecoder().decode(bytes) : undefined
}
