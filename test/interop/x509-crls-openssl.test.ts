import { constants, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Certificate, CertificateList, formatGeneralName } from '../../src/x509/index.ts'
import { importVerificationKey, importWebKey, type VerificationKey } from '../../src/x509/verification-key.ts'
import { commonName, concat, hex, rdn, seq, text, tlv, toHex } from '../fixtures/x509/der.ts'
import { opensslCertificate, opensslKey, run } from '../fixtures/x509/openssl-certificate.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { directory, forgeDer } from '../unit/verify/forge.ts'
import {
  certificateIssuer,
  crlNumber,
  entryOf,
  generalized,
  invalidityDate,
  issuingDistributionPoint,
  reasonCode,
  tbsOf,
} from '../unit/x509/certificate-list-support.ts'

/** OpenSSL's words for the reasons. */
const REASON_WORDS: Readonly<Record<string, string>> = {
  Unspecified: 'unspecified',
  'Key Compromise': 'keyCompromise',
  'CA Compromise': 'cACompromise',
  'Affiliation Changed': 'affiliationChanged',
  Superseded: 'superseded',
  'Cessation Of Operation': 'cessationOfOperation',
  'Certificate Hold': 'certificateHold',
  'Remove From CRL': 'removeFromCRL',
  'Privilege Withdrawn': 'privilegeWithdrawn',
  'AA Compromise': 'aACompromise',
}

interface PrintedEntry {
  readonly serial: string
  readonly date: number
  readonly reason: string | undefined
  readonly invalid: number | undefined
}

const print = (der: Uint8Array, ...options: string[]) =>
  run(['crl', '-inform', 'DER', '-noout', ...options], der).toString()

/** The line behind a heading in what `openssl crl -text` prints. */
const behind = (printed: string, heading: string) =>
  new RegExp(`${heading}: *(?:critical)? *\\n +(.+)`).exec(printed)?.[1]?.trim()

function printedEntries(printed: string): readonly PrintedEntry[] {
  return printed
    .split(/^ +Serial Number: /m)
    .slice(1)
    .map((block) => {
      const reason = behind(block, 'X509v3 CRL Reason Code')
      const invalid = behind(block, 'Invalidity Date')
      return {
        serial: (block.split('\n')[0] ?? '').toLowerCase(),
        date: Date.parse(/Revocation Date: (.+)/.exec(block)?.[1] ?? ''),
        reason: reason === undefined ? undefined : (REASON_WORDS[reason] ?? `not a reason: ${reason}`),
        invalid: invalid === undefined ? undefined : Date.parse(invalid),
      }
    })
}

/** Compares all that OpenSSL prints of a CRL with what we read. */
function expectSame(der: Uint8Array): CertificateList {
  const ours = CertificateList.fromDer(der)
  const printed = print(der, '-text')
  const line = (option: string) =>
    print(der, option)
      .replace(/^[^=]*=/, '')
      .trim()
  expect(printed).toContain(`Version ${ours.version} (`)
  expect(String(ours.issuer)).toBe(
    print(der, '-issuer', '-nameopt', 'RFC2253,-esc_msb,utf8')
      .replace(/^[^=]*=/, '')
      .trim(),
  )
  expect(ours.thisUpdate.getTime()).toBe(Date.parse(line('-lastupdate')))
  const next = line('-nextupdate')
  expect(ours.nextUpdate?.getTime()).toBe(next === 'NONE' ? undefined : Date.parse(next))
  const number = line('-crlnumber')
  expect(ours.crlNumber).toBe(number === '<NONE>' ? undefined : BigInt(number))
  const base = behind(printed, 'X509v3 Delta CRL Indicator')
  expect(ours.baseCrlNumber).toBe(base === undefined ? undefined : BigInt(base))
  expect(ours.isDelta).toBe(base !== undefined)
  expect(ours.authorityKeyIdentifier).toBe(
    behind(printed, 'X509v3 Authority Key Identifier')?.replaceAll(':', '').toLowerCase(),
  )
  expect(ours.fingerprint()).toBe(fingerprintOf(der))
  expect(ours.toPem()).toBe(run(['crl', '-inform', 'DER'], der).toString())
  const entries = printedEntries(printed)
  expect(ours.size).toBe(entries.length)
  expect(
    [...ours].map(({ serialNumber, revocationDate, reason, invalidityDate: invalid }) => ({
      serial: serialNumber,
      date: revocationDate.getTime(),
      reason,
      invalid: invalid?.getTime(),
    })),
  ).toEqual(entries)
  return ours
}

const fingerprintOf = (der: Uint8Array) =>
  print(der, '-fingerprint', '-sha256')
    .replace(/^[^=]*=/, '')
    .trim()
    .replaceAll(':', '')
    .toLowerCase()

interface Authority {
  readonly key: string
  readonly certificate: Certificate
}

interface CrlRecipe {
  /** Lines of `index.txt`: date of revocation with reason, and serial number. */
  readonly revoked?: readonly (readonly [when: string, serial: string])[]
  /** Lines of the section of extensions, and any further sections. */
  readonly extensions?: string
  /** Hex. */
  readonly number?: string
  readonly arguments?: readonly string[]
}

/** A CA, and a CRL that `openssl ca` makes for it. */
function opensslCrl(folder: string, recipe: CrlRecipe): { readonly der: Uint8Array; readonly ca: Authority } {
  const key = opensslKey('P-256')
  const certificate = Certificate.fromDer(
    opensslCertificate(folder, {
      key,
      subject: '/O=Example/CN=CRL CA',
      extensions: 'subjectKeyIdentifier = hash\nbasicConstraints = critical,CA:TRUE',
    }),
  )
  const index = (recipe.revoked ?? []).map(
    ([when, serial]) => `R\t300101000000Z\t${when}\t${serial}\tunknown\t/CN=x\n`,
  )
  writeFileSync(join(folder, 'index.txt'), index.join(''))
  writeFileSync(join(folder, 'number'), `${recipe.number ?? '01'}\n`)
  writeFileSync(join(folder, 'ca.key'), key)
  writeFileSync(join(folder, 'ca.pem'), certificate.toPem())
  writeFileSync(
    join(folder, 'ca.cnf'),
    `[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\ndefault_md = sha256\ndefault_crl_days = 30\n${
      recipe.number === undefined ? '' : 'crlnumber = number\n'
    }[ext]\n${recipe.extensions ?? ''}\n`,
  )
  run(
    [
      ...['ca', '-gencrl', '-config', 'ca.cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-out', 'crl.pem'],
      ...(recipe.extensions === undefined ? [] : ['-crlexts', 'ext']),
      ...(recipe.arguments ?? []),
    ],
    '',
    folder,
  )
  const der = new Uint8Array(run(['crl', '-in', 'crl.pem', '-outform', 'DER'], '', folder))
  return { der, ca: { key, certificate } }
}

/** A CRL of a signed part, with ECDSA and SHA-256. */
function signed(tbs: Uint8Array, key: KeyObject): Uint8Array {
  return seq(tbs, hex('300a06082a8648ce3d040302'), tlv(3, hex('00'), sign('sha256', tbs, key)))
}

/** The same CRL as v1. Its signature is not of it. */
function withoutVersion(der: Uint8Array): Uint8Array {
  const { tbsEnd, algorithmStart } = CertificateList.layoutOf(CertificateList.fromDer(der))
  return seq(seq(der.subarray(algorithmStart, tbsEnd)), der.subarray(tbsEnd))
}

function tbsOfCertificate(der: Uint8Array): Uint8Array {
  const { tbsStart, tbsEnd } = Certificate.layoutOf(Certificate.fromDer(der))
  return der.slice(tbsStart, tbsEnd)
}

type Verifier = (data: Uint8Array, signature: Uint8Array) => Promise<boolean>

/** The key of a certificate under each back-end, bound to the algorithm of its signature. */
async function verifiersOf(certificate: Certificate): Promise<readonly Verifier[]> {
  const algorithm = certificate.signatureAlgorithm
  if (algorithm === undefined) throw new Error(certificate.signatureAlgorithmDescription)
  const spki = certificate.publicKey
  const keys: readonly VerificationKey[] = [
    await importVerificationKey(spki),
    await importWebKey(globalThis.crypto, spki, 0, spki.length),
  ]
  return keys.map((key) => (data, signature) => key.verify(algorithm, data, signature))
}

const REVOKED = [
  ['240229235959Z', '01'],
  ['250102030405Z,unspecified', '02'],
  ['250102030405Z,keyCompromise', '03'],
  ['250102030405Z,CACompromise', '04'],
  ['250102030405Z,affiliationChanged', '05'],
  ['250102030405Z,superseded', '06'],
  ['250102030405Z,cessationOfOperation', '07'],
  ['250102030405Z,certificateHold', '08'],
  ['250102030405Z,removeFromCRL', '09'],
  ['250102030405Z,holdInstruction,holdInstructionReject', '0A'],
  ['250102030405Z,keyTime,20240203040506Z', '0B'],
  ['250102030405Z,CAkeyTime,19991231235959Z', '0C'],
  ['491231235959Z', '7F'],
  ['250102030405Z', '80'],
  ['250102030405Z', 'FF01'],
  ['250102030405Z', '00'],
  ['250102030405Z', `7F${'FF'.repeat(19)}`],
  ['250102030405Z', `FF${'AB'.repeat(19)}`],
] as const

if (requirement('openssl', opensslAvailable)) {
  const crlFrom = (recipe: CrlRecipe) => withTemporaryFolder((folder) => opensslCrl(folder, recipe))

  describe('CRLs of `openssl ca` have the fields that `openssl crl` shows', () => {
    test('complete, with every reason, invalidity dates and serial numbers of every length', async () => {
      const { der } = await crlFrom({
        revoked: REVOKED,
        number: '1000',
        extensions: 'authorityKeyIdentifier = keyid',
      })
      const crl = expectSame(der)
      expect(crl.size).toBe(REVOKED.length)
      expect(crl.crlNumber).toBe(0x1000n)
      expect(crl.isDelta).toBe(false)
      for (const [, serial] of REVOKED) expect(crl.find(serial)?.serialNumber).toBe(serial.toLowerCase())
      expect(crl.find('0d')).toBeUndefined()
      expect(crl.find('0c')?.invalidityDate?.toISOString()).toBe('1999-12-31T23:59:59.000Z')
      expect(crl.find('0a')?.reason).toBe('certificateHold')
    })
    test('the certificate of the CA that is listed is found; the one that is not is not', async () => {
      await withTemporaryFolder((folder) => {
        const ca = opensslCertificate(folder, { subject: '/CN=ca', serial: `0x7f${'ab'.repeat(19)}` })
        const other = opensslCertificate(folder, { subject: '/CN=ca', serial: `0x7f${'ab'.repeat(18)}aa` })
        const issuer = hex(toHex(Certificate.fromDer(ca).issuer.der))
        const tbs = tbsOf({ issuer, entries: [entryOf({ serial: `7f${'ab'.repeat(19)}` })] })
        const crl = CertificateList.fromDer(signed(tbs, createPrivateKey(opensslKey('P-256'))))
        expect(crl.find(Certificate.fromDer(ca))).toBeDefined()
        expect(crl.find(Certificate.fromDer(other))).toBeUndefined()
      })
    })
    test('v1: neither number nor extensions (RFC 5280 §5.1.2.1)', async () => {
      const { der } = await crlFrom({
        revoked: [
          ['250102030405Z', '01'],
          ['250102030405Z', '02'],
        ],
      })
      // OpenSSL writes v2 where it can; what v1 is made of is this CRL without its version.
      const crl = expectSame(der)
      expect(crl.extensions).toEqual([])
      expect(crl.crlNumber).toBeUndefined()
      const v1 = withoutVersion(der)
      expect(print(v1, '-text')).toContain('Version 1 (0x0)')
      expect(expectSame(v1).find('02')).toBeDefined()
    })
    test('without entries', async () => {
      const { der } = await crlFrom({ number: '01' })
      expect(expectSame(der).size).toBe(0)
      expect(print(der, '-text')).toContain('No Revoked Certificates')
    })
    test('until after 2050, as GeneralizedTime (RFC 5280 §5.1.2.5)', async () => {
      const { der } = await crlFrom({
        number: '02',
        arguments: ['-crl_lastupdate', '20491231235959Z', '-crl_nextupdate', '20600101000000Z'],
      })
      const crl = expectSame(der)
      expect(crl.thisUpdate.toISOString()).toBe('2049-12-31T23:59:59.000Z')
      expect(crl.nextUpdate?.toISOString()).toBe('2060-01-01T00:00:00.000Z')
    })
    test('a number of twenty octets (RFC 5280 §5.2.3)', async () => {
      const { der } = await crlFrom({ number: `7F${'FF'.repeat(19)}` })
      expect(expectSame(der).crlNumber).toBe(BigInt(`0x7f${'ff'.repeat(19)}`))
    })
    test('a delta CRL (RFC 5280 §5.2.4)', async () => {
      const { der } = await crlFrom({
        number: '0A',
        revoked: [['250102030405Z,removeFromCRL', '05']],
        extensions: '2.5.29.27 = critical,DER:02020080',
      })
      const crl = expectSame(der)
      expect(crl.isDelta).toBe(true)
      expect(crl.baseCrlNumber).toBe(128n)
      expect(crl.find('05')?.reason).toBe('removeFromCRL')
    })
    test('freshest CRL (RFC 5280 §5.2.6)', async () => {
      const { der } = await crlFrom({
        number: '01',
        extensions: 'freshestCRL = URI:http://crl.example/delta',
      })
      const [point] = expectSame(der).freshestCrl ?? []
      expect(point?.fullName?.map(formatGeneralName)).toEqual(['URI:http://crl.example/delta'])
    })
    test('its key verifies the signature, and not that of a changed CRL', async () => {
      const { der, ca } = await crlFrom({ number: '01', revoked: [['250102030405Z', '2A']] })
      const crl = CertificateList.fromDer(der)
      const { tbsStart, tbsEnd } = CertificateList.layoutOf(crl)
      const key = await importVerificationKey(ca.certificate.publicKey)
      const tbs = der.slice(tbsStart, tbsEnd)
      expect(crl.signatureAlgorithm).toBe('ecdsa-sha256')
      expect(await key.verify('ecdsa-sha256', tbs, crl.signature)).toBe(true)
      const last = tbs.length - 1
      tbs[last] = (tbs[last] ?? 0) ^ 1
      expect(await key.verify('ecdsa-sha256', tbs, crl.signature)).toBe(false)
    })
  })

  describe('issuing distribution points of OpenSSL (RFC 5280 §5.2.5)', () => {
    const NOTHING = {
      fullName: undefined,
      relativeName: undefined,
      onlyContainsUserCerts: false,
      onlyContainsCaCerts: false,
      onlyContainsAttributeCerts: false,
      onlySomeReasons: undefined,
      indirectCrl: false,
    }
    test.each([
      ['onlyuser = TRUE', 'Only User Certificates', { onlyContainsUserCerts: true }],
      ['onlyCA = TRUE', 'Only CA Certificates', { onlyContainsCaCerts: true }],
      ['onlyAA = TRUE', 'Only Attribute Certificates', { onlyContainsAttributeCerts: true }],
      ['indirectCRL = TRUE', 'Indirect CRL', { indirectCrl: true }],
      ['onlysomereasons = keyCompromise', 'Key Compromise', { onlySomeReasons: 1 << 1 }],
      [
        'onlysomereasons = CACompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold, privilegeWithdrawn, AACompromise',
        'AA Compromise',
        { onlySomeReasons: 0b1_1111_1100 },
      ],
    ])('%s', async (line, printed, expected) => {
      const { der } = await crlFrom({
        number: '01',
        extensions: `issuingDistributionPoint = critical,@idp\n[idp]\n${line}`,
      })
      expect(expectSame(der).issuingDistributionPoint).toEqual({ ...NOTHING, ...expected })
      expect(print(der, '-text')).toContain(printed)
    })
    test('a full name of several', async () => {
      const { der } = await crlFrom({
        number: '01',
        extensions:
          'issuingDistributionPoint = critical,@idp\n[idp]\nfullname = URI:http://crl.example/1.crl, dirName:dn\nonlyuser = TRUE\nindirectCRL = TRUE\n[dn]\nO = Example\nCN = part',
      })
      const scope = expectSame(der).issuingDistributionPoint
      expect(scope?.fullName?.map(formatGeneralName)).toEqual([
        'URI:http://crl.example/1.crl',
        'DirName:CN=part,O=Example',
      ])
      expect(scope).toMatchObject({
        onlyContainsUserCerts: true,
        onlyContainsCaCerts: false,
        indirectCrl: true,
      })
      expect(scope?.relativeName).toBeUndefined()
    })
    test('a name relative to the issuer', async () => {
      const { der } = await crlFrom({
        number: '01',
        extensions: 'issuingDistributionPoint = critical,@idp\n[idp]\nrelativename = dn\n[dn]\nCN = part',
      })
      const scope = expectSame(der).issuingDistributionPoint
      expect(scope?.fullName).toBeUndefined()
      const attribute = rdn('2.5.4.3', text(0x0c, 'part')).subarray(2)
      expect(toHex(scope?.relativeName ?? hex(''))).toBe(toHex(tlv(0xa1, attribute)))
    })
    test('an empty one is refused, though OpenSSL prints it', async () => {
      const { der } = await crlFrom({
        number: '01',
        extensions: 'issuingDistributionPoint = critical,DER:3000',
      })
      expect(print(der, '-text')).toContain('Issuing Distribution Point: critical')
      expect(() => CertificateList.fromDer(der)).toThrow(
        expect.objectContaining({ code: 'ERR_CRL_EXTENSION' }),
      )
    })
  })

  describe('CRLs that OpenSSL does not make, but reads and verifies', () => {
    const key = opensslKey('P-256')
    /** A CRL that OpenSSL verifies with the certificate of its issuer. */
    const verified = (parts: Parameters<typeof tbsOf>[0]) =>
      withTemporaryFolder((folder) => {
        const ca = Certificate.fromDer(opensslCertificate(folder, { key, subject: '/CN=Issuer' }))
        const der = signed(tbsOf({ ...parts, issuer: ca.subject.der }), createPrivateKey(key))
        writeFileSync(join(folder, 'ca.pem'), ca.toPem())
        const { stderr } = openssl(['crl', '-inform', 'DER', '-noout', '-CAfile', 'ca.pem'], {
          input: der,
          cwd: folder,
        })
        expect(stderr.toString()).toContain('verify OK')
        return der
      })

    test('an indirect CRL: a certificate issuer counts until the next (RFC 5280 §5.3.3)', async () => {
      const [a, b] = [commonName('A'), seq(rdn('2.5.4.10', text(0x13, 'B')))]
      const der = await verified({
        entries: [
          entryOf({ serial: '01' }),
          entryOf({ serial: '02', extensions: [certificateIssuer(directory(a)), reasonCode(1)] }),
          entryOf({ serial: '03' }),
          entryOf({ serial: '04', extensions: [certificateIssuer(directory(b))] }),
          entryOf({ serial: '05', extensions: [invalidityDate('20240229000000Z'), reasonCode(4)] }),
        ],
        extensions: [issuingDistributionPoint(hex('8401ff')), crlNumber('01')],
      })
      const crl = expectSame(der)
      const printed = print(der, '-text')
      expect(printed).toContain('Indirect CRL')
      expect([...printed.matchAll(/DirName: ?(.+)/g)].map((match) => match[1]?.replace(/[ /]/g, ''))).toEqual(
        ['CN=A', 'O=B'],
      )
      expect([...crl].map(({ certificateIssuer: name }) => String(name))).toEqual([
        'CN=Issuer',
        'CN=A',
        'CN=A',
        'O=B',
        'O=B',
      ])
    })
    test('without nextUpdate', async () => {
      const der = await verified({ nextUpdate: hex(''), entries: [entryOf({ serial: '2a' })] })
      const crl = expectSame(der)
      expect(crl.nextUpdate).toBeUndefined()
      expect(crl.find('2a')).toBeDefined()
    })
    test('reasons 9 and 10, a negative serial number, and a date after 2050', async () => {
      const der = await verified({
        entries: [
          entryOf({ serial: '01', extensions: [reasonCode(9)] }),
          entryOf({ serial: '02', extensions: [reasonCode(10)] }),
          entryOf({ serial: 'ff7f', date: generalized('20510102030405Z') }),
        ],
      })
      expect([...expectSame(der)].map(({ reason }) => reason)).toEqual([
        'privilegeWithdrawn',
        'aACompromise',
        undefined,
      ])
    })
    test('an empty list of entries', async () => {
      const der = await verified({ entries: [] })
      expect(CertificateList.fromDer(der).size).toBe(0)
    })
  })

  describe('RSASSA-PSS certificates of OpenSSL (RFC 4055 §3.1)', () => {
    const key = opensslKey('RSA-2048')
    const certificateOf = (...options: readonly string[]) =>
      withTemporaryFolder((folder) => {
        const sigopt = ['rsa_padding_mode:pss', ...options.filter((option) => !option.startsWith('-'))]
        const digests = options.filter((option) => option.startsWith('-'))
        const der = opensslCertificate(folder, {
          key,
          subject: '/CN=PSS',
          arguments: [...digests, ...sigopt.flatMap((option) => ['-sigopt', option])],
        })
        writeFileSync(join(folder, 'c.pem'), Certificate.fromDer(der).toPem())
        expect(
          openssl(['verify', '-CAfile', 'c.pem', '-check_ss_sig', 'c.pem'], { cwd: folder }).status,
        ).toBe(0)
        return der
      })

    test.each([
      ['-sha256', 'rsa-pss-sha256'],
      ['-sha384', 'rsa-pss-sha384'],
      ['-sha512', 'rsa-pss-sha512'],
    ] as const)('%s with a salt as long as the digest is accepted and verifies', async (digest, name) => {
      const der = await certificateOf(digest, 'rsa_pss_saltlen:digest')
      const certificate = Certificate.fromDer(der)
      expect(certificate.signatureAlgorithm).toBe(name)
      for (const verify of await verifiersOf(certificate)) {
        expect(await verify(tbsOfCertificate(der), certificate.signature)).toBe(true)
        const changed = certificate.signature
        changed[10] = (changed[10] ?? 0) ^ 1
        expect(await verify(tbsOfCertificate(der), changed)).toBe(false)
        expect(await verify(concat(tbsOfCertificate(der), hex('00')), certificate.signature)).toBe(false)
      }
    })
    test.each([
      ['a salt of 20 octets', ['-sha256', 'rsa_pss_saltlen:20']],
      ['no salt', ['-sha256', 'rsa_pss_saltlen:0']],
      ['the longest salt', ['-sha256', 'rsa_pss_saltlen:max']],
      ['MGF1 of SHA-1', ['-sha256', 'rsa_pss_saltlen:digest', 'rsa_mgf1_md:sha1']],
      ['MGF1 of SHA-512', ['-sha256', 'rsa_pss_saltlen:digest', 'rsa_mgf1_md:sha512']],
      ['SHA-224', ['-sha224', 'rsa_pss_saltlen:digest']],
      ['SHA-1', ['-sha1', 'rsa_pss_saltlen:digest']],
      ['SHA-512/256', ['-sha512-256', 'rsa_pss_saltlen:digest']],
    ])('%s is not accepted, though OpenSSL verifies it', async (_, options) => {
      const certificate = Certificate.fromDer(await certificateOf(...options))
      expect(certificate.signatureAlgorithm).toBeUndefined()
      expect(certificate.signatureAlgorithmDescription).toContain('1.2.840.113549.1.1.10')
    })
    test('digests with NULL, as OpenSSL writes them, or without parameters are the same (§2.1)', async () => {
      const MGF1 = '06092a864886f70d010108'
      const SHA256 = '0609608648016503040201'
      const privateKey = createPrivateKey(key)
      for (const message of ['0500', ''])
        for (const mask of ['0500', '']) {
          const identifier = seq(
            hex('06092a864886f70d01010a'),
            seq(
              tlv(0xa0, seq(hex(SHA256 + message))),
              tlv(0xa1, seq(hex(MGF1), seq(hex(SHA256 + mask)))),
              tlv(0xa2, hex('020120')),
            ),
          )
          const options = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
          const publicKey = createPublicKey(privateKey)
          const der = forgeDer({
            subject: 'PSS',
            keys: { privateKey, publicKey },
            algorithm: { identifier, digest: 'sha256', options },
          })
          const certificate = Certificate.fromDer(der)
          expect(certificate.signatureAlgorithm).toBe('rsa-pss-sha256')
          await withTemporaryFolder((folder) => {
            writeFileSync(join(folder, 'c.pem'), certificate.toPem())
            const { status } = openssl(['verify', '-CAfile', 'c.pem', '-check_ss_sig', 'c.pem'], {
              cwd: folder,
            })
            expect(status).toBe(0)
          })
          for (const verify of await verifiersOf(certificate))
            expect(await verify(tbsOfCertificate(der), certificate.signature)).toBe(true)
        }
    })
    test('a CRL that is signed with it', async () => {
      const certificate = Certificate.fromDer(await certificateOf('-sha256', 'rsa_pss_saltlen:digest'))
      const { der, certificate: issuer } = await withTemporaryFolder((folder) => {
        writeFileSync(
          join(folder, 'index.txt'),
          'R\t300101000000Z\t250102030405Z,superseded\t2A\tunknown\t/CN=x\n',
        )
        writeFileSync(join(folder, 'ca.key'), key)
        writeFileSync(join(folder, 'ca.pem'), certificate.toPem())
        writeFileSync(
          join(folder, 'ca.cnf'),
          '[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\ndefault_md = sha256\ndefault_crl_days = 30\n',
        )
        run(
          [
            ...[
              'ca',
              '-gencrl',
              '-config',
              'ca.cnf',
              '-keyfile',
              'ca.key',
              '-cert',
              'ca.pem',
              '-out',
              'crl.pem',
            ],
            ...['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'],
          ],
          '',
          folder,
        )
        const made = run(['crl', '-in', 'crl.pem', '-outform', 'DER'], '', folder)
        return { der: new Uint8Array(made), certificate }
      })
      const crl = expectSame(der)
      expect(crl.signatureAlgorithm).toBe('rsa-pss-sha256')
      const { tbsStart, tbsEnd } = CertificateList.layoutOf(crl)
      for (const verify of await verifiersOf(issuer)) {
        expect(await verify(der.slice(tbsStart, tbsEnd), crl.signature)).toBe(true)
        expect(await verify(der.slice(tbsStart, tbsEnd - 1), crl.signature)).toBe(false)
      }
    })
  })
}
