// Every kind of key: made, put at the root, signing a leaf that verifies; by the host's best back-end and by WebCrypto.
import { createRootCa } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { checkPath } from 'mesh-pki/verify'
import { exportPrivateKey, generateKeyPair, importPrivateKey } from 'mesh-pki/x509'
import { vectors } from '../vectors/openssl.mjs'
import { accepted, equal, fails, ok, refused } from './assert.mjs'

/** @type {readonly import('mesh-pki/x509').KeyAlgorithm[]} */
const ALGORITHMS = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048', 'RSA-3072', 'RSA-4096']

/**
 * @param {import('mesh-pki/x509').KeyAlgorithm} algorithm
 * @param {object} options
 */
async function rootOf(algorithm, options) {
  const root = await createRootCa({
    subject: `CN=${algorithm}`,
    lifetime: '365d',
    key: algorithm,
    ...options,
  })
  equal(root.certificate.publicKeyType, algorithm, 'the key')
  const { csr } = await createCsr({ key: 'P-256' })
  const { certificate } = await root.issueWorkload(csr, { id: 'spiffe://td/workload', lifetime: '1h' })
  const purpose = 'clientAuth'
  accepted(await checkPath(certificate, { anchors: root.certificate, purpose }), 'a leaf below it')
  const der = certificate.der
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
  const { certificate: anchors } = root
  const tampered = await checkPath(der, { anchors, purpose })
  refused(tampered, 'ERR_PATH_SIGNATURE', 'the leaf with another signature')
}

/**
 * @param {import('mesh-pki/x509').KeyAlgorithm} algorithm
 * @param {string} how
 * @param {() => object} options
 * @returns {import('./assert.mjs').Case}
 */
const keyCase = (algorithm, how, options) => ({
  name: `root of ${algorithm}${how}, or a typed refusal, as declared`,
  async run({ lacks }) {
    if (!lacks.has(`${algorithm}${how}`)) return rootOf(algorithm, options())
    await fails(() => rootOf(algorithm, options()), 'ERR_KEY_UNSUPPORTED', 'a key that the host lacks')
  },
})

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const { encryptedKey } = vectors

/** @type {import('./assert.mjs').Case[]} */
export const keyCases = [
  ...ALGORITHMS.map((algorithm) => keyCase(algorithm, '', () => ({}))),
  ...ALGORITHMS.map((algorithm) =>
    keyCase(algorithm, ' by WebCrypto', () => ({ crypto: globalThis.crypto })),
  ),
  {
    name: 'a kind of key that a WebCrypto lacks is refused with a type',
    async run() {
      const generateKey = async () => {
        throw new DOMException('not here', 'NotSupportedError')
      }
      const { crypto } = globalThis
      const lesser = {
        subtle: /** @type {typeof crypto.subtle} */ (/** @type {unknown} */ ({ generateKey })),
        getRandomValues: crypto.getRandomValues.bind(crypto),
      }
      const make = () => generateKeyPair('Ed25519', { crypto: lesser })
      await fails(make, 'ERR_KEY_UNSUPPORTED', 'an older browser')
    },
  },
  {
    name: 'an encrypted PKCS#8 key of OpenSSL is read',
    async run() {
      const { pem, passphrase, publicKey } = encryptedKey
      equal(hex((await importPrivateKey(pem, { passphrase })).publicKey), publicKey, 'its public half')
    },
  },
  {
    name: 'an encrypted PKCS#8 key with a wrong passphrase, or none, is refused',
    async run() {
      const { pem } = encryptedKey
      const wrong = () => importPrivateKey(pem, { passphrase: 'wrong' })
      await fails(wrong, 'ERR_KEY_PASSPHRASE', 'a wrong passphrase')
      await fails(() => importPrivateKey(pem), 'ERR_KEY_PASSPHRASE', 'no passphrase')
    },
  },
  {
    name: 'a key is written encrypted and read again',
    async run() {
      const { privateKey } = await generateKeyPair('P-256', { extractable: true })
      const passphrase = 'correct horse battery staple'
      const pem = await exportPrivateKey(privateKey, { format: 'pkcs8', passphrase, iterations: 10_000 })
      ok(pem.startsWith('-----BEGIN ENCRYPTED PRIVATE KEY-----'), 'an encrypted block')
      equal(
        hex((await importPrivateKey(pem, { passphrase })).publicKey),
        hex(privateKey.publicKey),
        'its public half',
      )
      const { privateKey: kept } = await generateKeyPair('P-256')
      const written = () => exportPrivateKey(kept, { format: 'pkcs8' })
      await fails(written, 'ERR_KEY_NOT_EXTRACTABLE', 'a key that may not be exported')
    },
  },
  {
    name: 'a key is encrypted with the usual rounds, or a typed refusal, as declared',
    async run({ lacks }) {
      const { privateKey } = await generateKeyPair('P-256', { extractable: true })
      const write = () => exportPrivateKey(privateKey, { format: 'pkcs8', passphrase: 'a passphrase' })
      if (lacks.has('PBKDF2 of 600,000 rounds')) {
        await fails(write, 'ERR_KEY_UNSUPPORTED', 'more rounds than the host does')
        return
      }
      const again = await importPrivateKey(await write(), { passphrase: 'a passphrase' })
      equal(hex(again.publicKey), hex(privateKey.publicKey), 'its public half')
    },
  },
]
