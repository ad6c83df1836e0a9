/**
 * When the systems around us renew.
 *
 * @module
 */

import type { RenewalPolicy } from './renewal-time.ts'

/** The policies of {@link RENEWAL_PRESETS}, each with where it comes from. */
export interface RenewalPresets {
  /**
   * Gloo Mesh's intermediates: a tenth remains (`secretRotationGracePeriodRatio`, default 0.10): 36.5 days of a year. Gloo Mesh
   * does not backdate.
   *
   * **Warning**: of `ttlDays: 1` that is 2.4 hours, less than leaves of a day live below it. `checkGrace` says so.
   */
  readonly glooMesh: RenewalPolicy
  /**
   * Istio's agent: half remains, give or take a hundredth of the life (`SECRET_GRACE_PERIOD_RATIO` 0.5 and
   * `SECRET_GRACE_PERIOD_RATIO_JITTER` 0.01): of a day, after 12 hours ± 14 minutes 24 seconds. The agent counts from receipt,
   * and istiod backdates by two minutes.
   */
  readonly istioAgent: RenewalPolicy
  /**
   * istiod's self-signed root: less than 20 % remains of `notBefore` to `notAfter`
   * (`CITADEL_SELF_SIGNED_ROOT_CERT_GRACE_PERIOD_PERCENTILE`): of ten years, 730 days.
   */
  readonly istiodRoot: RenewalPolicy
  /**
   * SPIRE's server makes the next CA when half remains, at most 30 days (`ca/manager/slot.go`), counted from issuance. It
   * backdates by 10 seconds.
   */
  readonly spireCaPrepare: RenewalPolicy
  /** SPIRE's server begins to sign with the CA that it made when a sixth remains of the old one, at most 7 days. */
  readonly spireCaActivate: RenewalPolicy
  /**
   * SPIRE's agent: half of `notBefore` to `notAfter` remains, give or take a tenth of that half (`rotationutil`). SPIRE draws
   * anew at every poll, which brings most of a fleet to the beginning of the range; here each certificate has one instant.
   */
  readonly spireSvid: RenewalPolicy
  /** cert-manager: a third of `notBefore` to `notAfter` remains (`pki/renewaltime.go`). It does not backdate. */
  readonly certManager: RenewalPolicy
  /**
   * step-ca: a third remains, or up to a twentieth of the life more (`ca/renew.go`). It backdates by a minute and counts from
   * receipt.
   */
  readonly stepCa: RenewalPolicy
  /** Linkerd's proxy: 70 % of what remained at receipt has passed (`certify.rs`), below a chart that backdates by 20 seconds. */
  readonly linkerd: RenewalPolicy
  /** Consul's leaves: evenly from 60 % to 90 % of `notBefore` to `notAfter` (`agent/leafcert/util.go`). */
  readonly consul: RenewalPolicy
}

/**
 * When Gloo Mesh, Istio, SPIRE, cert-manager, step-ca, Linkerd and Consul renew, as policies for `renewalTime`. Frozen.
 *
 * Two things differ from all of them. Jitter follows from the serial number instead of a random source, so that polls and restarts
 * do not draw again. And ratios of 0 and 1, which Istio's agent takes, are refused: they renew too late, and for ever.
 *
 * **Warning**: each says how its own system's certificates count. One that `mesh-pki/ca` made begins two minutes before it was issued;
 * for it, write `{ ...RENEWAL_PRESETS.certManager, backdate: '2m' }`.
 *
 * @example
 * ```ts
 * import { RENEWAL_PRESETS, renewalTime } from 'mesh-pki/rotation'
 * import type { Certificate } from 'mesh-pki/x509'
 *
 * declare const certificate: Certificate
 * console.log(renewalTime(certificate, RENEWAL_PRESETS.istioAgent).toISOString())
 * ```
 */
export const RENEWAL_PRESETS: RenewalPresets = /* @__PURE__ */ (() => {
  const preset = (policy: RenewalPolicy): RenewalPolicy =>
    Object.freeze(
      typeof policy.jitter === 'object' ? { ...policy, jitter: Object.freeze(policy.jitter) } : policy,
    )
  return Object.freeze({
    glooMesh: preset({ gracePeriodRatio: 0.1, backdate: '0s' }),
    istioAgent: preset({ gracePeriodRatio: 0.5, jitter: 0.01, backdate: '2m' }),
    istiodRoot: preset({ gracePeriodRatio: 0.2, backdate: '0s' }),
    spireCaPrepare: preset({ gracePeriodRatio: 1 / 2, maxRenewBefore: '30d', backdate: '10s' }),
    spireCaActivate: preset({ gracePeriodRatio: 1 / 6, maxRenewBefore: '7d', backdate: '10s' }),
    spireSvid: preset({ gracePeriodRatio: 0.5, jitter: 0.05, backdate: '0s' }),
    certManager: preset({ gracePeriodRatio: 1 / 3, backdate: '0s' }),
    stepCa: preset({ gracePeriodRatio: 1 / 3, jitter: { earlier: 1 / 20 }, backdate: '1m' }),
    linkerd: preset({ gracePeriodRatio: 0.3, backdate: '20s' }),
    consul: preset({ gracePeriodRatio: 0.25, jitter: 0.15, backdate: '0s' }),
  })
})()
