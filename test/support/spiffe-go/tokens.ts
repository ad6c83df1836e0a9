/**
 * JWT-SVIDs, good and bad, by `node:crypto` alone.
 */
import { constants, createHash, createHmac, sign } from 'node:crypto'
import fc from 'fast-check'
import { type JwtAuthority, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { type KeyChoice, keysOf } from '../../fixtures/x509/forge-der.ts'
import { mutated } from './inputs.ts'

export const AUDIENCE = 'reports'

type Json = Readonly<Record<string, unknown>>

/** How an algorithm signs, and the key that our bundle has for it; its identifier is the kind of key. */
const ALGORITHMS: Readonly<Record<string, readonly [digest: string | null, key: KeyChoice]>> = {
  ES256: ['sha256', 'P-256'],
  ES384: ['sha384', 'P-384'],
  ES512: ['sha512', 'P-521'],
  RS256: ['sha256', 'RSA-2048'],
  RS384: ['sha384', 'RSA-2048'],
  RS512: ['sha512', 'RSA-2048'],
  PS256: ['sha256', 'RSA-2048'],
  PS384: ['sha384', 'RSA-2048'],
  PS512: ['sha512', 'RSA-2048'],
  EdDSA: [null, 'Ed25519'],
}

/** A public key as a bundle has it. */
export function jwtAuthority(keyId: string, label: string, kind: KeyChoice): JwtAuthority {
  const jwk = keysOf(label, kind).publicKey.export({ format: 'jwk' })
  return { keyId, jwk: jwk as JwtAuthority['jwk'] }
}

const KINDS = ['P-256', 'P-384', 'P-521', 'RSA-2048', 'Ed25519'] as const

/** An RSA key of exponent 1, by which every padded hash is its own signature. Read from a document: publishers err. */
const WEAK = JSON.stringify({
  keys: [{ ...jwtAuthority('', 'tokens', 'RSA-2048').jwk, e: 'AQ', use: 'jwt-svid', kid: 'weak' }],
})

/** Ours, a partner's with the same key identifier for another key, and one with a key that is worth nothing. */
export const BUNDLES: readonly SpiffeBundle[] = [
  SpiffeBundle.of({
    trustDomain: 'prod.example',
    jwtAuthorities: KINDS.map((kind) => jwtAuthority(kind, 'tokens', kind)),
  }),
  SpiffeBundle.of({
    trustDomain: 'partner.example',
    jwtAuthorities: [jwtAuthority('P-256', 'partner', 'P-256'), jwtAuthority('theirs', 'partner', 'P-256')],
  }),
  SpiffeBundle.fromJson('weak.example', WEAK),
]

const base64url = (value: string | Uint8Array): string => Buffer.from(value).toString('base64url')

interface Recipe {
  readonly alg?: string
  /** Members of the header beside, or in place of, `alg` and `kid`; `undefined` takes one out. */
  readonly header?: Json
  /** Claims in place of the usual ones, or a whole payload. */
  readonly claims?: Json
  readonly payload?: string | Uint8Array
  /** Whose key signs. */
  readonly by?: 'tokens' | 'partner'
}

function mint({ alg = 'ES256', header, claims, payload, by = 'tokens' }: Recipe = {}): string {
  const [digest, kind] = ALGORITHMS[alg] ?? [null, 'P-256']
  const head = base64url(JSON.stringify({ alg, kid: kind, ...header }))
  const input = `${head}.${base64url(payload ?? JSON.stringify({ ...usual(), ...claims }))}`
  const padding = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  const { privateKey } = keysOf(by, kind)
  const options = { key: privateKey, dsaEncoding: 'ieee-p1363', ...padding } as const
  return `${input}.${base64url(sign(digest, Buffer.from(input), options))}`
}

// go-spiffe always judges by the present time.
const now = (): number => Math.floor(Date.now() / 1000)
const usual = () => ({ sub: 'spiffe://prod.example/workload', aud: [AUDIENCE], exp: now() + 300 })

function hs256(): string {
  const input = `${base64url(JSON.stringify({ alg: 'HS256', kid: 'P-256' }))}.${base64url(JSON.stringify(usual()))}`
  const secret = keysOf('tokens', 'P-256').publicKey.export({ type: 'spki', format: 'pem' })
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** RFC 8017 §9.2 for SHA-256 and 2048 bits, and nothing else: nobody's private key is needed. */
function forged(): string {
  const claims = { ...usual(), sub: 'spiffe://weak.example/workload' }
  const input = `${base64url(JSON.stringify({ alg: 'RS256', kid: 'weak' }))}.${base64url(JSON.stringify(claims))}`
  const hash = createHash('sha256').update(input).digest('hex')
  const info = `3031300d060960864801650304020105000420${hash}`
  return `${input}.${Buffer.from(`0001${'ff'.repeat(202)}00${info}`, 'hex').toString('base64url')}`
}

const none = (alg: string): string =>
  `${base64url(JSON.stringify({ alg, kid: 'P-256' }))}.${base64url(JSON.stringify(usual()))}.`

/** The claims as text, with something put in before the last brace. */
const withText = (text: string): string => JSON.stringify(usual()).replace(/\}$/, `,${text}}`)
const withExpiry = (text: string): string =>
  JSON.stringify({ ...usual(), exp: 0 }).replace('"exp":0', `"exp":${text}`)

/** Another last character for the same octets: the last one of 64 octets has four bits to spare. */
function withStrayBits(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return `${token.slice(0, -1)}${alphabet.charAt(alphabet.indexOf(token.slice(-1)) + 1)}`
}

/** Tokens by name. */
export function tokens(): Readonly<Record<string, string>> {
  const good = mint()
  const [head = '', body = '', signature = ''] = good.split('.')
  const claims = (changed: Json): string => mint({ claims: changed })
  const header = (changed: Json): string => mint({ header: changed })
  return {
    ...Object.fromEntries(Object.keys(ALGORITHMS).map((alg) => [`signed by ${alg}`, mint({ alg })])),
    'typ JWT': header({ typ: 'JWT' }),
    'typ JOSE': header({ typ: 'JOSE' }),
    'typ at+jwt': header({ typ: 'at+jwt' }),
    'typ null': header({ typ: null }),
    'wrong audience': claims({ aud: ['billing'] }),
    'audience as text': claims({ aud: AUDIENCE }),
    'one of two audiences': claims({ aud: ['billing', AUDIENCE] }),
    'audience in capitals': claims({ aud: ['Reports'] }),
    'empty audience': claims({ aud: [] }),
    'no audience': claims({ aud: undefined }),
    'audience with a number': claims({ aud: [AUDIENCE, 1] }),
    expired: claims({ exp: now() - 300 }),
    'expired half a minute ago': claims({ exp: now() - 30 }),
    'no exp': claims({ exp: undefined }),
    'exp as text': claims({ exp: String(now() + 300) }),
    'exp null': claims({ exp: null }),
    'exp with a fraction': claims({ exp: now() + 300.5 }),
    'exp beyond Date': claims({ exp: 1e15 }),
    'exp beyond int64': mint({ payload: withExpiry('1e300') }),
    'valid in five minutes': claims({ nbf: now() + 300 }),
    'valid in half a minute': claims({ nbf: now() + 30 }),
    'valid since a minute': claims({ nbf: now() - 60 }),
    'issued in five minutes': claims({ iat: now() + 300 }),
    'unknown kid': header({ kid: 'nobody' }),
    'no kid': header({ kid: undefined }),
    'kid of another kind of key': header({ kid: 'P-384' }),
    'kid of another trust domain': mint({ by: 'partner', header: { kid: 'theirs' } }),
    "signed by another trust domain's key": mint({ by: 'partner' }),
    "another trust domain's own": mint({
      by: 'partner',
      claims: { sub: 'spiffe://partner.example/workload' },
    }),
    'for another trust domain': claims({ sub: 'spiffe://partner.example/workload' }),
    'for an unknown trust domain': claims({ sub: 'spiffe://nobody.example/workload' }),
    'no sub': claims({ sub: undefined }),
    'sub without a path': claims({ sub: 'spiffe://prod.example' }),
    'sub with dots': claims({ sub: 'spiffe://prod.example/a/../b' }),
    'sub in capitals': claims({ sub: 'spiffe://PROD.example/workload' }),
    'sub too long': claims({ sub: `spiffe://prod.example/${'a'.repeat(2040)}` }),
    'alg none': none('none'),
    'alg None': none('None'),
    HS256: hs256(),
    'forged for an RSA key of exponent 1': forged(),
    'header jku': header({ jku: 'https://keys.example/' }),
    'header jwk': header({ jwk: jwtAuthority('', 'partner', 'P-256').jwk }),
    'header crit': header({ crit: ['exp'], exp: 1 }),
    'sub twice': mint({ payload: withText('"sub":"spiffe://partner.example/workload"') }),
    'payload is a list': mint({ payload: '[]' }),
    'payload nested deep': mint({ payload: withText(`"x":${'['.repeat(100)}${']'.repeat(100)}`) }),
    'payload not UTF-8': mint({ payload: Buffer.from(withText('"x":"\xff"'), 'latin1') }),
    'payload with a byte order mark': mint({ payload: `\ufeff${JSON.stringify(usual())}` }),
    'payload too large': mint({ payload: withText(`"x":"${'a'.repeat(70_000)}"`) }),
    'signature in DER': `${head}.${body}.${base64url(sign('sha256', Buffer.from(`${head}.${body}`), keysOf('tokens').privateKey))}`,
    'signature with padding': `${good}==`,
    'signature with a space': `${head}.${body}.${signature.slice(0, 9)} ${signature.slice(9)}`,
    'signature with a line feed': `${good}\n`,
    'signature with stray bits': withStrayBits(good),
    'no signature': `${head}.${body}.`,
    'header with a line feed': `${head.slice(0, 9)}\n${head.slice(9)}.${body}.${signature}`,
    'two parts': `${head}.${body}`,
    'four parts': `${good}.${signature}`,
    'nothing at all': '',
    'as JSON': JSON.stringify({ protected: head, payload: body, signature }),
  }
}

/** A good token with up to three characters changed. */
export const brokenTokens = (count: number): readonly string[] =>
  fc.sample(mutated(fc.constant(mint()), fc.constantFrom(...'ABYZaz09-_+/= .\n')), {
    numRuns: count,
    seed: 20260603,
  })
