import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { Certificate, importPrivateKey, readPem, writePem } from '../../../src/x509/index.ts'
import { certificateOf, commonName, hex } from '../../fixtures/x509/der.ts'
import { opensslCertificate, run } from '../../fixtures/x509/openssl-certificate.ts'
import { codeOf, refusalOf, refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { opensslAvailable, withTemporaryFolder } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'

const first = Certificate.fromDer(certificateOf({ subject: commonName('first') }))
const second = Certificate.fromDer(certificateOf({ subject: commonName('second') }))
const A = first.toPem()
const B = second.toPem()
const bytes = (text: string) => new TextEncoder().encode(text)

describe('written strictly (RFC 7468 §3)', () => {
  test('lines of 64 characters, LF, a final line end', () => {
    expect(writePem('CERTIFICATE', new Uint8Array(49))).toBe(
      `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\nAA==\n-----END CERTIFICATE-----\n`,
    )
    expect(writePem('CERTIFICATE', new Uint8Array(48))).toBe(
      `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\n-----END CERTIFICATE-----\n`,
    )
  })
  test('what is written is read, as text and as bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 5 }),
        (ders) => {
          const text = ders.map((der) => writePem('CERTIFICATE', der)).join('')
          for (const input of [text, bytes(text)])
            expect(readPem(input, ['CERTIFICATE']).map(({ der }) => [...der])).toEqual(
              ders.map((der) => [...der]),
            )
        },
      ),
    )
  })
})

describe('read laxly (RFC 7468 §3, §5.2)', () => {
  const tight = A.replace(/\n(?!-)/g, '').replace('-----M', '-----\nM')
  test.each([
    ['CR LF', A.replaceAll('\n', '\r\n')],
    ['CR alone', A.replaceAll('\n', '\r')],
    ['trailing blanks on every line', A.replaceAll('\n', ' \t\n')],
    ['no final line end', A.trimEnd()],
    ['indented, as in YAML', A.replace(/^/gm, '    ')],
    ['a byte order mark', `\ufeff${A}`],
    ['blank lines inside', A.replaceAll('\n', '\n\n')],
    ['all base64 on one line', tight],
    [
      'explanatory text before and after',
      `subject=CN = first\nissuer=-----x\n${A}some text -----BEGIN here\n`,
    ],
    ['a dash line before', `----\n-----BEGIN\n${A}`],
  ])('%s', (_, text) => {
    expect(Certificate.fromPem(text).equals(first)).toBe(true)
    expect(Certificate.fromPem(bytes(text)).equals(first)).toBe(true)
  })
  test('explanatory text in Latin-1 does no harm', () => {
    expect(Certificate.fromPem(Buffer.concat([hex('e9e8ff0a'), Buffer.from(A)])).equals(first)).toBe(true)
  })
  test('blocks are numbered, their lines counted alike for LF, CR LF and CR', () => {
    const text = `one\ntwo\n${A}\n${B}`
    const lines = [3, 4 + A.split('\n').length - 1]
    for (const end of ['\n', '\r\n', '\r']) {
      const blocks = readPem(text.replaceAll('\n', end), ['CERTIFICATE'])
      expect(blocks.map(({ index, line }) => [index, line])).toEqual([
        [1, lines[0]],
        [2, lines[1]],
      ])
    }
  })
})

describe('refused, with block and line', () => {
  const body = A.split('\n').slice(1, -2)
  const block = (lines: readonly string[]) =>
    `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
  const last = (body.at(-1) ?? '').replace(/=+$/, '')

  test.each([
    ['nothing', '', 'ERR_PEM_NO_BLOCK', /empty/],
    ['blanks', ' \n\n', 'ERR_PEM_NO_BLOCK', /empty/],
    ['other text', 'hello', 'ERR_PEM_NO_BLOCK', /no line begins/],
    ['an END line alone', '-----END CERTIFICATE-----', 'ERR_PEM_NO_BLOCK', /END line without/],
    ['DER', '0\u0082\u0001', 'ERR_PEM_NO_BLOCK', /looks like DER/],
    [
      'two blocks where one is due',
      `\n${A}${B}`,
      'ERR_PEM_BLOCK_COUNT',
      new RegExp(`found 2; the second begins at line ${A.split('\n').length + 1}`),
    ],
    [
      'a private key (EC)',
      '\nx\n-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----',
      'ERR_PEM_LABEL',
      /block 1 at line 3: expected CERTIFICATE, found "EC PRIVATE KEY".*private key/,
    ],
    [
      'a private key in the second block',
      `${A}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----`,
      'ERR_PEM_LABEL',
      new RegExp(`block 2 at line ${A.split('\n').length}`),
    ],
    [
      'a request',
      '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----',
      'ERR_PEM_LABEL',
      /request/,
    ],
    ['a trusted certificate', A.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'), 'ERR_PEM_LABEL', /line 1/],
    ['a lower-case label', A.replaceAll('CERTIFICATE', 'certificate'), 'ERR_PEM_LABEL', /line 1/],
    ['a hostile label', '-----BEGIN \u001b[2J-----\nAAAA', 'ERR_PEM_LABEL', /\\u\{1b\}/],
    [
      'no END line',
      A.split('\n').slice(0, -2).join('\n'),
      'ERR_PEM_SYNTAX',
      /block 1 at line 1: .*the text ends first/,
    ],
    [
      'an END line of another label',
      A.replace('END CERTIFICATE', 'END PRIVATE KEY'),
      'ERR_PEM_SYNTAX',
      /no line "-----END CERTIFICATE-----"/,
    ],
    [
      'a BEGIN where the END is due',
      `${A.split('\n').slice(0, -2).join('\n')}\n${B}`,
      'ERR_PEM_SYNTAX',
      /found "-----BEGIN/,
    ],
    [
      'four dashes at the BEGIN line',
      A.replace('CERTIFICATE-----\n', 'CERTIFICATE----\n'),
      'ERR_PEM_SYNTAX',
      /line 1/,
    ],
    [
      'text after the BEGIN line',
      A.replace('CERTIFICATE-----\n', 'CERTIFICATE----- x\n'),
      'ERR_PEM_SYNTAX',
      /line 1/,
    ],
    ['two files joined without a line end', A.trimEnd() + B, 'ERR_PEM_SYNTAX', /joined without a line end/],
    ['a body on the BEGIN line', A.replace('-----\nM', '-----M'), 'ERR_PEM_SYNTAX', /line 1/],
    ['an empty body', block([]), 'ERR_PEM_BASE64', /nothing between/],
    [
      'a star in the second line of the body',
      block([body[0] ?? '', '*', ...body.slice(1)]),
      'ERR_PEM_BASE64',
      /"\*", at line 3/,
    ],
    ['a NUL in the body', block([body[0] ?? '', '\0']), 'ERR_PEM_BASE64', /\\u\{0\}.* at line 3/],
    [
      'base64 that is cut off',
      block([...body.slice(0, -1), 'QUJDR']),
      'ERR_PEM_BASE64',
      new RegExp(`cut off\\?, at line ${body.length + 2}`),
    ],
    ['padding that is cut off', block(['QQ=']), 'ERR_PEM_BASE64', /padding.*line 2/],
    ['bits left over', block(['QR==']), 'ERR_PEM_BASE64', /altered or cut, at line 2/],
    ['a header of RFC 1421', block(['Subject: x', '', ...body]), 'ERR_PEM_BASE64', /":", at line 2/],
    ['the URL alphabet', block(['QU-_']), 'ERR_PEM_BASE64', /"-", at line 2/],
  ])('%s', (_, text, code, message) => {
    const error = refusalOf(() => Certificate.fromPem(text))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.message).not.toMatch(/\p{Cc}/u)
  })

  test('a truncated body that is whole base64 is refused as truncated DER, with block and line in a list', () => {
    expect(codeOf(() => Certificate.fromPem(block(body.slice(0, -1))))).toBe('ERR_DER_TRUNCATED')
    const error = refusalOf(() => Certificate.listFromPem(`# bundle\n${B}${block(body.slice(0, -1))}`))
    expect(error.code).toBe('ERR_DER_TRUNCATED')
    expect(error.data).toMatchObject({ block: 2, line: B.split('\n').length + 1 })
    expect(error.message).toContain(`PEM block 2 at line ${B.split('\n').length + 1}`)
    expect(last.length).toBeGreaterThan(0)
  })
  test('DER with bytes after the certificate is refused', () => {
    const longer = writePem('CERTIFICATE', new Uint8Array([...first.der, 0]))
    expect(codeOf(() => Certificate.fromPem(longer))).toBe('ERR_DER_TRAILING_DATA')
  })

  const LEGACY = 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA'
  test.each([
    [
      'the legacy encryption of OpenSSL',
      `x\n-----BEGIN RSA PRIVATE KEY-----\n${LEGACY}\n-----END RSA PRIVATE KEY-----`,
      'ERR_PEM_ENCRYPTED',
      /line 2: .*Proc-Type.*openssl pkcs8 -topk8/,
    ],
    [
      'EC PARAMETERS before the key',
      '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n',
      'ERR_PEM_LABEL',
      /line 1: .*EC PARAMETERS.*delete it/,
    ],
    ['a certificate', A, 'ERR_PEM_LABEL', /found "CERTIFICATE"/],
    [
      'a public key',
      '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----',
      'ERR_PEM_LABEL',
      /found "PUBLIC KEY"/,
    ],
    [
      'an OpenSSH key',
      '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----',
      'ERR_PEM_LABEL',
      /OPENSSH/,
    ],
  ])('where a private key is due: %s', async (_, text, code, message) => {
    const error = await refusalOfAsync(importPrivateKey(text))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
  })
})

describe('limits', () => {
  test('100,000 blocks are read, one more is not', () => {
    const block = '-----BEGIN X-----\nAA==\n-----END X-----\n'
    expect(readPem(block.repeat(100_000), ['X'])).toHaveLength(100_000)
    expect(codeOf(() => readPem(block.repeat(100_001), ['X']))).toBe('ERR_PEM_LIMIT')
  })
  test('a text over 64 MiB is refused before it is searched', () => {
    expect(codeOf(() => readPem(' '.repeat(64 * 1024 * 1024 + 1), ['X']))).toBe('ERR_PEM_LIMIT')
  })
  test('a megabyte of boundaries inside one line is searched once, not once for each', () => {
    expect(codeOf(() => readPem(`x${' -----BEGIN '.repeat(500_000)}`, ['X']))).toBe('ERR_PEM_NO_BLOCK')
  })
  test('what is neither text nor bytes is misuse', () => {
    for (const value of [null, undefined, 1, {}, []])
      expect(() => Reflect.apply(readPem, undefined, [value, ['X']])).toThrow(TypeError)
  })
})

test('any text is read or refused as MeshPkiError', () => {
  const piece = fc.constantFrom(
    '-----BEGIN CERTIFICATE-----',
    '-----END CERTIFICATE-----',
    '-----',
    '\n',
    '\r',
    ' ',
    'QUJD',
    '=',
    '*',
    A,
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        Certificate.listFromPem(pieces.join(''))
      } catch (error) {
        expect(error).toBeInstanceOf(MeshPkiError)
      }
    }),
    { numRuns: 2000 },
  )
})

if (requirement('openssl', opensslAvailable)) {
  test('OpenSSL writes the same PEM as we do, and reads ours', async () => {
    await withTemporaryFolder((folder) => {
      const der = opensslCertificate(folder, { subject: '/CN=x' })
      const ours = Certificate.fromDer(der).toPem()
      expect(ours).toBe(run(['x509', '-inform', 'DER'], der).toString())
      expect(run(['x509', '-noout', '-subject'], ours).toString()).toContain('CN = x')
    })
  })
}
