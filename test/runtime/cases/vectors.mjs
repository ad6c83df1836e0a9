// What OpenSSL made and judged, read and judged here: the one expectation that no host can share with us.
import { Csr, verifyProofOfPossession } from 'mesh-pki/csr'
import { checkSvid, SpiffeBundle } from 'mesh-pki/spiffe'
import { checkPath } from 'mesh-pki/verify'
import { Certificate, CertificateList } from 'mesh-pki/x509'
import { vectors } from '../vectors/openssl.mjs'
import { accepted, equal, refused } from './assert.mjs'

const { root, other, intermediate, verdicts } = vectors
const time = new Date(vectors.time)

/** What we answer where OpenSSL ends with a number of X509_verify_cert_error_string(3). @type {Record<number, string>} */
const CODES = {
  7: 'ERR_PATH_SIGNATURE',
  10: 'ERR_PATH_EXPIRED',
  20: 'ERR_PATH_NO_ISSUER',
  23: 'ERR_PATH_REVOKED',
  26: 'ERR_PATH_EXTENDED_KEY_USAGE',
  47: 'ERR_PATH_NAME_CONSTRAINTS',
}

/** @type {readonly [what: string, leaf: string, openssl: number, options: object][]} */
const JUDGED = [
  ['the sound chain', vectors.leaf, verdicts.sound, {}],
  ['the expired chain', vectors.leaf, verdicts.expired, { time: new Date(vectors.later) }],
  ['another root', vectors.leaf, verdicts.otherRoot, { anchors: other }],
  ['a tampered leaf', vectors.tampered, verdicts.tampered, {}],
  ['a name outside of the constraints', vectors.outside, verdicts.outside, {}],
  ['a leaf for clients', vectors.client, verdicts.client, {}],
  ['a revoked leaf', vectors.revoked, verdicts.revoked, { crls: vectors.crl, revocation: 'if-present' }],
  ['its sound neighbour', vectors.leaf, verdicts.notRevoked, { crls: vectors.crl, revocation: 'if-present' }],
]

/** @type {import('./assert.mjs').Case[]} */
export const vectorCases = [
  {
    name: 'OpenSSL: fingerprints, serial numbers, subjects and dates are read',
    run() {
      for (const [name, facts] of Object.entries(vectors.facts)) {
        const certificate = Certificate.fromPem(Reflect.get(vectors, name))
        const { serialNumber, subject, notAfter } = certificate
        const read = {
          fingerprint: certificate.fingerprint(),
          serialNumber,
          subject: String(subject),
          notAfter: notAfter.toISOString(),
        }
        equal(read, facts, name)
      }
    },
  },
  ...JUDGED.map(([what, leaf, openssl, options]) => ({
    name: `OpenSSL: ${what} is ${openssl === 0 ? 'accepted' : 'refused'}`,
    async run() {
      const result = await checkPath(leaf, {
        anchors: root,
        intermediates: intermediate,
        time,
        purpose: 'serverAuth',
        ...options,
      })
      if (openssl === 0) accepted(result, what)
      else refused(result, CODES[openssl] ?? `OpenSSL's ${openssl}`, what)
    },
  })),
  ...vectors.kinds.map(({ key, root, leaf, openssl }) => ({
    name: `OpenSSL: a signature of ${key} is verified${key === 'P-521' ? ', or refused, as declared' : ''}`,
    async run(/** @type {import('./assert.mjs').Host} */ { lacks }) {
      equal(openssl, 0, "OpenSSL's verdict")
      const purpose = /** @type {const} */ ('serverAuth')
      const dns = `${key.toLowerCase()}.example`
      const result = await checkPath(leaf, { anchors: root, time, purpose, name: { dns } })
      // OpenSSL signs with SHA-256 here; our own keys of that kind sign with SHA-512, which every host does.
      if (lacks.has(`${key} with SHA-256`)) return refused(result, 'ERR_PATH_SIGNATURE', key)
      accepted(result, key)
      const other = await checkPath(leaf, { anchors: root, time, purpose, name: { dns: 'other.example' } })
      refused(other, 'ERR_PATH_NAME_MISMATCH', 'another name')
    },
  })),
  {
    name: 'OpenSSL: a CRL is read',
    run() {
      const list = CertificateList.fromPem(vectors.crl)
      equal([list.size, list.crlNumber], [1, 7n], 'entries and number')
      equal(list.find(Certificate.fromPem(vectors.revoked))?.reason, 'keyCompromise', 'the reason')
      equal(list.find(Certificate.fromPem(vectors.leaf)), undefined, 'what is not in it')
    },
  },
  {
    name: 'OpenSSL: the possession of a key is proven by a request',
    async run() {
      const csr = Csr.fromPem(vectors.csr)
      equal(String(csr.subject), 'O=Vectors', 'the subject')
      equal(csr.publicKey, Certificate.fromPem(vectors.leaf).publicKey, 'the key')
      await verifyProofOfPossession(csr)
    },
  },
  {
    name: 'OpenSSL: an SVID is judged by its own trust domain',
    async run() {
      const chain = [vectors.leaf, intermediate]
      const bundles = SpiffeBundle.fromPem('vectors.example', root)
      const result = await checkSvid(chain, { bundles, time, expect: vectors.id })
      accepted(result, 'its identity')
      const foreign = SpiffeBundle.fromPem('other.example', root)
      refused(await checkSvid(chain, { bundles: foreign, time }), 'ERR_SVID_NO_BUNDLE', 'another domain')
    },
  },
]
