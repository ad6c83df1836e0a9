// Writes vectors.json: the SPIFFE conformance checklist as data, for the suite here and for other
// implementations.
//
//   node test/vectors/spiffe/generate.mjs
//
// Verdicts come from the standards, so nothing of src is imported. Keys, nonces and serial numbers are derived
// from labels: a second run writes the same bytes, and a change to one vector shows in a diff as just that.
// It also means that every private key here is public.
import { Buffer } from 'node:buffer'
import {
  checkPrimeSync,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  X509Certificate,
} from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// ─── DER ────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * @param {number} tag
 * @param {...Uint8Array} contents
 */
function tlv(tag, ...contents) {
  const body = Buffer.concat(contents)
  const size = body.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

const sequence = (/** @type {Uint8Array[]} */ ...items) => tlv(0x30, ...items)
const octetString = (/** @type {Uint8Array} */ bytes) => tlv(0x04, bytes)
const bitString = (/** @type {Uint8Array} */ bytes, unused = 0) => tlv(0x03, Buffer.from([unused]), bytes)
const NULL = tlv(0x05)
const TRUE = tlv(0x01, Buffer.from([0xff]))

/** @param {bigint} value not negative */
function integer(value) {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return tlv(0x02, (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes]))
}

/** @param {string} dotted */
function oid(dotted) {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const septets = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80)
    return septets
  })
  return tlv(0x06, Buffer.from(bytes))
}

/** @param {string} iso a time before 2050 */
const utcTime = (iso) =>
  tlv(0x17, Buffer.from(`${iso.replace(/[-:T]/g, '').replace(/\.\d+/, '').slice(2, 14)}Z`))

/** @param {string} text one common name, or nothing for the empty name */
const name = (text) =>
  text === ''
    ? sequence()
    : sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(text, 'utf8')))))

// ─── Keys ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * @typedef {object} Key
 * @property {Buffer} spki
 * @property {Readonly<Record<string, string>>} jwk the public members that its type requires, and `kty`
 * @property {Buffer} algorithm how it signs
 * @property {(message: Buffer) => Buffer} sign
 */

const number = (/** @type {Buffer} */ bytes) => BigInt(`0x${bytes.toString('hex')}`)
const octets = (/** @type {bigint} */ value, /** @type {number} */ size) =>
  Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex')
const base64url = (/** @type {Buffer} */ bytes) => bytes.toString('base64url')

/**
 * So many bytes that depend on nothing but the label.
 *
 * @param {string} label
 * @param {number} size
 */
function derive(label, size) {
  const blocks = []
  for (let i = 0; i * 64 < size; i++) {
    blocks.push(createHash('sha512').update(`mesh-pki test vectors, block ${i}: ${label}`).digest())
  }
  return Buffer.concat(blocks).subarray(0, size)
}

/**
 * @param {bigint} base
 * @param {bigint} exponent
 * @param {bigint} modulus
 */
function power(base, exponent, modulus) {
  let result = 1n
  for (let square = base % modulus, left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

const CURVES = {
  'P-256': {
    openssl: 'prime256v1',
    oid: '1.2.840.10045.3.1.7',
    size: 32,
    hash: 'sha256',
    signature: '1.2.840.10045.4.3.2',
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  'P-384': {
    openssl: 'secp384r1',
    oid: '1.3.132.0.34',
    size: 48,
    hash: 'sha384',
    signature: '1.2.840.10045.4.3.3',
    order:
      0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  'P-521': {
    openssl: 'secp521r1',
    oid: '1.3.132.0.35',
    size: 66,
    hash: 'sha512',
    signature: '1.2.840.10045.4.3.4',
    order:
      0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
}

/**
 * `node:crypto` has no deterministic ECDSA, but k·G is an ECDH public key, and the rest is arithmetic.
 *
 * @param {string} label
 * @param {keyof typeof CURVES} [crv]
 * @returns {Key}
 */
function ecKey(label, crv = 'P-256') {
  const curve = CURVES[crv]
  const { order, size } = curve
  const scalar = (/** @type {string} */ text) => (number(derive(text, size + 16)) % (order - 1n)) + 1n
  /** @param {bigint} factor */
  const point = (factor) => {
    const ecdh = createECDH(curve.openssl)
    ecdh.setPrivateKey(octets(factor, size))
    return ecdh.getPublicKey()
  }
  const secret = scalar(`${crv} key ${label}`)
  const own = point(secret)
  return {
    spki: sequence(sequence(oid('1.2.840.10045.2.1'), oid(curve.oid)), bitString(own)),
    jwk: {
      kty: 'EC',
      crv,
      x: base64url(own.subarray(1, 1 + size)),
      y: base64url(own.subarray(1 + size)),
    },
    algorithm: sequence(oid(curve.signature)),
    sign: (message) => {
      const k = scalar(`${crv} nonce ${label} ${message.toString('hex')}`)
      const r = number(point(k).subarray(1, 1 + size)) % order
      const z = number(createHash(curve.hash).update(message).digest())
      const s = (power(k, order - 2n, order) * (z + r * secret)) % order
      return sequence(integer(r), integer(s))
    },
  }
}

/** @param {string} label @returns {Key} */
function rsaKey(label) {
  const e = 65537n
  /** @param {string} which */
  const prime = (which) => {
    // The two highest bits are set, so that the product has all of 2048 bits.
    let candidate = number(derive(`RSA ${which} ${label}`, 128)) | (3n << 1022n) | 1n
    while (!checkPrimeSync(candidate) || (candidate - 1n) % e === 0n) candidate += 2n
    return candidate
  }
  const p = prime('p')
  const q = prime('q')
  const phi = (p - 1n) * (q - 1n)
  const d = inverse(e, phi)
  const bytes = (/** @type {bigint} */ value, size = 128) => base64url(octets(value, size))
  const jwk = { kty: 'RSA', n: bytes(p * q, 256), e: bytes(e, 3) }
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      ...jwk,
      d: bytes(d, 256),
      p: bytes(p),
      q: bytes(q),
      dp: bytes(d % (p - 1n)),
      dq: bytes(d % (q - 1n)),
      qi: bytes(power(q, p - 2n, p)),
    },
  })
  return {
    spki: createPublicKey(key).export({ format: 'der', type: 'spki' }),
    jwk,
    algorithm: sequence(oid('1.2.840.113549.1.1.11'), NULL),
    sign: (message) => sign('sha256', message, key),
  }
}

/**
 * @param {bigint} value
 * @param {bigint} modulus need not be prime
 */
function inverse(value, modulus) {
  let [a, b, x, y] = [value, modulus, 1n, 0n]
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y]
  return ((x % modulus) + modulus) % modulus
}

/** @param {string} label @returns {Key} */
function ed25519Key(label) {
  const algorithm = sequence(oid('1.3.101.112'))
  const seed = octetString(octetString(derive(`Ed25519 key ${label}`, 32)))
  const key = createPrivateKey({
    format: 'der',
    type: 'pkcs8',
    key: sequence(integer(0n), algorithm, seed),
  })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    spki,
    jwk: { kty: 'OKP', crv: 'Ed25519', x: base64url(spki.subarray(-32)) },
    algorithm,
    sign: (message) => sign(null, message, key),
  }
}

// ─── Certificates ───────────────────────────────────────────────────────────────────────────────────────

/**
 * @param {string} id
 * @param {boolean} critical
 * @param {Buffer} value
 */
const extension = (id, critical, value) => sequence(oid(id), ...(critical ? [TRUE] : []), octetString(value))

const basicConstraints = ({ ca = true, pathLength = -1, critical = true } = {}) =>
  extension(
    '2.5.29.19',
    critical,
    sequence(...(ca ? [TRUE] : []), ...(pathLength < 0 ? [] : [integer(BigInt(pathLength))])),
  )

const USAGES = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
]

/**
 * @param {string[]} usages
 * @param {boolean} [critical]
 */
function keyUsage(usages, critical = true) {
  const bits = usages.map((usage) => USAGES.indexOf(usage))
  const octet = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0)
  // DER drops the zero bits behind the last one that is set.
  return extension('2.5.29.15', critical, bitString(Buffer.from([octet]), 7 - Math.max(...bits)))
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
const ANY_PURPOSE = '2.5.29.37.0'

/**
 * @param {string[]} purposes
 * @param {boolean} [critical]
 */
const extendedKeyUsage = (purposes, critical = false) =>
  extension('2.5.29.37', critical, sequence(...purposes.map(oid)))

const email = (/** @type {string} */ text) => tlv(0x81, Buffer.from(text, 'latin1'))
const dns = (/** @type {string} */ text) => tlv(0x82, Buffer.from(text, 'latin1'))
const uri = (/** @type {string} */ text) => tlv(0x86, Buffer.from(text, 'latin1'))
const ip = (/** @type {number[]} */ ...bytes) => tlv(0x87, Buffer.from(bytes))

/**
 * @param {Buffer[]} names
 * @param {boolean} [critical]
 */
const subjectAltName = (names, critical = false) => extension('2.5.29.17', critical, sequence(...names))

/** @param {{ permitted?: Buffer[], excluded?: Buffer[] }} subtrees */
function nameConstraints({ permitted = [], excluded = [] }) {
  const list = (/** @type {number} */ tag, /** @type {Buffer[]} */ names) =>
    names.length === 0 ? [] : [tlv(tag, ...names.map((base) => sequence(base)))]
  return extension('2.5.29.30', true, sequence(...list(0xa0, permitted), ...list(0xa1, excluded)))
}

/** An extension that nobody knows. */
const unknownExtension = (/** @type {boolean} */ critical) => extension('1.3.6.1.4.1.99999.1', critical, NULL)

const keyId = (/** @type {Key} */ key) => createHash('sha256').update(key.spki).digest().subarray(0, 20)
const subjectKeyId = (/** @type {Key} */ key) => extension('2.5.29.14', false, octetString(keyId(key)))
const authorityKeyId = (/** @type {Key} */ key) =>
  extension('2.5.29.35', false, sequence(tlv(0x80, keyId(key))))

/**
 * @typedef {{ subject: string, key: Key }} Issuer
 * @typedef {Issuer & { der: Buffer }} Issued
 *
 * @typedef {object} Shape what sets a certificate apart from an ordinary one of its sort
 * @property {string} [subject]
 * @property {Key} [key]
 * @property {Key} [signedBy] a key that is not the issuer's
 * @property {string} [from]
 * @property {string} [to]
 * @property {Readonly<Record<string, Buffer | null>>} [extensions] more, others, or with null fewer
 */

/**
 * @param {Issuer} own
 * @param {Issuer} issuer
 * @param {Readonly<Record<string, Buffer | null>>} extensions
 * @param {Shape} shape
 * @returns {Issued}
 */
function issue(own, issuer, extensions, shape) {
  const { from = '2026-01-01T00:00:00Z', to = '2027-01-01T00:00:00Z', signedBy = issuer.key } = shape
  const list = Object.values({ ...extensions, ...shape.extensions }).filter((item) => item !== null)
  const rest = Buffer.concat([
    signedBy.algorithm,
    name(issuer.subject),
    sequence(utcTime(from), utcTime(to)),
    name(own.subject),
    own.key.spki,
    tlv(0xa3, sequence(...list)),
  ])
  const serial = createHash('sha256').update(rest).digest().subarray(0, 16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const body = sequence(tlv(0xa0, integer(2n)), integer(number(serial)), rest)
  return { ...own, der: sequence(body, signedBy.algorithm, bitString(signedBy.sign(body))) }
}

/**
 * @param {string} trustDomain
 * @param {Key} key
 */
const caExtensions = (trustDomain, key) => ({
  basicConstraints: basicConstraints(),
  keyUsage: keyUsage(['keyCertSign', 'cRLSign']),
  subjectAltName: subjectAltName([uri(`spiffe://${trustDomain}`)]),
  subjectKeyId: subjectKeyId(key),
})

/**
 * A self-signed authority.
 *
 * @param {string} trustDomain
 * @param {Shape} [shape]
 */
function root(trustDomain, shape = {}) {
  const { subject = `${trustDomain} root`, key = ecKey(subject) } = shape
  return issue({ subject, key }, { subject, key }, caExtensions(trustDomain, key), shape)
}

/**
 * @param {string} trustDomain
 * @param {Issuer} issuer
 * @param {Shape} [shape]
 */
function intermediate(trustDomain, issuer, shape = {}) {
  const { subject = `${trustDomain} intermediate`, key = ecKey(subject) } = shape
  const extensions = { ...caExtensions(trustDomain, key), authorityKeyId: authorityKeyId(issuer.key) }
  return issue({ subject, key }, issuer, extensions, shape)
}

const LEAF_KEY = ecKey('leaf')

/**
 * @param {string} id
 * @param {Issuer} issuer
 * @param {Shape} [shape]
 */
function leaf(id, issuer, shape = {}) {
  const { subject = 'workload', key = LEAF_KEY } = shape
  return issue(
    { subject, key },
    issuer,
    {
      keyUsage: keyUsage(['digitalSignature']),
      extendedKeyUsage: extendedKeyUsage([SERVER_AUTH, CLIENT_AUTH]),
      subjectAltName: subjectAltName([uri(id)]),
      authorityKeyId: authorityKeyId(issuer.key),
    },
    shape,
  )
}

const base64 = (/** @type {Issued} */ { der }) => der.toString('base64')

// ─── Bundles ────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The element of an authority.
 *
 * @param {Issued} authority
 * @param {Readonly<Record<string, unknown>>} [changes] a member that is undefined is left out
 */
const x509Jwk = (authority, changes = {}) => ({
  ...authority.key.jwk,
  use: 'x509-svid',
  x5c: [base64(authority)],
  ...changes,
})

/**
 * @param {Key} key
 * @param {Readonly<Record<string, unknown>>} [changes]
 */
const jwtJwk = (key, changes = {}) => ({ ...key.jwk, use: 'jwt-svid', kid: 'key-1', ...changes })

/**
 * The text of a bundle.
 *
 * @param {readonly unknown[]} keys
 * @param {Readonly<Record<string, unknown>>} [members]
 */
const bundle = (keys, members = { spiffe_sequence: 1, spiffe_refresh_hint: 300 }) =>
  JSON.stringify({ ...members, keys })

/**
 * @param {number} number
 * @param {...Issued} authorities
 */
const bundleOf = (number, ...authorities) =>
  bundle(
    authorities.map((authority) => x509Jwk(authority)),
    { spiffe_sequence: number, spiffe_refresh_hint: 300 },
  )

// ─── Vectors ────────────────────────────────────────────────────────────────────────────────────────────

/**
 * @typedef {object} Outcome
 * @property {'accept' | 'reject'} verdict
 * @property {string | undefined} [code]
 * @property {string | undefined} [reason]
 * @property {unknown} [result]
 *
 * @typedef {Outcome & { id: string, row: string, section: string, kind: string, comment: string, input: unknown }} Vector
 *
 * @typedef {readonly [id: string, section: string, comment: string, input: any, outcome: Outcome]} Row
 */

/** @type {Vector[]} */
const vectors = []

const accept = (/** @type {unknown} */ result = undefined) =>
  /** @type {Outcome} */ ({ verdict: 'accept', result })

/**
 * @param {string} [code]
 * @param {string} [reason]
 */
const reject = (code, reason) => /** @type {Outcome} */ ({ verdict: 'reject', code, reason })

/**
 * @param {string} kind
 * @param {(input: any) => unknown} toInput what a cell of the table stands for
 * @param {readonly Row[]} table
 */
function add(kind, toInput, table) {
  for (const [id, section, comment, input, outcome] of table) {
    const row = /^[A-Z]+-\d\d/.exec(id)?.[0] ?? ''
    const { verdict, code, reason, result } = outcome
    vectors.push({ id, row, section, kind, comment, input: toInput(input), verdict, code, reason, result })
  }
}

const asText = (/** @type {string} */ text) => ({ text })

// Texts ──────────────────────────────────────────────────────────────────────────────────────────────────

const badId = (/** @type {string} */ reason) => reject('ERR_SPIFFE_ID', reason)

/**
 * @param {string} trustDomain
 * @param {string} path
 */
const parsed = (trustDomain, path) => accept({ trustDomain, path })

const LONGEST_PATH = `/${'a'.repeat(2048 - 'spiffe://example.org/'.length)}`
const EVERY_LOWER = 'abcdefghijklmnopqrstuvwxyz0123456789.-_'

// biome-ignore format: one vector a line reads as a table
add('spiffe-id', asText, [
  ['ID-01-plain', 'SPIFFE-ID §2', 'Scheme, trust domain and path as they should be.', 'spiffe://example.org/ns/shop/sa/cart', parsed('example.org', '/ns/shop/sa/cart')],
  ['ID-01-empty', 'SPIFFE-ID §2', 'Nothing at all.', '', badId('empty')],
  ['ID-01-https', 'SPIFFE-ID §2', 'Another scheme.', 'https://example.org/workload', badId('scheme')],
  ['ID-01-no-scheme', 'SPIFFE-ID §2', 'A reference without a scheme.', '//example.org/workload', badId('scheme')],
  ['ID-01-no-authority', 'SPIFFE-ID §2', 'The right scheme, but no authority follows.', 'spiffe:example.org/workload', badId('scheme')],
  ['ID-01-leading-space', 'SPIFFE-ID §2', 'A space in front, which lenient URL parsers trim.', ' spiffe://example.org/workload', badId('scheme')],
  ['ID-02-one-character', 'SPIFFE-ID §2.1', 'The shortest trust domain name.', 'spiffe://a/b', parsed('a', '/b')],
  ['ID-02-nothing-follows', 'SPIFFE-ID §2.1', 'Only the scheme and its slashes.', 'spiffe://', badId('trust-domain-missing')],
  ['ID-02-path-only', 'SPIFFE-ID §2.1', 'A path behind an empty trust domain.', 'spiffe:///workload', badId('trust-domain-missing')],
  ['ID-03-query', 'SPIFFE-ID §2', 'A query behind the path.', 'spiffe://example.org/workload?x=1', badId('path-character')],
  ['ID-03-bare', 'SPIFFE-ID §2', 'An empty query, which URL parsers report as none.', 'spiffe://example.org/workload?', badId('path-character')],
  ['ID-03-no-path', 'SPIFFE-ID §2', 'A query right behind the trust domain.', 'spiffe://example.org?x=1', badId('trust-domain-character')],
  ['ID-04-fragment', 'SPIFFE-ID §2', 'A fragment behind the path.', 'spiffe://example.org/workload#f', badId('path-character')],
  ['ID-04-bare', 'SPIFFE-ID §2', 'An empty fragment, which URL parsers report as none.', 'spiffe://example.org/workload#', badId('path-character')],
  ['ID-05-user', 'SPIFFE-ID §2.1', 'A user name.', 'spiffe://user@example.org/workload', badId('trust-domain-character')],
  ['ID-05-empty-user', 'SPIFFE-ID §2.1', 'User information that is empty but present.', 'spiffe://@example.org/workload', badId('trust-domain-character')],
  ['ID-06-port', 'SPIFFE-ID §2.1', 'A port.', 'spiffe://example.org:443/workload', badId('trust-domain-character')],
  ['ID-06-bare', 'SPIFFE-ID §2.1', 'A colon without a port, which URL parsers drop.', 'spiffe://example.org:/workload', badId('trust-domain-character')],
  ['ID-07-upper-case', 'SPIFFE-ID §2.1', 'One capital in the trust domain.', 'spiffe://Example.org/workload', badId('trust-domain-character')],
  ['ID-08-every-character', 'SPIFFE-ID §2.1', 'Every character that a trust domain may have.', `spiffe://${EVERY_LOWER}/workload`, parsed(EVERY_LOWER, '/workload')],
  ['ID-08-line-feed', 'SPIFFE-ID §2.1', 'A line feed inside, which URL parsers remove.', 'spiffe://exam\nple.org/workload', badId('trust-domain-character')],
  ['ID-08-not-ascii', 'SPIFFE-ID §2.1', 'A letter beyond ASCII.', 'spiffe://bücher.example/workload', badId('trust-domain-character')],
  ['ID-08-other-dot', 'SPIFFE-ID §2.1', 'U+3002, which IDNA reads as a dot.', 'spiffe://example。org/workload', badId('trust-domain-character')],
  ['ID-09-percent', 'SPIFFE-ID §2.1', 'A letter that is percent-encoded.', 'spiffe://ex%61mple.org/workload', badId('trust-domain-character')],
  ['ID-10-ipv4', 'SPIFFE-ID §2.1', 'An IPv4 address is a name like any other.', 'spiffe://192.0.2.1/workload', parsed('192.0.2.1', '/workload')],
  ['ID-10-no-dns-name', 'SPIFFE-ID §2.1', 'A name that breaks every rule of DNS.', 'spiffe://-a..b_./workload', parsed('-a..b_.', '/workload')],
  ['ID-10-short-address', 'SPIFFE-ID §2.1', 'A number that URL parsers turn into an address stays as it is.', 'spiffe://0127.1/workload', parsed('0127.1', '/workload')],
  ['ID-10-ipv6', 'SPIFFE-ID §2.1', 'An IPv6 literal.', 'spiffe://[2001:db8::1]/workload', badId('trust-domain-character')],
  ['ID-11-letter', 'SPIFFE-ID §2.2', 'A percent-encoded letter.', 'spiffe://example.org/%77orkload', badId('path-character')],
  ['ID-11-dots', 'SPIFFE-ID §2.2', 'Percent-encoded dots, which URL parsers resolve.', 'spiffe://example.org/a/%2e%2e/b', badId('path-character')],
  ['ID-12-empty-segment', 'SPIFFE-ID §2.2', 'Two slashes in a row.', 'spiffe://example.org/a//b', badId('path-empty-segment')],
  ['ID-13-dot', 'SPIFFE-ID §2.2', 'A segment of one dot.', 'spiffe://example.org/./workload', badId('path-dot-segment')],
  ['ID-13-dots', 'SPIFFE-ID §2.2', 'A segment of two dots.', 'spiffe://example.org/a/../b', badId('path-dot-segment')],
  ['ID-13-more-dots', 'SPIFFE-ID §2.2', 'Segments that only look like relative ones.', 'spiffe://example.org/.../.a/..a/a..', parsed('example.org', '/.../.a/..a/a..')],
  ['ID-14-root', 'SPIFFE-ID §2.2', 'A path of one slash.', 'spiffe://example.org/', badId('path-trailing-slash')],
  ['ID-14-behind-path', 'SPIFFE-ID §2.2', 'A slash at the end.', 'spiffe://example.org/workload/', badId('path-trailing-slash')],
  ['ID-15-every-character', 'SPIFFE-ID §2.2', 'Every character that a segment may have.', `spiffe://example.org/ABCDEFGHIJKLMNOPQRSTUVWXYZ/${EVERY_LOWER}`, parsed('example.org', `/ABCDEFGHIJKLMNOPQRSTUVWXYZ/${EVERY_LOWER}`)],
  ['ID-15-tilde', 'SPIFFE-ID §2.2', 'Unreserved in URIs, but not allowed here.', 'spiffe://example.org/~workload', badId('path-character')],
  ['ID-15-colon', 'SPIFFE-ID §2.2', 'A colon.', 'spiffe://example.org/a:b', badId('path-character')],
  ['ID-15-backslash', 'SPIFFE-ID §2.2', 'A backslash, which some parsers take for a slash.', 'spiffe://example.org/a\\b', badId('path-character')],
  ['ID-15-not-ascii', 'SPIFFE-ID §2.2', 'A letter beyond ASCII.', 'spiffe://example.org/caf\u00e9', badId('path-character')],
  ['ID-15-nul', 'SPIFFE-ID §2.2', 'A NUL, where C strings end.', 'spiffe://example.org/workload\u0000.b', badId('path-character')],
  ['ID-15-line-feed', 'SPIFFE-ID §2.2', 'A line feed at the end.', 'spiffe://example.org/workload\n', badId('path-character')],
  ['ID-16-no-path', 'SPIFFE-ID §2', 'Without a path it names the trust domain itself.', 'spiffe://example.org', parsed('example.org', '')],
  ['ID-17-longest', 'SPIFFE-ID §2.3', 'Exactly 2048 bytes.', `spiffe://example.org${LONGEST_PATH}`, parsed('example.org', LONGEST_PATH)],
  ['ID-18-too-long', 'SPIFFE-ID §2.3', 'One byte more than 2048.', `spiffe://example.org${LONGEST_PATH}a`, badId('length')],
  ['ID-19-longest-domain', 'SPIFFE-ID §2.3', 'A trust domain of 255 bytes.', `spiffe://${'a'.repeat(255)}/b`, parsed('a'.repeat(255), '/b')],
  ['ID-19-domain-too-long', 'SPIFFE-ID §2.3', 'A trust domain of 256 bytes.', `spiffe://${'a'.repeat(256)}/b`, badId('trust-domain-length')],
  ['ID-20-upper-case-scheme', 'SPIFFE-ID §2.4', 'Case folding is asked for, never done while parsing.', 'SPIFFE://example.org/workload', badId('scheme')],
])

const badDomain = (/** @type {string} */ reason) => reject('ERR_SPIFFE_TRUST_DOMAIN', reason)

// biome-ignore format: one vector a line reads as a table
add('trust-domain', asText, [
  ['ID-08-name', 'SPIFFE-ID §2.1', 'A plain name.', 'example.org', accept()],
  ['ID-10-name-ipv4', 'SPIFFE-ID §2.1', 'An IPv4 address.', '192.0.2.1', accept()],
  ['ID-10-name-dots', 'SPIFFE-ID §2.1', 'Nothing but dots.', '..', accept()],
  ['ID-10-name-long-label', 'SPIFFE-ID §2.1', 'A label of 64 characters, one more than DNS allows.', `${'a'.repeat(64)}.example`, accept()],
  ['ID-19-name-longest', 'SPIFFE-ID §2.3', '255 bytes.', 'a'.repeat(255), accept()],
  ['ID-02-name-empty', 'SPIFFE-ID §2.1', 'No name.', '', badDomain('trust-domain-missing')],
  ['ID-05-name-user', 'SPIFFE-ID §2.1', 'With a user name.', 'user@example.org', badDomain('trust-domain-character')],
  ['ID-06-name-port', 'SPIFFE-ID §2.1', 'With a port.', 'example.org:443', badDomain('trust-domain-character')],
  ['ID-07-name-upper-case', 'SPIFFE-ID §2.1', 'One capital.', 'example.Org', badDomain('trust-domain-character')],
  ['ID-08-name-with-path', 'SPIFFE-ID §2.1', 'With a path.', 'example.org/workload', badDomain('trust-domain-character')],
  ['ID-08-name-with-scheme', 'SPIFFE-ID §2.1', 'An ID where a name belongs.', 'spiffe://example.org', badDomain('trust-domain-character')],
  ['ID-08-name-line-feed', 'SPIFFE-ID §2.1', 'A line feed at the end.', 'example.org\n', badDomain('trust-domain-character')],
  ['ID-19-name-too-long', 'SPIFFE-ID §2.3', '256 bytes.', 'a'.repeat(256), badDomain('trust-domain-length')],
])

// biome-ignore format: one vector a line reads as a table
add('normalize', asText, [
  ['ID-20-unchanged', 'SPIFFE-ID §2.4', 'Nothing to do.', 'spiffe://example.org/Work/load', accept({ text: 'spiffe://example.org/Work/load' })],
  ['ID-20-both-cases', 'SPIFFE-ID §2.4', 'Scheme and trust domain are folded, the path is not.', 'SPIFFE://Example.ORG/Work/LOAD', accept({ text: 'spiffe://example.org/Work/LOAD' })],
  ['ID-20-no-path', 'SPIFFE-ID §2.4', 'Without a path.', 'Spiffe://EXAMPLE.org', accept({ text: 'spiffe://example.org' })],
  ['ID-20-other-scheme', 'SPIFFE-ID §2.4', 'Folding does not change the scheme.', 'HTTPS://EXAMPLE.org/workload', badId('scheme')],
  ['ID-20-kelvin', 'SPIFFE-ID §2.4', 'U+212A becomes a plain k when lower-cased beyond ASCII.', 'spiffe://\u212ael.example/workload', badId('trust-domain-character')],
  ['ID-20-long-s', 'SPIFFE-ID §2.4', 'U+017F equals s when case is folded beyond ASCII.', '\u017fpiffe://example.org/workload', badId('scheme')],
  ['ID-20-port', 'SPIFFE-ID §2.4', 'A default port is not dropped.', 'SPIFFE://EXAMPLE.org:443/workload', badId('trust-domain-character')],
  ['ID-20-dots', 'SPIFFE-ID §2.4', 'Relative segments are not resolved.', 'SPIFFE://EXAMPLE.org/a/../b', badId('path-dot-segment')],
])

// X.509-SVIDs ────────────────────────────────────────────────────────────────────────────────────────────

const PROD = 'prod.example'
const OTHER = 'other.example'
const ID = `spiffe://${PROD}/workload`
const prodRoot = root(PROD)
const prodRoot2 = root(PROD, { subject: `${PROD} root 2` })
const otherRoot = root(OTHER)
const prodCa = intermediate(PROD, prodRoot)
const plainLeaf = leaf(ID, prodRoot)
const otherLeaf = leaf(`spiffe://${OTHER}/workload`, otherRoot)
const prodBundle = bundleOf(1, prodRoot)
const otherBundle = bundleOf(1, otherRoot)

/**
 * A chain, and what is known where it is judged: the bundle of prod.example unless something else is said.
 *
 * @param {readonly (Issued | Buffer)[]} chain
 * @param {{ roots?: readonly Issued[], bundles?: Readonly<Record<string, string>>, time?: string, expect?: string }} [given]
 */
function peer(chain, { roots, bundles, time, expect } = {}) {
  return {
    chain: chain.map((item) => (Buffer.isBuffer(item) ? item.toString('base64') : base64(item))),
    bundles: bundles ?? { [PROD]: roots === undefined ? prodBundle : bundleOf(1, ...roots) },
    time,
    expect,
  }
}

/** A leaf of prod.example right below its root. */
const workload = (/** @type {Shape} */ shape = {}) => peer([leaf(ID, prodRoot, shape)])
/** The same with other alternative names. */
const named = (/** @type {string[]} */ ...uris) =>
  workload({ extensions: { subjectAltName: subjectAltName(uris.map(uri)) } })
/** A leaf below an intermediate that is special. */
function below(/** @type {Shape} */ shape, trustDomain = PROD) {
  const ca = intermediate(trustDomain, prodRoot, shape)
  return peer([leaf(ID, ca), ca])
}
/** A leaf below a root that is special. */
function belowRoot(/** @type {Shape} */ shape, trustDomain = PROD) {
  const authority = root(trustDomain, shape)
  return peer([leaf(ID, authority)], { roots: [authority] })
}
/** A leaf of a trust domain, below an intermediate of that domain with name constraints. */
function constrained(
  /** @type {{ permitted?: Buffer[], excluded?: Buffer[] }} */ subtrees,
  trustDomain = PROD,
) {
  const authority = root(trustDomain)
  const ca = intermediate(trustDomain, authority, {
    extensions: { nameConstraints: nameConstraints(subtrees) },
  })
  const id = `spiffe://${trustDomain}/workload`
  return peer([leaf(id, ca), ca], { bundles: { [trustDomain]: bundleOf(1, authority) } })
}

const usage = (/** @type {string[]} */ ...usages) => ({ extensions: { keyUsage: keyUsage(usages) } })
const purposes = (/** @type {string[]} */ ...list) => ({
  extensions: { extendedKeyUsage: extendedKeyUsage(list) },
})
const uris = (/** @type {string[]} */ ...list) => ({
  extensions: { subjectAltName: subjectAltName(list.map(uri)) },
})

const valid = (/** @type {string[]} */ ...warnings) => accept({ spiffeId: ID, warnings })
const validAs = (/** @type {string} */ spiffeId) => accept({ spiffeId, warnings: [] })
const badSvidId = (/** @type {string} */ reason) => reject('ERR_SVID_ID', reason)

/**
 * @param {Buffer} der
 * @param {Buffer} from
 * @param {Buffer} to of the same length
 */
function replaceBytes(der, from, to) {
  const at = der.indexOf(from)
  if (at < 0 || der.indexOf(from, at + 1) >= 0 || from.length !== to.length) throw new Error('not there once')
  return Buffer.concat([der.subarray(0, at), to, der.subarray(at + from.length)])
}

const tamperedId = replaceBytes(plainLeaf.der, Buffer.from(ID), Buffer.from(ID.replace('load', 'lord')))
const tamperedKey = replaceBytes(plainLeaf.der, LEAF_KEY.spki, ecKey('another leaf').spki)

const shortLeaf = leaf(ID, prodRoot, { from: '2026-05-01T00:00:00Z', to: '2026-07-01T00:00:00Z' })
const narrowCa = intermediate(PROD, prodRoot, {
  extensions: { basicConstraints: basicConstraints({ pathLength: 0 }) },
})
const widerCa = intermediate(PROD, prodRoot, {
  extensions: { basicConstraints: basicConstraints({ pathLength: 1 }) },
})
const lowerCa = (/** @type {Issuer} */ issuer, trustDomain = PROD) =>
  intermediate(trustDomain, issuer, { subject: `${PROD} lower intermediate` })
const lowerBelowNarrow = lowerCa(narrowCa)
const lowerBelowWider = lowerCa(widerCa)
const permittingCa = intermediate(PROD, prodRoot, {
  extensions: { nameConstraints: nameConstraints({ permitted: [uri(PROD)] }) },
})
const strayCa = lowerCa(permittingCa, OTHER)
const longId = `spiffe://${PROD}/${'a'.repeat(2048 - `spiffe://${PROD}/`.length)}`
const twoCertificates = bundle([x509Jwk(prodRoot, { x5c: [base64(prodRoot), base64(prodRoot2)] })])

// biome-ignore format: one vector a line reads as a table
add('svid', (input) => input, [
  ['ID-10-svid-address', 'SPIFFE-ID §2.1', 'A trust domain named like an IPv4 address.', addressed(), validAs('spiffe://192.0.2.1/workload')],
  ['ID-17-svid-longest', 'SPIFFE-ID §2.3', 'An ID of exactly 2048 bytes.', peer([leaf(longId, prodRoot)]), validAs(longId)],
  ['ID-18-svid-too-long', 'SPIFFE-ID §2.3', 'An ID of 2049 bytes.', named(`${longId}a`), badSvidId('length')],
  ['ID-20-svid-path-case', 'SPIFFE-ID §2.4', 'The expected ID differs in the case of its path.', peer([plainLeaf], { expect: `spiffe://${PROD}/Workload` }), reject('ERR_SVID_UNEXPECTED_ID')],
  ['ID-21-authority', 'SPIFFE-ID §3.1', 'The authority carries the ID of its trust domain.', peer([plainLeaf]), valid()],
  ['ID-21-no-authority', 'SPIFFE-ID §3.1', 'A trust domain without any authority.', peer([plainLeaf], { roots: [] }), reject('ERR_SVID_NO_AUTHORITY')],
  ['ID-22-signed', 'SPIFFE-ID §3.2', 'ID and key as they were signed.', peer([leaf(ID, prodCa), prodCa]), valid()],
  ['ID-22-other-id', 'SPIFFE-ID §3.2', 'One letter of the ID was changed after signing.', peer([tamperedId]), reject('ERR_PATH_SIGNATURE')],
  ['ID-22-other-key', 'SPIFFE-ID §3.2', 'The key was exchanged after signing.', peer([tamperedKey]), reject('ERR_PATH_SIGNATURE')],
  ['ID-23-own-authority', 'SPIFFE-ID §3', 'Signed by the authority of its own trust domain.', peer([leaf(`spiffe://${PROD}/own`, prodRoot)]), validAs(`spiffe://${PROD}/own`)],
  ['ID-23-foreign-authority', 'SPIFFE-ID §3', 'Signed by the authority of another trust domain.', peer([leaf(ID, otherRoot)]), reject('ERR_PATH_NO_ISSUER')],
  ['ID-23-no-document', 'SPIFFE-ID §3.3', 'An empty chain.', peer([]), reject('ERR_SVID_MALFORMED')],
  ['ID-23-token', 'SPIFFE-ID §3.3', 'A token where a certificate belongs.', peer([Buffer.from('eyJhbGciOiJFUzI1NiJ9.e30.AAAA')]), reject('ERR_SVID_MALFORMED')],
  ['ID-23-truncated', 'SPIFFE-ID §3.3', 'The last byte of the certificate is missing.', peer([plainLeaf.der.subarray(0, -1)]), reject('ERR_SVID_MALFORMED')],

  ['X-01-one-uri', 'X509-SVID §2', 'One URI.', peer([leaf(`spiffe://${PROD}/ns/shop/sa/cart`, prodRoot)]), validAs(`spiffe://${PROD}/ns/shop/sa/cart`)],
  ['X-01-no-alternative-name', 'X509-SVID §2', 'No alternative names at all.', workload({ extensions: { subjectAltName: null } }), reject('ERR_SVID_URI_COUNT')],
  ['X-01-two-ids', 'X509-SVID §2', 'Two SPIFFE IDs.', named(ID, `spiffe://${PROD}/admin`), reject('ERR_SVID_URI_COUNT')],
  ['X-01-same-twice', 'X509-SVID §2', 'The same ID twice.', named(ID, ID), reject('ERR_SVID_URI_COUNT')],
  ['X-01-id-and-url', 'X509-SVID §2', 'A SPIFFE ID and a URI of another scheme.', named(ID, 'https://prod.example/'), reject('ERR_SVID_URI_COUNT')],
  ['X-02-other-names', 'X509-SVID §2', 'Names of other types beside the one URI.', workload({ extensions: { subjectAltName: subjectAltName([dns('a.prod.example'), uri(ID), dns('b.prod.example'), ip(192, 0, 2, 1), email('a@prod.example')]) } }), valid()],
  ['X-02-no-uri', 'X509-SVID §2', 'Names of other types only.', workload({ extensions: { subjectAltName: subjectAltName([dns('a.prod.example')]) } }), reject('ERR_SVID_URI_COUNT')],
  ['X-03-path', 'X509-SVID §3.1', 'A path of one segment.', peer([leaf(`spiffe://${PROD}/a`, prodRoot)]), validAs(`spiffe://${PROD}/a`)],
  ['X-03-no-path', 'X509-SVID §3.1', 'The ID of the trust domain itself.', named(`spiffe://${PROD}`), reject('ERR_SVID_NO_PATH')],
  ['X-04-critical', 'X509-SVID §3.1', 'No subject, and the alternative name is critical.', workload({ subject: '', extensions: { subjectAltName: subjectAltName([uri(ID)], true) } }), valid()],
  ['X-04-critical-with-subject', 'X509-SVID §3.1', 'Critical beside a subject, which is allowed.', workload({ extensions: { subjectAltName: subjectAltName([uri(ID)], true) } }), valid()],
  ['X-04-not-critical', 'X509-SVID §3.1', 'No subject, but the alternative name is not critical.', workload({ subject: '' }), reject('ERR_SVID_SAN_NOT_CRITICAL')],
  ['X-05-root-without-id', 'X509-SVID §3.2', 'A root that is no SVID.', belowRoot({ extensions: { subjectAltName: null } }), valid('X-05')],
  ['X-05-intermediate-without-id', 'X509-SVID §3.2', 'An intermediate that is no SVID.', below({ extensions: { subjectAltName: null } }), valid('X-05')],
  ['X-05-other-uri', 'X509-SVID §3.2', 'A root whose one URI is of another scheme.', belowRoot(uris('https://prod.example/ca')), valid('X-05')],
  ['X-06-no-path', 'X509-SVID §3.2', 'Root and intermediate carry the ID of the trust domain.', peer([leaf(`spiffe://${PROD}/b`, prodCa), prodCa]), validAs(`spiffe://${PROD}/b`)],
  ['X-06-intermediate-path', 'X509-SVID §3.2', "The intermediate's ID has a path.", below(uris(`spiffe://${PROD}/ca`)), reject('ERR_SVID_SIGNER_ID')],
  ['X-06-root-path', 'X509-SVID §3.2', "The root's ID has a path.", belowRoot(uris(`spiffe://${PROD}/ca`)), reject('ERR_SVID_SIGNER_ID')],
  ['X-06-malformed', 'X509-SVID §3.2', "The intermediate's ID has a port.", below(uris(`spiffe://${PROD}:443`)), reject('ERR_SVID_SIGNER_ID')],
  ['X-06-two-uris', 'X509-SVID §2', 'An intermediate with a second URI.', below(uris(`spiffe://${PROD}`, 'https://prod.example/ca')), reject('ERR_SVID_SIGNER_ID')],
  ['X-07-intermediate', 'X509-SVID §3.2', 'An intermediate of another trust domain below the right root.', below({}, OTHER), valid('X-07')],
  ['X-07-root', 'X509-SVID §3.2', 'An authority of this domain that carries the ID of another.', belowRoot({}, OTHER), valid('X-07')],
  ['X-08-leaf', 'X509-SVID §3.2', 'A leaf whose basic constraints say that it is no CA.', workload({ extensions: { basicConstraints: basicConstraints({ ca: false }) } }), valid()],
  ['X-08-ca-as-leaf', 'X509-SVID §3.2', 'A CA presents itself.', workload({ extensions: { basicConstraints: basicConstraints() } }), reject('ERR_SVID_CA')],
  ['X-09-no-constraints', 'X509-SVID §4.1', 'A leaf without basic constraints is no CA.', peer([leaf(`spiffe://${PROD}/c`, prodRoot)]), validAs(`spiffe://${PROD}/c`)],
  ['X-09-leaf-issues', 'X509-SVID §4.1', 'An intermediate without basic constraints.', below({ extensions: { basicConstraints: null } }), reject('ERR_PATH_NOT_CA')],
  ['X-09-ca-false', 'X509-SVID §4.1', 'An intermediate whose basic constraints say that it is no CA.', below({ extensions: { basicConstraints: basicConstraints({ ca: false }) } }), reject('ERR_PATH_NOT_CA')],
  ['X-10-zero', 'X509-SVID §4.1', 'Path length 0 right above the leaf.', peer([leaf(ID, narrowCa), narrowCa]), valid()],
  ['X-10-one', 'X509-SVID §4.1', 'Path length 1 above one more intermediate.', peer([leaf(ID, lowerBelowWider), lowerBelowWider, widerCa]), valid()],
  ['X-10-exceeded', 'X509-SVID §4.1', 'Path length 0 above one more intermediate.', peer([leaf(ID, lowerBelowNarrow), lowerBelowNarrow, narrowCa]), reject('ERR_PATH_LENGTH')],
  ['X-11-permitted', 'X509-SVID §4.2', 'The host of the ID is the permitted one.', constrained({ permitted: [uri(PROD)] }), valid()],
  ['X-11-not-permitted', 'X509-SVID §4.2', 'Only another host is permitted.', constrained({ permitted: [uri(OTHER)] }), reject('ERR_PATH_NAME_CONSTRAINTS')],
  ['X-11-one-of-two', 'X509-SVID §4.2', 'The host is one of two that are permitted.', constrained({ permitted: [uri(OTHER), uri(PROD)] }), valid()],
  ['X-11-excluded', 'X509-SVID §4.2', 'The host is excluded.', constrained({ excluded: [uri(PROD)] }), reject('ERR_PATH_NAME_CONSTRAINTS')],
  ['X-11-not-excluded', 'X509-SVID §4.2', 'Another host is excluded.', constrained({ excluded: [uri(OTHER)] }), valid()],
  ['X-11-other-type', 'X509-SVID §4.2', 'A constraint on DNS names says nothing about IDs.', constrained({ permitted: [dns(OTHER)] }), valid()],
  ['X-11-subdomain', 'RFC 5280 §4.2.1.10', 'A leading dot permits what is below the domain.', constrained({ permitted: [uri(`.${PROD}`)] }, `eu.${PROD}`), validAs(`spiffe://eu.${PROD}/workload`)],
  ['X-11-dot-not-itself', 'RFC 5280 §4.2.1.10', 'A leading dot does not permit the domain itself.', constrained({ permitted: [uri(`.${PROD}`)] }), reject('ERR_PATH_NAME_CONSTRAINTS')],
  ['X-11-host-not-below', 'RFC 5280 §4.2.1.10', 'Without a dot it is one host and nothing below it.', constrained({ permitted: [uri(PROD)] }, `eu.${PROD}`), reject('ERR_PATH_NAME_CONSTRAINTS')],
  ['X-11-address', 'RFC 5280 §4.2.1.10', 'Below any URI constraint a host must be a domain name.', constrained({ excluded: [uri(OTHER)] }, '192.0.2.1'), reject('ERR_PATH_NAME_CONSTRAINTS')],
  ['X-11-intermediate-outside', 'X509-SVID §4.2', 'The ID of a lower intermediate is not permitted.', peer([leaf(ID, strayCa), strayCa, permittingCa]), reject('ERR_PATH_NAME_CONSTRAINTS')],
  ['X-12-leaf-none', 'X509-SVID §4.3', 'A leaf without key usage.', workload({ extensions: { keyUsage: null } }), reject('ERR_SVID_KEY_USAGE')],
  ['X-12-leaf-not-critical', 'X509-SVID §4.3', 'Key usage of the leaf is not critical.', workload({ extensions: { keyUsage: keyUsage(['digitalSignature'], false) } }), reject('ERR_SVID_KEY_USAGE')],
  ['X-12-intermediate-none', 'X509-SVID §4.3', 'An intermediate with an ID but without key usage.', below({ extensions: { keyUsage: null } }), reject('ERR_SVID_SIGNER_KEY_USAGE')],
  ['X-12-intermediate-not-critical', 'X509-SVID §4.3', 'Key usage of the intermediate is not critical.', below({ extensions: { keyUsage: keyUsage(['keyCertSign', 'cRLSign'], false) } }), reject('ERR_SVID_SIGNER_KEY_USAGE')],
  ['X-12-root-none', 'X509-SVID §4.3', 'A root with an ID but without key usage.', belowRoot({ extensions: { keyUsage: null } }), reject('ERR_SVID_SIGNER_KEY_USAGE')],
  ['X-12-root-not-critical', 'X509-SVID §4.3', 'Key usage of the root is not critical.', belowRoot({ extensions: { keyUsage: keyUsage(['keyCertSign', 'cRLSign'], false) } }), reject('ERR_SVID_SIGNER_KEY_USAGE')],
  ['X-12-no-svid', 'X509-SVID §4.3', 'A root that is no SVID needs no key usage.', belowRoot({ extensions: { keyUsage: null, subjectAltName: null } }), valid('X-05')],
  ['X-13-cert-sign-only', 'X509-SVID §4.3', 'A CA without cRLSign.', below(usage('keyCertSign')), valid()],
  ['X-13-no-cert-sign', 'X509-SVID §4.3', 'A CA without keyCertSign.', below(usage('cRLSign')), reject('ERR_PATH_KEY_USAGE')],
  ['X-14-more-usages', 'X509-SVID §4.3', 'A leaf with all the usages that it may have.', workload(usage('digitalSignature', 'keyEncipherment', 'keyAgreement')), valid()],
  ['X-14-no-digital-signature', 'X509-SVID §4.3', 'A leaf for key encipherment only.', workload(usage('keyEncipherment')), reject('ERR_SVID_KEY_USAGE')],
  ['X-15-none', 'X509-SVID §4.4', 'A leaf without extended key usage.', workload({ extensions: { extendedKeyUsage: null } }), valid('X-15')],
  ['X-15-critical', 'X509-SVID §4.4', 'Both purposes, critical.', workload({ extensions: { extendedKeyUsage: extendedKeyUsage([SERVER_AUTH, CLIENT_AUTH], true) } }), valid()],
  ['X-15-one-more', 'X509-SVID §4.4', 'A third purpose.', workload(purposes(SERVER_AUTH, CLIENT_AUTH, CODE_SIGNING)), valid()],
  ['X-15-server-only', 'X509-SVID §4.4', 'Only serverAuth.', workload(purposes(SERVER_AUTH)), reject('ERR_SVID_EXTENDED_KEY_USAGE')],
  ['X-15-client-only', 'X509-SVID §4.4', 'Only clientAuth.', workload(purposes(CLIENT_AUTH)), reject('ERR_SVID_EXTENDED_KEY_USAGE')],
  ['X-15-any', 'X509-SVID §4.4', 'Any purpose does not stand for the two.', workload(purposes(ANY_PURPOSE)), reject('ERR_SVID_EXTENDED_KEY_USAGE')],
  ['X-16-intermediate-purposes', 'X509-SVID §4.4', 'An intermediate for clientAuth only does not narrow the leaf.', below(purposes(CLIENT_AUTH)), valid()],
  ['X-17-first-instant', 'RFC 5280 §4.1.2.5', 'The second at which validity begins.', peer([shortLeaf], { time: '2026-05-01T00:00:00Z' }), valid()],
  ['X-17-last-instant', 'RFC 5280 §4.1.2.5', 'The second at which validity ends.', peer([shortLeaf], { time: '2026-07-01T00:00:00Z' }), valid()],
  ['X-17-too-early', 'RFC 5280 §6.1.3', 'One second before validity begins.', peer([shortLeaf], { time: '2026-04-30T23:59:59Z' }), reject('ERR_PATH_NOT_YET_VALID')],
  ['X-17-expired', 'RFC 5280 §6.1.3', 'One second after validity ended.', peer([shortLeaf], { time: '2026-07-01T00:00:01Z' }), reject('ERR_PATH_EXPIRED')],
  ['X-17-expired-intermediate', 'RFC 5280 §6.1.3', 'A valid leaf below an intermediate that expired.', below({ to: '2026-05-31T00:00:00Z' }), reject('ERR_PATH_EXPIRED')],
  ['X-17-future-intermediate', 'RFC 5280 §6.1.3', 'A valid leaf below an intermediate of tomorrow.', below({ from: '2026-06-02T00:00:00Z' }), reject('ERR_PATH_NOT_YET_VALID')],
  ['X-17-unknown-extension', 'RFC 5280 §4.2', 'An unknown extension that is not critical.', workload({ extensions: { unknown: unknownExtension(false) } }), valid()],
  ['X-17-critical-in-leaf', 'RFC 5280 §4.2', 'An unknown critical extension in the leaf.', workload({ extensions: { unknown: unknownExtension(true) } }), reject('ERR_PATH_CRITICAL_EXTENSION')],
  ['X-17-critical-in-intermediate', 'RFC 5280 §4.2', 'An unknown critical extension in the intermediate.', below({ extensions: { unknown: unknownExtension(true) } }), reject('ERR_PATH_CRITICAL_EXTENSION')],
  ['X-17-forged', 'RFC 5280 §6.1.3', "The root's name and key identifier, but another key signed.", workload({ signedBy: ecKey('forger') }), reject('ERR_PATH_SIGNATURE')],
  ['X-17-forged-intermediate', 'RFC 5280 §6.1.3', 'An intermediate that the root did not sign.', below({ signedBy: ecKey('forger') }), reject('ERR_PATH_SIGNATURE')],
  ['X-17-gap', 'RFC 5280 §6.1', 'The intermediate is missing.', peer([leaf(ID, prodCa)]), reject('ERR_PATH_NO_ISSUER')],
  ['X-18-ca', 'X509-SVID §5.2', 'cA is true, with a path length.', workload({ extensions: { basicConstraints: basicConstraints({ pathLength: 0 }) } }), reject('ERR_SVID_CA')],
  ['X-18-cert-sign', 'X509-SVID §5.2', 'A leaf that may sign certificates.', workload(usage('digitalSignature', 'keyCertSign')), reject('ERR_SVID_KEY_USAGE')],
  ['X-18-crl-sign', 'X509-SVID §5.2', 'A leaf that may sign revocation lists.', workload(usage('digitalSignature', 'cRLSign')), reject('ERR_SVID_KEY_USAGE')],
  ['X-18-neither', 'X509-SVID §5.2', 'Neither cA nor either usage; basic constraints need not be critical.', workload({ extensions: { basicConstraints: basicConstraints({ ca: false, critical: false }) } }), valid()],
  ['X-19-spiffe', 'X509-SVID §5.2', 'The right scheme and a path with capitals.', peer([leaf(`spiffe://${PROD}/Work/Load`, prodRoot)]), validAs(`spiffe://${PROD}/Work/Load`)],
  ['X-19-https', 'X509-SVID §5.2', 'The one URI is of another scheme.', named(`https://${PROD}/workload`), badSvidId('scheme')],
  ['X-19-upper-case-scheme', 'X509-SVID §5.2', 'The scheme in capitals, which URL parsers fold.', named(`SPIFFE://${PROD}/workload`), badSvidId('scheme')],
  ['X-19-empty', 'X509-SVID §5.2', 'A URI of no bytes.', named(''), badSvidId('empty')],
  ['X-19-fragment', 'SPIFFE-ID §2', 'An empty fragment, which URL parsers drop.', named(`${ID}#`), badSvidId('path-character')],
  ['X-19-query', 'SPIFFE-ID §2', 'A query.', named(`${ID}?x=1`), badSvidId('path-character')],
  ['X-19-nul', 'SPIFFE-ID §2.2', 'A NUL in the path.', named(`${ID}\0.admin`), badSvidId('path-character')],
  ['X-19-nul-in-domain', 'SPIFFE-ID §2.1', 'A NUL behind a known trust domain.', named(`spiffe://${PROD}\0.evil.example/workload`), badSvidId('trust-domain-character')],
  ['X-19-line-feed', 'SPIFFE-ID §2.1', 'A line feed in the trust domain, which URL parsers remove.', named(ID.replace('.', '\n.')), badSvidId('trust-domain-character')],
  ['X-19-percent', 'SPIFFE-ID §2.2', 'A percent-encoded slash.', named(`spiffe://${PROD}/work%2Fload`), badSvidId('path-character')],
  ['X-19-port', 'SPIFFE-ID §2.1', 'A port.', named(`spiffe://${PROD}:443/workload`), badSvidId('trust-domain-character')],
  ['X-19-upper-case-domain', 'SPIFFE-ID §2.1', 'The trust domain in capitals.', named(`spiffe://${PROD.toUpperCase()}/workload`), badSvidId('trust-domain-character')],
  ['X-19-trailing-slash', 'SPIFFE-ID §2.2', 'The root path.', named(`spiffe://${PROD}/`), badSvidId('path-trailing-slash')],
  ['X-19-dots', 'SPIFFE-ID §2.2', 'A relative segment.', named(`spiffe://${PROD}/a/../workload`), badSvidId('path-dot-segment')],
  ['X-20-digital-signature', 'X509-SVID App. A', 'A root that may also sign data.', belowRoot(usage('digitalSignature', 'keyCertSign', 'cRLSign')), valid('X-20')],
  ['X-20-encipherment', 'X509-SVID App. A', 'An intermediate that may also encipher keys.', below(usage('keyEncipherment', 'keyCertSign')), valid('X-20')],
  ['X-20-agreement', 'X509-SVID App. A', 'An intermediate that may also agree on keys.', below(usage('keyAgreement', 'keyCertSign')), valid('X-20')],
  ['X-20-several-warnings', 'X509-SVID App. A', 'A root without an ID that may sign data, and a leaf without purposes.', severalWarnings(), valid('X-05', 'X-15', 'X-20')],
  ['X-24-no-certificate', 'X509-SVID §6.2', 'The only authority of the bundle has no certificate.', peer([plainLeaf], { bundles: { [PROD]: bundle([x509Jwk(prodRoot, { x5c: undefined })]) } }), reject('ERR_SVID_NO_AUTHORITY')],
  ['X-25-first-certificate', 'X509-SVID §6.2', 'The first of two certificates signed.', peer([plainLeaf], { bundles: { [PROD]: twoCertificates } }), valid()],
  ['X-25-second-certificate', 'X509-SVID §6.2', 'The second of two certificates signed, which nobody trusts.', peer([leaf(ID, prodRoot2)], { bundles: { [PROD]: twoCertificates } }), reject('ERR_PATH_NO_ISSUER')],
  ['X-26-both-uses', 'X509-SVID §6.2', 'Authorities of both uses in one bundle.', peer([plainLeaf], { bundles: { [PROD]: bundle([jwtJwk(ecKey('jwt')), x509Jwk(prodRoot)]) } }), valid()],
  ['X-26-tokens-only', 'X509-SVID §6.2', 'A bundle for JWT-SVIDs only.', peer([plainLeaf], { bundles: { [PROD]: bundle([jwtJwk(prodRoot.key)]) } }), reject('ERR_SVID_NO_AUTHORITY')],
  ['X-27-own-bundle', 'Federation §7.3', 'The bundle is chosen by the trust domain of the leaf.', peer([otherLeaf], { bundles: { [PROD]: prodBundle, [OTHER]: otherBundle } }), validAs(`spiffe://${OTHER}/workload`)],
  ['X-27-no-bundle', 'Federation §7.3', 'No bundle for the trust domain of the leaf.', peer([otherLeaf]), reject('ERR_SVID_NO_BUNDLE')],
  ['X-27-signer-elsewhere', 'Federation §7.3', 'The signer is known, but as authority of another domain.', peer([leaf(`spiffe://${OTHER}/workload`, prodRoot)]), reject('ERR_SVID_NO_BUNDLE')],
  ['X-27-longer-name', 'Federation §7.3', 'A trust domain whose name begins with a known one.', peer([leaf(`spiffe://${PROD}.evil.example/workload`, prodRoot)]), reject('ERR_SVID_NO_BUNDLE')],
  ['X-27-object-member', 'Federation §7.3', 'A trust domain named like a member of every object.', peer([leaf('spiffe://constructor/workload', prodRoot)]), reject('ERR_SVID_NO_BUNDLE')],

  ['B-06-empty', 'Trust Domain and Bundle §4.1.3', 'All keys of the trust domain were revoked.', peer([plainLeaf], { bundles: { [PROD]: bundle([]) } }), reject('ERR_SVID_NO_AUTHORITY')],
  ['B-06-effectively-empty', 'Trust Domain and Bundle §4.1.3', 'No element of the bundle can be used.', peer([plainLeaf], { bundles: { [PROD]: bundle([x509Jwk(prodRoot, { kty: 'FUTURE' })]) } }), reject('ERR_SVID_NO_AUTHORITY')],
  ['B-06-one-usable', 'Trust Domain and Bundle §4.1.3', 'One usable element among others.', peer([plainLeaf], { bundles: { [PROD]: bundle([x509Jwk(prodRoot2, { kty: 'FUTURE' }), x509Jwk(prodRoot)]) } }), valid()],
  ['B-10-by-domain', 'Trust Domain and Bundle §3', 'Two bundles; each vouches for its own domain.', peer([plainLeaf], { bundles: { [OTHER]: otherBundle, [PROD]: prodBundle } }), valid()],
  ['B-10-exchanged', 'Trust Domain and Bundle §3', "Two bundles under each other's names.", peer([plainLeaf], { bundles: { [OTHER]: prodBundle, [PROD]: otherBundle } }), reject('ERR_PATH_NO_ISSUER')],
  ['F-01-used-too-soon', 'Federation §4.1', 'A leaf of a key that the bundle does not have yet.', peer([leaf(ID, prodRoot2)]), reject('ERR_PATH_NO_ISSUER')],
  ['F-01-published-first', 'Federation §4.1', 'The same leaf once the bundle has the key.', peer([leaf(ID, prodRoot2)], { bundles: { [PROD]: bundleOf(2, prodRoot, prodRoot2) } }), valid()],
  ['F-05-not-merged', 'Federation §4.2', 'A federated authority signs for a domain that is not its own.', peer([leaf(ID, otherRoot)], { bundles: { [PROD]: prodBundle, [OTHER]: otherBundle } }), reject('ERR_PATH_NO_ISSUER')],
  ['F-05-own-domain', 'Federation §4.2', 'The same authority signs for its own domain.', peer([leaf(`spiffe://${OTHER}/a`, otherRoot)], { bundles: { [PROD]: prodBundle, [OTHER]: otherBundle } }), validAs(`spiffe://${OTHER}/a`)],
  ['F-21-expected-id', 'Federation §5.2.2.4', 'A server that is the expected one.', peer([plainLeaf], { expect: ID }), valid()],
  ['F-21-unexpected-id', 'Federation §5.2.2.4', 'A valid server whose path only begins like the expected one.', peer([leaf(`${ID}/b`, prodRoot)], { expect: ID }), reject('ERR_SVID_UNEXPECTED_ID')],
  ['F-23-while-it-lasts', 'Federation §6.3', 'A peer of a federated domain.', peer([otherLeaf], { bundles: { [OTHER]: otherBundle } }), validAs(`spiffe://${OTHER}/workload`)],
  ['F-23-after-the-end', 'Federation §6.3', 'The same peer once the bundle is deleted.', peer([otherLeaf], { bundles: {} }), reject('ERR_SVID_NO_BUNDLE')],
])

function addressed() {
  const authority = root('192.0.2.1')
  return peer([leaf('spiffe://192.0.2.1/workload', authority)], {
    bundles: { '192.0.2.1': bundleOf(1, authority) },
  })
}

function severalWarnings() {
  const authority = root(PROD, {
    extensions: { subjectAltName: null, keyUsage: keyUsage(['digitalSignature', 'keyCertSign']) },
  })
  return peer([leaf(ID, authority, { extensions: { extendedKeyUsage: null } })], { roots: [authority] })
}

// Bundles ────────────────────────────────────────────────────────────────────────────────────────────────

const rsaRoot = root(PROD, { subject: `${PROD} RSA root`, key: rsaKey('root') })
const edRoot = root(PROD, { subject: `${PROD} Ed25519 root`, key: ed25519Key('root') })
const p384Root = root(PROD, { subject: `${PROD} P-384 root`, key: ecKey('root', 'P-384') })
const p521Root = root(PROD, { subject: `${PROD} P-521 root`, key: ecKey('root', 'P-521') })
const sameKeyRoot = root(PROD, { from: '2026-02-01T00:00:00Z' })
const shortRoot = root(PROD, { subject: `${PROD} short root`, key: keyWithLeadingZero() })
const jwtKey = ecKey('jwt')

/** One whose DER does not fill its base64. */
const paddedRoot = [prodRoot2, edRoot, p384Root].find((it) => base64(it).endsWith('=')) ?? prodRoot2

/** A coordinate that begins with a zero octet, which careless encoders drop (RFC 7518 §6.2.1.2). */
function keyWithLeadingZero() {
  for (let i = 0; ; i++) {
    const key = ecKey(`leading zero ${i}`)
    if (key.jwk['x']?.startsWith('AA')) return key
  }
}
const withoutLeadingZero = base64url(Buffer.from(shortRoot.key.jwk['x'] ?? '', 'base64url').subarray(1))

/**
 * What a bundle has, when it is accepted.
 *
 * @param {number} x509Authorities
 * @param {number} jwtAuthorities
 * @param {readonly [index: number | null, reason: string][]} [skipped]
 * @param {{ sequence?: string | null, refreshHint?: number | null }} [members]
 */
const holds = (
  x509Authorities,
  jwtAuthorities,
  skipped = [],
  { sequence: number = '1', refreshHint = 300 } = {},
) =>
  accept({
    x509Authorities,
    jwtAuthorities,
    sequence: number,
    refreshHint,
    skipped: skipped.map(([index, reason]) => ({ index, reason })),
  })

/** A bundle of one good element and one that is passed over. */
const beside = (/** @type {unknown} */ element) => bundle([x509Jwk(prodRoot), element])
const passedOver = (/** @type {string} */ reason) => holds(1, 0, [[1, reason]])
const badBundle = (/** @type {string} */ reason) => reject('ERR_SPIFFE_BUNDLE', reason)

/** A bundle of one good element with this text as its sequence number. */
const numbered = (/** @type {string} */ text) =>
  `{"spiffe_sequence":${text},${bundle([x509Jwk(prodRoot)], { spiffe_refresh_hint: 300 }).slice(1)}`
const counted = (/** @type {string} */ text) => holds(1, 0, [], { sequence: text })
/** A bundle of one good element with this text as its refresh hint. */
const hinted = (/** @type {string} */ text) =>
  `{"spiffe_refresh_hint":${text},${bundle([x509Jwk(prodRoot)], { spiffe_sequence: 1 }).slice(1)}`
const withoutHint = holds(1, 0, [[null, 'refresh-hint']], { refreshHint: null })

const p256Text = base64(prodRoot2)
const nested = (/** @type {number} */ depth) => `{"keys":[],"x":${'['.repeat(depth)}${']'.repeat(depth)}}`
const nothing = holds(0, 0, [], { sequence: null, refreshHint: null })

// biome-ignore format: one vector a line reads as a table
add(
  'bundle',
  (input) => ({ trustDomain: PROD, ...(Buffer.isBuffer(input) ? { base64: input.toString('base64') } : { json: input }) }),
  [
    ['B-01-unknown-members', 'Trust Domain and Bundle §4.1', 'Members that nobody defined.', bundle([x509Jwk(prodRoot)], { spiffe_sequence: 1, spiffe_refresh_hint: 300, comment: { a: [null, 1.5] }, spiffe_future: 1 }), holds(1, 0)],
    ['B-01-keys-only', 'Trust Domain and Bundle §4.1', 'Only what must be present.', bundle([x509Jwk(prodRoot)], {}), holds(1, 0, [], { sequence: null, refreshHint: null })],
    ['B-01-nested', 'RFC 8259 §9', 'An unknown member, nested 16 deep.', nested(16), nothing],
    ['B-01-nested-too-deep', 'RFC 8259 §9', 'An unknown member, nested 64 deep.', nested(64), reject('ERR_JSON_LIMIT')],
    ['B-02-zero', 'Trust Domain and Bundle §4.1.1', 'Zero is a number too.', numbered('0'), counted('0')],
    ['B-02-beyond-double', 'Trust Domain and Bundle §4.1.1', '2^53 + 1, which a double rounds.', numbered('9007199254740993'), counted('9007199254740993')],
    ['B-02-int64', 'Trust Domain and Bundle §4.1.1', 'The largest signed integer of 64 bits.', numbered('9223372036854775807'), counted('9223372036854775807')],
    ['B-02-beyond-uint64', 'Trust Domain and Bundle §4.1.1', '2^64: JSON integers have no limit.', numbered('18446744073709551616'), counted('18446744073709551616')],
    ['B-02-negative', 'Trust Domain and Bundle §4.1.1', 'Below zero.', numbered('-1'), badBundle('sequence')],
    ['B-02-fraction', 'Trust Domain and Bundle §4.1.1', 'Not an integer.', numbered('1.5'), badBundle('sequence')],
    ['B-02-exponent', 'Trust Domain and Bundle §4.1.1', 'Written with an exponent.', numbered('1e3'), badBundle('sequence')],
    ['B-02-text', 'Trust Domain and Bundle §4.1.1', 'A string of digits.', numbered('"1"'), badBundle('sequence')],
    ['B-02-null', 'Trust Domain and Bundle §4.1.1', 'Present, but null.', numbered('null'), badBundle('sequence')],
    ['B-03-hint', 'Trust Domain and Bundle §4.1.2', 'Longer than a timer of 32 bits can wait.', hinted('2147483648'), holds(1, 0, [], { refreshHint: 2147483648 })],
    ['B-03-zero', 'Trust Domain and Bundle §4.1.2', 'Zero would mean to poll without a pause.', hinted('0'), withoutHint],
    ['B-03-negative', 'Trust Domain and Bundle §4.1.2', 'Below zero.', hinted('-300'), withoutHint],
    ['B-03-fraction', 'Trust Domain and Bundle §4.1.2', 'Not an integer.', hinted('1.5'), withoutHint],
    ['B-03-text', 'Trust Domain and Bundle §4.1.2', 'A string of digits.', hinted('"300"'), withoutHint],
    ['B-04-empty-list', 'Trust Domain and Bundle §4.1.3', 'No keys, and that is said.', '{"keys":[]}', nothing],
    ['B-04-absent', 'Trust Domain and Bundle §4.1.3', 'The member is absent.', '{"spiffe_sequence":1}', badBundle('keys-missing')],
    ['B-04-null', 'Trust Domain and Bundle §4.1.3', 'null where a list belongs, as some encoders write an empty one.', '{"keys":null}', badBundle('keys-missing')],
    ['B-04-object', 'Trust Domain and Bundle §4.1.3', 'An object where a list belongs.', '{"keys":{}}', badBundle('keys-missing')],
    ['B-04-inherited', 'Trust Domain and Bundle §4.1.3', 'A member that becomes a prototype in careless readers.', '{"__proto__":{"keys":[]}}', badBundle('keys-missing')],
    ['B-04-array', 'Trust Domain and Bundle §4.1', 'A list of keys without the object around it.', '[]', badBundle('not-an-object')],
    ['B-04-bare-null', 'Trust Domain and Bundle §4.1', 'The text is null.', 'null', badBundle('not-an-object')],
    ['B-04-too-many', 'Trust Domain and Bundle §4.1.3', '1025 elements.', `{"keys":[${'{},'.repeat(1024)}{}]}`, reject('ERR_SPIFFE_BUNDLE_LIMIT')],
    ['B-04-no-text', 'RFC 8259 §2', 'No bytes.', '', reject('ERR_JSON_SYNTAX')],
    ['B-04-truncated', 'RFC 8259 §2', 'The last bracket is missing.', '{"keys":[]', reject('ERR_JSON_SYNTAX')],
    ['B-04-trailing-comma', 'RFC 8259 §5', 'A comma behind the last element.', '{"keys":[{},]}', reject('ERR_JSON_SYNTAX')],
    ['B-04-leading-zero', 'RFC 8259 §6', 'A number with a leading zero.', '{"keys":[],"spiffe_sequence":01}', reject('ERR_JSON_SYNTAX')],
    ['B-04-second-value', 'RFC 8259 §2', 'Something behind the bundle.', '{"keys":[]} {}', reject('ERR_JSON_SYNTAX')],
    ['B-04-raw-control', 'RFC 8259 §7', 'A line feed inside a string.', '{"keys":[],"x":"a\nb"}', reject('ERR_JSON_SYNTAX')],
    ['B-05-unknown-type', 'Trust Domain and Bundle §4.2.1', 'A key type of the future.', beside(x509Jwk(prodRoot2, { kty: 'FUTURE' })), passedOver('kty-unknown')],
    ['B-05-symmetric', 'Trust Domain and Bundle §4.2.1', 'A symmetric key has no place in a bundle.', beside({ kty: 'oct', use: 'jwt-svid', kid: 'a', k: 'AAAA' }), passedOver('kty-unknown')],
    ['B-05-unknown-use', 'Trust Domain and Bundle §4.2.2', 'Keys for a document that is not read here.', beside(jwtJwk(jwtKey, { use: 'wit-svid' })), passedOver('use-unknown')],
    ['B-05-no-object', 'Trust Domain and Bundle §4.1.3', 'Elements that are no keys at all.', bundle([null, x509Jwk(prodRoot), 'a', [], 1]), holds(1, 0, [[0, 'not-an-object'], [2, 'not-an-object'], [3, 'not-an-object'], [4, 'not-an-object']])],
    ['B-05-jwt', 'JWT-SVID §6.1', 'Two keys for tokens, of two types.', bundle([jwtJwk(jwtKey), jwtJwk(rsaRoot.key, { kid: 'key-2' })]), holds(0, 2)],
    ['B-05-jwt-no-kid', 'JWT-SVID §6.1', 'A key for tokens without its identifier.', beside(jwtJwk(jwtKey, { kid: undefined })), passedOver('kid-missing')],
    ['B-05-jwt-same-kid', 'JWT-SVID §6.1', 'Two keys for tokens with one identifier.', bundle([jwtJwk(jwtKey), jwtJwk(prodRoot.key)]), holds(0, 1, [[1, 'kid-duplicate']])],
    ['B-05-jwt-no-modulus', 'RFC 7518 §6.3.1', 'An RSA key for tokens without its modulus.', beside(jwtJwk(rsaRoot.key, { n: undefined })), passedOver('key-parameters')],
    ['B-05-jwt-private', 'RFC 7518 §6.2.2', 'A private key for tokens.', beside(jwtJwk(jwtKey, { d: base64url(derive('not a secret', 32)) })), passedOver('private-key')],
    ['B-06-nothing-usable', 'Trust Domain and Bundle §4.1.3', 'One element, and it cannot be used.', bundle([x509Jwk(prodRoot, { kty: 'FUTURE' })]), holds(0, 0, [[0, 'kty-unknown']])],
    ['B-07-unknown-parameters', 'Trust Domain and Bundle §4.2', 'Parameters that nobody asked for.', bundle([x509Jwk(prodRoot, { alg: 'ES256', 'x5t#S256': 'AAAA', future: [1] })]), holds(1, 0)],
    ['B-08-no-type', 'Trust Domain and Bundle §4.2.1', 'No key type.', beside(x509Jwk(prodRoot2, { kty: undefined })), passedOver('kty-missing')],
    ['B-09-no-use', 'Trust Domain and Bundle §4.2.2', 'No use.', beside(x509Jwk(prodRoot2, { use: undefined })), passedOver('use-missing')],
    ['B-09-upper-case', 'Trust Domain and Bundle §4.2.2', 'The use in capitals.', beside(x509Jwk(prodRoot2, { use: 'X509-SVID' })), passedOver('use-unknown')],
    ['B-09-signatures', 'Trust Domain and Bundle §4.2.2', 'The use of ordinary JWKs.', beside(x509Jwk(prodRoot2, { use: 'sig' })), passedOver('use-unknown')],
    ['B-12-bundle-twice', 'RFC 8259 §4', 'The list of keys twice.', `{"keys":[],${bundle([x509Jwk(prodRoot)], {}).slice(1)}`, reject('ERR_JSON_DUPLICATE_KEY')],
    ['B-12-bundle-escaped', 'RFC 8259 §8.3', 'The second name is spelt with an escape.', '{"keys":[],"\\u006beys":[]}', reject('ERR_JSON_DUPLICATE_KEY')],
    ['B-12-bundle-element', 'RFC 8259 §4', 'A member twice in an element.', '{"keys":[{"kty":"EC","use":"jwt-svid","use":"x509-svid"}]}', reject('ERR_JSON_DUPLICATE_KEY')],
    ['B-12-bundle-unknown', 'RFC 8259 §4', 'A member twice where nobody looks.', '{"keys":[],"x":[{"a":1,"b":2,"a":1}]}', reject('ERR_JSON_DUPLICATE_KEY')],
    ['B-15-no-hint', 'Trust Domain and Bundle §6.1', 'No hint: the client falls back to its default.', bundle([x509Jwk(prodRoot)], { spiffe_sequence: 1 }), holds(1, 0, [], { refreshHint: null })],
    ['F-03-hint', 'Federation §4.1', 'A hint of one hour.', hinted('3600'), holds(1, 0, [], { refreshHint: 3600 })],
    ['F-14-utf-8', 'Federation §5.2.1.3', 'Letters beyond ASCII.', '{"keys":[],"x":"\u00e9\u{1f511}"}', nothing],
    ['F-14-latin-1', 'Federation §5.2.1.3', 'The same in another encoding.', Buffer.from('{"keys":[],"x":"\u00e9"}', 'latin1'), reject('ERR_JSON_SYNTAX')],
    ['F-14-utf-16', 'Federation §5.2.1.3', 'Every character in two bytes.', Buffer.from('{"keys":[]}', 'utf16le'), reject('ERR_JSON_SYNTAX')],
    ['F-14-overlong', 'Federation §5.2.1.3', 'A slash in two bytes, which is not UTF-8.', Buffer.concat([Buffer.from('{"keys":[],"x":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]), reject('ERR_JSON_SYNTAX')],
    ['X-21-every-type', 'X509-SVID §6.1', 'One authority of each type of key.', bundle([prodRoot, rsaRoot, edRoot, p384Root, p521Root].map((authority) => x509Jwk(authority))), holds(5, 0)],
    ['X-21-same-key', 'X509-SVID §6.1', 'Two certificates of one key are two authorities.', bundle([x509Jwk(prodRoot), x509Jwk(sameKeyRoot)]), holds(2, 0)],
    ['X-21-same-certificate', 'X509-SVID §6.1', 'One certificate twice.', beside(x509Jwk(prodRoot)), passedOver('duplicate')],
    ['X-21-leaf', 'X509-SVID §6.1', 'The certificate of a workload.', beside(x509Jwk(plainLeaf)), passedOver('not-ca')],
    ['X-21-other-key', 'X509-SVID §6.1', "Another key than the certificate's.", beside(x509Jwk(prodRoot2, ecKey('another').jwk)), passedOver('key-mismatch')],
    ['X-21-other-type', 'X509-SVID §6.1', "A key of another type than the certificate's.", beside(x509Jwk(prodRoot2, { ...rsaRoot.key.jwk, crv: undefined, x: undefined, y: undefined })), passedOver('key-mismatch')],
    ['X-21-no-coordinate', 'RFC 7518 §6.2.1', 'One coordinate is missing.', beside(x509Jwk(prodRoot2, { y: undefined })), passedOver('key-parameters')],
    ['X-21-leading-zero', 'RFC 7518 §6.2.1', 'A coordinate that begins with a zero octet.', bundle([x509Jwk(shortRoot)]), holds(1, 0)],
    ['X-21-dropped-zero', 'RFC 7518 §6.2.1', 'The same coordinate without that octet.', beside(x509Jwk(shortRoot, { x: withoutLeadingZero })), passedOver('key-parameters')],
    ['X-21-padded-coordinate', 'RFC 7515 §2', 'A coordinate with the padding that JOSE leaves out.', beside(x509Jwk(prodRoot2, { x: `${prodRoot2.key.jwk['x']}=` })), passedOver('key-parameters')],
    ['X-21-private', 'RFC 7518 §6.2.2', 'A private key beside the certificate.', beside(x509Jwk(prodRoot2, { d: base64url(derive('not a secret', 32)) })), passedOver('private-key')],
    ['X-22-kid', 'X509-SVID §6.1', 'An identifier is for publishers to leave out, not for readers to refuse.', bundle([x509Jwk(prodRoot, { kid: 'key-1' })]), holds(1, 0)],
    ['X-23-not-self-signed', 'X509-SVID §6.1', 'An intermediate as authority.', bundle([x509Jwk(prodCa)]), holds(1, 0)],
    ['X-23-base64url', 'RFC 7517 §4.7', 'The alphabet for URLs.', beside(x509Jwk(prodRoot2, { x5c: [p256Text.replaceAll('+', '-').replaceAll('/', '_')] })), passedOver('x5c-malformed')],
    ['X-23-no-padding', 'RFC 4648 §3.2', 'Without its padding.', beside(x509Jwk(paddedRoot, { x5c: [base64(paddedRoot).replace(/=+$/, '')] })), passedOver('x5c-malformed')],
    ['X-23-line-breaks', 'RFC 4648 §3.3', 'Broken into lines.', beside(x509Jwk(prodRoot2, { x5c: [p256Text.replace(/.{64}/g, '$&\n')] })), passedOver('x5c-malformed')],
    ['X-23-pem', 'RFC 7517 §4.7', 'The markers of PEM around it.', beside(x509Jwk(prodRoot2, { x5c: [`-----BEGIN CERTIFICATE-----\n${p256Text}\n-----END CERTIFICATE-----\n`] })), passedOver('x5c-malformed')],
    ['X-23-no-certificate', 'RFC 7517 §4.7', 'A public key where a certificate belongs.', beside(x509Jwk(prodRoot2, { x5c: [prodRoot2.key.spki.toString('base64')] })), passedOver('x5c-malformed')],
    ['X-24-absent', 'X509-SVID §6.2', 'No certificates.', beside(x509Jwk(prodRoot2, { x5c: undefined })), passedOver('x5c-missing')],
    ['X-24-empty', 'X509-SVID §6.2', 'An empty list of certificates.', beside(x509Jwk(prodRoot2, { x5c: [] })), passedOver('x5c-missing')],
    ['X-25-two', 'X509-SVID §6.2', 'Two certificates: the first counts.', twoCertificates, holds(1, 0, [[0, 'x5c-extra']])],
  ],
)

/** @param {Issued} authority */
const published = ({ key, der }) => ({ ...key.jwk, use: 'x509-svid', x5c: [der.toString('base64')] })

/**
 * @param {readonly Issued[]} authorities
 * @param {number | null} number
 * @param {number | null} refreshHint
 */
const toWrite = (authorities, number, refreshHint) => ({
  trustDomain: PROD,
  x509Authorities: authorities.map(base64),
  sequence: number === null ? null : String(number),
  refreshHint,
})

// biome-ignore format: one vector a line reads as a table
add('bundle-write', (input) => input, [
  ['X-21-write-two', 'X509-SVID §6.1', 'One element for each authority.', toWrite([prodRoot, prodRoot2], 7, 300), accept({ document: { spiffe_sequence: 7, spiffe_refresh_hint: 300, keys: [published(prodRoot), published(prodRoot2)] } })],
  ['X-21-write-types', 'X509-SVID §6.1', 'The parameters of every type of key.', toWrite([rsaRoot, edRoot, p384Root, p521Root, shortRoot], 1, 60), accept({ document: { spiffe_sequence: 1, spiffe_refresh_hint: 60, keys: [rsaRoot, edRoot, p384Root, p521Root, shortRoot].map(published) } })],
  ['X-22-write-no-kid', 'X509-SVID §6.1', 'No identifiers, also where two certificates share a key.', toWrite([prodRoot, sameKeyRoot], 2, 300), accept({ document: { spiffe_sequence: 2, spiffe_refresh_hint: 300, keys: [published(prodRoot), published(sameKeyRoot)] } })],
  ['X-23-write-not-self-signed', 'X509-SVID §6.1', 'An intermediate is published alone, without its chain.', toWrite([prodCa], 3, 300), accept({ document: { spiffe_sequence: 3, spiffe_refresh_hint: 300, keys: [published(prodCa)] } })],
  ['B-04-write-empty', 'Trust Domain and Bundle §4.1.3', 'No authorities: an empty list, never null.', toWrite([], 4, 300), accept({ document: { spiffe_sequence: 4, spiffe_refresh_hint: 300, keys: [] } })],
  ['B-07-write-bare', 'Trust Domain and Bundle §4.2', 'Nothing is written that is not given.', toWrite([prodRoot], null, null), accept({ document: { keys: [published(prodRoot)] } })],
])

// Bundle maps ────────────────────────────────────────────────────────────────────────────────────────────

/**
 * @param {Readonly<Record<string, string>>} bundles their texts by trust domain
 * @param {string} [members] text in front
 */
const mapOf = (bundles, members = '') =>
  `{${members}"trust_domains":{${Object.entries(bundles)
    .map(([domain, text]) => `${JSON.stringify(domain)}:${text}`)
    .join(',')}}}`
const badMap = reject('ERR_SPIFFE_BUNDLE_MAP')
const mapped = (/** @type {string[]} */ trustDomains, /** @type {number | null} */ refreshHint = null) =>
  accept({ trustDomains, refreshHint })
const hintless = bundle([x509Jwk(prodRoot)], { spiffe_sequence: 1 })
const EMPTY = '{"keys":[]}'

// biome-ignore format: one vector a line reads as a table
add('bundle-map', (json) => ({ json }), [
  ['B-11-empty', 'Trust Domain and Bundle §5.1.1', 'No trust domains, and that is said.', mapOf({}), mapped([])],
  ['B-11-absent', 'Trust Domain and Bundle §5.1.1', 'The member is absent.', '{}', badMap],
  ['B-11-null', 'Trust Domain and Bundle §5.1.1', 'null where an object belongs.', '{"trust_domains":null}', badMap],
  ['B-11-array', 'Trust Domain and Bundle §5.1.1', 'A list where an object belongs.', '{"trust_domains":[]}', badMap],
  ['B-12-distinct', 'Trust Domain and Bundle §5.1.1', 'Two trust domains.', mapOf({ [PROD]: hintless, [OTHER]: EMPTY }), mapped([OTHER, PROD])],
  ['B-12-twice', 'Trust Domain and Bundle §6.3', 'One trust domain twice, the second time without keys.', `{"trust_domains":{"${PROD}":${hintless},"${PROD}":${EMPTY}}}`, reject('ERR_JSON_DUPLICATE_KEY')],
  ['B-12-escaped', 'Trust Domain and Bundle §6.3', 'The second name is spelt with an escape.', `{"trust_domains":{"${PROD}":${EMPTY},"\\u0070${PROD.slice(1)}":${EMPTY}}}`, reject('ERR_JSON_DUPLICATE_KEY')],
  ['B-12-map-twice', 'Trust Domain and Bundle §6.3', 'The list of trust domains twice.', '{"trust_domains":{},"trust_domains":{}}', reject('ERR_JSON_DUPLICATE_KEY')],
  ['B-13-bundle-hint', 'Trust Domain and Bundle §5.1.1', "A bundle's hint is not the map's.", mapOf({ [PROD]: prodBundle }), mapped([PROD])],
  ['B-13-both-hints', 'Trust Domain and Bundle §5.1.1', 'The hint of the map stands beside that of a bundle.', mapOf({ [PROD]: prodBundle }, '"spiffe_sequence":5,"spiffe_refresh_hint":60,'), mapped([PROD], 60)],
  ['B-14-whole', 'Trust Domain and Bundle App. B.1', 'Also a trust domain without keys is part of the state.', mapOf({ [OTHER]: otherBundle, [PROD]: EMPTY }), mapped([OTHER, PROD])],
  ['B-14-one-broken', 'Trust Domain and Bundle App. B.1', 'One bundle of two has no keys member.', mapOf({ [OTHER]: otherBundle, [PROD]: '{}' }), badMap],
  ['B-14-one-bad-number', 'Trust Domain and Bundle App. B.1', 'One bundle of two has a negative sequence number.', mapOf({ [OTHER]: otherBundle, [PROD]: '{"keys":[],"spiffe_sequence":-1}' }), badMap],
  ['B-10-map-upper-case', 'Trust Domain and Bundle §5.1.1', 'A name that is no trust domain.', mapOf({ 'Prod.example': EMPTY }), badMap],
  ['B-10-map-id', 'Trust Domain and Bundle §5.1.1', 'An ID where a name belongs.', mapOf({ [`spiffe://${PROD}`]: EMPTY }), badMap],
  ['B-10-map-prototype', 'Trust Domain and Bundle §5.1.1', 'A valid name that careless readers take for a prototype.', `{"trust_domains":{"__proto__":${EMPTY}}}`, mapped(['__proto__'])],
  ['F-09-names', 'Federation §5.1', 'Each bundle travels with the name of its trust domain.', mapOf({ [OTHER]: otherBundle, [PROD]: hintless }), mapped([OTHER, PROD])],
  ['F-09-nameless', 'Federation §5.1', 'A bundle under an empty name.', mapOf({ '': hintless }), badMap],
])

// Federation ─────────────────────────────────────────────────────────────────────────────────────────────

const SERVER_ID = `spiffe://${PROD}/bundle-endpoint`
const OTHER_SERVER_ID = `spiffe://${OTHER}/bundle-endpoint`
const URL_ = 'https://bundles.example/prod'
const web = { trustDomain: PROD, url: URL_, profile: 'https_web' }
const selfServing = {
  trustDomain: PROD,
  url: URL_,
  profile: 'https_spiffe',
  endpointSpiffeId: SERVER_ID,
  bootstrap: prodBundle,
}
const servedByOther = {
  trustDomain: PROD,
  url: URL_,
  profile: 'https_spiffe',
  endpointSpiffeId: OTHER_SERVER_ID,
  endpointBundles: { [OTHER]: otherBundle },
}
const badUrl = reject('ERR_FEDERATION_URL')
const badConfig = reject('ERR_FEDERATION_CONFIG')

// biome-ignore format: one vector a line reads as a table
add('federation-config', (input) => input, [
  ['F-06-web', 'Federation §5', 'The profile of the public web.', web, accept()],
  ['F-06-spiffe', 'Federation §5', 'The profile of SPIFFE.', selfServing, accept()],
  ['F-06-unknown', 'Federation §5.2', 'A profile that nobody defined.', { ...web, profile: 'https_future' }, badConfig],
  ['F-08-other-host', 'Federation §7.2', 'The trust domain has nothing to do with the host.', { ...web, url: 'https://cdn.example.net/a/b.json' }, accept()],
  ['F-08-no-url', 'Federation §5.1', 'No URL.', { ...web, url: undefined }, badConfig],
  ['F-08-no-profile', 'Federation §5.1', 'No profile: none is the default.', { ...web, profile: undefined }, badConfig],
  ['F-08-no-domain', 'Federation §7.2', 'No trust domain: the host does not stand in for it.', { ...web, trustDomain: undefined }, badConfig],
  ['F-10-every-component', 'Federation §5.2.1.1', 'Port, path, query and fragment are free.', { ...web, url: 'https://bundles.example:8443/a/b?c=d#e' }, accept()],
  ['F-10-upper-case', 'Federation §5.2.1.1', 'Schemes are compared without case.', { ...web, url: 'HTTPS://bundles.example/prod' }, accept()],
  ['F-10-address', 'Federation §5.2.1.1', 'An address as host.', { ...web, url: 'https://[2001:db8::1]/prod' }, accept()],
  ['F-10-http', 'Federation §5.2.1.1', 'Not https.', { ...web, url: 'http://bundles.example/prod' }, badUrl],
  ['F-10-http-spiffe', 'Federation §5.2.2.1', 'Not https, with the other profile.', { ...selfServing, url: 'http://bundles.example/prod' }, badUrl],
  ['F-10-user', 'Federation §5.2.1.1', 'A user name.', { ...web, url: 'https://user@bundles.example/prod' }, badUrl],
  ['F-10-password', 'Federation §5.2.2.1', 'User name and password, with the other profile.', { ...selfServing, url: 'https://user:secret@bundles.example/prod' }, badUrl],
  ['F-10-empty-user', 'Federation §5.2.1.1', 'User information that is empty but present.', { ...web, url: 'https://@bundles.example/prod' }, badUrl],
  ['F-10-relative', 'Federation §5.2.1.1', 'A path without a host.', { ...web, url: '/prod/bundle.json' }, badUrl],
  ['F-11-nothing-more', 'Federation §5.2.1.2', 'Three parameters suffice.', { ...web, trustDomain: OTHER }, accept()],
  ['F-11-server-id', 'Federation §5.2.1.2', 'An ID that this profile would never check.', { ...web, endpointSpiffeId: SERVER_ID }, badConfig],
  ['F-11-bootstrap', 'Federation §5.2.1.2', 'A bundle that this profile would never use.', { ...web, bootstrap: prodBundle }, badConfig],
  ['F-18-no-id', 'Federation §5.2.2.2', 'No ID of the server.', { ...selfServing, endpointSpiffeId: undefined }, badConfig],
  ['F-18-no-bundle', 'Federation §5.2.2.2', 'No way to authenticate the server.', { ...selfServing, bootstrap: undefined }, badConfig],
  ['F-18-complete', 'Federation §5.2.2.2', 'ID and bundle.', { ...selfServing, endpointSpiffeId: `spiffe://${PROD}/server` }, accept()],
  ['F-20-separate', 'Federation §5.2.2.2', "The server's own trust domain is configured too.", servedByOther, accept()],
  ['F-20-wrong-domain', 'Federation §5.2.2.2', 'Bundles are given, but not for the trust domain of the server.', { ...servedByOther, endpointBundles: { [PROD]: prodBundle } }, badConfig],
])

const server = leaf(SERVER_ID, prodRoot)
const server2 = leaf(SERVER_ID, prodRoot2)
const serverBelowCa = [leaf(SERVER_ID, prodCa), prodCa]
const otherServer = leaf(OTHER_SERVER_ID, otherRoot)
const MOVED = 'https://cdn.example/prod'
const JSON_TYPE = { 'content-type': 'application/json' }

/**
 * The answers of one poll, in the order of the requests.
 *
 * @param {Readonly<Record<string, unknown>>} given
 * @param {...unknown} responses
 */
const poll = (given, ...responses) => ({ ...given, responses })
const ok = (/** @type {string} */ body, headers = JSON_TYPE) => ({ status: 200, headers, body })

/**
 * @param {string} location
 * @param {number} [status]
 */
const redirect = (location, status = 307) => ({ status, headers: { location } })
/** The same answer from a server that shows these certificates. */
const by = (/** @type {Issued[]} */ chain, /** @type {object} */ response) => ({
  ...response,
  serverChain: chain.map(base64),
})

/**
 * @param {string | null} number
 * @param {number} x509Authorities
 * @param {string[]} [requests]
 */
const fetched = (number, x509Authorities, requests = [URL_]) =>
  accept({ sequence: number, x509Authorities, requests })
const badRedirect = reject('ERR_FEDERATION_REDIRECT')
const notAuthentic = reject('ERR_FEDERATION_AUTHENTICATION')
const hops = (/** @type {number} */ count) =>
  Array.from({ length: count }, (_, i) => `https://hop${i + 1}.example/prod`)
const bundle2 = bundleOf(2, prodRoot, prodRoot2)
const unnumbered = bundle([x509Jwk(prodRoot2)], {})

// biome-ignore format: one vector a line reads as a table
add('federation-fetch', (input) => input, [
  ['F-04-first', 'Federation §4.2', 'Nothing is held yet.', poll(web, ok(prodBundle)), fetched('1', 1)],
  ['F-04-newer', 'Federation §4.2', 'A higher number replaces the bundle.', poll({ ...web, current: prodBundle }, ok(bundle2)), fetched('2', 2)],
  ['F-04-same', 'Federation §4.2', 'The bundle that is held.', poll({ ...web, current: bundle2 }, ok(bundle2)), fetched('2', 2)],
  ['F-04-older', 'Federation §4.2', 'A lower number is not taken.', poll({ ...web, current: bundle2 }, ok(prodBundle)), reject('ERR_FEDERATION_SEQUENCE')],
  ['F-04-large-newer', 'Trust Domain and Bundle §4.1.1', 'Numbers that are equal as doubles, rising.', poll({ ...web, current: numbered('9223372036854775806') }, ok(numbered('9223372036854775807'))), fetched('9223372036854775807', 1)],
  ['F-04-large-older', 'Trust Domain and Bundle §4.1.1', 'Numbers that are equal as doubles, falling.', poll({ ...web, current: numbered('9223372036854775807') }, ok(numbered('9223372036854775806'))), reject('ERR_FEDERATION_SEQUENCE')],
  ['F-04-no-number', 'Federation §4.2', 'Without a number the last one fetched is the newest.', poll({ ...web, current: bundle2 }, ok(unnumbered)), fetched(null, 1)],
  ['F-04-first-number', 'Federation §4.2', 'The bundle that is held had no number.', poll({ ...web, current: unnumbered }, ok(prodBundle)), fetched('1', 1)],
  ['B-06-fetch-empty', 'Trust Domain and Bundle §4.1.3', 'No keys any more: that replaces what is held.', poll({ ...web, current: prodBundle }, ok('{"spiffe_sequence":2,"keys":[]}')), fetched('2', 0)],
  ['F-14-other-type', 'Federation §5.2.1.3', 'The media type is advice; the body counts.', poll(web, ok(prodBundle, { 'content-type': 'text/plain' })), fetched('1', 1)],
  ['F-14-no-bundle', 'Federation §5.2.1.4', 'A page where a bundle belongs.', poll(web, ok('<html></html>', { 'content-type': 'text/html' })), reject('ERR_FEDERATION_BUNDLE')],
  ['F-14-no-keys', 'Federation §5.2.1.4', 'A bundle whose keys are null is not an empty one.', poll({ ...web, current: prodBundle }, ok('{"spiffe_sequence":2,"keys":null}')), reject('ERR_FEDERATION_BUNDLE')],
  ['F-14-not-found', 'Federation §5.2.1.3', 'A bundle, but with status 404.', poll(web, { ...ok(prodBundle), status: 404 }), reject('ERR_FEDERATION_STATUS')],
  ['F-14-no-content', 'Federation §5.2.1.3', 'Success, but not the status of a bundle.', poll({ ...web, current: prodBundle }, { status: 204 }), reject('ERR_FEDERATION_STATUS')],
  ['F-15-temporary', 'Federation §5.2.1.3', 'A temporary redirect to another host.', poll(web, redirect(MOVED), ok(prodBundle)), fetched('1', 1, [URL_, MOVED])],
  ['F-15-permanent', 'Federation §7.5.1', 'A permanent redirect is followed like a temporary one.', poll(web, redirect(MOVED, 301), ok(prodBundle)), fetched('1', 1, [URL_, MOVED])],
  ['F-15-every-status', 'Federation §5.2.1.3', 'Three more statuses that redirect.', poll(web, redirect(MOVED, 302), redirect(`${MOVED}/a`, 303), redirect(`${MOVED}/b`, 308), ok(prodBundle)), fetched('1', 1, [URL_, MOVED, `${MOVED}/a`, `${MOVED}/b`])],
  ['F-15-http', 'Federation §5.2.1.3', 'A redirect to http.', poll(web, redirect('http://cdn.example/prod'), ok(prodBundle)), badRedirect],
  ['F-15-user', 'Federation §5.2.1.3', 'A redirect to a URL with a user name.', poll(web, redirect('https://user@cdn.example/prod'), ok(prodBundle)), badRedirect],
  ['F-15-nowhere', 'Federation §5.2.1.3', 'A redirect without a location.', poll(web, { status: 307, headers: {} }, ok(prodBundle)), badRedirect],
  ['F-16-relative', 'RFC 9110 §10.2.2', 'A location without scheme and host.', poll(web, redirect('../v2/prod?a=b'), ok(prodBundle)), fetched('1', 1, [URL_, 'https://bundles.example/v2/prod?a=b'])],
  ['F-16-five-hops', 'Federation §7.5.1', 'Five redirects in a row.', poll(web, ...hops(5).map((url) => redirect(url)), ok(prodBundle)), fetched('1', 1, [URL_, ...hops(5)])],
  ['F-16-six-hops', 'Federation §7.5.1', 'Six redirects in a row.', poll(web, ...hops(6).map((url) => redirect(url)), ok(prodBundle)), badRedirect],
  ['F-16-downgrade-later', 'Federation §5.2.1.4', 'The second redirect leaves https.', poll(web, redirect(MOVED), redirect('http://cdn.example/prod'), ok(prodBundle)), badRedirect],
  ['F-19-bootstrap', 'Federation §5.2.2.4', 'The first connection is judged by the bootstrap bundle.', poll(selfServing, by([server], ok(bundle2))), fetched('2', 2)],
  ['F-19-latest', 'Federation §5.2.2.4', 'A later connection is judged by the bundle that is held.', poll({ ...selfServing, current: bundleOf(2, prodRoot2) }, by([server2], ok(bundleOf(3, prodRoot2)))), fetched('3', 1)],
  ['F-19-outdated', 'Federation §5.2.2.4', 'The bootstrap bundle no longer counts.', poll({ ...selfServing, current: bundleOf(2, prodRoot2) }, by([server], ok(bundleOf(3, prodRoot2)))), notAuthentic],
  ['F-19-revoked', 'Federation §5.2.2.4', 'All keys were revoked; the bootstrap bundle does not revive.', poll({ ...selfServing, current: bundle([], { spiffe_sequence: 2 }) }, by([server], ok(bundleOf(3, prodRoot)))), notAuthentic],
  ['F-20-other-domain', 'Federation §5.2.2.4', "Another trust domain serves; its bundle judges the server.", poll(servedByOther, by([otherServer], ok(prodBundle))), fetched('1', 1)],
  ['F-20-own-authority', 'Federation §5.2.2.4', 'The authority of the fetched domain is no authority for the server.', poll({ ...servedByOther, current: prodBundle }, by([leaf(OTHER_SERVER_ID, prodRoot)], ok(bundle2))), notAuthentic],
  ['F-21-intermediate', 'Federation §5.2.2.4', 'The server sends an intermediate.', poll(selfServing, by(serverBelowCa, ok(prodBundle))), fetched('1', 1)],
  ['F-21-other-id', 'Federation §5.2.2.4', 'A workload of the same trust domain, but not the endpoint.', poll(selfServing, by([plainLeaf], ok(prodBundle))), notAuthentic],
  ['F-21-foreign', 'Federation §5.2.2.4', 'The right ID from an authority that is not in the bundle.', poll(selfServing, by([leaf(SERVER_ID, otherRoot)], ok(prodBundle))), notAuthentic],
  ['F-21-expired', 'Federation §5.2.2.3', "The server's certificate expired.", poll(selfServing, by([leaf(SERVER_ID, prodRoot, { to: '2026-05-31T00:00:00Z' })], ok(prodBundle))), notAuthentic],
  ['F-21-ca', 'Federation §5.2.2.3', 'The right ID, but the certificate of a CA.', poll(selfServing, by([leaf(SERVER_ID, prodRoot, { extensions: { basicConstraints: basicConstraints() } })], ok(prodBundle))), notAuthentic],
  ['F-21-redirect', 'Federation §5.2.2.4', 'The target of a redirect shows the same ID.', poll(selfServing, by([server], redirect(MOVED)), by([server], ok(prodBundle))), fetched('1', 1, [URL_, MOVED])],
  ['F-21-redirect-elsewhere', 'Federation §5.2.2.4', 'The target of a redirect shows another ID.', poll(selfServing, by([server], redirect(MOVED)), by([plainLeaf], ok(prodBundle))), notAuthentic],
  ['F-22-no-retry', 'Federation §6.2', 'A second request at once would succeed; it waits for the next poll.', poll({ ...web, current: prodBundle }, { status: 503 }, ok(bundle2)), reject('ERR_FEDERATION_STATUS')],
  ['F-22-next-poll', 'Federation §6.2', 'The next poll after a failure takes what it gets.', poll({ ...web, current: prodBundle }, ok(bundleOf(9, prodRoot2))), fetched('9', 1)],
])

/**
 * @param {string} text
 * @param {string} [method]
 * @param {Readonly<Record<string, string>>} [headers]
 */
const request = (text, method = 'GET', headers = undefined) => ({
  bundle: text,
  trustDomain: PROD,
  request: { method, headers },
})
const served = (seconds = 300) =>
  accept({
    status: 200,
    headers: {
      ...JSON_TYPE,
      'cache-control': `public, max-age=${Math.min(Math.ceil(seconds / 10), 300)}, must-revalidate`,
    },
  })
const notAllowed = /** @type {Outcome} */ ({ verdict: 'reject', result: { status: 405, headers: {} } })

// biome-ignore format: one vector a line reads as a table
add('federation-serve', (input) => input, [
  ['F-03-serve-hint', 'Federation §4.1', 'A copy may be kept for a tenth of the hint.', request(bundle([x509Jwk(prodRoot)], { spiffe_sequence: 1, spiffe_refresh_hint: 60 })), served(60)],
  ['B-15-serve-default', 'Trust Domain and Bundle §6.1', 'Without a hint, a tenth of five minutes.', request(bundle([x509Jwk(prodRoot)], { spiffe_sequence: 1 })), served(300)],
  ['F-13-no-credentials', 'Federation §5.2.1.3', 'Nobody has to say who asks.', request(prodBundle, 'GET', { accept: '*/*' }), served()],
  ['F-14-serve', 'Federation §5.2.1.3', 'A bundle as JSON.', request(prodBundle), served()],
  ['F-14-serve-empty', 'Federation §5.2.1.3', 'A bundle without keys is served as well.', request(bundle([])), served()],
  ['F-14-serve-head', 'RFC 9110 §9.1', 'The headers alone.', request(prodBundle, 'HEAD'), served()],
  ['F-14-serve-post', 'Federation §5.2.1.3', 'Bundles are fetched, not sent.', request(prodBundle, 'POST'), notAllowed],
  ['F-14-serve-delete', 'Federation §5.2.1.3', 'Nobody deletes a bundle from outside.', request(prodBundle, 'DELETE'), notAllowed],
])

// Changes ────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * @param {string} old
 * @param {string} next
 * @param {...Issued} inUse
 */
const change = (old, next, ...inUse) => ({ trustDomain: PROD, old, new: next, inUse: inUse.map(base64) })
const safe = (/** @type {string[]} */ ...kinds) => accept({ safe: true, kinds })
const unsafe = (/** @type {string[]} */ ...kinds) =>
  /** @type {Outcome} */ ({ verdict: 'reject', result: { safe: false, kinds } })

// biome-ignore format: one vector a line reads as a table
add('bundle-diff', (input) => input, [
  ['F-01-adds', 'Federation §4.1', 'A new authority beside the old one.', change(prodBundle, bundle2, plainLeaf), safe('adds')],
  ['F-02-drained', 'Federation §4.1', 'An authority is dropped once nothing of it is in use.', change(bundle2, bundleOf(3, prodRoot2), leaf(ID, prodRoot2)), safe('drops-drained')],
  ['F-02-live', 'Federation §4.1', 'An authority is dropped while one of its leaves is in use.', change(bundle2, bundleOf(3, prodRoot2), plainLeaf), unsafe('drops-live')],
  ['F-02-live-below', 'Federation §4.1', 'The leaf in use is below an intermediate of the dropped authority.', change(bundle2, bundleOf(3, prodRoot2), leaf(ID, prodCa), prodCa), unsafe('drops-live')],
  ['F-02-exchanged', 'Federation §4.1', 'A new authority replaces a live one at once.', change(prodBundle, bundleOf(2, prodRoot2), plainLeaf), unsafe('adds', 'drops-live')],
  ['B-02-unchanged', 'Trust Domain and Bundle §4.1.1', 'Nothing changed.', change(bundle2, bundle2, plainLeaf), safe()],
  ['B-02-regression', 'Trust Domain and Bundle §4.1.1', 'The number falls while an authority is added.', change(bundleOf(5, prodRoot), bundle2, plainLeaf), unsafe('adds', 'sequence-regression')],
  ['B-02-same-number', 'Trust Domain and Bundle §4.1.1', 'The contents change, the number does not.', change(prodBundle, bundleOf(1, prodRoot, prodRoot2), plainLeaf), unsafe('adds', 'same-sequence-other-content')],
  ['B-06-empties', 'Trust Domain and Bundle §4.1.3', 'The last authority goes while a leaf is in use.', change(prodBundle, bundle([], { spiffe_sequence: 2, spiffe_refresh_hint: 300 }), plainLeaf), unsafe('drops-live', 'empties')],
])

const notTestable = {
  'F-07': "The TLS settings of a server are its operator's; no library input shows them.",
  'F-12': 'Which public CA certified a web server, and for which host, is judged by the TLS stack below.',
  'F-17': 'The certificate of an https_web server is judged by the TLS stack below; no input carries it.',
}

// ─── Checks of the file itself ──────────────────────────────────────────────────────────────────────────

const count = (/** @type {string} */ prefix, /** @type {number} */ last) =>
  Array.from({ length: last }, (_, i) => `${prefix}-${String(i + 1).padStart(2, '0')}`)
const ROWS = [...count('ID', 23), ...count('X', 27), ...count('B', 15), ...count('F', 23)]

/** Rows that only forbid, so that the plain case of another row is their accept. */
const ONLY_REJECTS = [
  'ID-03',
  'ID-04',
  'ID-05',
  'ID-06',
  'ID-07',
  'ID-09',
  'ID-11',
  'ID-12',
  'ID-14',
  'ID-18',
]
/** Rows that only allow or recommend, so that nothing breaks them in a way that may be refused. */
const ONLY_ACCEPTS = [
  'ID-16',
  'ID-17',
  'X-05',
  'X-07',
  'X-16',
  'X-20',
  'X-21',
  'X-22',
  'X-23',
  'B-03',
  'B-05',
  'B-07',
  'B-08',
  'B-09',
  'B-13',
  'B-15',
  'F-03',
  'F-13',
]

const CODES = new Set([
  ...[
    'ERR_SPIFFE_ID',
    'ERR_SPIFFE_TRUST_DOMAIN',
    'ERR_SPIFFE_BUNDLE',
    'ERR_SPIFFE_BUNDLE_LIMIT',
    'ERR_SPIFFE_BUNDLE_MAP',
  ],
  ...[
    'ERR_SVID_MALFORMED',
    'ERR_SVID_URI_COUNT',
    'ERR_SVID_ID',
    'ERR_SVID_NO_PATH',
    'ERR_SVID_SAN_NOT_CRITICAL',
    'ERR_SVID_CA',
    'ERR_SVID_KEY_USAGE',
    'ERR_SVID_EXTENDED_KEY_USAGE',
    'ERR_SVID_SIGNER_ID',
    'ERR_SVID_SIGNER_KEY_USAGE',
    'ERR_SVID_NO_BUNDLE',
    'ERR_SVID_NO_AUTHORITY',
    'ERR_SVID_UNEXPECTED_ID',
  ],
  ...[
    'ERR_PATH_NO_ISSUER',
    'ERR_PATH_SIGNATURE',
    'ERR_PATH_EXPIRED',
    'ERR_PATH_NOT_YET_VALID',
    'ERR_PATH_NOT_CA',
    'ERR_PATH_KEY_USAGE',
    'ERR_PATH_LENGTH',
    'ERR_PATH_NAME_CONSTRAINTS',
    'ERR_PATH_CRITICAL_EXTENSION',
  ],
  ...['ERR_JSON_SYNTAX', 'ERR_JSON_DUPLICATE_KEY', 'ERR_JSON_LIMIT'],
  ...[
    'ERR_FEDERATION_URL',
    'ERR_FEDERATION_CONFIG',
    'ERR_FEDERATION_STATUS',
    'ERR_FEDERATION_REDIRECT',
    'ERR_FEDERATION_SEQUENCE',
    'ERR_FEDERATION_AUTHENTICATION',
    'ERR_FEDERATION_BUNDLE',
  ],
])
const WITH_REASON = new Set(['ERR_SPIFFE_ID', 'ERR_SPIFFE_TRUST_DOMAIN', 'ERR_SVID_ID', 'ERR_SPIFFE_BUNDLE'])
const GRAMMAR = [
  'empty',
  'length',
  'path-character',
  'path-dot-segment',
  'path-empty-segment',
  'path-trailing-slash',
  'scheme',
  'trust-domain-character',
  'trust-domain-length',
  'trust-domain-missing',
]
const REASONS = new Set([...GRAMMAR, 'not-an-object', 'keys-missing', 'sequence'])
const WITHOUT_CODE = new Set(['federation-serve', 'bundle-diff'])
const TIME = '2026-06-01T00:00:00Z'

/** @type {string[]} */
const mistakes = []
/**
 * @param {boolean} holds
 * @param {string} what
 */
const check = (holds, what) => {
  if (!holds) mistakes.push(what)
}

/** A certificate as Node reads it, which has to be the DER that it was given. */
function readCertificate(/** @type {string} */ text, /** @type {string} */ where) {
  try {
    const bytes = Buffer.from(text, 'base64')
    const certificate = new X509Certificate(bytes)
    check(certificate.raw.equals(bytes), `${where}: a certificate is not what it was`)
    return certificate
  } catch (error) {
    check(false, `${where}: ${error instanceof Error ? error.message : error}`)
    return undefined
  }
}

/**
 * Every signature up to an authority of the right bundle, and every date.
 *
 * @param {string} where
 * @param {readonly string[]} chain
 * @param {string} bundleText
 * @param {string} time
 */
function checkChain(where, chain, bundleText, time) {
  /** @type {{ keys: { x5c?: string[] }[] }} */
  const { keys } = JSON.parse(bundleText)
  const authorities = keys.flatMap(({ x5c }) => x5c?.slice(0, 1) ?? [])
  const read = (/** @type {readonly string[]} */ list) =>
    list.flatMap((text) => readCertificate(text, where) ?? [])
  const path = read(chain)
  const anchors = read(authorities)
  for (const [i, certificate] of path.entries()) {
    const next = path[i + 1]
    const issuers = next === undefined ? anchors : [next]
    const signed = issuers.some(
      (issuer) => issuer.subject === certificate.issuer && certificate.verify(issuer.publicKey),
    )
    check(signed, `${where}: certificate ${i} is signed by nobody`)
    const [from, to, now] = [certificate.validFrom, certificate.validTo, time].map((date) => Date.parse(date))
    check((from ?? 0) <= (now ?? 0) && (now ?? 0) <= (to ?? 0), `${where}: certificate ${i} is not valid`)
  }
}

/** Every text in a value that can only be a certificate. */
function* certificatesIn(/** @type {unknown} */ value) {
  /** @type {unknown[]} */
  const left = [value]
  for (let item = left.pop(); item !== undefined; item = left.pop()) {
    if (typeof item === 'string' && /^MII[\w+/]{200,}=*$/.test(item)) yield item
    else if (typeof item === 'object' && item !== null) left.push(...Object.values(item))
  }
}

check(new Set(vectors.map(({ id }) => id)).size === vectors.length, 'an id is not unique')
check(p256Text.includes('+') && p256Text.includes('/'), 'base64 and base64url do not differ')
check(base64(paddedRoot).endsWith('='), 'there is no padding to leave out')

for (const row of ROWS) {
  const own = vectors.filter((vector) => vector.row === row)
  const excused = row in notTestable
  check(excused !== own.length > 0, `${row}: ${excused ? 'has vectors' : 'has no vectors'}`)
  for (const [verdict, exempt] of /** @type {const} */ ([
    ['accept', ONLY_REJECTS],
    ['reject', ONLY_ACCEPTS],
  ])) {
    const has = own.some((vector) => vector.verdict === verdict)
    check(excused || has !== exempt.includes(row), `${row}: ${verdict} ${has ? 'is exempt' : 'is missing'}`)
  }
}

for (const { id, row, kind, comment, section, verdict, code, reason, result, input } of vectors) {
  check(ROWS.includes(row), `${id}: no row`)
  check(/^\S.{2,80}\.$/.test(comment), `${id}: the comment is not one short sentence`)
  check(/^[A-Z].* (§[\d.]+\d|§\d|App\. [A-Z](\.\d)?)$/.test(section), `${id}: the section ${section}`)
  const coded = verdict === 'reject' && !WITHOUT_CODE.has(kind)
  check((code !== undefined) === coded, `${id}: a code belongs to a reject`)
  check(code === undefined || CODES.has(code), `${id}: the code ${code}`)
  check((reason !== undefined) === (code !== undefined && WITH_REASON.has(code)), `${id}: the reason`)
  check(reason === undefined || REASONS.has(reason), `${id}: the reason ${reason}`)
  check(coded ? result === undefined : true, `${id}: a reject has no result`)
  if (kind === 'svid') {
    const { chain, bundles, time = TIME } = /** @type {ReturnType<typeof peer>} */ (input)
    if (code !== 'ERR_SVID_MALFORMED') for (const text of chain) readCertificate(text, id)
    if (verdict === 'accept') {
      const { spiffeId, warnings } = /** @type {{ spiffeId: string, warnings: string[] }} */ (result)
      checkChain(id, chain, bundles[new URL(spiffeId).hostname] ?? '{"keys":[]}', time)
      check(warnings.join() === [...new Set(warnings)].sort().join(), `${id}: warnings are not sorted`)
    }
  } else {
    for (const text of certificatesIn(input)) readCertificate(text, id)
  }
}

if (mistakes.length > 0) throw new Error(`vectors.json is not written:\n${mistakes.join('\n')}`)

// ─── The file ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * JSON as the formatter of this repository leaves it: short lists of plain values on one line.
 *
 * @param {any} value
 * @param {string} indent
 * @param {number} column where the value begins
 * @returns {string}
 */
function format(value, indent, column) {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const deeper = `${indent}  `
  if (Array.isArray(value)) {
    const plain = value.every((item) => typeof item !== 'object' || item === null)
    const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`
    // One column for the comma behind it.
    if (value.length === 0 || (plain && column + line.length < 110)) return line
    const items = value.map((item) => `${deeper}${format(item, deeper, deeper.length)}`)
    return `[\n${items.join(',\n')}\n${indent}]`
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => {
      const start = `${deeper}${JSON.stringify(key)}: `
      return start + format(member, deeper, start.length)
    })
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`
}

/** What each member means, for whoever writes a judge for another library. */
const members = {
  row: 'The row of the checklist, and `section` the clause of the standard.',
  verdict: '`accept` or `reject`. What the standards only advise is accepted, and then in `result.warnings`.',
  code: 'Why this library refuses; `reason` refines it. Others will have codes of their own.',
  result:
    'What an accepting library must have found; only the members that are named. Bundles are JSON texts.',
}

/** What to do with an input, by kind. */
const kinds = {
  'spiffe-id': 'Parse `text` as a SPIFFE ID, without repairing it.',
  'trust-domain': 'Parse `text` as the name of a trust domain.',
  normalize: 'Bring `text`, as a person typed it, into the form that `spiffe-id` reads: `result.text`.',
  svid: 'Verify an X509-SVID at `time`, or at the time of the file. `chain` is base64 DER, leaf first; `bundles` has a document by trust domain; `expect` is the only identity that may pass.',
  bundle:
    'Read `json`, or the octets of `base64`, as the bundle of `trustDomain`. `result.skipped` has the index of each element that is passed over and the reason.',
  'bundle-write':
    'Write the bundle of these `x509Authorities` (base64 DER). `result.document` is what comes out, as JSON.',
  'bundle-map': 'Read `json` as a map of bundles.',
  'federation-config':
    'Configure a relationship. `bootstrap` is the first bundle of the endpoint, `endpointBundles` those of others.',
  'federation-fetch':
    'Fetch once, holding `current` or nothing. `responses` are answered in order, each to one request; in profile https_spiffe the server presents `serverChain`. After a rejection `current` must still be held.',
  'federation-serve':
    'Answer `request` for `bundle`. A status of 400 or more is a rejection. `result.headers` has those that matter.',
  'bundle-diff':
    'Say whether `new` is safe to publish over `old`, while the workloads of `inUse` (base64 DER) serve; what is not is a rejection. `result.kinds` names the changes, sorted.',
}

for (const { id, kind } of vectors) check(kind in kinds, `${id}: nothing says what ${kind} is`)
if (mistakes.length > 0) throw new Error(`vectors.json is not written:\n${mistakes.join('\n')}`)

const file = {
  format: 1,
  description:
    'What the SPIFFE standards ask of a library, as inputs and verdicts. Every certificate and key was made for this file by generate.mjs.',
  standards: 'spiffe/spiffe at 665a28f3 (2026-07-01)',
  time: TIME,
  members,
  kinds,
  notTestable,
  vectors,
}
const text = `${format(file, '', 0)}\n`
writeFileSync(fileURLToPath(new URL('vectors.json', import.meta.url)), text)

/** @type {Map<string, { accept: number, reject: number }>} */
const tally = new Map()
for (const { kind, verdict } of vectors) {
  const counts = tally.get(kind) ?? { accept: 0, reject: 0 }
  counts[verdict]++
  tally.set(kind, counts)
}
console.table(Object.fromEntries(tally))
console.log(`${vectors.length} vectors, ${text.length} characters`)
