/**
 * Whatever CRLs arrive, a certificate that needs one is not accepted by a changed one, and a revoked one never is.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkPathSync, PathError, TrustStore, type VerifyPathOptions } from '../../src/verify/index.ts'
import { forge, NOW, uri } from '../unit/verify/forge.ts'
import {
  distributionPoints,
  forgeCrl,
  forgeCrlCa,
  fullName,
  ONLY_USERS,
  pointAt,
  Reason,
} from '../unit/verify/forge-crl.ts'

const root = forgeCrlCa({ subject: 'crl garbage root' })
const leaf = forge({
  subject: 'leaf',
  issuer: root,
  extensions: [distributionPoints(pointAt('http://crl.example/1'))],
})
const scope = [fullName(uri('http://crl.example/1')), ONLY_USERS]
const silent = forgeCrl({ issuer: root, number: 7, scope })
const revoking = forgeCrl({
  issuer: root,
  number: 7,
  scope,
  revoked: [{ certificate: leaf, reason: Reason.keyCompromise }],
})
const delta = forgeCrl({ issuer: root, number: 9, base: 7, scope, revoked: [leaf] })

const store = new TrustStore({ anchors: root.der })
const check = (crls: readonly Uint8Array[], revocation: VerifyPathOptions['revocation']): string => {
  const result = checkPathSync(leaf.der, { store, crls, revocation, time: NOW, purpose: 'any' })
  if (result.ok) return 'accept'
  expect(result.error).toBeInstanceOf(PathError)
  return result.error.code
}

/** One octet set, removed or put in, or the end cut off. */
const change = fc.record({
  op: fc.constantFrom('set', 'remove', 'insert', 'cut'),
  at: fc.nat({ max: 2000 }),
  byte: fc.integer({ min: 0, max: 255 }),
})

function changed(der: Uint8Array, { op, at, byte }: { op: string; at: number; byte: number }): Uint8Array {
  const i = at % der.length
  const rest = der.subarray(op === 'insert' ? i : i + 1)
  if (op === 'cut') return der.slice(0, i)
  return Uint8Array.of(...der.subarray(0, i), ...(op === 'remove' ? [] : [byte]), ...rest)
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

test('as they are: the silent one is enough, the one that revokes and the delta CRL refuse', () => {
  expect(check([silent], 'require')).toBe('accept')
  expect(check([revoking], 'require')).toBe('ERR_PATH_REVOKED')
  expect(check([silent, delta], 'require')).toBe('ERR_PATH_REVOKED')
})

test('a changed CRL proves nothing, required or present', () => {
  fc.assert(
    fc.property(change, fc.constantFrom('require' as const, 'if-present' as const), (edit, mode) => {
      const other = changed(silent, edit)
      const verdict = check([other], mode)
      if (same(other, silent)) expect(verdict).toBe('accept')
      // A change of the issuer's name or of the place may take it out of scope, which only `if-present` lets pass.
      else if (mode === 'require') expect(verdict).not.toBe('accept')
    }),
    { numRuns: 3000, seed: 11 },
  )
})

test('beside a CRL that revokes no changed one helps', () => {
  fc.assert(
    fc.property(change, fc.constantFrom(silent, revoking, delta), (edit, from) => {
      expect(check([changed(from, edit), revoking], 'require')).toBe('ERR_PATH_REVOKED')
      expect(check([changed(from, edit), revoking], 'if-present')).toBe('ERR_PATH_REVOKED')
    }),
    { numRuns: 1000, seed: 12 },
  )
})

test('random bytes are no CRL: required, they refuse; present, they might have been in scope', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(check([bytes], 'require')).toBe('ERR_PATH_CRL_UNUSABLE')
      expect(check([bytes], 'if-present')).toBe('ERR_PATH_CRL_UNUSABLE')
      expect(check([bytes, silent], 'require')).toBe('accept')
    }),
    { numRuns: 1000, seed: 13 },
  )
})
