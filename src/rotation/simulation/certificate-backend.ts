/**
 * Certificates of a simulation: by model, or real ones.
 *
 * @module
 */

/** A workload certificate of a simulation. */
export interface SimulatedLeaf {
  readonly id: string
  readonly member: string
  readonly authority: string
  readonly serialNumber: string
  readonly notBefore: number
  readonly notAfter: number
  /** When it was issued on its issuer's clock. */
  readonly issuedAt: number
  readonly pathNotAfter: number
  readonly cappedBy: string | undefined
  readonly crossNotAfter: number | undefined
  /** Of the real backend. */
  readonly chain?: unknown
}

/** What is to be issued. */
export interface LeafRequest {
  readonly id: string
  readonly member: string
  readonly holder: string
  readonly authority: string
  /** The issuer's clock, whole seconds. */
  readonly now: number
  readonly lifetime: number
  readonly backdate: number
  /** Whether its end is cut to that of its path; `false` is a broken issuer. */
  readonly caps: boolean
  readonly attachCross: boolean
}

/** An authority of a simulation. */
export interface SimulatedAuthority {
  readonly id: string
  readonly fingerprint: string
  readonly notBefore: number
  readonly notAfter: number
}

/** Makes and verifies certificates. */
export interface CertificateBackend {
  /** Makes an authority, valid from `notBefore` to `notAfter`. */
  createAuthority(
    id: string,
    notBefore: number,
    notAfter: number,
  ): SimulatedAuthority | Promise<SimulatedAuthority>
  /** Signs the incoming authority's key by the outgoing one. */
  crossSign(incoming: string, outgoing: string, notBefore: number, notAfter: number): void | Promise<void>
  /** Answers why not, where it does not. */
  issue(request: LeafRequest): SimulatedLeaf | string | Promise<SimulatedLeaf | string>
  /** Why a verifier refuses a certificate; `undefined` where it accepts it. */
  verify(
    leaf: SimulatedLeaf,
    trusted: readonly string[],
    now: number,
  ): string | undefined | Promise<string | undefined>
}

interface Cross {
  readonly incoming: string
  readonly outgoing: string
  readonly notBefore: number
  readonly notAfter: number
}

/**
 * Certificates that are what they say. Verification is the safety condition itself: the authority, or who signed it across, is in
 * the bundle, and the verifier's clock is inside of every validity on the path.
 */
export class ModelCertificates implements CertificateBackend {
  readonly #authorities = new Map<string, SimulatedAuthority>()
  readonly #keepsRoot: boolean
  #cross: Cross | undefined
  #serial = 0

  constructor(keepsRoot: boolean) {
    this.#keepsRoot = keepsRoot
  }

  createAuthority(id: string, notBefore: number, notAfter: number): SimulatedAuthority {
    const made = { id, fingerprint: fingerprintOf(id), notBefore, notAfter }
    this.#authorities.set(id, made)
    return made
  }

  crossSign(incoming: string, outgoing: string, notBefore: number, notAfter: number): void {
    this.#cross = { incoming, outgoing, notBefore, notAfter }
  }

  issue(request: LeafRequest): SimulatedLeaf | string {
    const { id, member, authority, now, lifetime, backdate, caps, attachCross } = request
    const cross =
      attachCross && this.#cross?.incoming === authority && this.#cross.notAfter > now
        ? this.#cross
        : undefined
    // What is sent along is part of the chain, and nothing outlives that.
    const end = Math.min(
      this.#authorities.get(authority)?.notAfter ?? Number.POSITIVE_INFINITY,
      cross?.notAfter ?? Number.POSITIVE_INFINITY,
    )
    if (caps && end <= now) return `${authority} is over`
    const isCapped = now + lifetime > end
    return {
      id,
      member,
      authority,
      serialNumber: (++this.#serial).toString(16).padStart(32, '0'),
      notBefore: now - backdate,
      notAfter: caps ? Math.min(now + lifetime, end) : now + lifetime,
      issuedAt: now,
      pathNotAfter: end,
      cappedBy: caps && isCapped ? authority : undefined,
      crossNotAfter: cross?.notAfter,
    }
  }

  verify(leaf: SimulatedLeaf, trusted: readonly string[], now: number): string | undefined {
    if (now < leaf.notBefore) return 'not yet valid'
    if (now > leaf.notAfter) return 'expired'
    if (this.#keepsRoot) return this.#within(leaf.authority, now)
    if (trusted.includes(leaf.authority)) return this.#within(leaf.authority, now)
    const cross = this.#cross
    if (leaf.crossNotAfter === undefined || cross === undefined || !trusted.includes(cross.outgoing))
      return `no trust in ${leaf.authority}`
    if (now < cross.notBefore || now > cross.notAfter) return 'the cross-certificate is not valid'
    return this.#within(cross.outgoing, now)
  }

  #within(id: string, now: number): string | undefined {
    const authority = this.#authorities.get(id)
    if (authority === undefined) return `no authority ${id}`
    return now < authority.notBefore
      ? `${id} is not yet valid`
      : now > authority.notAfter
        ? `${id} is expired`
        : undefined
  }
}

/** A fingerprint that an authority of a model has: its name in hex, cut and filled. */
function fingerprintOf(id: string): string {
  let text = ''
  for (const byte of new TextEncoder().encode(id)) text += byte.toString(16).padStart(2, '0')
  return text.slice(0, 64).padEnd(64, '0')
}
