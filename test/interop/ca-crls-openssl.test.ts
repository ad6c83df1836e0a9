/**
 * CRLs of ours under `openssl crl` and `openssl verify`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CertificateAuthority, memoryRevocationStore } from '../../src/ca/index.ts'
import { issueCrl } from '../../src/ca/revocation/issue-crl.ts'
import type { RevocationContext } from '../../src/ca/revocation/revocation-store.ts'
import { CheckedSigner } from '../../src/ca/sign-certificate.ts'
import { createCsr } from '../../src/csr/index.ts'
import type { Certificate, CertificateList, RevocationReason } from '../../src/x509/index.ts'
import { run } from '../fixtures/x509/openssl-certificate.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { type RevokingCa, revokingCa, verdict } from '../unit/ca/revocation-support.ts'
import { at, clockAt, HOUR, ID, INTERMEDIATE, request } from '../unit/ca/support.ts'

const FRESHEST = { freshestCrl: ['http://crl.example/delta'] }

/** `openssl crl -text`, trimmed lines. */
const textOf = (crl: CertificateList): readonly string[] =>
  run(['crl', '-noout', '-text', '-nameopt', 'RFC2253'], crl.toPem())
    .toString()
    .split('\n')
    .map((line) => line.trim())

interface Asked {
  readonly anchor: Certificate
  readonly intermediates?: readonly Certificate[]
  readonly leaf: Certificate
  readonly crls: readonly CertificateList[]
  readonly time: Date
}

/** `ok`, or the words of the first error of `openssl verify` with CRLs and delta CRLs. */
const opensslSays = ({ anchor, intermediates = [], leaf, crls, time }: Asked): Promise<string> =>
  withTemporaryFolder((cwd) => {
    writeFileSync(join(cwd, 'anchor'), anchor.toPem())
    writeFileSync(join(cwd, 'others'), intermediates.map(String).join(''))
    writeFileSync(join(cwd, 'crls'), crls.map(String).join(''))
    writeFileSync(join(cwd, 'leaf'), leaf.toPem())
    const { status, stderr } = openssl(
      [
        ...['verify', '-x509_strict', '-no-CApath', '-no-CAstore', '-attime', String(time.getTime() / 1000)],
        ...['-crl_check_all', '-use_deltas', '-extended_crl', '-CAfile', 'anchor'],
        ...(crls.length === 0 ? [] : ['-CRLfile', 'crls']),
        ...(intermediates.length === 0 ? [] : ['-untrusted', 'others']),
        'leaf',
      ],
      { cwd },
    )
    return status === 0
      ? 'ok'
      : (/error \d+ at \d+ depth lookup: [^\n]*/.exec(String(stderr))?.[0] ?? String(stderr))
  })

const REVOKED = 'error 23 at 0 depth lookup: certificate revoked'

/** Asks both of a leaf below a root; they must agree. */
async function bothSay(ca: RevokingCa, leaf: Certificate, crls: readonly CertificateList[]): Promise<string> {
  const theirs = await opensslSays({ anchor: ca.ca.certificate, leaf, crls, time: ca.clock.now() })
  const ours = verdict(ca, leaf, crls)
  expect([ours === 'ok', ours === 'ERR_PATH_REVOKED']).toEqual([theirs === 'ok', theirs === REVOKED])
  return theirs
}

if (requirement('openssl', opensslAvailable)) {
  describe('openssl crl', () => {
    test.each<[RevocationReason, string | undefined]>([
      ['unspecified', undefined],
      ['keyCompromise', 'Key Compromise'],
      ['cACompromise', 'CA Compromise'],
      ['affiliationChanged', 'Affiliation Changed'],
      ['superseded', 'Superseded'],
      ['cessationOfOperation', 'Cessation Of Operation'],
      ['certificateHold', 'Certificate Hold'],
      ['privilegeWithdrawn', 'Privilege Withdrawn'],
      ['aACompromise', 'AA Compromise'],
    ])('reads the reason %s', async (reason, words) => {
      const ca = await revokingCa()
      await ca.revoke('2a', { reason, date: at(-HOUR) })
      const lines = textOf((await ca.issueCrl()).crl)
      expect(lines[lines.indexOf('Serial Number: 2A') + 1]).toBe('Revocation Date: Dec 31 23:00:00 2025 GMT')
      const title = lines.indexOf('X509v3 CRL Reason Code:')
      expect(title < 0 ? undefined : lines[title + 1]).toBe(words)
    })

    test('reads every field of a complete and of a delta CRL', async () => {
      const ca = await revokingCa()
      await ca.issueCrl()
      await ca.revoke('0123456789abcdef0123456789abcdef', {
        reason: 'keyCompromise',
        invalidityDate: at(-HOUR),
      })
      const { crl, delta } = await ca.issueCrl({
        ...FRESHEST,
        issuingDistributionPoint: undefined,
        delta: 'with-complete',
      })
      if (delta === undefined) throw new Error('expected a delta CRL')
      const keyId = (ca.ca.certificate.subjectKeyIdentifier ?? '').toUpperCase().match(/../g)?.join(':')
      for (const list of [crl, delta])
        expect(textOf(list)).toEqual(
          expect.arrayContaining([
            'Version 2 (0x1)',
            'Issuer: CN=Root CA,O=Istio',
            'Last Update: Dec 31 23:58:00 2025 GMT',
            'Next Update: Jan  8 00:00:00 2026 GMT',
            'X509v3 Authority Key Identifier:',
            keyId,
            'X509v3 CRL Number:',
            '2',
            'Serial Number: 0123456789ABCDEF0123456789ABCDEF',
            'Invalidity Date:',
            'Dec 31 23:00:00 2025 GMT',
          ]),
        )
      expect(textOf(crl)).toEqual(
        expect.arrayContaining(['X509v3 Freshest CRL:', 'URI:http://crl.example/delta']),
      )
      const text = textOf(delta)
      expect(text[text.indexOf('X509v3 Delta CRL Indicator: critical') + 1]).toBe('1')
      expect(text).not.toContain('X509v3 Freshest CRL:')
    })

    test('reads the scope', async () => {
      const ca = await revokingCa()
      const { crl } = await ca.issueCrl({
        issuingDistributionPoint: {
          fullName: ['http://crl.example/a', 'http://crl.example/b'],
          onlyContainsUserCerts: true,
          onlySomeReasons: ['keyCompromise', 'aACompromise'],
        },
      })
      // Some releases print the last name and the first flag on one line.
      for (const words of [
        'X509v3 Issuing Distribution Point: critical',
        'URI:http://crl.example/a',
        'URI:http://crl.example/b',
        'Only User Certificates',
        'Key Compromise, AA Compromise',
      ])
        expect(textOf(crl).join('\n')).toContain(words)
    })

    test('an empty list, and what it is called in PEM', async () => {
      const ca = await revokingCa()
      const { crl } = await ca.issueCrl()
      expect(textOf(crl)).toContain('No Revoked Certificates.')
      expect(run(['crl'], crl.toPem()).toString()).toBe(crl.toPem())
    })

    test.each(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048', 'RSA-3072'] as const)(
      'verifies what %s signed, and refuses what another CA did',
      async (key) => {
        const [ca, other] = [await revokingCa({ key }), await revokingCa({ key })]
        await ca.revoke('2a', { reason: 'superseded' })
        const { crl } = await ca.issueCrl()
        await withTemporaryFolder((cwd) => {
          writeFileSync(join(cwd, 'own'), ca.ca.certificate.toPem())
          writeFileSync(join(cwd, 'other'), other.ca.certificate.toPem())
          const verify = (file: string) =>
            openssl(['crl', '-noout', '-CAfile', file], { cwd, input: crl.toPem() }).stderr.toString()
          expect(verify('own')).toBe('verify OK\n')
          expect(verify('other')).toContain('verify failure')
        })
      },
    )
  })

  describe('openssl verify -crl_check_all -use_deltas -extended_crl', () => {
    test('a complete list', async () => {
      const ca = await revokingCa()
      const [bad, good] = [await ca.leaf(), await ca.leaf()]
      await ca.revoke(bad, { reason: 'keyCompromise' })
      const { crl } = await ca.issueCrl()
      expect([await bothSay(ca, good, [crl]), await bothSay(ca, bad, [crl])]).toEqual(['ok', REVOKED])
      expect(await bothSay(ca, good, [])).toBe('error 3 at 0 depth lookup: unable to get certificate CRL')
    })

    test('base and delta: added, lifted, made final, and what stays', async () => {
      const ca = await revokingCa()
      const [added, lifted, final, stays, good] = await Promise.all(
        Array.from({ length: 5 }, () => ca.leaf()),
      )
      if (!added || !lifted || !final || !stays || !good) throw new Error('expected five leaves')
      for (const leaf of [lifted, final, stays]) await ca.revoke(leaf, { reason: 'certificateHold' })
      const base = (await ca.issueCrl(FRESHEST)).crl
      ca.clock.advance('1h')
      await ca.revoke(added, { reason: 'superseded' })
      await ca.revoke(lifted, { reason: 'removeFromCRL' })
      await ca.revoke(final, { reason: 'keyCompromise' })
      const only = (await ca.issueCrl({ delta: true })).crl
      ca.clock.advance('1h')
      const { crl, delta } = await ca.issueCrl({ ...FRESHEST, delta: 'with-complete' })
      if (delta === undefined) throw new Error('expected a delta CRL')
      const leaves = [added, lifted, final, stays, good]
      const of = async (...crls: readonly CertificateList[]) => {
        const answers: string[] = []
        for (const leaf of leaves) answers.push(await bothSay(ca, leaf, crls))
        return answers
      }
      expect(await of(base)).toEqual(['ok', REVOKED, REVOKED, REVOKED, 'ok'])
      const current = [REVOKED, 'ok', REVOKED, REVOKED, 'ok']
      expect(await of(base, only)).toEqual(current)
      expect(await of(base, delta)).toEqual(current)
      expect(await of(crl)).toEqual(current)
      expect(await of(crl, delta)).toEqual(current)
    })

    test('an intermediate that its root revoked', async () => {
      const root = await revokingCa()
      const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key: 'P-256' })
      const { certificate, chain } = await root.ca.issueIntermediate(csr, { lifetime: '30d' })
      const intermediate = await CertificateAuthority.from({ certificate, chain, signer, clock: clockAt() })
      const context: RevocationContext = {
        certificate,
        signer: await CheckedSigner.of(signer),
        clock: clockAt(),
        store: memoryRevocationStore(),
      }
      const leaf = (await intermediate.issueWorkload(await request(), { id: ID, lifetime: '1h' })).certificate
      const below = (await issueCrl(context, { nextUpdate: '7d' })).crl
      const says = async (crl: CertificateList) => [
        await opensslSays({
          anchor: root.ca.certificate,
          intermediates: [certificate],
          leaf,
          crls: [crl, below],
          time: root.clock.now(),
        }),
        verdict(root, leaf, [crl, below], { intermediates: [certificate] }),
      ]
      expect(await says((await root.issueCrl()).crl)).toEqual(['ok', 'ok'])
      await root.revoke(certificate, { reason: 'cACompromise' })
      expect(await says((await root.issueCrl()).crl)).toEqual([
        'error 23 at 1 depth lookup: certificate revoked',
        'ERR_PATH_REVOKED',
      ])
    })

    test('lists for users, for CAs and for some reasons', async () => {
      const ca = await revokingCa()
      const [bad, good] = [await ca.leaf(), await ca.leaf()]
      await ca.revoke(bad, { reason: 'keyCompromise' })
      const scoped = async (issuingDistributionPoint: object) =>
        (await ca.issueCrl({ issuingDistributionPoint })).crl
      const users = await scoped({ onlyContainsUserCerts: true })
      const some = await scoped({ onlySomeReasons: ['keyCompromise'] })
      const rest = await scoped({
        onlySomeReasons: [
          'cACompromise',
          'affiliationChanged',
          'superseded',
          'cessationOfOperation',
          'certificateHold',
          'privilegeWithdrawn',
          'aACompromise',
        ],
      })
      const cas = await scoped({ onlyContainsCaCerts: true })
      // OpenSSL asks about the root too.
      expect([await bothSay(ca, good, [users, cas]), await bothSay(ca, bad, [users, cas])]).toEqual([
        'ok',
        REVOKED,
      ])
      expect([await bothSay(ca, good, [some, rest]), await bothSay(ca, bad, [some, rest])]).toEqual([
        'ok',
        REVOKED,
      ])
      expect(await bothSay(ca, good, [cas])).toMatch(/error (3|44) at 0 depth lookup/)
      expect(await bothSay(ca, good, [rest])).toMatch(/error (3|44) at 0 depth lookup/)
    })
  })
}
