/**
 * A cluster and its agent: it makes true what the rollover desires, later than it could, and reports.
 *
 * @module
 */

import type { CertificateAuthority } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import {
  acceptBundle,
  bundleDigest,
  type DesiredState,
  type MemberReport,
  renewalTime,
  type TraceMember,
  whyNotSign,
} from 'mesh-pki/rotation'
import { exportPrivateKey, generateKeyPair } from 'mesh-pki/x509'
import type { Background } from './background.js'
import { FIGURES, ISSUING_CA, MAX_SKEW_MS, milliseconds } from './figures.js'
import type { Roots } from './roots.js'
import type { TraceLog } from './trace-log.js'
import { type HeldBundle, type Leaf, Workload } from './workload.js'

/** How soon a renewal or a switch that failed is tried again. */
const RETRY_MS = 200

/** What a cluster is set up with. */
export interface ClusterOptions {
  readonly name: string
  /** The share of every longest delay that it uses up. */
  readonly share: number
  /** The root that it signs with. */
  readonly authority: string
  readonly bundle: HeldBundle
  /** The longest that a bundle takes to it. */
  readonly propagationMs: number
  /** What is left of the life of a leaf when it is renewed. */
  readonly gracePeriodRatio: number
  readonly roots: Roots
  readonly trace: TraceLog
  readonly background: Background
}

/** An issuing CA in use. */
interface Issuer {
  readonly authority: string
  readonly ca: CertificateAuthority
}

/** A cluster with two workloads: OpenSSL verifies for the one, mesh-pki for the other. */
export class Cluster {
  readonly name: string
  readonly workloads: readonly Workload[]
  /** What happened by the way. */
  readonly counts = { leaves: 0, issuingCas: 0, failedRenewals: 0 }
  readonly #options: ClusterOptions
  readonly #skewMs = someSkew()
  /** By root: the greatest end of what was issued under it. */
  readonly #ledger = new Map<string, Date>()
  #issuer: Issuer | undefined
  #authority: string
  #wanted: string
  /** The newest bundle that is under way to the workloads. */
  #offered = 0
  #revision = 0
  #lastNotBefore: Date | undefined
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: ClusterOptions) {
    this.#options = options
    this.name = options.name
    this.#authority = options.authority
    this.#wanted = options.authority
    this.workloads = [
      new Workload(options.name, 'OpenSSL', options.bundle, 0),
      new Workload(options.name, 'mesh-pki', options.bundle, someSkew()),
    ]
  }

  /** As a trace begins with it. */
  describe(): TraceMember {
    const { bundle, authority } = this.#options
    const { sequence, roots } = bundle
    return {
      name: this.name,
      signer: authority,
      verifiers: this.workloads.map(({ name }) => name),
      authorities: [...roots.keys()],
      sequence,
    }
  }

  /** Issues the first certificates, and listens. */
  async start(): Promise<void> {
    const { trace } = this.#options
    for (const { name, skewMs } of this.workloads)
      trace.tell({ type: 'clock', at: trace.now, member: this.name, node: name, skewMs })
    await this.#renewIssuer(this.#authority)
    for (const workload of this.workloads) {
      await this.#restart(workload)
      await workload.endpoint.listen()
    }
  }

  stop(): void {
    for (const workload of this.workloads) workload.close()
  }

  /** Begins to make a desired state true. */
  follow(desired: DesiredState): void {
    if (desired.revision < this.#revision) return
    this.#revision = desired.revision
    const { propagationMs, background } = this.#options
    const { bundle, signer } = desired
    if (bundle !== undefined && bundle.sequence > this.#offered) {
      this.#offered = bundle.sequence
      const held = this.#read(bundle)
      for (const workload of this.workloads)
        background.later(this.#delay(propagationMs), () => this.#trust(workload, held))
    }
    if (signer !== undefined && signer !== this.#wanted) {
      this.#wanted = signer
      background.later(this.#delay(milliseconds(FIGURES.switchDelay)), () => this.#switch(signer))
    }
  }

  /** What there is now, of all workloads and of the issuer. */
  report(): MemberReport {
    const { sequence, digest } = this.#oldestBundle
    const presented = this.workloads.flatMap(({ leaf }) => (leaf === undefined ? [] : [leaf.authority]))
    return {
      member: this.name,
      revision: this.#revision,
      // Before an adoption is published each cluster has a bundle of its own, and no sequence for it.
      ...(sequence === 0 ? {} : { bundle: { sequence, digest } }),
      signer: this.#authority,
      issued: [...this.#ledger].map(([authority, notAfter]) => ({ authority, notAfter })),
      presents: [...new Set(presented)],
    }
  }

  get #oldestBundle(): HeldBundle {
    return this.workloads
      .map(({ bundle }) => bundle)
      .reduce((oldest, one) => (one.sequence < oldest.sequence ? one : oldest))
  }

  get #now(): Date {
    return new Date(Date.now() + this.#skewMs)
  }

  /** A random part of a delay around the share that this cluster uses up. */
  #delay(longest: number): number {
    const { share } = this.#options
    return longest * between(Math.max(0, share - 0.05), share + 0.05)
  }

  /** The certificates that a bundle names, which are those that its digest stands for. */
  #read({ sequence, digest, authorities }: NonNullable<DesiredState['bundle']>): HeldBundle {
    const { roots } = this.#options
    const found = new Map(authorities.map(({ id }) => [id, roots.certificate(id)] as const))
    const computed = bundleDigest([...found.values()].map((root) => root.fingerprint()))
    if (computed !== digest)
      throw new Error(`${this.name}: bundle ${sequence} has the digest ${computed}; expected ${digest}`)
    return { sequence, digest, roots: found }
  }

  #trust(workload: Workload, offered: HeldBundle): void {
    const { trace } = this.#options
    const verdict = acceptBundle(workload.bundle, offered)
    if (verdict === 'conflict') throw new Error(`${workload.name}: two bundles ${offered.sequence}`)
    if (verdict === 'keep') return
    workload.trust(offered)
    const { sequence, digest, roots } = offered
    trace.tell({
      type: 'applied',
      at: trace.now,
      member: this.name,
      verifier: workload.name,
      sequence,
      digest,
      authorities: [...roots.keys()],
    })
  }

  /** Signs with another root from now on. Workloads start at any time: here one just before, and one just after. */
  async #switch(authority: string): Promise<void> {
    const { background, roots } = this.#options
    const root = roots.certificate(authority)
    const why = whyNotSign({
      authority,
      trusts: [...this.#oldestBundle.roots.keys()],
      authorityNotBefore: root.notBefore,
      lastNotBefore: this.#lastNotBefore,
      now: this.#now,
    })
    if (why !== undefined) {
      this.#refuse(why)
      background.later(RETRY_MS, () => this.#switch(authority))
      return
    }
    const [first, last] = this.workloads
    if (first !== undefined) await this.#restart(first)
    await this.#renewIssuer(authority)
    if (last !== undefined) await this.#restart(last)
  }

  /** A new issuing CA with a new key: under another root, or under the same one in the place of one that is due. */
  async #renewIssuer(authority: string, due?: CertificateAuthority): Promise<void> {
    const { background, roots, trace } = this.#options
    const ca = await roots.issuingCa(authority, this.name, { now: () => this.#now })
    await this.#inTurn(async () => {
      const before = this.#issuer
      // The issuer has switched meanwhile, and does not go back.
      if (due !== undefined && before?.ca !== due) return
      this.#issuer = { authority, ca }
      this.#authority = authority
      this.counts.issuingCas++
      if (before?.authority !== authority)
        trace.tell({ type: 'switched', at: trace.now, member: this.name, authority })
    })
    const { gracePeriodRatio } = ISSUING_CA
    const at = renewalTime(ca.certificate, { gracePeriodRatio, backdate: FIGURES.backdate })
    background.later(at.getTime() - Date.now(), async () => {
      if (this.#issuer?.ca === ca) await this.#renewIssuer(authority, ca)
    })
  }

  /** Starts a workload, or starts it again: it has a new certificate at once. */
  async #restart(workload: Workload): Promise<void> {
    const attempt = ++workload.attempt
    const leaf = await this.#issue(workload)
    if (leaf === undefined) throw new Error(`${this.name} cannot issue`)
    if (attempt === workload.attempt) this.#present(workload, leaf)
  }

  /** A renewal that is due: the issuer cannot be reached for a while, and installing takes a while. */
  #renew(workload: Workload): void {
    const { background } = this.#options
    const attempt = ++workload.attempt
    const reachable = Date.now() + this.#delay(milliseconds(FIGURES.outageBudget))
    const again = async (): Promise<void> => {
      if (attempt !== workload.attempt) return
      const leaf = Date.now() < reachable ? undefined : await this.#issue(workload)
      if (leaf === undefined) {
        this.counts.failedRenewals++
        background.later(RETRY_MS, again)
      } else
        background.later(this.#delay(milliseconds(FIGURES.installDelay)), () => {
          if (attempt === workload.attempt) this.#present(workload, leaf)
        })
    }
    background.run(again)
  }

  #issue(workload: Workload): Promise<Leaf | undefined> {
    return this.#inTurn(async () => {
      const { trace } = this.#options
      const { authority, ca } = this.#issuer ?? {}
      if (authority === undefined || ca === undefined) throw new Error(`${this.name} has no issuing CA`)
      const trusts = [...this.#oldestBundle.roots.keys()]
      const authorityNotBefore = this.#options.roots.certificate(authority).notBefore
      const why = whyNotSign({
        authority,
        trusts,
        authorityNotBefore,
        lastNotBefore: this.#lastNotBefore,
        now: this.#now,
      })
      if (why !== undefined) {
        this.#refuse(why)
        return undefined
      }
      const { privateKey } = await generateKeyPair('P-256', { extractable: true })
      const { csr } = await createCsr({ key: privateKey })
      const { leafLifetime: lifetime, backdate } = FIGURES
      const { certificate, chain } = await ca.issueWorkload(csr, { id: workload.id, lifetime, backdate })
      const id = `${workload.name}#${++this.counts.leaves}`
      const [notBefore, notAfter] = [certificate.notBefore, certificate.notAfter]
      this.#lastNotBefore = notBefore
      this.#ledger.set(authority, latest(this.#ledger.get(authority), notAfter))
      trace.tell({
        type: 'issued',
        at: trace.now,
        member: this.name,
        certificate: id,
        authority,
        trusts,
        serialNumber: certificate.serialNumber,
        issuerTime: notBefore.getTime() + milliseconds(backdate),
        notBefore: notBefore.getTime(),
        notAfter: notAfter.getTime(),
        pathNotAfter: Math.min(...chain.slice(1).map((above) => above.notAfter.getTime())),
        authorityNotBefore: authorityNotBefore.getTime(),
      })
      const keyPem = await exportPrivateKey(privateKey, { format: 'pkcs8' })
      return { id, authority, chain: chain.slice(0, -1), keyPem }
    })
  }

  #present(workload: Workload, leaf: Leaf): void {
    const { trace, background, gracePeriodRatio } = this.#options
    const old = workload.leaf
    workload.present(leaf)
    const at = trace.now
    const holder = { at, member: this.name, holder: workload.name }
    if (old !== undefined) trace.tell({ type: 'withdrawn', ...holder, certificate: old.id })
    trace.tell({ type: 'presented', ...holder, certificate: leaf.id })
    const [certificate] = leaf.chain
    if (certificate === undefined) throw new Error(`${leaf.id} has no certificate`)
    const due = renewalTime(certificate, { gracePeriodRatio, backdate: FIGURES.backdate })
    trace.tell({ type: 'due', at, certificate: leaf.id, renewAt: due.getTime() })
    background.later(due.getTime() - Date.now(), () => {
      if (workload.leaf === leaf) this.#renew(workload)
    })
  }

  #refuse(why: string): void {
    const { trace } = this.#options
    trace.tell({ type: 'refused', at: trace.now, member: this.name, why })
  }

  /** One after the other: an issuer that is about to switch finishes what it signs first. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => {})
    return result
  }
}

const between = (least: number, most: number): number => least + Math.random() * (most - least)

const someSkew = (): number => Math.round(between(-MAX_SKEW_MS, MAX_SKEW_MS))

const latest = (known: Date | undefined, next: Date): Date =>
  known !== undefined && known > next ? known : next
