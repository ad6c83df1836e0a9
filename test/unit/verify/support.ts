/**
 * Asks the verifier and says what came out.
 */
import { expect } from 'vitest'
import {
  checkPathSync,
  type PathError,
  type PathErrorCode,
  type VerifiedPath,
  type VerifyPathOptions,
} from '../../../src/verify/index.ts'
import type { Certificate, CertificateInput } from '../../../src/x509/index.ts'
import { basicConstraints, type Forged, forge, forgeCa, keyUsage, NOW, type Recipe } from './forge.ts'

export type Ask = Partial<VerifyPathOptions>

const DEFAULTS = { purpose: 'any', time: NOW } as const

/** The path; fails where there is none. */
export function accepted(leaf: CertificateInput, ask: Ask): VerifiedPath {
  const result = checkPathSync(leaf, { ...DEFAULTS, ...ask })
  if (!result.ok) throw result.error
  return result.path
}

/** The error of a refused leaf, with its code. */
export function refused(leaf: CertificateInput, ask: Ask, code: PathErrorCode): PathError {
  const result = checkPathSync(leaf, { ...DEFAULTS, ...ask })
  if (result.ok) throw new Error(`accepted; expected ${code}`)
  expect(`${result.error.code}: ${result.error.message}`).toMatch(new RegExp(`^${code}: `))
  expect(result.error.name).toBe('PathError')
  return result.error
}

/** That an error blames one certificate at its depth. */
export function expectBlame(error: PathError, certificate: Certificate, depth: number): void {
  expect(error.certificate?.equals(certificate)).toBe(true)
  expect(error.depth).toBe(depth)
  expect(error.data).toMatchObject({ depth })
}

export interface Trio {
  readonly root: Forged
  readonly ca: Forged
  readonly leaf: Forged
}

/** Root, intermediate and leaf; each recipe replaces what is usual. */
export function trio(
  recipes: {
    readonly root?: Partial<Recipe> & { readonly pathLength?: number }
    readonly ca?: Partial<Recipe> & { readonly pathLength?: number }
    readonly leaf?: Partial<Recipe>
  } = {},
): Trio {
  const root = forgeCa({ subject: 'root', ...recipes.root })
  const ca = forgeCa({ subject: 'ca', issuer: root, ...recipes.ca })
  const leaf = forge({
    subject: 'leaf',
    issuer: ca,
    ...recipes.leaf,
    extensions: [basicConstraints(false), keyUsage(0), ...(recipes.leaf?.extensions ?? [])],
  })
  return { root, ca, leaf }
}

/** Options for a trio: its root as the anchor, its CA among the intermediates. */
export const within = ({ root, ca }: Trio, ask: Ask = {}): Ask => ({
  anchors: root.der,
  intermediates: [ca.der],
  ...ask,
})
