/**
 * The broken recipes of the field, run as they were written, and the commands that the lint prints to mend them.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkFederation, lintChain } from '../../src/ca/index.ts'
import { lintCacerts, lintCacertsChange, type SecretLike } from '../../src/kubernetes/index.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { secretOf } from '../unit/kubernetes/support.ts'
import { codes, lint, of, read, repair, shell } from './lint-support.ts'

/** "root-ca.crt" is made by "req -new", and "cert.pem" by "x509 -req -signkey" without -extfile. */
const D4 = [
  'openssl genrsa -out key.pem 2048',
  'openssl req -new -key key.pem -subj "/O=my-org/CN=my-root" -out root-ca.crt',
  'openssl x509 -req -days 3650 -in root-ca.crt -signkey key.pem -out cert.pem',
  'cp root-ca.crt cert-chain.pem',
]

/** The relay's root and server as the manual makes them, and the secret with the root in the place of the server. */
const RELAY = [
  'openssl req -new -newkey rsa:2048 -nodes -x509 -sha256 -days 3650 -subj "/CN=relay-root" -keyout key.pem -out ca.crt',
  "printf 'basicConstraints=CA:FALSE\\nkeyUsage=digitalSignature,keyEncipherment\\nextendedKeyUsage=clientAuth,serverAuth\\nsubjectAltName=DNS:*.gloo-mesh\\n' > server.ext",
  'openssl genrsa -out tls.key 2048',
  'openssl req -new -key tls.key -subj "/CN=enterprise-networking" -out server.csr',
]
const RELAY_SERVER = (serial: string) =>
  `openssl x509 -req -days 3000 -in server.csr -CA ca.crt -CAkey key.pem -set_serial ${serial} -sha256 -extfile server.ext -out tls.crt`

if (requirement('openssl', opensslAvailable)) {
  describe('D4: a root without -x509 and without -extfile', () => {
    test('root-ca.crt is a request; the command that is printed makes a root of it', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...D4)
        const findings = await lint(folder, 'root-ca.crt')
        expect(codes(findings)).toEqual(['certificate-request'])
        expect(findings[0]?.message).toContain('this is a certificate request for "CN=my-root,O=my-org"')
        repair(folder, findings, 'certificate-request')
        expect(await lint(folder, 'root-cert.pem', { key: read(folder, 'key.pem') })).toEqual([])
        expect(
          openssl(['verify', '-x509_strict', '-CAfile', 'root-cert.pem', 'root-cert.pem'], { cwd: folder })
            .status,
        ).toBe(0)
      })
    })

    test('cert.pem is no CA; the command that is printed issues it again as one', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...D4)
        // OpenSSL before 3.2 writes version 1 here.
        const isV1 = /Version: 1 /.test(shell(folder, 'openssl x509 -in cert.pem -noout -text'))
        const findings = await lint(folder, 'cert.pem', { key: read(folder, 'key.pem') })
        const code = isV1 ? 'v1-certificate' : 'not-a-ca'
        expect(codes(findings)).toContain(code)
        expect(of(findings, code).message).toContain('it is not a CA')
        repair(folder, findings, code)
        expect(await lint(folder, 'root-cert.pem', { key: read(folder, 'key.pem') })).toEqual([])
      })
    })

    test('the secret of it: no root-cert.pem, a request in the chain, no CA; mended, it is clean', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...D4)
        const secret = (texts: Readonly<Record<string, string>>): SecretLike =>
          secretOf(texts, { metadata: { name: 'root-trust-policy.gloo-mesh', namespace: 'gloo-mesh' } })
        const findings = await lintCacerts(
          secret({
            'ca-cert.pem': read(folder, 'cert.pem'),
            'ca-key.pem': read(folder, 'key.pem'),
            'cert-chain.pem': read(folder, 'cert-chain.pem'),
          }),
        )
        expect(of(findings, 'incomplete-secret').message).toContain('missing root-cert.pem')
        expect(of(findings, 'certificate-request').evidence.source).toBe('cert-chain.pem')
        expect(codes(findings)).not.toContain('key-mismatch')
        repair(folder, await lint(folder, 'root-ca.crt'), 'certificate-request')
        const root = read(folder, 'root-cert.pem')
        const mended = {
          'ca-cert.pem': root,
          'ca-key.pem': read(folder, 'key.pem'),
          'cert-chain.pem': root,
          'root-cert.pem': root,
        }
        expect(await lintCacerts(secret(mended))).toEqual([])
      })
    })
  })

  describe('D7: the relay server secret with ca.crt as its certificate', () => {
    test('the key belongs to another certificate; the command that is printed finds it', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...RELAY, RELAY_SERVER('0'))
        // kubectl create secret tls relay-server-tls-secret --cert=ca.crt --key=tls.key
        const wrong = await lintCacerts(
          secretOf(
            { 'tls.crt': read(folder, 'ca.crt'), 'tls.key': read(folder, 'tls.key') },
            {
              type: 'kubernetes.io/tls',
              metadata: { name: 'relay-server-tls-secret', namespace: 'gloo-mesh' },
            },
          ),
        )
        expect(of(wrong, 'key-mismatch').message).toMatch(/the key belongs to none of the certificates here/)
        expect(of(wrong, 'incomplete-secret').message).toContain('missing ca.crt')
        expect(repair(folder, wrong, 'key-mismatch').trim()).toBe('tls.crt')
        // With both files the lint says itself whose key it is.
        const both = await lintChain(read(folder, 'ca.crt'), {
          name: 'ca.crt',
          anchors: read(folder, 'tls.crt'),
          key: read(folder, 'tls.key'),
        })
        expect(of(both, 'key-mismatch').message).toMatch(
          /the key belongs to another certificate: "CN=enterprise-networking"/,
        )
      })
    })

    test('what the manual leaves: serial number 0, a root without key usage; mended, it is clean', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...RELAY, RELAY_SERVER('0'))
        const secret = () =>
          lintCacerts(
            secretOf(
              {
                'tls.crt': read(folder, 'tls.crt'),
                'tls.key': read(folder, 'tls.key'),
                'ca.crt': read(folder, 'ca.crt'),
              },
              { metadata: { name: 'relay-server-tls-secret', namespace: 'gloo-mesh' } },
            ),
          )
        const findings = await secret()
        expect(codes(findings).sort()).toEqual(['ca-key-usage-missing', 'serial-number'])
        repair(folder, findings, 'ca-key-usage-missing')
        shell(folder, 'mv root-cert.pem ca.crt', RELAY_SERVER('0x$(openssl rand -hex 16)'))
        expect(await secret()).toEqual([])
        expect(openssl(['verify', '-CAfile', 'ca.crt', 'tls.crt'], { cwd: folder }).status).toBe(0)
      })
    })
  })

  describe('a root that was renewed with its key and another key identifier', () => {
    const CA_EXT = (identifier: string) =>
      `printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign,cRLSign\\nsubjectKeyIdentifier=${identifier}\\n' > ca.ext`
    const RECIPE = [
      'openssl ecparam -name prime256v1 -genkey -noout -out key.pem',
      CA_EXT('hash'),
      'openssl req -new -key key.pem -subj "/CN=root" -out root.csr',
      'openssl x509 -req -in root.csr -signkey key.pem -days 3650 -sha256 -extfile ca.ext -out old-root.pem',
      'openssl ecparam -name prime256v1 -genkey -noout -out ca-key.pem',
      'openssl req -new -key ca-key.pem -subj "/CN=ca" -out ca.csr',
      'openssl x509 -req -in ca.csr -CA old-root.pem -CAkey key.pem -set_serial 0x1234 -days 365 -sha256 -extfile ca.ext -out ca-cert.pem',
      // As istiod from 1.29 on: the same key, an identifier by another method.
      CA_EXT('01:02:03:04:05:06:07:08:09:0A'),
      'openssl x509 -in old-root.pem -signkey key.pem -set_serial 0x5678 -days 3650 -sha256 -clrext -extfile ca.ext -out root-new.pem',
    ]

    test('OpenSSL refuses it, the lint says why, and the command that is printed mends it', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...RECIPE)
        const verify = (root: string) =>
          openssl(['verify', '-no-CApath', '-no-CAfile', '-trusted', root, 'ca-cert.pem'], { cwd: folder })
        expect(verify('old-root.pem').status).toBe(0)
        const refused = verify('root-new.pem')
        expect(refused.status).not.toBe(0)
        expect(String(refused.stderr) + String(refused.stdout)).toContain('error 20')
        const anchors = read(folder, 'root-new.pem')
        const findings = await lint(folder, 'ca-cert.pem', { anchors })
        expect(codes(findings)).toContain('key-identifier-mismatch')
        writeFileSync(join(folder, 'anchors.pem'), anchors)
        repair(folder, findings, 'key-identifier-mismatch')
        expect(verify('root-cert.pem').status).toBe(0)
        expect(await lint(folder, 'ca-cert.pem', { anchors: read(folder, 'root-cert.pem') })).toEqual([])
      })
    })

    test('federation: where OpenSSL finds no issuer, the cell is false', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...RECIPE)
        const chain = read(folder, 'ca-cert.pem')
        const report = await checkFederation({
          clusters: [
            { name: 'a', roots: read(folder, 'old-root.pem'), chain },
            { name: 'b', roots: read(folder, 'root-new.pem'), chain },
          ],
        })
        expect(report.ok).toBe(false)
        expect(report.matrix.map(({ ok }) => ok)).toEqual([true, false, true, false])
      })
    })

    test('the change of the secret is told before anybody is refused', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...RECIPE)
        const secret = (root: string): SecretLike =>
          secretOf({
            'ca-cert.pem': read(folder, 'ca-cert.pem'),
            'ca-key.pem': read(folder, 'ca-key.pem'),
            'cert-chain.pem': read(folder, 'ca-cert.pem'),
            'root-cert.pem': read(folder, root),
          })
        const change = (root: string) =>
          lintCacertsChange(secret('old-root.pem'), secret(root), { multiroot: true })
        const findings = await change('root-new.pem')
        shell(folder, 'cp root-new.pem root-cert.pem')
        repair(folder, findings, 'root-key-identifier-changed')
        expect(codes(await change('root-cert.pem'))).not.toContain('root-key-identifier-changed')
      })
    })
  })

  describe('slips with files', () => {
    const CHAIN = [
      'openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -x509 -sha256 -days 3650 -subj "/CN=root" -addext keyUsage=critical,keyCertSign,cRLSign -keyout key.pem -out root.pem',
    ]

    test('EC PARAMETERS before the key, as "openssl ecparam -genkey" writes them', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(
          folder,
          'openssl ecparam -name prime256v1 -genkey -out key.pem',
          'openssl req -new -key key.pem -x509 -sha256 -days 3650 -subj "/CN=root" -addext keyUsage=critical,keyCertSign,cRLSign -out root.pem',
        )
        const findings = await lint(folder, 'root.pem', { key: read(folder, 'key.pem') })
        expect(codes(findings)).toEqual(['ec-parameters'])
        repair(folder, findings, 'ec-parameters')
        expect(await lint(folder, 'root.pem', { key: read(folder, 'ca-key.pem') })).toEqual([])
      })
    })

    test('text between the blocks, as "openssl x509 -text" and s_client print it', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...CHAIN, 'openssl x509 -in root.pem -text > chain.pem')
        const findings = await lint(folder, 'chain.pem')
        expect(codes(findings)).toEqual(['text-outside-blocks'])
        writeFileSync(join(folder, 'clean.pem'), repair(folder, findings, 'text-outside-blocks'))
        expect(await lint(folder, 'clean.pem')).toEqual([])
      })
    })

    test('two files joined without a line end', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...CHAIN, 'printf %s "$(cat root.pem)" > glued.pem', 'cat root.pem >> glued.pem')
        const findings = await lint(folder, 'glued.pem')
        expect(codes(findings).sort()).toEqual(['broken-pem', 'duplicate-root'])
        shell(folder, 'printf %s "$(cat root.pem)" > tls.crt')
        const secret = await lintCacerts(
          secretOf({
            'tls.crt': read(folder, 'tls.crt'),
            'tls.key': read(folder, 'key.pem'),
            'ca.crt': read(folder, 'root.pem'),
          }),
        )
        repair(folder, secret, 'tls-final-newline')
        expect(read(folder, 'tls.crt')).toBe(read(folder, 'root.pem'))
      })
    })

    test('a chain without the signing CA: the command that is printed completes it', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(
          folder,
          ...CHAIN,
          'cp root.pem root-cert.pem',
          "printf 'basicConstraints=critical,CA:TRUE,pathlen:0\\nkeyUsage=critical,keyCertSign,cRLSign\\nsubjectKeyIdentifier=hash\\n' > ca.ext",
          'openssl ecparam -name prime256v1 -genkey -noout -out ca-key.pem',
          'openssl req -new -key ca-key.pem -subj "/CN=ca" -out ca.csr',
          'openssl x509 -req -in ca.csr -CA root.pem -CAkey key.pem -set_serial 0x1234 -days 365 -sha256 -extfile ca.ext -out ca-cert.pem',
          'cp root.pem cert-chain.pem',
        )
        const secret = () =>
          lintCacerts(
            secretOf(
              Object.fromEntries(
                ['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'root-cert.pem'].map((file) => [
                  file,
                  read(folder, file),
                ]),
              ),
            ),
          )
        const findings = await secret()
        expect(codes(findings)).toEqual(['chain-without-signer'])
        repair(folder, findings, 'chain-without-signer')
        expect(await secret()).toEqual([])
      })
    })
  })
}
