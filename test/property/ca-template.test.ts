import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CertificateTemplate } from '../../src/ca/certificate-template.ts'
import { keyIdentifier } from '../../src/ca/key-identifier.ts'
import { encodeNameConstraints } from '../../src/ca/name-constraints-input.ts'
import type { CertificateRole } from '../../src/ca/profiles/certificate-profile.ts'
import { type ProfileFamily, profileOf } from '../../src/ca/profiles/profiles.ts'
import { encodeGeneralNames } from '../../src/x509/general-name-encoder.ts'
import { Name } from '../../src/x509/name.ts'
import { toHex } from '../fixtures/x509/der.ts'
import {
  ALGORITHMS,
  type Algorithm,
  keys,
  type Parameters,
  plainBuild,
  type Rdns,
  type San,
} from './ca-template-reference.ts'

const printable = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCXYZ0189-.:/ '),
  minLength: 1,
  maxLength: 140,
})
const unicode = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 70 })
  .filter((value) => !/\0|\p{Cs}/u.test(value))
const host = fc.stringMatching(/^[a-z]{1,20}(\.[a-z]{1,20}){0,3}$/)
const value = fc.oneof(printable, unicode)
const single = fc.oneof(
  fc.record({ CN: value }),
  fc.record({ O: value }),
  fc.record({ OU: value }),
  fc.record({ L: value }),
  fc.record({ DC: host }),
)
const multi = fc.record({ CN: value, OU: value })
const subject: fc.Arbitrary<Rdns> = fc.array(fc.oneof({ weight: 5, arbitrary: single }, multi), {
  maxLength: 4,
})

const san: fc.Arbitrary<San> = fc.oneof(
  host.map((name): San => ({ type: 'dns', value: name })),
  host.map((name): San => ({ type: 'email', value: `user@${name}` })),
  fc.tuple(host, printable).map(
    ([td, path]): San => ({
      type: 'uri',
      value: `spiffe://${td}/${path.replace(/[^a-zA-Z0-9]/g, 'x')}`,
    }),
  ),
  fc.ipV4().map((address): San => ({ type: 'ip', value: address })),
  fc.constantFrom('::1', '2001:db8::53', 'fe80::1').map((address): San => ({ type: 'ip', value: address })),
)
/** Lists whose encodings end around the lengths at which DER needs another length octet: 127, 255, 65535. */
const boundary = fc
  .constantFrom(...[100, 110, 115, 118, 120, 122, 124, 126, 128, 235, 240, 245, 248, 250, 252, 254, 256, 258])
  .chain((size) => fc.integer({ min: size - 4, max: size + 4 }))
  .map((size): San[] => [{ type: 'uri', value: `spiffe://${'a'.repeat(size - 'spiffe://'.length)}` }])
const large = fc
  .constantFrom(6553, 6554, 6555, 3277)
  .map((count): San[] => Array.from({ length: count }, () => ({ type: 'dns', value: 'abcdefgh' })))
const sans = fc.oneof(
  { weight: 10, arbitrary: fc.array(san, { minLength: 1, maxLength: 12 }) },
  { weight: 8, arbitrary: boundary },
  { weight: 2, arbitrary: fc.constant(undefined) },
)

const Y2050 = Date.UTC(2050, 0, 1)
const second = (from: number, to: number): fc.Arbitrary<number> =>
  fc.integer({ min: Math.ceil(from / 1000), max: Math.floor(to / 1000) }).map((seconds) => seconds * 1000)
const instant = fc.oneof(
  second(Date.UTC(2000, 0, 1), Date.UTC(2049, 11, 31)),
  second(Y2050 - 3000, Y2050 + 3000),
  second(Y2050, Date.UTC(9999, 11, 31, 23, 59, 59)),
  fc.constantFrom(Date.UTC(1950, 0, 1), Date.UTC(9999, 11, 31, 23, 59, 59), Y2050 - 1000, Y2050),
)

/** Positive, in the fewest octets (X.690 §8.3.2), up to 20 of them (RFC 5280 §4.1.2.2). */
const serial = fc
  .tuple(fc.integer({ min: 1, max: 0x7f }), fc.uint8Array({ maxLength: 19 }))
  .map(([first, rest]) => Uint8Array.of(first, ...rest))

const base = {
  name: fc.constantFrom<ProfileFamily>('mesh', 'istio', 'gloo'),
  role: fc.constantFrom<CertificateRole>('root', 'intermediate', 'end-entity'),
  key: fc.constantFrom('P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048', 'RSA-3072'),
  algorithm: fc.constantFrom(...(Object.keys(ALGORITHMS) as Algorithm[])),
  subject,
  issuer: subject,
  serial,
  notBefore: instant,
  notAfter: instant,
  pathLength: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
  constraints: fc.option(
    fc.record({
      permitted: fc.array(host, { maxLength: 12 }),
      excluded: fc.array(host, { minLength: 1, maxLength: 3 }),
    }),
    { nil: undefined },
  ),
  authorityKeyId: fc.option(fc.uint8Array({ minLength: 1, maxLength: 32 }), { nil: undefined }),
  identifier: fc.constantFrom<'sha1' | 'sha256' | undefined>('sha1', 'sha256', undefined),
}
const parameters: fc.Arbitrary<Parameters> = fc.record({ ...base, names: sans })
const largeParameters: fc.Arbitrary<Parameters> = fc.record({ ...base, names: large })
async function ourBuild(p: Parameters): Promise<string> {
  const publicKey = keys[p.key] ?? new Uint8Array()
  const template = await CertificateTemplate.compile({
    profile: profileOf(p.name, p.role),
    issuer: Name.from(p.issuer).der,
    algorithm: p.algorithm,
    pathLength: p.role === 'end-entity' ? undefined : p.pathLength,
    authorityKeyId: p.authorityKeyId,
    enciphers: p.key.startsWith('RSA'),
  })
  const dns = (hosts: readonly string[]): { type: 'dns'; value: string }[] =>
    hosts.map((name) => ({ type: 'dns', value: name }))
  const tbs = template.build({
    serialNumber: p.serial,
    notBefore: p.notBefore,
    notAfter: p.notAfter,
    subject: Name.from(p.subject).der,
    publicKey,
    subjectKeyId: p.identifier === undefined ? undefined : keyIdentifier(publicKey, p.identifier),
    subjectAltNames: p.names === undefined ? undefined : encodeGeneralNames(p.names, 'names'),
    nameConstraints:
      p.constraints === undefined
        ? undefined
        : encodeNameConstraints({
            permitted: dns(p.constraints.permitted),
            excluded: dns(p.constraints.excluded),
            otherForms: 'allow',
          }),
  })
  return toHex(tbs)
}

test('a TBSCertificate equals the plain @peculiar/x509 build byte for byte, over 1,500 random ones', async () => {
  await fc.assert(
    fc.asyncProperty(parameters, async (p) => {
      expect(await ourBuild(p)).toBe(await plainBuild(p))
    }),
    { numRuns: 1500 },
  )
})

test('also where the alternative names need a third and a fourth length octet (X.690 §8.1.3.5)', async () => {
  await fc.assert(
    fc.asyncProperty(largeParameters, async (p) => {
      expect(await ourBuild(p)).toBe(await plainBuild(p))
    }),
    { numRuns: 5 },
  )
})

test('another value anywhere is another TBSCertificate: the comparison can fail', async () => {
  const [p] = fc.sample(parameters, { numRuns: 1, seed: 1 })
  if (p === undefined) throw new Error('a sample has one value')
  const plain = await plainBuild(p)
  expect(await ourBuild(p)).toBe(plain)
  expect(await ourBuild({ ...p, serial: Uint8Array.of(...p.serial.subarray(0, -1), 0x7a, 0x7b) })).not.toBe(
    plain,
  )
  expect(await ourBuild({ ...p, notAfter: p.notAfter === Y2050 ? Y2050 + 1000 : Y2050 })).not.toBe(plain)
  expect(await ourBuild({ ...p, subject: [...p.subject, { CN: 'more' }] })).not.toBe(plain)
})
