/**
 * What TLS refuses though RFC 5280 does not; the verdicts beside them are OpenSSL's.
 */
import { describe, expect, test } from 'vitest'
import { lintChain } from '../../../../src/ca/index.ts'
import { seq, tlv } from '../../../fixtures/x509/der.ts'
import { nameOf } from '../../../fixtures/x509/forge-der.ts'
import { aki, basicConstraints, CLIENT_AUTH, eku, ext, SERVER_AUTH, san, uri } from '../../verify/forge.ts'
import { at, ca, caBelow, codesOf, ID, leafBelow, pem, root, usage } from './support.ts'

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'

const lint = (...parameters: Parameters<typeof lintChain>) =>
  lintChain(parameters[0], { time: at, anchors: root.certificate, ...parameters[1] })

describe('a leaf and TLS', () => {
  const aside = (...extensions: readonly Uint8Array[]) => [
    basicConstraints(false),
    ...extensions,
    aki(ca.keyId),
  ]
  const leafWith = (...extensions: readonly Uint8Array[]) =>
    pem(leafBelow(ca, { only: aside(...extensions) }), ca)
  const codesWith = async (...extensions: readonly Uint8Array[]) =>
    codesOf(await lint(leafWith(...extensions)))
  const spiffe = san([uri(ID)])

  test('a workload needs both sides, the server of a relay one', async () => {
    expect(await codesWith(usage(0), eku(SERVER_AUTH), spiffe)).toEqual(['leaf-extended-key-usage'])
    expect(await codesWith(usage(0), eku(SERVER_AUTH))).toEqual([])
    expect(await codesWith(usage(0), eku(CLIENT_AUTH))).toEqual([])
    expect(await codesWith(usage(0))).toEqual([])
  })

  test('a purpose that was asked for is what counts', async () => {
    const chain = leafWith(usage(0), eku(SERVER_AUTH), spiffe)
    expect(await lint(chain, { purpose: 'serverAuth' })).toEqual([])
    expect(codesOf(await lint(chain, { purpose: 'clientAuth' }))).toContain('leaf-extended-key-usage')
    const signing = leafWith(usage(1), eku(CODE_SIGNING))
    expect(await lint(signing, { purpose: '1.3.6.1.5.5.7.3.3' })).toEqual([])
  })

  test.each([
    ['keyEncipherment', 2],
    ['keyAgreement', 4],
    ['cRLSign', 6],
  ])('key usage %s alone', async (name, bit) => {
    const findings = await lint(leafWith(usage(bit), eku(SERVER_AUTH, CLIENT_AUTH), spiffe))
    const finding = findings.find(({ code }) => code === 'leaf-key-usage')
    expect(finding).toMatchObject({ severity: 'error', evidence: { found: `key usage ${name}` } })
  })
})

describe('an authority key identifier with issuer and serial number', () => {
  /** authorityCertIssuer and authorityCertSerialNumber beside the key identifier (RFC 5280 §4.2.1.1). */
  const whole = (issuer: string, serial: number) =>
    ext(35, seq(tlv(0x80, ca.keyId), tlv(0xa1, tlv(0xa4, nameOf(issuer))), tlv(0x82, Uint8Array.of(serial))))
  const numbered = caBelow(root, 'Lint CA', { serial: 0x31 })
  const lintWith = (authority: Uint8Array) =>
    lint(
      pem(
        leafBelow(numbered, {
          only: [basicConstraints(false), usage(0), eku(SERVER_AUTH, CLIENT_AUTH), authority, san([uri(ID)])],
        }),
        numbered,
      ),
    )

  test('that are those of the CA: sound', async () => {
    expect(await lintWith(whole('Lint Root', 0x31))).toEqual([])
  })

  test.each([
    ['the serial number before a renewal', whole('Lint Root', 0x30), /serial number 31/],
    ['another name above', whole('Other Root', 0x31), /issuer "CN=Lint Root"/],
  ])('%s: OpenSSL finds no issuer', async (_, authority, found) => {
    const findings = await lintWith(authority)
    expect(codesOf(findings)).toEqual(['key-identifier-mismatch'])
    expect(findings[0]?.evidence.found).toMatch(found)
    expect(findings[0]?.command).toBeUndefined()
  })
})
