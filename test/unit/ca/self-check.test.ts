import { describe, expect, test } from 'vitest'
import { checkIntent, type IssuanceIntent } from '../../../src/ca/sign-certificate.ts'
import type { Certificate } from '../../../src/x509/index.ts'
import { hex } from '../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'
import { dns, subjectAltName, uri } from '../csr/support.ts'
import { below, ID, request, rootCa } from './support.ts'

const root = (await rootCa()).certificate
const ca = await below(await rootCa())
const csr = await request()
const leaf = (await ca.issueWorkload(csr, { id: ID, lifetime: '1h' })).certificate

type Values = IssuanceIntent['values']

const meant = (
  certificate: Certificate,
  rest: Partial<Omit<IssuanceIntent, 'values'>> = {},
  values: Partial<Values> = {},
): IssuanceIntent => ({
  mayBreak: () => false,
  isRoot: certificate === root,
  isCa: certificate !== leaf,
  pathLength: certificate === ca.certificate ? 0 : undefined,
  issuer: certificate.issuer.der,
  values: {
    serialNumber: hex(certificate.serialNumber),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    subject: certificate.subject.der,
    publicKey: certificate.publicKey,
    subjectKeyId: undefined,
    subjectAltNames: certificate === leaf ? subjectAltName(uri(ID)) : undefined,
    ...values,
  },
  ...rest,
})

describe('a certificate that does not say what was meant is not released (decision 8)', () => {
  test.each([
    ['root', root],
    ['intermediate', ca.certificate],
    ['workload', leaf],
  ])('%s as meant', (_, certificate) => {
    expect(() => checkIntent(certificate, meant(certificate))).not.toThrow()
  })

  test.each<[string, Certificate, Partial<Omit<IssuanceIntent, 'values'>>, Partial<Values>]>([
    ['a CA where a workload was meant', ca.certificate, { isCa: false, pathLength: undefined }, {}],
    ['a workload where a CA was meant', leaf, { isCa: true }, {}],
    ['no path length', root, { pathLength: 0 }, {}],
    ['another path length', ca.certificate, { pathLength: 1 }, {}],
    ['a path length where none was meant', ca.certificate, { pathLength: undefined }, {}],
    ['another issuer', leaf, { issuer: root.subject.der }, {}],
    ['another serial number', leaf, {}, { serialNumber: hex('01') }],
    ['a serial number with a leading zero', leaf, {}, { serialNumber: hex(`00${leaf.serialNumber}`) }],
    ['a second more', leaf, {}, { notAfter: leaf.notAfter.getTime() - 1000 }],
    ['a second less', leaf, {}, { notAfter: leaf.notAfter.getTime() + 1000 }],
    ['an earlier beginning', leaf, {}, { notBefore: leaf.notBefore.getTime() + 1000 }],
    ['another subject', leaf, {}, { subject: root.subject.der }],
    ['another key', leaf, {}, { publicKey: root.publicKey }],
    ['another identity', leaf, {}, { subjectAltNames: subjectAltName(uri(`${ID}x`)) }],
    ['one name fewer', leaf, {}, { subjectAltNames: subjectAltName(uri(ID), dns('a')) }],
    ['names where none were meant', leaf, {}, { subjectAltNames: undefined }],
    ['no names where some were meant', root, {}, { subjectAltNames: subjectAltName(dns('a')) }],
    ['bytes in place of names', leaf, {}, { subjectAltNames: hex('30020500') }],
  ])('%s', (_, certificate, rest, values) => {
    expect(codeOf(() => checkIntent(certificate, meant(certificate, rest, values)))).toBe('ERR_CA_SELF_CHECK')
  })

  test('the refusal names it and asks for a report', () => {
    const { message } = refusalOf(() => checkIntent(leaf, meant(leaf, {}, { serialNumber: hex('01') })))
    expect(message).toContain(`URI:${ID}" (serial ${leaf.serialNumber}) is not released`)
    expect(message).toContain('it does not say what it was meant to. Please report this')
  })
})
