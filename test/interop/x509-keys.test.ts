import { createPublicKey, verify } from 'node:crypto'
import { inspect } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { exportPrivateKey, importPrivateKey, type PrivateKey } from '../../src/x509/index.ts'
import { toHex } from '../fixtures/x509/der.ts'
import { GENPKEY, type Kind, opensslKey, run } from '../fixtures/x509/openssl-certificate.ts'
import { refusalOfAsync } from '../fixtures/x509/refusal.ts'
import { openssl, opensslAvailable } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

const KINDS = Object.keys(GENPKEY) as Kind[]
const isRsa = (kind: Kind) => kind.startsWith('RSA')
const SECRET = 'correct horse'

/** SubjectPublicKeyInfo that OpenSSL computes from a private key, hex. */
const publicOf = (pem: string, ...args: string[]) =>
  toHex(run(['pkey', '-pubout', '-outform', 'DER', ...args], pem))

/** Whether Node, by its own reading of the key, verifies a signature. */
function verifies(key: PrivateKey, data: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = createPublicKey({ key: Buffer.from(key.publicKey), format: 'der', type: 'spki' })
  const digest = /sha\d+/.exec(key.signatureAlgorithm)?.[0] ?? null
  return verify(digest, data, publicKey, signature)
}

if (requirement('openssl', opensslAvailable)) {
  const keys = {} as Record<Kind, string>
  beforeAll(() => {
    for (const kind of KINDS) keys[kind] = opensslKey(kind)
  })

  describe.each(KINDS)('%s', (kind) => {
    test('PKCS#8 of OpenSSL in; our PKCS#8 has the same key', async () => {
      const key = await importPrivateKey(keys[kind])
      expect(key.algorithm).toBe(kind)
      expect(toHex(key.publicKey)).toBe(publicOf(keys[kind]))
      const written = await exportPrivateKey(key, { format: 'pkcs8' })
      expect(written).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
      expect(publicOf(written)).toBe(publicOf(keys[kind]))
      const data = new TextEncoder().encode('data')
      expect(verifies(key, data, await key.sign(data))).toBe(true)
      expect(verifies(key, new Uint8Array(4), await key.sign(data))).toBe(false)
    })

    test('the traditional form in and out, where the kind has one', async () => {
      const key = await importPrivateKey(keys[kind])
      const label = isRsa(kind) ? 'RSA PRIVATE KEY' : 'EC PRIVATE KEY'
      const format = isRsa(kind) ? 'pkcs1' : 'sec1'
      const other = isRsa(kind) ? 'sec1' : 'pkcs1'
      const wrong = await refusalOfAsync(exportPrivateKey(key, { format: other }))
      expect(wrong.code).toBe('ERR_KEY_UNSUPPORTED')
      if (kind === 'Ed25519') {
        expect((await refusalOfAsync(exportPrivateKey(key, { format }))).code).toBe('ERR_KEY_UNSUPPORTED')
        return
      }
      const traditional = run(['pkey', '-traditional'], keys[kind]).toString()
      expect(traditional).toContain(`BEGIN ${label}`)
      const read = await importPrivateKey(traditional)
      expect(toHex(read.publicKey)).toBe(publicOf(keys[kind]))
      expect(await exportPrivateKey(read, { format })).toBe(traditional)
    })

    test('encrypted by OpenSSL, with each function and cipher, and by us for OpenSSL', async () => {
      for (const [prf, cipher] of [
        ['hmacWithSHA256', 'aes-256-cbc'],
        ['hmacWithSHA512', 'aes-128-cbc'],
        ['hmacWithSHA384', 'aes-192-cbc'],
      ] as const) {
        const args = ['pkcs8', '-topk8', '-v2', cipher, '-v2prf', prf, '-passout', `pass:${SECRET}`]
        const encrypted = run(args, keys[kind]).toString()
        const key = await importPrivateKey(encrypted, { passphrase: SECRET })
        expect(toHex(key.publicKey)).toBe(publicOf(keys[kind]))
      }
      const key = await importPrivateKey(keys[kind])
      const ours = await exportPrivateKey(key, { format: 'pkcs8', passphrase: SECRET, iterations: 10_000 })
      expect(ours).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/)
      expect(publicOf(ours, '-passin', `pass:${SECRET}`)).toBe(publicOf(keys[kind]))
      expect(openssl(['pkey', '-passin', 'pass:wrong'], { input: ours }).status).not.toBe(0)
      expect(
        (await importPrivateKey(ours, { passphrase: new TextEncoder().encode(SECRET) })).fingerprint(),
      ).toBe(key.fingerprint())
    })

    test('an explicit WebCrypto signs what Node verifies, and exports the same key', async () => {
      const key = await importPrivateKey(keys[kind], { crypto: globalThis.crypto })
      const data = new TextEncoder().encode('data')
      expect(toHex(key.publicKey)).toBe(publicOf(keys[kind]))
      expect(verifies(key, data, await key.sign(data))).toBe(true)
      expect(publicOf(await exportPrivateKey(key, { format: 'pkcs8' }))).toBe(publicOf(keys[kind]))
    })

    test('nothing that is printed or thrown holds the key', async () => {
      const pem = keys[kind]
      const body = pem.split('\n').slice(1, -2).join('')
      const secret = Buffer.from(body, 'base64')
      const key = await importPrivateKey(pem, { extractable: false })
      const damaged = pem.replace('\n-----END', '!\n-----END')
      const cut = pem
        .split('\n')
        .filter((_, i) => i !== 1)
        .join('\n')
      const errors: MeshPkiError[] = []
      for (const attempt of [
        () => exportPrivateKey(key, { format: 'pkcs8' }),
        () => importPrivateKey(damaged),
        () => importPrivateKey(cut),
        () =>
          importPrivateKey(pem.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'), { passphrase: SECRET }),
      ])
        errors.push(await refusalOfAsync(attempt()))
      expect(errors[0]?.code).toBe('ERR_KEY_NOT_EXTRACTABLE')
      const printed = [
        String(key),
        `${JSON.stringify({ key })}`,
        inspect(key, { depth: 9, showHidden: true }),
        inspect(key, { customInspect: false, showHidden: true }),
      ]
      for (const error of errors)
        printed.push(
          error.message,
          JSON.stringify(error.data),
          inspect(error, { depth: 9, showHidden: true }),
        )
      const text = printed.join('\n')
      for (let at = 16; at + 8 < body.length; at += 8)
        expect(text.includes(body.slice(at, at + 8))).toBe(false)
      for (let at = 30; at + 8 < secret.length; at += 4) {
        const piece = secret.subarray(at, at + 8).toString('hex')
        // Inside of a public key the same octets may well be shown by their fingerprint only.
        expect(text.includes(piece)).toBe(false)
      }
      expect(String(key)).toContain(kind)
      expect(String(key)).toContain(key.fingerprint())
    })
  })

  describe('passphrases', () => {
    const encrypt = (...args: string[]) =>
      run(['pkcs8', '-topk8', '-passout', `pass:${SECRET}`, ...args], keys['P-256']).toString()

    test("OpenSSL's default encryption is read", async () => {
      const key = await importPrivateKey(encrypt(), { passphrase: SECRET })
      expect(toHex(key.publicKey)).toBe(publicOf(keys['P-256']))
    })
    test('a wrong one, an empty one and none are refused by ERR_KEY_PASSPHRASE', async () => {
      const pem = encrypt()
      for (const passphrase of ['wrong', '', `${SECRET} `, undefined]) {
        const error = await refusalOfAsync(importPrivateKey(pem, { passphrase }))
        expect(error.code).toBe('ERR_KEY_PASSPHRASE')
        expect(inspect(error)).not.toContain(SECRET)
        expect(inspect(error)).not.toContain('wrong passphrase "')
      }
    })
    test('300 wrong ones, of which some decrypt to good padding, are told alike', async () => {
      const pem = encrypt('-iter', '1')
      const codes = new Set<string>()
      for (let i = 0; i < 300; i++)
        codes.add((await refusalOfAsync(importPrivateKey(pem, { passphrase: `${i}` }))).code)
      expect([...codes]).toEqual(['ERR_KEY_PASSPHRASE'])
    })
    test.each([
      ['scrypt', ['-scrypt'], /1\.3\.6\.1\.4\.1\.11591\.4\.11/],
      ['3DES', ['-v2', 'des3'], /1\.2\.840\.113549\.3\.7/],
      ['HMAC with SHA-1', ['-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA1'], /SHA-?1|113549\.2\.7/],
      ['PBES1', ['-v1', 'PBE-SHA1-3DES'], /1\.2\.840\.113549\.1\.12\.1\.3/],
    ])('%s is refused by name', async (_, args, message) => {
      const error = await refusalOfAsync(importPrivateKey(encrypt(...args), { passphrase: SECRET }))
      expect(error.code).toBe('ERR_KEY_UNSUPPORTED')
      expect(error.message).toMatch(message)
    })
    test('the legacy form of OpenSSL is refused by name', async () => {
      const pem = run(
        ['rsa', '-traditional', '-aes128', '-passout', `pass:${SECRET}`],
        keys['RSA-2048'],
      ).toString()
      expect(pem).toContain('Proc-Type: 4,ENCRYPTED')
      const error = await refusalOfAsync(importPrivateKey(pem, { passphrase: SECRET }))
      expect(error.code).toBe('ERR_PEM_ENCRYPTED')
      expect(error.message).toContain('Proc-Type')
    })
  })

  describe('kinds that are refused', () => {
    test.each([
      [
        'RSA of 1024 bits',
        ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
        'ERR_KEY_WEAK',
        /1024 bits/,
      ],
      [
        'P-224',
        ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-224'],
        'ERR_KEY_UNSUPPORTED',
        /P-256, P-384/,
      ],
      [
        'secp256k1',
        ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
        'ERR_KEY_UNSUPPORTED',
        /P-256, P-384/,
      ],
      [
        'explicit curve parameters',
        ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
        'ERR_KEY_UNSUPPORTED',
        /P-256|named/,
      ],
      ['Ed448', ['-algorithm', 'ED448'], 'ERR_KEY_UNSUPPORTED', /1\.3\.101\.113/],
      ['X25519', ['-algorithm', 'X25519'], 'ERR_KEY_UNSUPPORTED', /1\.3\.101\.110/],
      [
        'RSA-PSS',
        ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
        'ERR_KEY_UNSUPPORTED',
        /1\.2\.840\.113549\.1\.1\.10/,
      ],
      [
        'RSA of three primes',
        ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_primes:3'],
        'ERR_KEY_UNSUPPORTED',
        /two primes/,
      ],
    ] as const)('%s', async (_, args, code, message) => {
      const pem = run(['genpkey', ...args]).toString()
      for (const crypto of [undefined, globalThis.crypto]) {
        const error = await refusalOfAsync(importPrivateKey(pem, { crypto }))
        expect([code, 'ERR_KEY_FORMAT']).toContain(error.code)
        if (crypto === undefined) {
          expect(error.code).toBe(code)
          expect(error.message).toMatch(message)
        }
      }
    })

    test('what openssl ecparam -genkey writes: the parameters are named, the key after them is read', async () => {
      const both = run(['ecparam', '-name', 'prime256v1', '-genkey']).toString()
      const error = await refusalOfAsync(importPrivateKey(both))
      expect(error.code).toBe('ERR_PEM_LABEL')
      expect(error.message).toContain('EC PARAMETERS')
      const key = await importPrivateKey(both.slice(both.indexOf('-----BEGIN EC PRIVATE')))
      expect(key.algorithm).toBe('P-256')
    })
  })

  test('damaged keys are refused as MeshPkiError, whichever byte is wrong', async () => {
    const wrong: string[] = []
    for (const kind of ['P-256', 'Ed25519', 'RSA-2048'] as const) {
      const der = Buffer.from(keys[kind].split('\n').slice(1, -2).join(''), 'base64')
      const step = kind === 'RSA-2048' ? 11 : 1
      for (let at = 0; at < der.length; at += step) {
        const mutant = Buffer.from(der)
        mutant[at] = (mutant[at] ?? 0) ^ 0x41
        const pem = `-----BEGIN PRIVATE KEY-----\n${mutant.toString('base64')}\n-----END PRIVATE KEY-----\n`
        for (const crypto of [undefined, globalThis.crypto]) {
          try {
            const key = await importPrivateKey(pem, { crypto })
            if (!verifies(key, mutant, await key.sign(mutant)))
              wrong.push(`${kind} byte ${at}: signs falsely`)
          } catch (error) {
            if (!(error instanceof MeshPkiError))
              wrong.push(`${kind} byte ${at}, ${crypto === undefined ? 'node' : 'web'}: ${String(error)}`)
          }
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test('the public half of another key beside the private one is refused (RFC 5915 §3)', async () => {
    const point = (pem: string) => run(['pkey', '-pubout', '-outform', 'DER'], pem).subarray(-65)
    const der = Buffer.from(keys['P-256'].split('\n').slice(1, -2).join(''), 'base64')
    const at = der.indexOf(point(keys['P-256']))
    expect(at).toBeGreaterThan(0)
    point(opensslKey('P-256')).copy(der, at)
    const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`
    expect((await refusalOfAsync(importPrivateKey(pem))).code).toBe('ERR_KEY_FORMAT')
    expect((await refusalOfAsync(importPrivateKey(pem, { crypto: globalThis.crypto }))).code).toBe(
      'ERR_KEY_FORMAT',
    )
  })

  test('keys that may not be exported are not, and imported ones may by default', async () => {
    const key = await importPrivateKey(keys['P-256'], { extractable: false })
    expect((await refusalOfAsync(exportPrivateKey(key, { format: 'pkcs8' }))).code).toBe(
      'ERR_KEY_NOT_EXTRACTABLE',
    )
    const web = await importPrivateKey(keys['P-256'], { extractable: false, crypto: globalThis.crypto })
    expect(web.extractable).toBe(false)
    expect((await refusalOfAsync(exportPrivateKey(web, { format: 'sec1' }))).code).toBe(
      'ERR_KEY_NOT_EXTRACTABLE',
    )
  })
}
