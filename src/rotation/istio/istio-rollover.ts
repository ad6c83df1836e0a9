/**
 * A rollover in the files and switches of Istio.
 *
 * @module
 */

import { checkOptionNames } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../../x509/certificate-input.ts'
import type { RolloverPlan } from '../rollover/rollover-plan.ts'
import { verifyPlan } from '../rollover/verify-plan.ts'
import {
  clampsLifetimes,
  type IstioVersion,
  isAtLeast,
  RELOADS_INTERMEDIATE,
  RELOADS_ROOTS,
  readIstioVersion,
} from './istio-version.ts'

/** Options of {@link istioRollover}. */
export interface IstioRolloverOptions {
  /** The oldest istiod of the mesh: `'1.24'` or `'1.24.3'`. */
  readonly istioVersion: string
  /** The certificates of the plan's authorities, by id. With them, the texts of `root-cert.pem` are made. */
  readonly certificates?: Readonly<Record<string, CertificateInput>> | undefined
}

/** A setting that the rollover needs. */
export interface IstioSwitch {
  readonly where: 'istiod' | 'proxies'
  /** An environment variable of istiod, or a path of MeshConfig. */
  readonly name: string
  readonly value: string
  readonly why: string
}

/** What a cluster's `cacerts` holds from an instant on. */
export interface IstioPhase {
  /** As in Istio's own procedure: 0 before, 1 both roots, 2 the new signer, 3 the new root alone. */
  readonly phase: 0 | 1 | 2 | 3
  /** When; absent for what there is before. */
  readonly at?: string
  /** Ids of the roots in `root-cert.pem`, in order; the new one stands twice in phase 2. */
  readonly roots: readonly string[]
  /** The text of `root-cert.pem`, where the certificates were given. */
  readonly rootCert?: string
  /** The authority above the signer in `ca-cert.pem`, `ca-key.pem` and `cert-chain.pem`. */
  readonly signer: string
  /** Whether istiod must be started anew to see it. */
  readonly restart: boolean
  /** What must be seen before the next phase. */
  readonly gate: string
}

/** A rollover as Istio carries it out. */
export interface IstioRollover {
  readonly switches: readonly IstioSwitch[]
  readonly clusters: readonly { readonly cluster: string; readonly phases: readonly IstioPhase[] }[]
  readonly warnings: readonly string[]
}

/**
 * Writes a rollover of roots as Istio's clusters carry it out: what `root-cert.pem` and the signer of each cluster's `cacerts` are,
 * from when, with which switches, and what to look at before going on.
 *
 * The texts are such that every istiod takes them: each contains the one before or is contained in it, byte by byte. In phase 2 the new
 * root stands twice: the bytes change, so agents sign anew at once instead of at their next renewal.
 *
 * **Warning**: the instants are the plan's. Drive them by evidence (`Rollover`), and write all keys of `cacerts` in one update.
 *
 * @throws `PlanError`, `TypeError` for a plan that is not of roots, and for certificates that are missing.
 *
 * @example
 * ```ts
 * import { istioRollover, type RolloverPlan } from 'mesh-pki/rotation'
 *
 * declare const plan: RolloverPlan
 * const { switches, clusters } = istioRollover(plan, { istioVersion: '1.24' })
 * for (const { name, value } of switches) console.log(`${name}=${value}`)
 * for (const { cluster, phases } of clusters)
 *   for (const { at, roots, signer } of phases) console.log(cluster, at, roots.join(' + '), signer)
 * ```
 */
export function istioRollover(plan: RolloverPlan, options: IstioRolloverOptions): IstioRollover {
  checkOptionNames(options, ['istioVersion', 'certificates'], 'istioRollover')
  const verified = verifyPlan(plan)
  if (verified.kind === 'issuing-ca')
    throw new TypeError(
      'istioRollover takes a plan of kind "root" or "adoption"; a new intermediate under the same root changes ca-cert.pem, ca-key.pem and cert-chain.pem only',
    )
  const version = readIstioVersion(options.istioVersion)
  const certificates = readCertificates(verified, options.certificates)
  return {
    switches: switchesFor(version),
    clusters: verified.members.flatMap(({ name, from }) =>
      from === undefined
        ? []
        : [{ cluster: name, phases: phasesOf(verified, name, from, version, certificates) }],
    ),
    warnings: warningsFor(version),
  }
}

function phasesOf(
  plan: RolloverPlan,
  cluster: string,
  from: string,
  version: IstioVersion,
  certificates: ReadonlyMap<string, Certificate> | undefined,
): readonly IstioPhase[] {
  const { incoming, order } = rootsOf(plan)
  const at = (stage: string, authority: string, where?: string): string | undefined =>
    plan.steps.find(
      (step) =>
        step.stage === stage &&
        step.authority === authority &&
        (where === undefined || step.cluster === where),
    )?.at
  const restart = !isAtLeast(version, RELOADS_ROOTS)
  const ended = (id: string): string => at('RETIRED', id) ?? at('REVOKED', id) ?? ''
  const phase = (
    number: IstioPhase['phase'],
    instant: string | undefined,
    roots: readonly string[],
    signer: string,
    gate: string,
  ): IstioPhase => ({
    phase: number,
    ...(instant === undefined ? {} : { at: instant }),
    roots,
    ...(certificates === undefined
      ? {}
      : { rootCert: roots.map((id) => certificates.get(id)?.toPem() ?? '').join('') }),
    signer,
    restart: number > 0 && restart,
    gate,
  })
  const phases = [
    phase(0, undefined, [from], from, 'every switch is set, on istiod and on all proxies'),
    phase(
      1,
      at('PUBLISHED', incoming),
      [...order, incoming],
      from,
      `istio-ca-root-cert in every namespace and ROOTCA of every proxy (istioctl proxy-config rootca-compare) hold ${incoming}, in every cluster`,
    ),
    phase(
      2,
      at('ACTIVE', incoming, cluster),
      [...order, incoming, incoming],
      incoming,
      `every proxy's certificate leads to ${incoming} (istioctl proxy-config secret), in every cluster`,
    ),
  ]
  // Roots go in the order in which they stand, so that each text is the end of the one before.
  const instants = [...new Set(order.map(ended))].sort()
  for (const instant of instants) {
    const kept = order.filter((id) => ended(id) > instant)
    phases.push(
      phase(
        3,
        instant,
        kept.length === 0 ? [incoming] : [...kept, incoming, incoming],
        incoming,
        kept.length === 0
          ? `no proxy holds ${order.filter((id) => ended(id) === instant).join(', ')} any longer`
          : `the remaining roots (${kept.join(', ')}) are still waited for`,
      ),
    )
  }
  return phases
}

/** The outgoing roots, those that go first first, and the incoming one. */
function rootsOf(plan: RolloverPlan): { readonly order: readonly string[]; readonly incoming: string } {
  const end = (id: string): string =>
    plan.steps.find(
      ({ stage, authority }) => (stage === 'RETIRED' || stage === 'REVOKED') && authority === id,
    )?.at ?? ''
  const outgoing = plan.authorities.filter(({ role }) => role === 'outgoing').map(({ id }) => id)
  return {
    order: outgoing.sort((a, b) => (end(a) === end(b) ? (a < b ? -1 : 1) : end(a) < end(b) ? -1 : 1)),
    incoming: plan.authorities.find(({ role }) => role === 'incoming')?.id ?? '',
  }
}

function readCertificates(
  plan: RolloverPlan,
  given: IstioRolloverOptions['certificates'],
): ReadonlyMap<string, Certificate> | undefined {
  if (given === undefined) return undefined
  const read = new Map<string, Certificate>()
  for (const { id, fingerprint } of plan.authorities) {
    const input = Object.hasOwn(given, id) ? given[id] : undefined
    if (input === undefined)
      throw new TypeError(`option "certificates" has none for the authority ${quote(id, 64)} of the plan`)
    const certificate = toCertificate(input, `certificates.${id}`)
    if (fingerprint !== undefined && certificate.fingerprint() !== fingerprint)
      throw new TypeError(
        `option "certificates.${id}" has the fingerprint ${certificate.fingerprint()}; the plan has ${fingerprint}`,
      )
    read.set(id, certificate)
  }
  return read
}

function switchesFor(version: IstioVersion): readonly IstioSwitch[] {
  if (!isAtLeast(version, RELOADS_ROOTS)) return []
  return [
    {
      where: 'istiod',
      name: 'ISTIO_MULTIROOT_MESH',
      value: 'true',
      why: 'without it istiod ignores every update that changes root-cert.pem, a new intermediate included',
    },
    {
      where: 'proxies',
      name: 'meshConfig.defaultConfig.proxyMetadata.PROXY_CONFIG_XDS_AGENT',
      value: 'true',
      why: 'without it agents do not get the trust anchors that istiod pushes; proxies read it when they start',
    },
  ]
}

function warningsFor(version: IstioVersion): readonly string[] {
  const warnings: string[] = []
  if (!isAtLeast(version, RELOADS_INTERMEDIATE))
    warnings.push('Istio before 1.12 reads cacerts when istiod starts only: restart it in every phase')
  if (!isAtLeast(version, RELOADS_ROOTS))
    warnings.push(
      'Istio before 1.20 takes no new roots while it runs: restart istiod in every phase and all workloads after phases 1 and 3; a failed handshake between two restarts cannot be ruled out',
    )
  if (!clampsLifetimes(version))
    warnings.push(
      'this Istio issues certificates that may outlive their intermediate (fixed in 1.28.7, 1.29.3 and 1.30.0): keep DEFAULT_WORKLOAD_CERT_TTL well below what is left of it',
    )
  warnings.push(
    'agents sign anew at once when the roots change, all of them: istiod gets one request for each workload in phases 1, 2 and 3',
  )
  return warnings
}
