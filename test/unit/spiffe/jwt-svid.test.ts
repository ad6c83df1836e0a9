import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { BundleMap, matchTrustDomain, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { checkJwtSvid, type VerifyJwtSvidOptions, verifyJwtSvid } from '../../../src/spiffe/jwt/index.ts'
import { NOW } from '../verify/forge.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const authority = (keyId: string, { publicKey }: { publicKey: KeyObject }) => ({
  keyId,
  jwk: publicKey.export({ format: 'jwk' }) as never,
})
const bundles = BundleMap.of([
  SpiffeBundle.of({ trustDomain: 'td', jwtAuthorities: [authority('ec', ec), authority('rsa', rsa)] }),
  SpiffeBundle.of({ trustDomain: 'other', jwtAuthorities: [authority('foreign', foreign)] }),
])

const EXP = Math.floor(NOW.getTime() / 1000) + 60
const CLAIMS = { sub: 'spiffe://td/ns/a/sa/b', aud: ['reports'], exp: EXP }
const b64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token by `node:crypto`, so that it may say anything. */
function token(
  claims: unknown = CLAIMS,
  header: unknown = { alg: 'ES256', kid: 'ec' },
  key: KeyObject = ec.privateKey,
): string {
  const signed = `${b64(header)}.${b64(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

const ask = (text: string, options: Partial<VerifyJwtSvidOptions> = {}) =>
  checkJwtSvid(text, { bundles, audience: 'reports', time: NOW, ...options })

describe('accepts', () => {
  test('a token of its trust domain for us', async () => {
    const svid = await verifyJwtSvid(token(), { bundles, audience: 'reports', time: NOW })
    expect(String(svid.id)).toBe(CLAIMS.sub)
    expect(svid.audience).toEqual(['reports'])
    expect(svid.expiresAt).toEqual(new Date(EXP * 1000))
    expect(svid.bundle.trustDomain.name).toBe('td')
    expect(svid.claims).toEqual(CLAIMS)
  })

  test.each<[string, unknown, unknown, Partial<VerifyJwtSvidOptions>]>([
    ['one audience as text', { ...CLAIMS, aud: 'reports' }, undefined, {}],
    [
      'one of ours among several',
      { ...CLAIMS, aud: ['x', 'reports'] },
      undefined,
      { audience: ['y', 'reports'] },
    ],
    ['typ JWT', CLAIMS, { alg: 'ES256', kid: 'ec', typ: 'JWT' }, {}],
    ['typ JOSE', CLAIMS, { alg: 'ES256', kid: 'ec', typ: 'JOSE' }, {}],
    ['a clock that is a little behind', { ...CLAIMS, exp: EXP - 65 }, undefined, { clockTolerance: '10s' }],
    ['who is expected', CLAIMS, undefined, { expect: matchTrustDomain('td') }],
  ])('%s', async (_what, claims, header, options) => {
    const result = await ask(token(claims, header), options)
    expect(result).toMatchObject({ ok: true })
  })

  test('RSA', async () => {
    const text = token(CLAIMS, { alg: 'RS256', kid: 'rsa' }, rsa.privateKey)
    expect(await ask(text)).toMatchObject({ ok: true })
    expect(await ask(text, { algorithms: ['ES256'] })).toMatchObject({
      error: { code: 'ERR_JWT_SVID_ALGORITHM' },
    })
  })
})

describe('refuses', () => {
  const none = `${b64({ alg: 'none' })}.${b64(CLAIMS)}.`
  const spki = ec.publicKey.export({ format: 'der', type: 'spki' })
  const confused = `${b64({ alg: 'HS256', kid: 'ec' })}.${b64(CLAIMS)}`
  const hs256 = `${confused}.${createHmac('sha256', spki).update(confused).digest('base64url')}`
  const [header = '', payload = '', signature = ''] = token().split('.')

  test.each<[string, string, string, Partial<VerifyJwtSvidOptions>?]>([
    ['no algorithm', none, 'ERR_JWT_SVID_ALGORITHM'],
    ['a symmetric one with the public key', hs256, 'ERR_JWT_SVID_ALGORITHM'],
    [
      'Ed25519, which is not among them',
      token(CLAIMS, { alg: 'EdDSA', kid: 'ec' }),
      'ERR_JWT_SVID_ALGORITHM',
    ],
    [
      'an algorithm of another kind of key',
      token(CLAIMS, { alg: 'RS256', kid: 'ec' }, rsa.privateKey),
      'ERR_JWT_SVID_KEY',
    ],
    ['no key identifier', token(CLAIMS, { alg: 'ES256' }), 'ERR_JWT_SVID_KEY'],
    ['one that the bundle does not have', token(CLAIMS, { alg: 'ES256', kid: 'old' }), 'ERR_JWT_SVID_KEY'],
    [
      'the key of another trust domain',
      token(CLAIMS, { alg: 'ES256', kid: 'foreign' }, foreign.privateKey),
      'ERR_JWT_SVID_KEY',
    ],
    [
      'its signature under our key identifier',
      token(CLAIMS, undefined, foreign.privateKey),
      'ERR_JWT_SVID_SIGNATURE',
    ],
    [
      'another payload under the signature',
      `${header}.${b64({ ...CLAIMS, sub: 'spiffe://td/admin' })}.${signature}`,
      'ERR_JWT_SVID_SIGNATURE',
    ],
    ['a subject of another domain', token({ ...CLAIMS, sub: 'spiffe://other/x' }), 'ERR_JWT_SVID_KEY'],
    [
      'a trust domain that nobody knows',
      token({ ...CLAIMS, sub: 'spiffe://unknown/x' }),
      'ERR_SVID_NO_BUNDLE',
    ],
    ['no subject', token({ ...CLAIMS, sub: undefined }), 'ERR_JWT_SVID_MALFORMED'],
    ['a subject that is no SPIFFE ID', token({ ...CLAIMS, sub: 'SPIFFE://td/x' }), 'ERR_JWT_SVID_MALFORMED'],
    [
      'two subjects',
      `${header}.${b64('{"sub":"spiffe://td/a","sub":"spiffe://td/b","aud":"reports","exp":9}')}.${signature}`,
      'ERR_JWT_SVID_MALFORMED',
    ],
    ['another audience', token({ ...CLAIMS, aud: ['payments'] }), 'ERR_JWT_SVID_AUDIENCE'],
    ['no audience', token({ ...CLAIMS, aud: undefined }), 'ERR_JWT_SVID_AUDIENCE'],
    ['an empty list of audiences', token({ ...CLAIMS, aud: [] }), 'ERR_JWT_SVID_AUDIENCE'],
    ['no expiry', token({ ...CLAIMS, exp: undefined }), 'ERR_JWT_SVID_MALFORMED'],
    [
      'an expiry that no date can hold',
      token('{"sub":"spiffe://td/a","aud":"reports","exp":1e300}'),
      'ERR_JWT_SVID_MALFORMED',
    ],
    ['an audience that is no text', token({ ...CLAIMS, aud: ['reports', 1] }), 'ERR_JWT_SVID_MALFORMED'],
    ['a subject without a path', token({ ...CLAIMS, sub: 'spiffe://td' }), 'ERR_JWT_SVID_MALFORMED'],
    [
      'a mark of byte order before the claims',
      token(`\ufeff${JSON.stringify(CLAIMS)}`),
      'ERR_JWT_SVID_MALFORMED',
    ],
    ['an expiry as text', token({ ...CLAIMS, exp: String(EXP) }), 'ERR_JWT_SVID_MALFORMED'],
    ['an expiry that has passed', token({ ...CLAIMS, exp: EXP - 61 }), 'ERR_JWT_SVID_EXPIRED'],
    ['a beginning that has not come', token({ ...CLAIMS, nbf: EXP }), 'ERR_JWT_SVID_NOT_YET_VALID'],
    ['another type', token(CLAIMS, { alg: 'ES256', kid: 'ec', typ: 'at+jwt' }), 'ERR_JWT_SVID_MALFORMED'],
    ['a key in the header', token(CLAIMS, { alg: 'ES256', kid: 'ec', jwk: {} }), 'ERR_JWT_SVID_MALFORMED'],
    [
      'critical headers',
      token(CLAIMS, { alg: 'ES256', kid: 'ec', crit: ['b64'], b64: false }),
      'ERR_JWT_SVID_MALFORMED',
    ],
    ['two parts', `${header}.${payload}`, 'ERR_JWT_SVID_MALFORMED'],
    ['four parts', `${token()}.x`, 'ERR_JWT_SVID_MALFORMED'],
    ['a blank at the end', `${token()} `, 'ERR_JWT_SVID_MALFORMED'],
    ['nothing', '', 'ERR_JWT_SVID_MALFORMED'],
    ['a token without end', 'a'.repeat(100_000), 'ERR_JWT_SVID_MALFORMED'],
    ['somebody else', token(), 'ERR_SVID_UNEXPECTED_ID', { expect: 'spiffe://td/ns/a/sa/c' }],
  ])('%s', async (_what, text, code, options) => {
    const result = await ask(text, options)
    if (result.ok) throw new Error('it was accepted')
    expect(result.error.code).toBe(code)
    // A token is a secret: neither it nor its signature may be in a message.
    for (let error: unknown = result.error; error instanceof Error; error = error.cause)
      for (const part of text.split('.').filter((one) => one.length > 20))
        expect(error.message).not.toContain(part)
  })
})

test('claims are not in what is printed of a refusal', async () => {
  for (const claims of [
    { ...CLAIMS, exp: 1, secret: 'hunter2' },
    { ...CLAIMS, aud: 'x', secret: 'hunter2' },
  ]) {
    const result = await ask(token(claims))
    expect(inspect(result, { depth: 10 })).not.toContain('hunter2')
  }
})

test('wrong options are named', async () => {
  // They are no fault of the token, whichever way one asks.
  await expect(ask('no token', { expect: 'no id' })).rejects.toMatchObject({ code: 'ERR_SPIFFE_ID' })
  await expect(ask(token(), { expect: undefined as never })).rejects.toThrow('expect')
  // @ts-expect-error who we are is required
  await expect(verifyJwtSvid(token(), { bundles })).rejects.toThrow('audience')
  await expect(verifyJwtSvid(token(), { bundles, audience: [] })).rejects.toThrow('audience')
  await expect(
    verifyJwtSvid(token(), { bundles, audience: 'a', algorithms: ['HS256' as never] }),
  ).rejects.toThrow('algorithms')
  await expect(verifyJwtSvid(5 as never, { bundles, audience: 'a' })).rejects.toThrow('string')
  await expect(verifyJwtSvid(token(), { bundles: undefined as never, audience: 'a' })).rejects.toThrow(
    'bundles',
  )
})
