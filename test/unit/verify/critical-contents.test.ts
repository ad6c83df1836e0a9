import { describe, expect, test } from 'vitest'
import { checkPathSync } from '../../../src/verify/index.ts'
import { oid, seq, text, tlv } from '../../fixtures/x509/der.ts'
import { dns, ext, forgeCa, forgeDer, NOW, san } from './forge.ts'

const root = forgeCa({ subject: 'root' })

function verdict(...extensions: readonly Uint8Array[]): string {
  const der = forgeDer({ subject: 'leaf', issuer: root, extensions })
  const result = checkPathSync(der, { anchors: root.der, purpose: 'any', time: NOW })
  return result.ok
    ? 'accepted'
    : `${result.error.code} ${result.error.cause === undefined ? '' : String(result.error.cause)}`
}

const policies = (qualifier: string): Uint8Array =>
  seq(seq(oid('1.2.3.4'), seq(seq(oid(qualifier), text(0x16, 'https://example.com/cps')))))
const otherName = tlv(0xa0, Uint8Array.of(...oid('1.2.3.4'), ...tlv(0xa0, text(0x0c, 'a'))))

describe('a critical extension that holds what cannot be processed is refused (RFC 5280 §4.2)', () => {
  test('certificate policies with a qualifier that is not of §4.2.1.4', () => {
    expect(verdict(ext(32, policies('1.3.6.1.5.5.7.2.9'), true))).toContain('ERR_PATH_CRITICAL_EXTENSION')
    expect(verdict(ext(32, policies('1.3.6.1.5.5.7.2.9')))).toBe('accepted')
    expect(verdict(ext(32, policies('1.3.6.1.5.5.7.2.1'), true))).toBe('accepted')
  })

  test('alternative names of which none has a known form', () => {
    expect(verdict(san([otherName], true))).toContain('ERR_PATH_CRITICAL_EXTENSION')
    expect(verdict(san([otherName]))).toBe('accepted')
    expect(verdict(san([otherName, dns('a.example')], true))).toBe('accepted')
  })

  test('an extension 2.5.29.100, outside of the usual arcs, critical or twice', () => {
    const extension = (critical: boolean): Uint8Array => ext(100, seq(), critical)
    expect(verdict(extension(true))).toContain('ERR_PATH_CRITICAL_EXTENSION')
    expect(verdict(extension(false), extension(false))).toContain('2.5.29.100 stands twice')
    expect(verdict(extension(false))).toBe('accepted')
  })
})
