/**
 * `CommonCertOptions` of Gloo Mesh: zero means unset, and a size in bytes counts bits.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import type { PolicyReport } from './policy-finding.ts'
import type { PolicyNode } from './policy-node.ts'
import type { PolicyCaOptions } from './trust-policy.ts'

/** What Gloo Mesh takes where a field is unset (`buildDefaultCertOptions`). */
const DEFAULT_TTL_DAYS = 365
const DEFAULT_KEY_BITS = 4096
const DEFAULT_RATIO = 0.1

/** A hundred years. More is a mistake, such as seconds in place of days. */
const MAX_TTL_DAYS = 36_500

/** What `generateKeyPair` makes; other sizes are refused, not rounded. */
const KEYS = new Map<number, PolicyCaOptions['keyAlgorithm']>([
  [2048, 'RSA-2048'],
  [3072, 'RSA-3072'],
  [4096, 'RSA-4096'],
])

/** The subject's `O` is an upper bound of 64 characters (RFC 5280, appendix A: ub-organization-name). */
const MAX_ORGANIZATION = 64

/** The `orgName` of Gloo Mesh where a policy names none. */
export const DefaultOrganization = { root: 'gloo-mesh', intermediate: 'Istio' } as const

/** Options with nothing but defaults. */
export function defaultCaOptions(organization: string): PolicyCaOptions {
  return optionsOf(DEFAULT_TTL_DAYS, 'RSA-4096', organization, DEFAULT_RATIO)
}

/** Reads the options of one CA; all defaults where there are none. */
export function readCaOptions(node: PolicyNode | undefined, organization: string): PolicyCaOptions {
  if (node === undefined) return defaultCaOptions(organization)
  const { report } = node
  const ttlDays = readTtl(node)
  const key = readKey(node)
  const name = node.text('orgName') ?? organization
  if (name.length > MAX_ORGANIZATION)
    throw report.refuse(
      node.at('orgName'),
      `an organization of ${name.length} characters; a subject holds at most ${MAX_ORGANIZATION} (RFC 5280, appendix A)`,
    )
  const ratio = readRatio(node)
  node.end()
  return optionsOf(ttlDays, key, name, ratio)
}

/** The options of a root that is generated, which may be `{}` or null. */
export function readGenerated(parent: PolicyNode, report: PolicyReport): PolicyCaOptions {
  const path = parent.at('generated')
  const node = parent.node('generated')
  if (node === undefined)
    report.warn(
      'null-member',
      path,
      'it is null, which the API server drops; it is read as {}: a root that is generated with all defaults. Write {}',
    )
  else if (node.isEmpty)
    report.warn(
      'generated-defaults',
      path,
      'no options: the root is made with all defaults, RSA 4096 for 365 days. A root that ends after a year has to be rotated every year; set ttlDays',
    )
  return readCaOptions(node, DefaultOrganization.root)
}

function optionsOf(
  ttlDays: number,
  keyAlgorithm: PolicyCaOptions['keyAlgorithm'],
  organization: string,
  gracePeriodRatio: number,
): PolicyCaOptions {
  return Object.freeze({ ttlDays, lifetime: `${ttlDays}d`, keyAlgorithm, organization, gracePeriodRatio })
}

function readTtl(node: PolicyNode): number {
  const days = node.number('ttlDays')
  if (days === 0) return DEFAULT_TTL_DAYS
  if (Number.isInteger(days) && days > 0 && days <= MAX_TTL_DAYS) return days
  throw node.report.refuse(node.at('ttlDays'), `expected whole days from 1 to ${MAX_TTL_DAYS}, found ${days}`)
}

/** The unit of `rsaKeySizeBytes` is bits. Who believed its name wrote 256, 384 or 512. */
function readKey(node: PolicyNode): PolicyCaOptions['keyAlgorithm'] {
  const size = node.number('rsaKeySizeBytes')
  const bits = size === 0 ? DEFAULT_KEY_BITS : size
  const key = KEYS.get(bits)
  if (key !== undefined) return key
  const path = node.at('rsaKeySizeBytes')
  const meant = KEYS.get(size * 8)
  if (meant === undefined)
    throw node.report.refuse(
      path,
      `expected 2048, 3072 or 4096, found ${size}: the unit is bits, whatever the name says`,
    )
  node.report.warn(
    'key-size-in-bytes',
    path,
    `${size} looks like bytes, while the unit is bits, whatever the name says; it is read as ${size * 8} bits. Gloo Mesh would make a key of ${size} bits. Write ${size * 8}`,
  )
  return meant
}

function readRatio(node: PolicyNode): number {
  const ratio = node.number('secretRotationGracePeriodRatio')
  if (ratio === 0) return DEFAULT_RATIO
  const path = node.at('secretRotationGracePeriodRatio')
  if (!(ratio > 0 && ratio < 1)) {
    node.report.warn(
      'ratio-out-of-range',
      path,
      `${ratio} is not between 0 and 1, both excluded; ${DEFAULT_RATIO} is used. It is the part of the lifetime that is left at renewal: write 0.1 for a tenth`,
    )
    return DEFAULT_RATIO
  }
  if (ratio > 0.9)
    node.report.warn(
      'renewal-at-once',
      path,
      `${quote(String(ratio))} is the part of the lifetime that is left at renewal, so renewal is due almost at once; was ${Number((1 - ratio).toFixed(4))} meant?`,
    )
  return ratio
}
