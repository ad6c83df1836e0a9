import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createTestHierarchy } from '../../../src/testing/index.ts'
import { type Rfc5280Rule, type RuleContext, rfc5280Violations } from '../../../src/verify/rfc5280-rules.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'

const ROOT: RuleContext = { isRoot: true, isAnchor: false }
const BELOW: RuleContext = { isRoot: false, isAnchor: false }

describe('what is issued here breaks no rule of RFC 5280 §4', () => {
  test.each(['mesh', 'istio', 'gloo'] as const)('profile %s', async (profile) => {
    const { chain } = await createTestHierarchy({ profile })
    for (const certificate of chain) {
      expect(rfc5280Violations(certificate, certificate.isSelfIssued ? ROOT : BELOW)).toEqual([])
    }
  })
})

/** Each breaks one rule; OpenSSL makes it, since no issuing function here does. */
const BROKEN: readonly (readonly [Rfc5280Rule, subject: string, extensions: readonly string[]])[] = [
  [
    'basic-constraints-critical',
    '/CN=a',
    ['basicConstraints=CA:TRUE', 'keyUsage=keyCertSign', 'subjectKeyIdentifier=hash'],
  ],
  ['ca-key-usage', '/CN=a', ['basicConstraints=critical,CA:TRUE', 'subjectKeyIdentifier=hash']],
  [
    'ca-subject-key-identifier',
    '/CN=a',
    ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign', 'subjectKeyIdentifier=none'],
  ],
  [
    'ca-subject',
    '/',
    [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=keyCertSign',
      'subjectKeyIdentifier=hash',
      'subjectAltName=critical,DNS:a',
    ],
  ],
  ['critical-subject-alt-name', '/', ['basicConstraints=critical,CA:FALSE', 'subjectAltName=DNS:a']],
  ['key-cert-sign', '/CN=a', ['basicConstraints=critical,CA:FALSE', 'keyUsage=keyCertSign']],
  [
    'key-identifier-not-critical',
    '/CN=a',
    ['basicConstraints=critical,CA:FALSE', 'subjectKeyIdentifier=critical,hash'],
  ],
  [
    'path-length',
    '/CN=a',
    ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=cRLSign', 'subjectKeyIdentifier=hash'],
  ],
  [
    'name-constraints',
    '/CN=a',
    [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=keyCertSign',
      'subjectKeyIdentifier=hash',
      'nameConstraints=permitted;DNS:a',
    ],
  ],
]

/** A self-signed certificate of OpenSSL with no default extensions but what `req` adds by itself. */
function selfSigned(subject: string, args: readonly string[]): Promise<Certificate> {
  return withTemporaryFolder((cwd) => {
    writeFileSync(join(cwd, 'req.cnf'), '[req]\ndistinguished_name=dn\n[dn]\n')
    const key = ['-newkey', 'ed25519', '-nodes', '-keyout', 'key.pem', '-config', 'req.cnf']
    const result = openssl(['req', '-x509', ...key, '-subj', subject, ...args], { cwd })
    expect(result.stderr.toString() && result.status).toBe(0)
    return Certificate.fromPem(result.stdout)
  })
}

const rulesOf = (certificate: Certificate): readonly Rfc5280Rule[] =>
  rfc5280Violations(certificate, ROOT).map(({ rule }) => rule)

if (requirement('openssl', opensslAvailable)) {
  describe('each rule of RFC 5280 §4 finds the certificate that breaks it', () => {
    test.each(BROKEN)('%s', async (rule, subject, extensions) => {
      const certificate = await selfSigned(
        subject,
        extensions.flatMap((extension) => ['-addext', extension]),
      )
      // A self-signed certificate without a subject has no issuer either.
      expect(rulesOf(certificate).filter((found) => found !== 'issuer' || rule === 'issuer')).toEqual([rule])
    })

    test.each([
      ['0', false],
      ['-5', false],
      [`0x${'7f'.repeat(21)}`, false],
      [`0x${'7f'.repeat(20)}`, true],
      ['1', true],
    ])('serial-number: %s (§4.1.2.2)', async (serial, conforms) => {
      const certificate = await selfSigned('/CN=a', [
        '-set_serial',
        serial,
        '-addext',
        'subjectKeyIdentifier=hash',
      ])
      expect(rulesOf(certificate).includes('serial-number')).toBe(!conforms)
    })

    test('authority-key-identifier is due below a root only (§4.2.1.1)', async () => {
      const { root, workload } = await createTestHierarchy()
      expect(rfc5280Violations(root.certificate, ROOT)).toEqual([])
      const below = rfc5280Violations(root.certificate, BELOW)
      expect(below.map(({ rule }) => rule)).toEqual(['authority-key-identifier'])
      expect(rfc5280Violations(workload, BELOW)).toEqual([])
    })
  })
}
