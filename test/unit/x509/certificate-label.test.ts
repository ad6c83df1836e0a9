import { expect, test } from 'vitest'
import { certificateLabel } from '../../../src/x509/certificate-label.ts'
import { Certificate, Name } from '../../../src/x509/index.ts'
import { readNameOption } from '../../../src/x509/name.ts'
import { certificateOf, commonName, hex, seq, text } from '../../fixtures/x509/der.ts'
import { refusalOf } from '../../fixtures/x509/refusal.ts'

const san = (...names: readonly Uint8Array[]) => [{ id: '2.5.29.17', critical: true, value: seq(...names) }]

test.each([
  ['a subject', { subject: commonName('x') }, '"CN=x" (serial 01)'],
  [
    'no subject, but a name',
    { subject: seq(), extensions: san(text(0x86, 'spiffe://a/b')) },
    '"URI:spiffe://a/b" (serial 01)',
  ],
  ['neither', { subject: seq(), serial: hex('020200ff') }, '(no subject) (serial ff)'],
])('a certificate with %s is named by it', (_, parts, label) => {
  expect(certificateLabel(Certificate.fromDer(certificateOf(parts)))).toBe(label)
})

test('a hostile certificate cannot write to the terminal, nor fill it', () => {
  const hostile = 'a\u001b[2J\u202e\n'.repeat(200)
  for (const parts of [
    { subject: commonName(hostile) },
    { subject: seq(), extensions: san(text(0x82, 'a\u001b[2J\n'.repeat(200))) },
    { subject: commonName('x'), serial: hex(`0282 0400 01${'00'.repeat(1023)}`) },
  ]) {
    const label = certificateLabel(Certificate.fromDer(certificateOf(parts)))
    expect(label).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(label.length).toBeLessThan(600)
  }
})

test('an option that is no name is named in the error, a good one is read', () => {
  expect(readNameOption('CN=a', 'subject').equals(Name.parse('cn=A'))).toBe(true)
  const error = refusalOf(() => readNameOption('CN', 'subject'))
  expect([error.code, error.data]).toEqual(['ERR_NAME_SYNTAX', { position: 0, option: 'subject' }])
  expect(error.message).toMatch(/^option "subject": /)
  expect(() => Reflect.apply(readNameOption, undefined, [1, 'subject'])).toThrow(TypeError)
})
