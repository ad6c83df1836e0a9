/**
 * Every finding of `lintCacerts` and `lintCacertsChange` that `lintChain` does not have, with its neighbour that is none.
 */
import { type CertificateAuthority, createRootCa, memoryRevocationStore } from '../../../src/ca/index.ts'
import {
  type LintCacertsOptions,
  lintCacerts,
  lintCacertsChange,
  type SecretLike,
} from '../../../src/kubernetes/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { type LintCase, leafBelow, otherCa, otherRoot, rootOf, usage } from '../ca/lint/support.ts'
import { basicConstraints, keyIdOf, keysOf, ski } from '../verify/forge.ts'
import { at, ca, cacerts, named, pem, privatePem, root, tlsForm } from './lint-support.ts'
import { secretOf } from './support.ts'

const lint = (secret: SecretLike, options: LintCacertsOptions = {}) =>
  lintCacerts(secret, { time: at, ...options })
const sound = () => lint(cacerts())
const soundTls = () => lint(tlsForm())

/** A CA of ours, which can issue CRLs, as a secret. */
export const crlCa: CertificateAuthority = await createRootCa({
  subject: 'CN=Crl CA',
  lifetime: '3650d',
  clock: manualClock(at),
  revocations: memoryRevocationStore(),
})
export const crl: string = (await crlCa.issueCrl({ nextUpdate: '7d' })).crl.toPem()
const nextUpdate = '7d'
/** CRLs of the same CA that speak of a part alone. */
export const partial: Readonly<Record<string, string>> = {
  'certificates of CAs': (
    await crlCa.issueCrl({ nextUpdate, issuingDistributionPoint: { onlyContainsCaCerts: true } })
  ).crl.toPem(),
  'some reasons': (
    await crlCa.issueCrl({ nextUpdate, issuingDistributionPoint: { onlySomeReasons: ['keyCompromise'] } })
  ).crl.toPem(),
  'one distribution point': (
    await crlCa.issueCrl({ nextUpdate, issuingDistributionPoint: { fullName: ['http://a.example/crl'] } })
  ).crl.toPem(),
  'a delta CRL': (await crlCa.issueCrl({ nextUpdate, delta: true })).crl.toPem(),
}
export const usersCrl: string = (
  await crlCa.issueCrl({ nextUpdate, issuingDistributionPoint: { onlyContainsUserCerts: true } })
).crl.toPem()
export const withCrl = (text: string): SecretLike =>
  cacerts({
    'ca-cert.pem': pem(crlCa.certificate),
    'ca-key.pem': privatePem('anybody'),
    'cert-chain.pem': pem(crlCa.certificate),
    'root-cert.pem': pem(crlCa.certificate),
    'ca-crl.pem': text,
  })

const AGENT = { labels: { 'agent.certificates.mesh.gloo.solo.io': 'gloo-mesh' } }
const LATER = rootOf('Later Root', { notAfter: '2040-01-01T00:00:00Z' })

export const SECRET_CASES: readonly LintCase[] = [
  {
    code: 'agent-label-missing',
    found: () => lint(cacerts(), { gloo: true }),
    absent: () => lint(cacerts({}, { metadata: { name: 'cacerts', ...AGENT } }), { gloo: true }),
  },
  {
    code: 'ca-crt-not-root',
    found: () => lint(tlsForm({ 'ca.crt': pem(ca) })),
    absent: soundTls,
  },
  {
    code: 'chain-without-signer',
    found: () => lint(cacerts({ 'cert-chain.pem': pem(root) })),
    absent: sound,
  },
  {
    code: 'crl-expired',
    found: () => lint(withCrl(crl), { time: new Date(at.getTime() + 8 * 86_400_000) }),
    absent: () => lint(withCrl(crl)),
  },
  {
    code: 'crl-ignored',
    found: () => lint(tlsForm({ 'ca-crl.pem': crl })),
    absent: () => lint(cacerts({ 'ca-crl.pem': crl })),
  },
  {
    code: 'crl-missing',
    found: () => lint(cacerts({ 'ca-crl.pem': crl })),
    absent: () => lint(withCrl(crl)),
  },
  {
    code: 'crl-scope',
    // OpenSSL: error 44.
    found: () => lint(withCrl(partial['certificates of CAs'] ?? '')),
    absent: () => lint(withCrl(crl)),
  },
  {
    code: 'crl-unreadable',
    found: () => lint(withCrl('nothing')),
    absent: () => lint(withCrl(crl)),
  },
  {
    code: 'extra-certificates',
    found: () => lint(cacerts({ 'ca-cert.pem': pem(ca, root) })),
    absent: sound,
  },
  {
    code: 'incomplete-secret',
    found: () => lint(cacerts({ 'cert-chain.pem': undefined })),
    absent: sound,
  },
  {
    code: 'root-key-present',
    found: () => lint(cacerts({ 'key.pem': privatePem('Lint Root') })),
    // The legacy layout has an empty key.pem.
    absent: () => lint(cacerts({ 'key.pem': '' })),
  },
  {
    code: 'root-order',
    found: () => lint(cacerts({ 'root-cert.pem': pem(LATER, root) })),
    absent: () => lint(cacerts({ 'root-cert.pem': pem(root, LATER) })),
  },
  {
    code: 'root-skipped',
    found: () =>
      lint(
        cacerts({
          'root-cert.pem': `${pem(root)}-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n`,
        }),
      ),
    absent: sound,
  },
  {
    code: 'secret-data',
    found: () => lint({ ...cacerts(), data: { ...cacerts().data, 'root-cert.pem': '***' } }),
    absent: sound,
  },
  {
    code: 'tls-final-newline',
    found: () => lint(tlsForm({ 'tls.crt': pem(ca).trimEnd() })),
    absent: soundTls,
  },
  {
    code: 'two-layouts',
    found: () => lint(tlsForm({ 'ca-cert.pem': pem(ca) })),
    absent: soundTls,
  },
  {
    code: 'unknown-secret',
    found: () => lint(secretOf({ password: 'x' }, named('database'))),
    absent: () => lint(secretOf({ token: 'x' }, named('relay-identity-token-secret'))),
  },
]

/** A of the rotation, and B. */
const A = pem(root)
const B = pem(otherRoot)
const signedByA = (roots: string) => cacerts({ 'root-cert.pem': roots })
const signedByB = (roots: string) =>
  cacerts({
    'ca-cert.pem': pem(otherCa),
    'ca-key.pem': privatePem('Other CA'),
    'cert-chain.pem': pem(otherCa, otherRoot),
    'root-cert.pem': roots,
  })
const change = (before: SecretLike, after: SecretLike, multiroot = true, istioVersion?: string) =>
  lintCacertsChange(before, after, { multiroot, istioVersion, time: at })

/** The root with its key, and an identifier that another method made. */
const renewed = rootOf('Lint Root', {
  only: [basicConstraints(true), usage(5, 6), ski(Uint8Array.of(9, 9, 9))],
})
const renewedWell = rootOf('Lint Root', {
  notAfter: '2036-01-01T00:00:00Z',
  only: [basicConstraints(true), usage(5, 6), ski(keyIdOf(keysOf('Lint Root')))],
})

export const CHANGE_CASES: readonly LintCase[] = [
  {
    code: 'old-chain-orphaned',
    found: () => change(signedByA(A + B), signedByA(B)),
    absent: () => change(signedByB(A + B), signedByB(B)),
  },
  {
    code: 'root-bytes-changed',
    found: () => change(signedByA(A), signedByA(`# root\n${A}`), false),
    absent: () => change(signedByA(A), signedByA(A), false),
  },
  {
    code: 'root-change-ignored',
    found: () => change(signedByA(A), signedByB(A + B), false),
    absent: () => change(signedByA(A), signedByA(A + B), true),
  },
  {
    code: 'root-key-identifier-changed',
    found: () => change(signedByA(A), signedByA(pem(renewed))),
    absent: () => change(signedByA(A), signedByA(pem(renewedWell))),
  },
  {
    code: 'root-replaced',
    found: () => change(signedByA(A), signedByB(B)),
    absent: () => change(signedByA(A), signedByA(A + B)),
  },
  {
    code: 'signer-not-trusted-before',
    found: () => change(signedByA(A), signedByB(A + B)),
    absent: () => change(signedByA(A + B), signedByB(A + B)),
  },
]

export { A, B, change, leafBelow, lint, renewed, signedByA, signedByB }
