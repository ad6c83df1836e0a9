/**
 * The matrix of what istiod takes and refuses, with its verdict: shared by the unit tests and the comparison with Go.
 */
import { seq, tlv } from '../../../fixtures/x509/der.ts'
import { caBelow, leafBelow, pem, privatePem, publicPem, rootOf, usage } from '../../ca/lint/support.ts'
import {
  aki,
  basicConstraints,
  CLIENT_AUTH,
  dns,
  eku,
  ext,
  keyIdOf,
  keysOf,
  nameConstraints,
  SERVER_AUTH,
  san,
  ski,
  uri,
} from '../../verify/forge.ts'
import * as fixtures from '../fixtures.ts'
import { below, ca, crlOf, four, KEY, middle, root, stranger } from './check-cacerts-material.ts'

/** A set of files and what istiod says. */
export interface CacertsCase {
  readonly name: string
  readonly texts: Readonly<Record<string, string>>
  /** Default: istiod starts. */
  readonly startup?: boolean
  readonly time?: Date
  /** Left out where it takes them. */
  readonly refused?: readonly [step: number | 'incomplete', message: string]
}

const unverified = 'cannot verify the cert with the provided root chain and cert pool with error: '
const unknown = `${unverified}x509: certificate signed by unknown authority`
const unusable = `${unverified}x509: certificate specifies an incompatible key usage`
const mismatch = 'the cert does not match the key: tls: private key does not match public key'

const caExtensions = (...more: readonly Uint8Array[]) => [
  basicConstraints(true, 0),
  usage(5, 6),
  ski(keyIdOf(keysOf('Matrix CA'))),
  aki(root.keyId),
  ...more,
]
const toolsCa = caBelow(root, 'Matrix CA', {
  only: [basicConstraints(true, 0), usage(0, 1, 2, 5), aki(root.keyId)],
})
const flatRoot = rootOf('Matrix Flat', { pathLength: 0 })
const belowFlat = caBelow(flatRoot, 'Matrix CA')
const twoBelowFlat = caBelow(caBelow(flatRoot, 'Matrix Middle', { pathLength: 1 }), 'Matrix CA')
const flatMiddle = caBelow(flatRoot, 'Matrix Middle', { pathLength: 1 })
const leaf = leafBelow(ca, { subject: 'Matrix Leaf', keys: keysOf('Matrix CA') })
const selfIssued = caBelow(root, 'Matrix Root', { keys: keysOf('Matrix Self'), pathLength: 0 })
const belowSelf = caBelow(selfIssued, 'Matrix CA')
const constrained = (permitted: string) =>
  rootOf('Matrix Named', { more: [nameConstraints({ permitted: [dns(permitted)] })] })
const named = (permitted: string) => {
  const issuer = constrained(permitted)
  return [caBelow(issuer, 'Matrix CA', { more: [san([dns('istiod.istio-system.svc')])] }), issuer] as const
}
const expired = { notBefore: '2025-01-01T00:00:00Z', notAfter: '2026-05-31T23:59:59Z' }
const oldRoot = rootOf('Matrix CA', expired)
const clientRoot = rootOf('Matrix CA', { more: [eku(CLIENT_AUTH)] })
const rsa = keysOf('Matrix RSA', 'RSA-2048')
const rsaPem = (type: 'pkcs1' | 'pkcs8') => String(rsa.privateKey.export({ format: 'pem', type }))
const sec1 = String(keysOf('Matrix CA').privateKey.export({ format: 'pem', type: 'sec1' }))
const v1 = rootOf('Matrix V1', { only: [], version: null })
const nameless = rootOf('Matrix V3', { only: [] })
const unglued = (text: string) => text.trimEnd()
const tls = (signer: string, roots: string, key = KEY) => ({
  'tls.crt': signer,
  'tls.key': key,
  'ca.crt': roots,
})

/** Successes of the reference, and what is accepted though it is no good. */
const TAKEN: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['one level: the root signs', four(pem(root), pem(root), pem(root), privatePem('Matrix Root'))],
  ['one level without a chain', four(pem(root), '', pem(root), privatePem('Matrix Root'))],
  ['two levels', four(pem(ca), pem(ca, root), pem(root))],
  ['two levels without a chain', four(pem(ca), '', pem(root))],
  ['two levels, a chain of blanks would not be read at the start', four(pem(ca), pem(ca), pem(root))],
  ['three levels', four(pem(below), pem(below, middle, root), pem(root))],
  ['three levels, the chain in another order', four(pem(below), pem(root, middle, below), pem(root))],
  ['three levels, the middle alone', four(pem(below), pem(middle), pem(root))],
  ['several roots', four(pem(ca), pem(ca), pem(stranger, root))],
  ['a root that stands twice', four(pem(ca), pem(ca), pem(root, root))],
  ['a root with path length 0: no workload will verify', four(pem(belowFlat), pem(belowFlat), pem(flatRoot))],
  [
    'a CA below one with path length 0: no workload will verify',
    four(pem(caBelow(ca, 'Matrix Deeper')), pem(ca), pem(root), privatePem('Matrix Deeper')),
  ],
  ['an anchor that is not self-signed', four(pem(below), pem(below), pem(middle))],
  ['an anchor that is the signing certificate itself', four(pem(ca), pem(ca), pem(ca))],
  ['a root of version 1', four(pem(caBelow(v1, 'Matrix CA')), '', pem(v1))],
  ['garbage among the roots', four(pem(ca), pem(ca), `hello\n${fixtures.ROOT_A_CRL}${pem(root)}`)],
  [
    'a broken certificate among the roots',
    four(pem(ca), pem(ca), `-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n${pem(root)}`),
  ],
  [
    'a block without its END among the roots',
    four(pem(ca), pem(ca), `-----BEGIN CERTIFICATE-----\nMAA=\n${pem(root)}`),
  ],
  ['a key among the roots', four(pem(ca), pem(ca), privatePem('Matrix Root') + pem(root))],
  [
    'serverAuth',
    four(pem(caBelow(root, 'Matrix CA', { only: caExtensions(eku(SERVER_AUTH)) })), '', pem(root)),
  ],
  [
    'any usage',
    four(pem(caBelow(root, 'Matrix CA', { only: caExtensions(eku('2.5.29.37.0')) })), '', pem(root)),
  ],
  [
    'constraints on names that allow its own',
    four(pem(named('istio-system.svc')[0]), '', pem(constrained('istio-system.svc'))),
  ],
  ['RSA, PKCS#1', four(pem(caBelow(root, 'Matrix RSA', { keys: rsa })), '', pem(root), rsaPem('pkcs1'))],
  ['RSA, PKCS#8', four(pem(caBelow(root, 'Matrix RSA', { keys: rsa })), '', pem(root), rsaPem('pkcs8'))],
  ['SEC1', four(pem(ca), '', pem(root), sec1)],
  ['text before the key', four(pem(ca), '', pem(root), `a key:\n${KEY}`)],
  ['a second key behind the first', four(pem(ca), '', pem(root), KEY + privatePem('other'))],
  [
    'CR LF',
    four(
      pem(ca).replaceAll('\n', '\r\n'),
      '',
      pem(root).replaceAll('\n', '\r\n'),
      KEY.replaceAll('\n', '\r\n'),
    ),
  ],
  ['more certificates behind the signing one', four(pem(ca, root), '', pem(root))],
  [
    'a critical extension that names CRLs',
    four(
      pem(
        caBelow(root, 'Matrix CA', {
          only: caExtensions(ext(31, seq(seq(tlv(0xa0, tlv(0xa0, uri('http://a.example/crl'))))), true)),
        }),
      ),
      '',
      pem(root),
    ),
  ],
  // CRLs.
  [
    'CRLs of the whole chain',
    four(pem(ca), pem(ca, root), pem(root), KEY, { 'ca-crl.pem': crlOf(ca) + crlOf(root) }),
  ],
  ['an empty CRL file', four(pem(ca), pem(ca, root), pem(root), KEY, { 'ca-crl.pem': '' })],
  ['CRLs and an empty chain', four(pem(ca), '', pem(root), KEY, { 'ca-crl.pem': crlOf(stranger) })],
  [
    'CRLs that expired, and of others',
    four(pem(ca), pem(ca), pem(root), KEY, { 'ca-crl.pem': crlOf(stranger) + crlOf(ca) }),
  ],
  [
    'of two certificates with one name only the last is asked about',
    four(pem(ca), pem(caBelow(root, 'Matrix CA', { keys: keysOf('twin') }), ca, root), pem(root), KEY, {
      'ca-crl.pem': crlOf(ca) + crlOf(root),
    }),
  ],
  // The form of tls.crt.
  ['tls.crt', tls(pem(ca), pem(root))],
  ['tls.crt before the four, which are broken', { ...four('x', 'x', 'x', 'x'), ...tls(pem(ca), pem(root)) }],
  ['tls.crt with the CAs above it', tls(pem(below, middle), pem(root))],
  ['ca-crl.pem beside tls.crt is not read', { ...tls(pem(ca), pem(root)), 'ca-crl.pem': 'x' }],
]

const REFUSED: readonly (readonly [string, number, string, Readonly<Record<string, string>>])[] = [
  // 1
  ['no certificate', 1, 'failed to parse cert PEM: invalid PEM encoded certificate', four('', '', pem(root))],
  ['text', 1, 'failed to parse cert PEM: invalid PEM encoded certificate', four('hello', '', pem(root))],
  [
    'a block that is cut off',
    1,
    'failed to parse cert PEM: invalid PEM encoded certificate',
    four(pem(ca).slice(0, 400), '', pem(root)),
  ],
  [
    'a key in its place',
    1,
    'failed to parse cert PEM: failed to parse X.509 certificate',
    four(KEY, '', pem(root)),
  ],
  [
    'an altered certificate',
    1,
    'failed to parse cert PEM: failed to parse X.509 certificate',
    four(pem(ca).replace('MII', 'MIJ'), '', pem(root)),
  ],
  // 2
  ['three levels without a chain', 2, unknown, four(pem(below), '', pem(root))],
  ['another root', 2, unknown, four(pem(ca), pem(ca, root), pem(stranger))],
  ['no root', 2, unknown, four(pem(ca), pem(ca, root), '')],
  ['nothing but garbage as roots', 2, unknown, four(pem(ca), pem(ca, root), 'hello')],
  ['a root in a block with headers', 2, unknown, four(pem(ca), '', pem(root).replace('\n', '\nA: b\n\n'))],
  [
    'a root under another label',
    2,
    unknown,
    four(pem(ca), '', pem(root).replaceAll('CERTIFICATE', 'X509 CERTIFICATE')),
  ],
  [
    'a root of the same name and another key',
    2,
    unknown,
    four(pem(ca), '', pem(rootOf('Matrix Root', { keys: keysOf('twin') }))),
  ],
  [
    'an anchor of version 3 that is no CA',
    2,
    unknown,
    four(pem(caBelow(nameless, 'Matrix CA')), '', pem(nameless)),
  ],
  [
    'clientAuth alone',
    2,
    unusable,
    four(pem(caBelow(root, 'Matrix CA', { only: caExtensions(eku(CLIENT_AUTH)) })), '', pem(root)),
  ],
  ['clientAuth alone, and it is the root', 2, unusable, four(pem(clientRoot), '', pem(clientRoot))],
  [
    'clientAuth alone in a root above',
    2,
    unusable,
    (() => {
      const issuer = rootOf('Matrix Client', { more: [eku(CLIENT_AUTH)] })
      return four(pem(caBelow(issuer, 'Matrix CA')), '', pem(issuer))
    })(),
  ],
  [
    'clientAuth alone, and no root',
    2,
    unknown,
    four(pem(caBelow(root, 'Matrix CA', { only: caExtensions(eku(CLIENT_AUTH)) })), '', pem(stranger)),
  ],
  [
    'two CAs below a root with path length 0',
    2,
    unknown,
    four(pem(twoBelowFlat), pem(flatMiddle), pem(flatRoot)),
  ],
  [
    'constraints on names that exclude its own',
    2,
    `${unverified}x509: a root or intermediate certificate is not authorized to sign for this name`,
    four(pem(named('example.com')[0]), '', pem(named('example.com')[1])),
  ],
  [
    'it has expired',
    2,
    `${unverified}x509: certificate has expired or is not yet valid: current time 2026-06-01T00:00:00Z is after 2026-05-31T23:59:59Z`,
    four(pem(caBelow(root, 'Matrix CA', expired)), '', pem(root)),
  ],
  [
    'it is not valid yet',
    2,
    `${unverified}x509: certificate has expired or is not yet valid: current time 2026-06-01T00:00:00Z is before 2026-06-01T00:00:01Z`,
    four(pem(caBelow(root, 'Matrix CA', { notBefore: '2026-06-01T00:00:01Z' })), '', pem(root)),
  ],
  [
    'its root has expired',
    2,
    unknown,
    (() => {
      const issuer = rootOf('Matrix Old', expired)
      return four(pem(caBelow(issuer, 'Matrix CA')), '', pem(issuer))
    })(),
  ],
  [
    'its root has expired, and it is the root',
    2,
    `${unverified}x509: certificate has expired`,
    four(pem(oldRoot), '', pem(oldRoot)),
  ],
  [
    'a critical extension that nobody knows',
    2,
    `${unverified}x509: unhandled critical extension`,
    four(pem(caBelow(root, 'Matrix CA', { only: caExtensions(ext('1.2.3.4', seq(), true)) })), '', pem(root)),
  ],
  [
    'a workload certificate above it',
    2,
    unknown,
    (() => {
      const issuer = leafBelow(ca, { subject: 'Matrix Leaf' })
      return four(
        pem(caBelow(issuer, 'Matrix CA', { keys: keysOf('deeper') })),
        pem(issuer, ca),
        pem(root),
        privatePem('deeper'),
      )
    })(),
  ],
  [
    'a CA above it that lacks keyCertSign',
    2,
    unknown,
    (() => {
      const issuer = caBelow(root, 'Matrix Middle', { only: [basicConstraints(true), usage(6)] })
      return four(pem(caBelow(issuer, 'Matrix CA')), pem(issuer), pem(root))
    })(),
  ],
  ['tls.crt without a last line end, three levels', 2, unknown, tls(unglued(pem(below, middle)), pem(root))],
  // 3
  ['no key', 3, 'failed to parse private key PEM: invalid PEM-encoded key', four(pem(ca), '', pem(root), '')],
  [
    'a broken key',
    3,
    'failed to parse private key PEM: failed to parse the PKCS8 private key',
    four(pem(ca), '', pem(root), KEY.replace('MIGH', 'MIGG')),
  ],
  [
    'EC PARAMETERS first',
    3,
    'failed to parse private key PEM: unsupported PEM block type for a private key: EC PARAMETERS',
    four(
      pem(ca),
      '',
      pem(root),
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${sec1}`,
    ),
  ],
  [
    'an encrypted key',
    3,
    'failed to parse private key PEM: unsupported PEM block type for a private key: ENCRYPTED PRIVATE KEY',
    four(pem(ca), '', pem(root), fixtures.INTERMEDIATE_A_KEY_ENCRYPTED),
  ],
  [
    'a key that OpenSSL encrypted in its own way',
    3,
    'failed to parse private key PEM: failed to parse the ECDSA private key',
    four(pem(ca), '', pem(root), fixtures.INTERMEDIATE_A_KEY_LEGACY_ENCRYPTED),
  ],
  [
    'a certificate as key',
    3,
    'failed to parse private key PEM: unsupported PEM block type for a private key: CERTIFICATE',
    four(pem(ca), '', pem(root), pem(ca)),
  ],
  [
    'a public key',
    3,
    'failed to parse private key PEM: unsupported PEM block type for a private key: PUBLIC KEY',
    four(pem(ca), '', pem(root), publicPem('Matrix CA')),
  ],
  [
    'PKCS#8 under the label of PKCS#1',
    3,
    'failed to parse private key PEM: failed to parse the RSA private key',
    four(pem(ca), '', pem(root), rsaPem('pkcs8').replaceAll('PRIVATE', 'RSA PRIVATE')),
  ],
  // 4
  ['the key of another', 4, mismatch, four(pem(ca), '', pem(root), privatePem('Matrix Root'))],
  [
    'a key of another kind',
    4,
    'the cert does not match the key: tls: private key type does not match public key type',
    four(pem(ca), '', pem(root), rsaPem('pkcs8')),
  ],
  [
    'a key of another curve',
    4,
    mismatch,
    four(
      pem(ca),
      '',
      pem(root),
      String(keysOf('curve', 'P-384').privateKey.export({ format: 'pem', type: 'pkcs8' })),
    ),
  ],
  [
    'a certificate under another label',
    4,
    'the cert does not match the key: tls: failed to find "CERTIFICATE" PEM block',
    four(pem(ca).replaceAll('CERTIFICATE', 'X509 CERTIFICATE'), '', pem(root)),
  ],
  // 5
  [
    'a CRL of the root alone',
    5,
    'missing CRL signed by certificates: [CN=Matrix CA]',
    four(pem(ca), pem(ca, root), pem(root), KEY, { 'ca-crl.pem': crlOf(root) }),
  ],
  [
    'CRLs of nobody',
    5,
    'missing CRL signed by certificates: [CN=Matrix CA CN=Matrix Root]',
    four(pem(ca), pem(ca, root), pem(root), KEY, { 'ca-crl.pem': crlOf(stranger) }),
  ],
  [
    'a CRL file of blanks',
    5,
    'missing CRL signed by certificates: [',
    four(pem(ca), pem(ca), pem(root), KEY, { 'ca-crl.pem': '\n' }),
  ],
  [
    'a CRL that is none',
    5,
    'failed to parse CRL PEM: ',
    four(pem(ca), pem(ca), pem(root), KEY, { 'ca-crl.pem': pem(ca) }),
  ],
  [
    'a chain that does not parse',
    5,
    'failed to parse cert chain: ',
    four(pem(ca), pem(ca) + KEY, pem(root), KEY, { 'ca-crl.pem': crlOf(ca) }),
  ],
  [
    'tools/certs: the CA lacks cRLSign',
    5,
    'missing CRL signed by certificates: [CN=Matrix CA]',
    four(pem(toolsCa), pem(toolsCa), pem(root), KEY, { 'ca-crl.pem': crlOf(toolsCa) }),
  ],
]

const ONLY_STARTUP: readonly (readonly [string, string, Readonly<Record<string, string>>, Date?])[] = [
  [
    'a workload certificate as the CA',
    'certificate is not authorized to sign other certificates',
    four(pem(leaf), pem(leaf, ca), pem(root)),
  ],
  [
    'the first of the chain has expired',
    'cert chain has expired',
    four(pem(ca), pem(caBelow(root, 'Matrix Old', expired), ca), pem(root)),
  ],
  [
    'the first of the chain ends this second',
    'cert chain has expired',
    four(
      pem(root),
      pem(
        caBelow(root, 'Matrix Old', { notBefore: '2025-01-01T00:00:00Z', notAfter: '2026-06-01T00:00:00Z' }),
      ),
      pem(root),
      privatePem('Matrix Root'),
    ),
  ],
  [
    'a chain that is no PEM',
    'failed to get cert chain TTL failed to extract cert expiration timestamp: failed to parse the cert: invalid PEM encoded certificate',
    four(pem(ca), 'hello', pem(root)),
  ],
  [
    'tls.crt without a last line end loses the chain, which two levels do not need',
    'failed to get cert chain TTL failed to extract cert expiration timestamp: failed to parse the cert: invalid PEM encoded certificate',
    tls(unglued(pem(ca)), pem(root)),
  ],
  ['a chain of blanks', 'failed to get cert chain TTL failed to extract', four(pem(ca), '\n', pem(root))],
]

const incomplete = 'failed to create an istiod CA: incomplete signing CA bundle detected'
const without = (texts: Readonly<Record<string, string>>, key: string) =>
  Object.fromEntries(Object.entries(texts).filter(([each]) => each !== key))
const sound = four(pem(ca), pem(ca, root), pem(root))

/** The whole matrix. */
export const CASES: readonly CacertsCase[] = [
  ...TAKEN.map(([name, texts]) => ({ name, texts })),
  ...REFUSED.map(([name, step, message, texts]) => ({ name, texts, refused: [step, message] as const })),
  ...ONLY_STARTUP.flatMap(([name, message, texts]): readonly CacertsCase[] => [
    { name, texts, refused: [6, message] },
    { name: `${name}, at a reload`, texts, startup: false },
  ]),
]

/** What istiod does not even read. */
export const INCOMPLETE: readonly CacertsCase[] = [
  ...Object.keys(sound).map((key) => ({
    name: `four keys without ${key}`,
    texts: without(sound, key),
    refused: ['incomplete', incomplete] as const,
  })),
  ...['tls.key', 'ca.crt'].map((key) => ({
    name: `the tls form without ${key}`,
    texts: without(tls(pem(ca), pem(root)), key),
    refused: ['incomplete', incomplete] as const,
  })),
  { name: 'none of them', texts: { other: 'x' }, refused: ['incomplete', 'no signing CA bundle'] },
  { name: 'a root alone', texts: { 'root-cert.pem': pem(root) }, refused: ['incomplete', incomplete] },
]

/** Where Go deviates from RFC 5280, and a verifier that does not would answer otherwise. */
export const QUIRKS: readonly CacertsCase[] = [
  {
    name: 'a self-issued CA counts for path lengths in Go, and here too',
    texts: four(pem(belowSelf), pem(selfIssued), pem(rootOf('Matrix Root', { pathLength: 0 }))),
    refused: [2, unknown],
  },
  {
    name: 'a name that differs in case is another one for Go, and here too',
    texts: four(pem(ca), '', pem(rootOf('MATRIX ROOT', { keys: root.keys }))),
    refused: [2, unknown],
  },
]
