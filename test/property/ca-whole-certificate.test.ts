import 'reflect-metadata'
import * as peculiar from '@peculiar/x509'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRootCa, type ProfileFamily } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { manualClock, seededRandom } from '../../src/testing/index.ts'
import { PrivateKey } from '../../src/x509/index.ts'
import { toHex } from '../fixtures/x509/der.ts'
import { cryptoKeyPair } from '../unit/ca/support.ts'
import { ALGORITHMS, type Parameters, peculiarExtensions, peculiarName } from './ca-template-reference.ts'

/**
 * Ed25519 (RFC 8032 §5.1.6) and RSA PKCS#1 v1.5 (RFC 8017 §8.2) are deterministic: the same key over the same
 * bytes makes the same signature, so whole certificates can be compared.
 */
const pools = {
  Ed25519: await Promise.all([1, 2, 3].map(() => cryptoKeyPair('Ed25519', { extractable: true }))),
  'RSA-2048': await Promise.all([1, 2, 3].map(() => cryptoKeyPair('RSA-2048', { extractable: true }))),
}

const spkiOf = async (pair: CryptoKeyPair): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey))

type Values = Pick<Parameters, 'role' | 'subject' | 'issuer' | 'names' | 'pathLength' | 'authorityKeyId'> & {
  readonly profile: ProfileFamily
  readonly kind: 'Ed25519' | 'RSA-2048'
  readonly serial: string
  readonly notBefore: number
  readonly notAfter: number
}

async function reference(values: Values, subjectKey: CryptoKeyPair, signer: CryptoKeyPair): Promise<string> {
  const publicKey = await spkiOf(subjectKey)
  const algorithm = values.kind === 'Ed25519' ? 'ed25519' : 'rsa-sha256'
  const extensions = peculiarExtensions(
    {
      ...values,
      name: values.profile,
      key: values.kind,
      algorithm,
      serial: new Uint8Array(),
      constraints: undefined,
      identifier: 'sha1',
    },
    publicKey,
  )
  const certificate = await peculiar.X509CertificateGenerator.create({
    serialNumber: values.serial,
    subject: peculiarName(values.subject),
    issuer: peculiarName(values.issuer),
    notBefore: new Date(values.notBefore),
    notAfter: new Date(values.notAfter),
    publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: ALGORITHMS[algorithm],
    extensions,
  })
  return toHex(new Uint8Array(certificate.rawData))
}

/** 16 octets of the seed, its top bits set to 01: what mesh-contracts §2.7 calls random < 2^128, positive. */
function nextSerial(random: ReturnType<typeof seededRandom>): string {
  const serial = random(new Uint8Array(16))
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return toHex(serial)
}

const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9 ]{0,30}[A-Za-z]$/)
const values = fc.record({
  kind: fc.constantFrom<'Ed25519' | 'RSA-2048'>('Ed25519', 'RSA-2048'),
  profile: fc.constantFrom<ProfileFamily>('mesh', 'istio', 'gloo'),
  organisation: word,
  cluster: word,
  account: fc.stringMatching(/^[a-z][a-z0-9-]{0,40}$/),
  seed: fc.nat(),
  start: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1000),
  pathLength: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
})

test('root, intermediate and workload equal @peculiar/x509 to the last byte of their signatures', async () => {
  await fc.assert(
    fc.asyncProperty(
      values,
      async ({ kind, profile, organisation, cluster, account, seed, start, pathLength }) => {
        const [rootPair, middlePair, workloadPair] = pools[kind]
        if (rootPair === undefined || middlePair === undefined || workloadPair === undefined)
          throw new Error('a pool holds three pairs')
        const serials = seededRandom(seed)
        const clock = manualClock(new Date(start))
        const root = await createRootCa({
          subject: [{ O: organisation }, { CN: 'Root' }],
          lifetime: '3650d',
          key: await PrivateKey.fromCryptoKeyPair(rootPair),
          profile,
          clock,
          random: seededRandom(seed),
          ...(pathLength === undefined ? {} : { pathLength }),
        })
        const rootName = [{ O: organisation }, { CN: 'Root' }]
        const notBefore = start - 120_000
        const shared = { kind, profile, notBefore }
        const rootId = root.certificate.subjectKeyIdentifier ?? ''
        expect(toHex(root.certificate.der)).toBe(
          await reference(
            {
              ...shared,
              role: 'root',
              subject: rootName,
              issuer: rootName,
              names: undefined,
              pathLength,
              authorityKeyId: undefined,
              serial: nextSerial(serials),
              notAfter: start + 3650 * 86_400_000,
            },
            rootPair,
            rootPair,
          ),
        )

        const middleName = [{ O: organisation }, { CN: 'Intermediate' }, { L: cluster }]
        const middleKey = await PrivateKey.fromCryptoKeyPair(middlePair)
        const names = [{ type: 'dns', value: 'istiod.istio-system.svc' }] as const
        const middle = await root.issueIntermediate(
          (await createCsr({ subject: middleName, key: middleKey })).csr,
          {
            lifetime: '365d',
            pathLength: 0,
            subjectAltNames: names,
          },
        )
        expect(toHex(middle.certificate.der)).toBe(
          await reference(
            {
              ...shared,
              role: 'intermediate',
              subject: middleName,
              issuer: rootName,
              names,
              pathLength: 0,
              authorityKeyId: new Uint8Array(Buffer.from(rootId, 'hex')),
              serial: nextSerial(serials),
              notAfter: start + 365 * 86_400_000,
            },
            middlePair,
            rootPair,
          ),
        )

        const id = `spiffe://cluster.local/ns/default/sa/${account}`
        const workloadKey = await PrivateKey.fromCryptoKeyPair(workloadPair)
        const workload = await root.issueWorkload((await createCsr({ key: workloadKey })).csr, {
          id,
          lifetime: '24h',
        })
        expect(toHex(workload.certificate.der)).toBe(
          await reference(
            {
              ...shared,
              role: 'end-entity',
              subject: [],
              issuer: rootName,
              names: [{ type: 'uri', value: id }],
              pathLength: undefined,
              authorityKeyId: new Uint8Array(Buffer.from(rootId, 'hex')),
              serial: nextSerial(serials),
              notAfter: start + 86_400_000,
            },
            workloadPair,
            rootPair,
          ),
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('another seed makes other certificates: the comparison can fail', async () => {
  const [pair] = pools.Ed25519
  if (pair === undefined) throw new Error('a pool holds three pairs')
  const key = await PrivateKey.fromCryptoKeyPair(pair)
  const make = async (seed: number): Promise<string> => {
    const clock = manualClock()
    const root = await createRootCa({
      subject: 'CN=r',
      lifetime: '1d',
      key,
      clock,
      random: seededRandom(seed),
    })
    return toHex(root.certificate.der)
  }
  expect(await make(1)).toBe(await make(1))
  expect(await make(1)).not.toBe(await make(2))
})
