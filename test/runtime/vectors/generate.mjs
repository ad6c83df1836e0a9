// Makes openssl.mjs, what the cases read and judge without having made it: by OpenSSL 3, and with its verdicts.
//
//   node test/runtime/vectors/generate.mjs
//
// Keys, serial numbers and dates are new each time; the verdicts are not.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-vectors-'))
const PASSPHRASE = 'correct horse battery staple'
/** An instant at which all is valid, and one at which all has expired; in seconds. */
const TIME = Date.UTC(2030, 0, 1) / 1000
const LATER = Date.UTC(2080, 0, 1) / 1000

/** @param {string} name */
const read = (name) => readFileSync(join(folder, name), 'utf8')

/**
 * @param {readonly string[]} args
 * @param {string} [input]
 */
function run(args, input) {
  return spawnSync('openssl', args, { cwd: folder, encoding: 'utf8', input })
}

/** @param {...string} args */
function openssl(...args) {
  const { status, stdout, stderr } = run(args)
  if (status !== 0) throw new Error(`openssl ${args.join(' ')} ended with ${status}\n${stderr}`)
  return stdout.trim()
}

/** @type {Record<string, string[]>} */
const KEYS = {
  'P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'P-521': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  Ed25519: ['-algorithm', 'ED25519'],
  RSA: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
}

/**
 * A key and its certificate: self-signed, or signed by another.
 *
 * @param {string} name
 * @param {{ key: string, subject: string, extensions: readonly string[], issuer?: string, digest?: string }} options
 */
function certify(name, { key, subject, extensions, issuer, digest = 'sha256' }) {
  openssl('genpkey', ...(KEYS[key] ?? []), '-out', `${name}.key`)
  writeFileSync(join(folder, `${name}.ext`), ['[x]', ...extensions].join('\n'))
  openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`)
  const signer =
    issuer === undefined ? ['-signkey', `${name}.key`] : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`]
  const hash = (issuer === undefined ? key : issuer) === 'Ed25519' ? [] : [`-${digest}`]
  const extra = ['-extfile', `${name}.ext`, '-extensions', 'x', '-days', '7300', ...hash]
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, ...extra, '-out', `${name}.pem`)
}

/** @param {string} [more] */
const ca = (more = '') => [
  `basicConstraints=critical,CA:TRUE${more}`,
  'keyUsage=critical,keyCertSign,cRLSign',
  'subjectKeyIdentifier=hash',
  'authorityKeyIdentifier=keyid',
]
/**
 * @param {string} names
 * @param {string} [purposes]
 */
const leaf = (names, purposes = 'serverAuth,clientAuth') => [
  'basicConstraints=critical,CA:FALSE',
  'keyUsage=critical,digitalSignature',
  ...(purposes === '' ? [] : [`extendedKeyUsage=${purposes}`]),
  'subjectKeyIdentifier=hash',
  'authorityKeyIdentifier=keyid',
  `subjectAltName=${names}`,
]

/** What `openssl x509` says of one. @param {string} name */
function facts(name) {
  /** @param {...string} args */
  const say = (...args) => openssl('x509', '-in', `${name}.pem`, '-noout', ...args)
  const after = (/** @type {string} */ text) => text.slice(text.indexOf('=') + 1)
  return {
    fingerprint: after(say('-fingerprint', '-sha256')).replaceAll(':', '').toLowerCase(),
    serialNumber: after(say('-serial')).toLowerCase(),
    subject: after(say('-subject', '-nameopt', 'RFC2253')),
    notAfter: new Date(after(say('-enddate'))).toISOString(),
  }
}

/**
 * The number of the error that `openssl verify` ends with; 0 where it accepts.
 *
 * @param {string} name
 * @param {{ root?: string, between?: string, time?: number, purpose?: string, crl?: string }} options
 */
function verdict(name, { root = 'root', between = 'intermediate', time = TIME, purpose, crl }) {
  const { stdout, stderr, status } = run([
    'verify',
    ...['-CAfile', `${root}.pem`, '-attime', String(time), '-x509_strict'],
    ...(between === '' ? [] : ['-untrusted', `${between}.pem`]),
    ...(purpose === undefined ? [] : ['-purpose', purpose]),
    ...(crl === undefined ? [] : ['-crl_check', '-CRLfile', crl]),
    `${name}.pem`,
  ])
  if (status === 0) return 0
  const [, number] = /error (\d+) at/.exec(`${stdout}${stderr}`) ?? []
  if (number === undefined) throw new Error(`openssl verify says of ${name}: ${stdout}${stderr}`)
  return Number(number)
}

/** A copy with another last octet, which is the signature's. @param {string} name @param {string} copy */
function tamper(name, copy) {
  const der = Buffer.from(read(`${name}.pem`).replace(/-----[^-]+-----/g, ''), 'base64')
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
  const body = der.toString('base64').replace(/.{1,64}/g, '$&\n')
  writeFileSync(
    join(folder, `${copy}.pem`),
    `-----BEGIN CERTIFICATE-----\n${body}-----END CERTIFICATE-----\n`,
  )
}

const ID = 'spiffe://vectors.example/ns/db/sa/db'

function makeChain() {
  certify('root', { key: 'RSA', subject: '/O=Vectors/CN=Root', extensions: ca() })
  certify('other', { key: 'RSA', subject: '/O=Vectors/CN=Root', extensions: ca() })
  const constraint = 'nameConstraints=critical,permitted;DNS:db.example'
  const between = [...ca(',pathlen:0'), constraint]
  certify('intermediate', { key: 'P-384', subject: '/O=Vectors/CN=CA', extensions: between, issuer: 'root' })
  const names = `DNS:a.db.example,URI:${ID}`
  const issuer = 'intermediate'
  certify('leaf', { key: 'P-256', subject: '/O=Vectors', extensions: leaf(names), issuer, digest: 'sha384' })
  certify('outside', { key: 'P-256', subject: '/O=Vectors', extensions: leaf('DNS:web.example'), issuer })
  certify('client', { key: 'P-256', subject: '/O=Vectors', extensions: leaf(names, 'clientAuth'), issuer })
  certify('revoked', { key: 'P-256', subject: '/O=Vectors', extensions: leaf(names), issuer })
  tamper('leaf', 'tampered')
}

function makeCrl() {
  const lines = ['[ca]', 'default_ca=d', '[d]', 'database=index', 'crlnumber=number', 'default_md=sha384']
  writeFileSync(join(folder, 'ca.cnf'), `${lines.join('\n')}\n`)
  writeFileSync(join(folder, 'index'), '')
  writeFileSync(join(folder, 'number'), '07\n')
  const by = ['ca', '-config', 'ca.cnf', '-cert', 'intermediate.pem', '-keyfile', 'intermediate.key']
  openssl(...by, '-revoke', 'revoked.pem', '-crl_reason', 'keyCompromise')
  openssl(...by, '-gencrl', '-crldays', '7300', '-out', 'crl.pem')
}

/** A root and a leaf of each kind of key: what a host can verify, whatever it can make. */
function makeKinds() {
  return Object.keys(KEYS).map((key) => {
    certify(key, { key, subject: `/CN=${key} root`, extensions: ca() })
    const extensions = leaf(`DNS:${key.toLowerCase()}.example`)
    certify(`${key}-leaf`, { key, subject: `/CN=${key} leaf`, extensions, issuer: key })
    const openssl = verdict(`${key}-leaf`, { root: key, between: '', purpose: 'sslserver' })
    return { key, root: read(`${key}.pem`), leaf: read(`${key}-leaf.pem`), openssl }
  })
}

function makeKey() {
  const scheme = ['-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA256', '-iter', '20000']
  openssl(
    'pkcs8',
    '-topk8',
    '-in',
    'leaf.key',
    ...scheme,
    '-passout',
    `pass:${PASSPHRASE}`,
    '-out',
    'sealed.key',
  )
  const pem = openssl('pkey', '-in', 'leaf.key', '-pubout')
  const publicKey = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64').toString('hex')
  return { pem: read('sealed.key'), passphrase: PASSPHRASE, publicKey }
}

function vectors() {
  makeChain()
  makeCrl()
  const server = { purpose: 'sslserver' }
  return {
    time: new Date(TIME * 1000).toISOString(),
    later: new Date(LATER * 1000).toISOString(),
    id: ID,
    root: read('root.pem'),
    other: read('other.pem'),
    intermediate: read('intermediate.pem'),
    leaf: read('leaf.pem'),
    outside: read('outside.pem'),
    client: read('client.pem'),
    revoked: read('revoked.pem'),
    tampered: read('tampered.pem'),
    crl: read('crl.pem'),
    csr: read('leaf.csr'),
    facts: Object.fromEntries(['root', 'intermediate', 'leaf'].map((name) => [name, facts(name)])),
    /** The numbers of X509_verify_cert_error_string(3). */
    verdicts: {
      sound: verdict('leaf', server),
      expired: verdict('leaf', { ...server, time: LATER }),
      otherRoot: verdict('leaf', { ...server, root: 'other' }),
      tampered: verdict('tampered', server),
      outside: verdict('outside', server),
      client: verdict('client', server),
      revoked: verdict('revoked', { ...server, crl: 'crl.pem' }),
      notRevoked: verdict('leaf', { ...server, crl: 'crl.pem' }),
    },
    kinds: makeKinds(),
    encryptedKey: makeKey(),
  }
}

try {
  const text = JSON.stringify(vectors(), null, 2)
  const note =
    '// Written by generate.mjs: certificates, a CRL, a request and a key by OpenSSL, with its verdicts.\n'
  const target = new URL('openssl.mjs', import.meta.url)
  writeFileSync(target, `${note}export const vectors = ${text}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
