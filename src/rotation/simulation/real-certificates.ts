/**
 * Real certificates for a simulation, verified by the real verifier.
 *
 * @module
 */

import { CertificateAuthority } from '../../ca/certificate-authority.ts'
import { createRootCa } from '../../ca/create-root-ca.ts'
import { createCsr } from '../../csr/create-csr.ts'
import type { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { formatDuration } from '../../internal/duration.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { generateKeyPair } from '../../x509/generate-key-pair.ts'
import type { PrivateKey } from '../../x509/private-key.ts'
import type {
  CertificateBackend,
  LeafRequest,
  SimulatedAuthority,
  SimulatedLeaf,
} from './certificate-backend.ts'

/** An authority with its key. */
interface Made {
  readonly ca: CertificateAuthority
  readonly key: PrivateKey
}

/** A decade on either side of what is simulated. */
const LONG_MS = 10 * 365 * 86_400_000

/**
 * Roots, an issuing CA for each cluster below each of them, and leaves, with keys and signatures. Where the root stays, the
 * authorities are issuing CAs below one root.
 */
export class RealCertificates implements CertificateBackend {
  readonly #keepsRoot: boolean
  readonly #authorities = new Map<string, Made>()
  /** By authority and member. */
  readonly #issuing = new Map<string, CertificateAuthority>()
  readonly #chains = new Map<string, readonly Certificate[]>()
  #now = 0
  #root: CertificateAuthority | undefined
  #csr: Csr | undefined
  #cross: Certificate | undefined

  constructor(keepsRoot: boolean) {
    this.#keepsRoot = keepsRoot
  }

  async createAuthority(id: string, notBefore: number, notAfter: number): Promise<SimulatedAuthority> {
    const { privateKey: key } = await generateKeyPair('P-256')
    this.#now = notBefore
    const lifetime = formatDuration(notAfter - notBefore)
    const ca = this.#keepsRoot
      ? await this.#subordinate(await this.#stableRoot(notBefore), `CN=${id}`, key, lifetime)
      : await createRootCa({ subject: `CN=${id}`, lifetime, backdate: '0s', key, clock: this.#clock })
    this.#authorities.set(id, { ca, key })
    return { id, fingerprint: ca.certificate.fingerprint(), notBefore, notAfter }
  }

  async crossSign(incoming: string, outgoing: string, notBefore: number, notAfter: number): Promise<void> {
    const [fresh, old] = [this.#made(incoming), this.#made(outgoing)]
    const { csr } = await createCsr({ subject: fresh.ca.certificate.subject, key: fresh.key })
    this.#now = notBefore
    const issued = await old.ca.issueIntermediate(csr, {
      lifetime: formatDuration(notAfter - notBefore),
      backdate: '0s',
      pathLength: 1,
    })
    this.#cross = issued.certificate
  }

  async issue(request: LeafRequest): Promise<SimulatedLeaf | string> {
    const { id, member, authority, now, lifetime, backdate, attachCross } = request
    const issuing = this.#keepsRoot ? this.#made(authority).ca : await this.#issuingCa(authority, member)
    const isLive = (this.#cross?.notAfter.getTime() ?? 0) > now
    const cross = attachCross && isLive ? this.#cross : undefined
    // What is sent along is part of the chain, and nothing outlives that.
    const end = Math.min(now + lifetime, cross?.notAfter.getTime() ?? Number.POSITIVE_INFINITY)
    this.#now = now
    this.#csr ??= (await createCsr({ key: 'P-256' })).csr
    const issued = await issuing
      .issueWorkload(this.#csr, {
        id: `spiffe://simulated.example/${id.replaceAll('#', '/')}`,
        lifetime: formatDuration(end - now),
        backdate: formatDuration(backdate),
      })
      .catch((error: unknown) => {
        if (error instanceof MeshPkiError) return error.message
        throw error
      })
    if (typeof issued === 'string') return issued
    const { certificate, chain, cappedBy } = issued
    this.#chains.set(id, [...chain.slice(0, -1), ...(cross === undefined ? [] : [cross])])
    const path = [...chain.slice(1), ...(cross === undefined ? [] : [cross])]
    return {
      id,
      member,
      authority,
      serialNumber: certificate.serialNumber,
      notBefore: certificate.notBefore.getTime(),
      notAfter: certificate.notAfter.getTime(),
      issuedAt: now,
      pathNotAfter: Math.min(...path.map(({ notAfter }) => notAfter.getTime())),
      cappedBy: cappedBy !== undefined || end < now + lifetime ? authority : undefined,
      crossNotAfter: cross?.notAfter.getTime(),
    }
  }

  async verify(leaf: SimulatedLeaf, trusted: readonly string[], now: number): Promise<string | undefined> {
    const [end, ...intermediates] = this.#chains.get(leaf.id) ?? []
    if (end === undefined) return 'there is no such certificate'
    const anchors = this.#keepsRoot
      ? [this.#root?.certificate].flatMap((root) => root ?? [])
      : trusted.flatMap((id) => this.#authorities.get(id)?.ca.certificate ?? [])
    const checked = await checkPath(end, {
      anchors,
      intermediates,
      time: new Date(now),
      purpose: 'serverAuth',
    })
    return checked.ok ? undefined : checked.error.message
  }

  readonly #clock = { now: () => new Date(this.#now) }

  async #stableRoot(notBefore: number): Promise<CertificateAuthority> {
    this.#root ??= await createRootCa({
      subject: 'CN=Simulated root',
      lifetime: formatDuration(2 * LONG_MS),
      backdate: formatDuration(LONG_MS / 2),
      clock: { now: () => new Date(notBefore) },
    })
    return CertificateAuthority.from({
      certificate: this.#root.certificate,
      signer: this.#root.signer,
      clock: this.#clock,
    })
  }

  async #issuingCa(authority: string, member: string): Promise<CertificateAuthority> {
    const key = `${authority} ${member}`
    const known = this.#issuing.get(key)
    if (known !== undefined) return known
    const { ca } = this.#made(authority)
    const { notBefore, notAfter } = ca.certificate
    this.#now = notBefore.getTime()
    const pair = await generateKeyPair('P-256')
    const lifetime = formatDuration(notAfter.getTime() - notBefore.getTime())
    const made = await this.#subordinate(ca, `CN=${authority} in ${member}`, pair.privateKey, lifetime)
    this.#issuing.set(key, made)
    return made
  }

  async #subordinate(
    above: CertificateAuthority,
    subject: string,
    key: PrivateKey,
    lifetime: string,
  ): Promise<CertificateAuthority> {
    const { csr } = await createCsr({ subject, key })
    const issued = await above.issueIntermediate(csr, { lifetime, backdate: '0s', pathLength: 0 })
    return CertificateAuthority.from({
      certificate: issued.certificate,
      chain: issued.chain,
      signer: key,
      clock: this.#clock,
    })
  }

  #made(id: string): Made {
    const made = this.#authorities.get(id)
    if (made === undefined) throw new TypeError(`the simulation has no authority ${id}`)
    return made
  }
}
