import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Csr, createCsr, verifyProofOfPossession } from '../../src/csr/index.ts'
import { importPrivateKey } from '../../src/x509/index.ts'
import { GENPKEY, opensslKey, run } from '../fixtures/x509/openssl-certificate.ts'
import { refusalOfAsync } from '../fixtures/x509/refusal.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { ID, rootCa } from '../unit/ca/support.ts'

const KINDS = Object.keys(GENPKEY) as (keyof typeof GENPKEY)[]
const SIGNATURES: Readonly<Record<string, string>> = {
  'P-256': 'ecdsa-with-SHA256',
  'P-384': 'ecdsa-with-SHA384',
  'P-521': 'ecdsa-with-SHA512',
  Ed25519: 'ED25519',
}

/** A request of OpenSSL's, with its extensions and attributes in the form of its configuration. */
const opensslCsr = (key: string, extensions = '', attributes = '', more: readonly string[] = []) =>
  withTemporaryFolder((folder) => {
    const section = extensions === '' ? '' : 'req_extensions = ext\n'
    writeFileSync(join(folder, 'key'), key)
    writeFileSync(
      join(folder, 'cnf'),
      `[req]\nprompt = no\nutf8 = yes\ndistinguished_name = dn\nattributes = attr\n${section}[dn]\nO = Istio\nCN = Intermediate CA\nL = kind2\n[attr]\n${attributes}\n[ext]\n${extensions}\n`,
    )
    run(['req', '-new', '-config', 'cnf', '-key', 'key', '-out', 'csr', ...more], '', folder)
    return readFileSync(join(folder, 'csr'), 'utf8')
  })

if (requirement('openssl', opensslAvailable)) {
  describe.each(KINDS)('%s', (kind) => {
    test('OpenSSL verifies our request and reads it', async () => {
      const { csr } = await createCsr({
        key: kind,
        subject: 'L=kind2,CN=Intermediate CA,O=Istio',
        subjectAltNames: [
          { type: 'dns', value: 'istiod.istio-system.svc' },
          { type: 'ip', value: '2001:db8::1' },
          { type: 'uri', value: ID },
        ],
      })
      const result = openssl(['req', '-verify', '-noout', '-text', '-nameopt', 'RFC2253'], {
        input: csr.toPem(),
      })
      const text = result.stdout.toString()
      expect([result.status, result.stderr.toString()]).toEqual([0, expect.stringContaining('verify OK')])
      expect(text).toContain('Version: 1 (0x0)')
      expect(text).toContain('Subject: L=kind2,CN=Intermediate CA,O=Istio')
      expect(text).toContain(`Signature Algorithm: ${SIGNATURES[kind] ?? 'sha256WithRSAEncryption'}`)
      expect(text).toMatch(
        /X509v3 Subject Alternative Name: *\n *DNS:istiod\.istio-system\.svc, IP Address:2001:DB8:0:0:0:0:0:1, URI:spiffe/,
      )
      const tampered = csr.der
      tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1
      const refused = openssl(['req', '-inform', 'DER', '-verify', '-noout'], { input: tampered })
      expect(refused.stderr.toString()).not.toContain('verify OK')
      expect((await refusalOfAsync(verifyProofOfPossession(tampered))).code).toBe('ERR_CSR_SIGNATURE')
    })

    test("we prove OpenSSL's request, and its key signs ours", async () => {
      const pem = opensslKey(kind)
      const text = await opensslCsr(pem, 'subjectAltName = DNS:a.example')
      const { csr } = await verifyProofOfPossession(text)
      expect([String(csr.subject), csr.publicKeyType]).toEqual(['L=kind2,CN=Intermediate CA,O=Istio', kind])
      expect(csr.subjectAltNames).toEqual([{ type: 'dns', value: 'a.example' }])
      const ours = await createCsr({ key: await importPrivateKey(pem), subject: csr.subject })
      expect(ours.csr.publicKey).toEqual(csr.publicKey)
      expect(openssl(['req', '-verify', '-noout'], { input: ours.csr.toPem() }).status).toBe(0)
    })
  })

  test('the SAN of a request without subject is critical (RFC 5280 §4.2.1.6), as Istio asks (mesh-contracts §1.3)', async () => {
    const text = async (subject: string) => {
      const { csr } = await createCsr({
        key: 'P-256',
        subject,
        subjectAltNames: [{ type: 'uri', value: ID }],
      })
      return run(['req', '-noout', '-text'], csr.toPem()).toString()
    }
    expect(await text('')).toMatch(/Subject Alternative Name: critical/)
    expect(await text('CN=a')).not.toMatch(/critical/)
  })

  test('attributes that OpenSSL writes: a challenge password beside the extension request', async () => {
    const text = await opensslCsr(
      opensslKey('P-256'),
      'basicConstraints = critical,CA:TRUE,pathlen:3\nkeyUsage = keyCertSign\nextendedKeyUsage = serverAuth\nsubjectAltName = URI:spiffe://a/b,email:a@b.c',
      'challengePassword = hunter2hunter2\nunstructuredName = a name',
    )
    const { csr } = await verifyProofOfPossession(text)
    expect([...csr.attributeTypes].sort()).toEqual([
      '1.2.840.113549.1.9.14',
      '1.2.840.113549.1.9.2',
      '1.2.840.113549.1.9.7',
    ])
    expect([csr.isCa, csr.keyUsage, csr.extendedKeyUsage]).toEqual([
      true,
      ['keyCertSign'],
      ['1.3.6.1.5.5.7.3.1'],
    ])
    expect(csr.subjectAltNames).toHaveLength(2)
    // None of it reaches the certificate.
    const { certificate } = await (await rootCa()).issueIntermediate(csr, { lifetime: '1d' })
    expect([certificate.pathLength, certificate.subjectAltNames]).toEqual([0, []])
  })

  test('weak keys and digests of OpenSSL are refused', async () => {
    const weak = run(['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024']).toString()
    expect((await refusalOfAsync(verifyProofOfPossession(await opensslCsr(weak)))).code).toBe('ERR_KEY_WEAK')
    const rsa = opensslKey('RSA-2048')
    const sha1 = await opensslCsr(rsa, '', '', ['-sha1'])
    expect((await refusalOfAsync(verifyProofOfPossession(sha1))).message).toMatch(/SHA-1 with RSA/)
    const pss = await opensslCsr(rsa, '', '', ['-sigopt', 'rsa_padding_mode:pss'])
    expect((await refusalOfAsync(verifyProofOfPossession(pss))).message).toMatch(/RSASSA-PSS/)
    for (const digest of ['-sha256', '-sha384', '-sha512'])
      await verifyProofOfPossession(await opensslCsr(rsa, '', '', [digest]))
  })

  test('DER of OpenSSL is ours to the byte after a round trip', async () => {
    const pem = await opensslCsr(opensslKey('P-384'), 'subjectAltName = DNS:a')
    const der = run(['req', '-outform', 'DER'], pem)
    expect(Csr.fromPem(pem).der).toEqual(new Uint8Array(der))
    expect(Csr.fromPem(pem).toPem()).toBe(pem)
    expect(Csr.fromPem(run(['req', '-newhdr'], pem).toString()).der).toEqual(new Uint8Array(der))
  })
}
