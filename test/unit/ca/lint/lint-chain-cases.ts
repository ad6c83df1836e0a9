/**
 * Every finding of `lintChain`, with its neighbour that is none.
 */

import { type LintChainOptions, type LintInput, lintChain } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { tlv } from '../../../fixtures/x509/der.ts'
import {
  ALGORITHMS,
  ANY_EKU,
  aki,
  basicConstraints,
  CLIENT_AUTH,
  dns,
  EMPTY_NAME,
  eku,
  ext,
  forge,
  forgeDer,
  keyIdOf,
  keysOf,
  nameConstraints,
  SERVER_AUTH,
  san,
  ski,
  uri,
} from '../../verify/forge.ts'
import {
  at,
  ca,
  caBelow,
  ID,
  type LintCase,
  leaf,
  leafBelow,
  otherCa,
  pem,
  privatePem,
  publicPem,
  root,
  rootOf,
  usage,
} from './support.ts'

const lint = (input: LintInput, options: LintChainOptions = {}) =>
  lintChain(input, { time: at, anchors: root.certificate, ...options })
const sound = () => lint(pem(leaf, ca))

/** Lints leaf, CA and root that are all below a spoilt root or CA. */
const under = (spoiltRoot: ReturnType<typeof rootOf>, spoiltCa = caBelow(spoiltRoot)) =>
  lint(pem(leafBelow(spoiltCa), spoiltCa), { anchors: spoiltRoot.certificate })
const underCa = (spoilt: ReturnType<typeof caBelow>) => lint(pem(leafBelow(spoilt), spoilt))

const { csr } = await createCsr({ subject: 'CN=Root', key: 'P-256' })
/** A workload with other extensions than it should have. */
const tlsLeaf = (...others: readonly Uint8Array[]) =>
  lint(pem(leafBelow(ca, { only: [basicConstraints(false), ...others, aki(ca.keyId), san([uri(ID)])] }), ca))
/** nsCertType: 0x80 SSL client, 0x40 SSL server. */
const netscapeType = (bits: number) => ext('2.16.840.1.113730.1.1', tlv(3, Uint8Array.of(6, bits)))

const GARBAGE = '-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n'
const joined = (text: string) => text.replace(/-----\n-----BEGIN/, '----------BEGIN')
const caUsage = (...bits: number[]) => [
  basicConstraints(true, 0),
  usage(...bits),
  ski(keyIdOf(keysOf('Lint CA'))),
  aki(root.keyId),
]

const rsa = (kind: 'RSA-1024' | 'RSA-2048', algorithm: 'rsa-sha1' | 'rsa-sha256') => {
  const keys = keysOf('lint rsa', kind)
  const own = rootOf('RSA Root', {
    keys,
    algorithm: ALGORITHMS[algorithm],
    only: [basicConstraints(true), usage(5, 6), ski(keyIdOf(keys))],
  })
  return lint(own.certificate, { anchors: own.certificate })
}

/** A root of the same key whose identifier is another. */
const renewed = rootOf('Lint Root', {
  only: [basicConstraints(true), usage(5, 6), ski(Uint8Array.of(1, 2, 3, 4))],
})
const emptyNamed = caBelow(root, 'nameless', { subject: EMPTY_NAME, keys: keysOf('nameless') })

export const CHAIN_CASES: readonly LintCase[] = [
  // What stands in a file.
  {
    code: 'broken-pem',
    found: () => lint(joined(pem(leaf, ca))),
    absent: sound,
  },
  {
    code: 'certificate-request',
    found: () => lint(csr.toPem()),
    absent: () => lint(pem(root)),
  },
  {
    code: 'ec-parameters',
    found: () =>
      lint(pem(leaf, ca), {
        key: `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${privatePem('Lint Workload')}`,
      }),
    absent: () => lint(pem(leaf, ca), { key: privatePem('Lint Workload') }),
  },
  { code: 'empty', found: () => lint(''), absent: sound },
  {
    code: 'foreign-block',
    found: () => lint(pem(leaf, ca) + publicPem('Lint CA')),
    absent: sound,
  },
  {
    code: 'key-label',
    found: () =>
      lint(pem(leaf, ca), {
        key: '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n',
      }),
    absent: () => lint(pem(leaf, ca), { key: privatePem('Lint Workload') }),
  },
  {
    code: 'key-mismatch',
    found: () => lint(pem(leaf, ca), { key: privatePem('Lint CA') }),
    absent: () => lint(pem(leaf, ca), { key: publicPem('Lint Workload') }),
  },
  {
    code: 'key-unreadable',
    found: () =>
      lint(pem(leaf, ca), { key: '-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n' }),
    absent: () => lint(pem(leaf, ca), { key: privatePem('Lint Workload') }),
  },
  {
    code: 'leaf-extended-key-usage',
    // OpenSSL: anyExtendedKeyUsage alone is INVALID_PURPOSE as server and as client.
    found: () => tlsLeaf(usage(0), eku(ANY_EKU)),
    absent: () => tlsLeaf(usage(0), eku(ANY_EKU, SERVER_AUTH, CLIENT_AUTH)),
  },
  {
    code: 'leaf-key-usage',
    // keyEncipherment alone: RFC 8446 §4.4.2.2.
    found: () => tlsLeaf(usage(2), eku(SERVER_AUTH, CLIENT_AUTH)),
    absent: () => tlsLeaf(usage(0, 2), eku(SERVER_AUTH, CLIENT_AUTH)),
  },
  {
    code: 'leaf-netscape-type',
    found: () => tlsLeaf(usage(0), netscapeType(0x80)),
    absent: () => tlsLeaf(usage(0), netscapeType(0xc0)),
  },
  {
    code: 'lenient-encoding',
    // Key usage with trailing zero bits.
    found: () =>
      lint(Buffer.from(forgedWithZeros()), {
        anchors: root.certificate,
      }),
    absent: () => lint(pem(ca)),
  },
  {
    code: 'lint-limit',
    found: () => lint(pem(leaf, ca).repeat(129)),
    absent: () => lint(pem(leaf, ca).repeat(128)),
  },
  {
    code: 'private-key-among-certificates',
    found: () => lint(pem(leaf, ca) + privatePem('Lint Workload')),
    absent: () => lint(pem(leaf, ca) + publicPem('Lint Workload')),
  },
  {
    code: 'text-outside-blocks',
    found: () => lint(`subject=CN = leaf\n${pem(leaf, ca)}`),
    absent: () => lint(`\n\n${pem(leaf, ca)}\n`),
  },
  { code: 'unreadable-certificate', found: () => lint(pem(leaf, ca) + GARBAGE), absent: sound },
  // One certificate.
  {
    code: 'authority-key-identifier-missing',
    found: () => lint(pem(leafBelow(ca, { only: [basicConstraints(false), usage(0)] }), ca)),
    absent: sound,
  },
  {
    code: 'basic-constraints-not-critical',
    found: () =>
      underCa(
        caBelow(root, 'Lint CA', {
          only: [
            basicConstraints(true, 0, false),
            usage(5, 6),
            ski(keyIdOf(keysOf('Lint CA'))),
            aki(root.keyId),
          ],
        }),
      ),
    absent: sound,
  },
  {
    code: 'ca-extended-key-usage',
    found: () => underCa(caBelow(root, 'Lint CA', { more: [eku(CLIENT_AUTH)] })),
    absent: () => underCa(caBelow(root, 'Lint CA', { more: [eku(SERVER_AUTH, CLIENT_AUTH)] })),
  },
  {
    code: 'ca-key-usage-missing',
    found: () =>
      underCa(
        caBelow(root, 'Lint CA', {
          only: [basicConstraints(true), ski(keyIdOf(keysOf('Lint CA'))), aki(root.keyId)],
        }),
      ),
    absent: sound,
  },
  {
    code: 'ca-spiffe-path',
    found: () =>
      underCa(caBelow(root, 'Lint CA', { more: [san([uri('spiffe://td/ns/istio-system/sa/istiod')])] })),
    absent: () => underCa(caBelow(root, 'Lint CA', { more: [san([uri('spiffe://td')])] })),
  },
  {
    code: 'crl-sign-missing',
    found: () => underCa(caBelow(root, 'Lint CA', { only: caUsage(5) })),
    absent: () => underCa(caBelow(root, 'Lint CA', { only: caUsage(5, 6) })),
  },
  {
    code: 'empty-issuer',
    found: () => lint(pem(leafBelow(emptyNamed), emptyNamed)),
    absent: sound,
  },
  {
    code: 'empty-subject',
    found: () => lint(pem(leafBelow(emptyNamed), emptyNamed)),
    absent: sound,
  },
  {
    code: 'expired',
    found: () => lint(pem(leaf, ca), { time: new Date('2026-08-01T00:00:01Z') }),
    absent: () => lint(pem(leaf, ca), { time: new Date('2026-08-01T00:00:00Z') }),
  },
  {
    code: 'expires-soon',
    // 92 days: a fifth begins 18.4 days before the end.
    found: () => lint(pem(leaf, ca), { time: new Date('2026-07-13T14:24:00Z') }),
    absent: () => lint(pem(leaf, ca), { time: new Date('2026-07-13T14:23:59Z') }),
  },
  {
    code: 'key-cert-sign-missing',
    found: () => underCa(caBelow(root, 'Lint CA', { only: caUsage(6) })),
    absent: () => underCa(caBelow(root, 'Lint CA', { only: caUsage(5, 6) })),
  },
  {
    code: 'name-constraints-open',
    found: () =>
      underCa(caBelow(root, 'Lint CA', { more: [nameConstraints({ permitted: [uri('cluster.local')] })] })),
    absent: () =>
      underCa(
        caBelow(root, 'Lint CA', {
          more: [
            nameConstraints({
              permitted: [uri('cluster.local')],
              excluded: [dns(''), tlv(0x81), tlv(0x87, new Uint8Array(8))],
            }),
          ],
        }),
      ),
  },
  {
    code: 'not-a-ca',
    found: () => lint(pem(forge({ subject: 'Self', extensions: [usage(0)] }))),
    absent: () => lint(pem(root)),
  },
  {
    code: 'not-yet-valid',
    found: () => lint(pem(leaf, ca), { time: new Date('2026-04-30T23:59:59Z') }),
    absent: () => lint(pem(leaf, ca), { time: new Date('2026-05-01T00:00:00Z') }),
  },
  {
    code: 'path-length',
    found: () => under(rootOf('Lint Root', { pathLength: 0 })),
    absent: () => under(rootOf('Lint Root', { pathLength: 1 })),
  },
  {
    code: 'rfc5280-rule',
    // keyCertSign without being a CA.
    found: () =>
      lint(pem(leafBelow(ca, { only: [basicConstraints(false), usage(0, 5), aki(ca.keyId)] }), ca)),
    absent: () => lint(pem(leafBelow(ca, { only: [basicConstraints(false), usage(0), aki(ca.keyId)] }), ca)),
  },
  {
    code: 'serial-number',
    found: () => lint(pem(leafBelow(ca, { serial: 0 }), ca)),
    absent: () => lint(pem(leafBelow(ca, { serial: 1 }), ca)),
  },
  {
    code: 'subject-key-identifier-missing',
    found: () =>
      underCa(caBelow(root, 'Lint CA', { only: [basicConstraints(true), usage(5, 6), aki(root.keyId)] })),
    absent: sound,
  },
  {
    code: 'trust-domain',
    found: () => lint(pem(leafBelow(ca, { id: 'spiffe://prod_1/ns/a/sa/b' }), ca)),
    absent: () => lint(pem(leafBelow(ca, { id: 'spiffe://prod-1/ns/a/sa/b' }), ca)),
  },
  {
    code: 'unsupported-algorithm',
    found: () => lint(pem(rootOf('P-224 Root', { keys: keysOf('P-224', 'P-224') }))),
    absent: () => lint(pem(root)),
  },
  {
    code: 'v1-certificate',
    found: () => lint(pem(forge({ subject: 'V1', version: null }))),
    absent: () => lint(pem(root)),
  },
  {
    code: 'weak-key',
    found: () => rsa('RSA-1024', 'rsa-sha256'),
    absent: () => rsa('RSA-2048', 'rsa-sha256'),
  },
  {
    code: 'weak-signature',
    found: () => rsa('RSA-2048', 'rsa-sha1'),
    absent: () => rsa('RSA-2048', 'rsa-sha256'),
  },
  // Certificates together.
  {
    code: 'anchor-not-self-signed',
    found: () => lint(pem(leaf), { anchors: ca.certificate }),
    absent: sound,
  },
  {
    code: 'chain-order',
    found: () => lint(pem(leaf, root, ca)),
    absent: () => lint(pem(leaf, ca, root)),
  },
  {
    code: 'chain-reversed',
    found: () => lint(pem(root, ca, leaf)),
    absent: () => lint(pem(leaf, ca, root)),
  },
  {
    code: 'duplicate-certificate',
    found: () => lint(pem(leaf, ca, ca)),
    absent: () => lint(pem(leaf, ca, root)),
  },
  {
    code: 'duplicate-root',
    found: () => lint(pem(leaf, ca, root, root)),
    absent: () => lint(pem(leaf, ca, root)),
  },
  {
    code: 'issuer-missing',
    found: () => lint(pem(leaf)),
    absent: () => lint(pem(leaf, ca)),
  },
  {
    code: 'key-identifier-mismatch',
    found: () => lint(pem(leaf, ca), { anchors: renewed.certificate }),
    // Both roots in the bundle, in either order.
    absent: () => lint(pem(leaf, ca), { anchors: [renewed.certificate, root.certificate] }),
  },
  {
    code: 'no-workload-verifies',
    found: () => lint(pem(ca), { anchors: rootOf('Lint Root', { pathLength: 0 }).certificate }),
    absent: () => lint(pem(ca)),
  },
  {
    code: 'outlives-issuer',
    found: () => lint(pem(leafBelow(ca, { notAfter: '2027-01-01T00:00:01Z' }), ca)),
    absent: () => lint(pem(leafBelow(ca, { notAfter: '2027-01-01T00:00:00Z' }), ca)),
  },
  {
    code: 'path-refused',
    found: () => lint(pem(leaf, ca), { anchors: rootOf('Other Root').certificate }),
    absent: sound,
  },
  { code: 'root-in-chain', found: () => lint(pem(leaf, ca, root)), absent: sound },
  {
    code: 'same-subject',
    found: () => lint(pem(leaf, ca, caBelow(root, 'Lint CA', { keys: keysOf('another') }))),
    // The same key: the CA was renewed.
    absent: () => lint(pem(leaf, ca, caBelow(root, 'Lint CA', { notAfter: '2028-01-01T00:00:00Z' }))),
  },
  {
    code: 'signature-mismatch',
    found: () => lint(pem(leaf, caBelow(root, 'Lint CA', { keys: keysOf('another') }))),
    absent: sound,
  },
  { code: 'unrelated-certificate', found: () => lint(pem(leaf, ca, otherCa)), absent: sound },
]

/** A CA whose key usage ends in zero bits: `03 02 00 06` in place of `03 02 01 06`. */
function forgedWithZeros(): Uint8Array {
  return caDerWith(ext(15, tlv(3, Uint8Array.of(0, 0x06)), true))
}

function caDerWith(keyUsage: Uint8Array): Uint8Array {
  return forgeDer({
    subject: 'Lint CA',
    issuer: root,
    extensions: [basicConstraints(true, 0), keyUsage, ski(keyIdOf(keysOf('Lint CA'))), aki(root.keyId)],
  })
}
