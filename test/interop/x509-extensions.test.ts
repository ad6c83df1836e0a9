import { describe, expect, test } from 'vitest'
import { Certificate, formatGeneralName, type GeneralName } from '../../src/x509/index.ts'
import { hex, oid, seq, text, tlv, toHex } from '../fixtures/x509/der.ts'
import { opensslCertificate, opensslKey } from '../fixtures/x509/openssl-certificate.ts'
import { codeOf } from '../fixtures/x509/refusal.ts'
import { opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

const SECTIONS = `
[dir]
C = DE
O = Example
CN = directory
[relative]
CN = short
`
const formatted = (names: readonly GeneralName[] | undefined) => names?.map(formatGeneralName)

if (requirement('openssl', opensslAvailable)) {
  const key = opensslKey('P-256')

  /** Reads a certificate that OpenSSL made with one extension, and refuses it once that one is damaged. */
  async function withExtension(
    lines: string,
    id: string,
    check: (certificate: Certificate) => void,
  ): Promise<void> {
    await withTemporaryFolder((folder) => {
      const der = opensslCertificate(folder, { key, subject: '/CN=x', extensions: `${lines}\n${SECTIONS}` })
      const certificate = Certificate.fromDer(der)
      check(certificate)
      const found = certificate.extensions.find((extension) => extension.oid === id)
      expect(found).toBeDefined()
      const start = Buffer.from(der).indexOf(Buffer.from(oid(id)))
      const value = Buffer.from(der).indexOf(Buffer.from(found?.value ?? hex('')), start)
      const mutant = der.slice()
      // The first tag inside of extnValue becomes one that no extension begins with.
      mutant[value] = 0x1f
      expect(codeOf(() => Certificate.fromDer(mutant))).toBe('ERR_DER_UNEXPECTED_TAG')
    })
  }

  describe('extensions that OpenSSL wrote are read field by field (RFC 5280 §4.2)', () => {
    test('authorityKeyIdentifier with issuer and serial number', () =>
      withExtension(
        'subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always,issuer:always',
        '2.5.29.35',
        (certificate) => {
          const fields = certificate.authorityKeyIdentifierFields
          expect(fields?.keyIdentifier).toBe(certificate.subjectKeyIdentifier)
          expect(certificate.authorityKeyIdentifier).toBe(certificate.subjectKeyIdentifier)
          expect(formatted(fields?.authorityCertIssuer)).toEqual(['DirName:CN=x'])
          expect(fields?.authorityCertSerialNumber).toBe(certificate.serialNumber)
        },
      ))
    test('subjectKeyIdentifier', () =>
      withExtension('subjectKeyIdentifier = 0A0B0C', '2.5.29.14', (certificate) => {
        expect(certificate.subjectKeyIdentifier).toBe('0a0b0c')
      }))
    test('keyUsage, all nine', () =>
      withExtension(
        'keyUsage = critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyAgreement,keyCertSign,cRLSign,encipherOnly,decipherOnly',
        '2.5.29.15',
        (certificate) => {
          expect(certificate.keyUsage).toEqual([
            'digitalSignature',
            'nonRepudiation',
            'keyEncipherment',
            'dataEncipherment',
            'keyAgreement',
            'keyCertSign',
            'cRLSign',
            'encipherOnly',
            'decipherOnly',
          ])
          expect(certificate.extensions.find(({ oid: id }) => id === '2.5.29.15')?.critical).toBe(true)
        },
      ))
    test('certificatePolicies with CPS pointer and user notice', () =>
      withExtension(
        'certificatePolicies = 1.2.3.4,@policy\n[policy]\npolicyIdentifier = 2.5.29.32.0\nCPS.1 = http://cps\nuserNotice.1 = @notice\n[notice]\nexplicitText = UTF8:Nothing\norganization = Org\nnoticeNumbers = 1,2\n',
        '2.5.29.32',
        (certificate) => {
          const [plain, qualified] = certificate.certificatePolicies ?? []
          expect(plain).toEqual({ policy: '1.2.3.4', qualifiers: [] })
          expect(qualified?.policy).toBe('2.5.29.32.0')
          expect(qualified?.qualifiers[0]).toEqual({
            oid: '1.3.6.1.5.5.7.2.1',
            value: text(0x16, 'http://cps'),
          })
          const reference = (tag: number) =>
            seq(seq(text(tag, 'Org'), seq(hex('020101'), hex('020102'))), text(0x0c, 'Nothing'))
          expect(qualified?.qualifiers[1]?.oid).toBe('1.3.6.1.5.5.7.2.2')
          expect([toHex(reference(0x16)), toHex(reference(0x1a))]).toContain(
            toHex(qualified?.qualifiers[1]?.value ?? hex('')),
          )
        },
      ))
    test('policyMappings', () =>
      withExtension('policyMappings = policyA:policyB', '2.5.29.33', (certificate) => {
        expect(certificate.policyMappings).toEqual([
          { issuerDomainPolicy: '1.3.6.1.4.1.99999.1', subjectDomainPolicy: '1.3.6.1.4.1.99999.2' },
        ])
      }))
    test('policyConstraints', () =>
      withExtension(
        'policyConstraints = requireExplicitPolicy:3,inhibitPolicyMapping:0',
        '2.5.29.36',
        (certificate) => {
          expect(certificate.policyConstraints).toEqual({ requireExplicitPolicy: 3, inhibitPolicyMapping: 0 })
        },
      ))
    test('inhibitAnyPolicy', () =>
      withExtension('inhibitAnyPolicy = 2', '2.5.29.54', (certificate) => {
        expect(certificate.inhibitAnyPolicy).toBe(2)
      }))
    test('basicConstraints', () =>
      withExtension('basicConstraints = critical,CA:TRUE,pathlen:7', '2.5.29.19', (certificate) => {
        expect([certificate.isCa, certificate.pathLength]).toEqual([true, 7])
      }))
    test('nameConstraints of every form', () =>
      withExtension(
        'nameConstraints = critical,permitted;DNS:a.example,permitted;IP:10.0.0.0/255.0.0.0,permitted;IP:2001:db8::/ffff:ffff::,permitted;dirName:dir,excluded;email:b.example,excluded;URI:.c.example',
        '2.5.29.30',
        (certificate) => {
          const { permitted, excluded } = certificate.nameConstraints ?? {}
          expect(formatted(permitted)).toEqual([
            'DNS:a.example',
            'IP:10.0.0.0/8',
            'IP:2001:db8::/32',
            'DirName:CN=directory,O=Example,C=DE',
          ])
          expect(formatted(excluded)).toEqual(['email:b.example', 'URI:.c.example'])
        },
      ))
    test('subjectAltName of every form that OpenSSL writes', () =>
      withExtension(
        'subjectAltName = DNS:a.example,email:x@a.example,URI:spiffe://a/b,IP:192.0.2.1,IP:2001:db8::1,RID:1.2.3.4,otherName:1.2.3;UTF8:x,dirName:dir',
        '2.5.29.17',
        (certificate) => {
          expect(formatted(certificate.subjectAltNames)).toEqual([
            ...['DNS:a.example', 'email:x@a.example', 'URI:spiffe://a/b', 'IP:192.0.2.1', 'IP:2001:db8::1'],
            ...['RID:1.2.3.4', 'othername:1.2.3', 'DirName:CN=directory,O=Example,C=DE'],
          ])
          const other = certificate.subjectAltNames[6]
          expect(other?.type === 'other' && toHex(other.value)).toBe(toHex(text(0x0c, 'x')))
        },
      ))
    test('issuerAltName', () =>
      withExtension('issuerAltName = DNS:ca.example,URI:https://ca', '2.5.29.18', (certificate) => {
        expect(formatted(certificate.issuerAltNames)).toEqual(['DNS:ca.example', 'URI:https://ca'])
      }))
    test('extendedKeyUsage', () =>
      withExtension(
        'extendedKeyUsage = serverAuth,clientAuth,anyExtendedKeyUsage,1.2.3.4',
        '2.5.29.37',
        (certificate) => {
          expect(certificate.extendedKeyUsage).toEqual([
            '1.3.6.1.5.5.7.3.1',
            '1.3.6.1.5.5.7.3.2',
            '2.5.29.37.0',
            '1.2.3.4',
          ])
        },
      ))
    test('cRLDistributionPoints with reasons, issuer and a relative name', () =>
      withExtension(
        'crlDistributionPoints = full,short\n[full]\nfullname = URI:http://crl,URI:ldap://crl\nCRLissuer = dirName:dir\nreasons = keyCompromise,CACompromise,AACompromise\n[short]\nrelativename = relative\nCRLissuer = dirName:dir\n',
        '2.5.29.31',
        (certificate) => {
          const [full, short] = certificate.crlDistributionPoints ?? []
          expect(formatted(full?.fullName)).toEqual(['URI:http://crl', 'URI:ldap://crl'])
          expect(full?.reasons).toBe((1 << 1) | (1 << 2) | (1 << 8))
          expect(formatted(full?.crlIssuer)).toEqual(['DirName:CN=directory,O=Example,C=DE'])
          expect(short?.fullName).toBeUndefined()
          expect(toHex(short?.relativeName ?? hex(''))).toBe(
            toHex(tlv(0xa1, seq(oid('2.5.4.3'), text(0x0c, 'short')))),
          )
        },
      ))
    test('freshestCRL', () =>
      withExtension('freshestCRL = URI:http://delta', '2.5.29.46', (certificate) => {
        expect(formatted(certificate.freshestCrl?.[0]?.fullName)).toEqual(['URI:http://delta'])
      }))
    test('authorityInfoAccess', () =>
      withExtension(
        'authorityInfoAccess = OCSP;URI:http://ocsp,caIssuers;URI:http://ca',
        '1.3.6.1.5.5.7.1.1',
        (certificate) => {
          expect(certificate.authorityInfoAccess).toEqual([
            { method: '1.3.6.1.5.5.7.48.1', location: { type: 'uri', value: 'http://ocsp' } },
            { method: '1.3.6.1.5.5.7.48.2', location: { type: 'uri', value: 'http://ca' } },
          ])
        },
      ))
    test('subjectInfoAccess', () =>
      withExtension(
        'subjectInfoAccess = 1.3.6.1.5.5.7.48.5;URI:http://repo',
        '1.3.6.1.5.5.7.1.11',
        (certificate) => {
          expect(certificate.subjectInfoAccess).toEqual([
            { method: '1.3.6.1.5.5.7.48.5', location: { type: 'uri', value: 'http://repo' } },
          ])
        },
      ))
  })
}
