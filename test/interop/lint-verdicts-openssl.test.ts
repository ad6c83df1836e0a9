/**
 * What OpenSSL says of the leaves that the lint refuses, and what becomes of roots and keys by the commands that it prints.
 */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { type LintFinding, lintChain } from '../../src/ca/index.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { codes, lint, of, read, repair, shell } from './lint-support.ts'

const sshKeygenAvailable = (): true | string =>
  spawnSync('ssh-keygen', ['-?']).error === undefined ? true : 'ssh-keygen is not installed'

if (requirement('openssl', opensslAvailable)) {
  describe('a command for a root loses nothing of it', () => {
    const ROOT = (...lines: readonly string[]) => [
      'openssl ecparam -name prime256v1 -genkey -noout -out key.pem',
      'openssl req -new -key key.pem -subj "/CN=root" -out root.csr',
      `printf 'basicConstraints=critical,CA:TRUE,pathlen:1\\nkeyUsage=critical,digitalSignature,keyCertSign\\nsubjectKeyIdentifier=hash\\n${lines.map((line) => `${line}\\n`).join('')}' > root.ext`,
      'openssl x509 -req -in root.csr -signkey key.pem -set_serial 0x7 -days 100 -sha256 -extfile root.ext -out root.pem',
    ]

    test('path length and key usage are kept', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...ROOT())
        // The extension file of the recipe is that of the command.
        shell(folder, 'rm root.ext')
        repair(folder, await lint(folder, 'root.pem'), 'crl-sign-missing')
        const shown = shell(folder, 'openssl x509 -in root-cert.pem -noout -ext basicConstraints,keyUsage')
        expect(shown).toContain('CA:TRUE, pathlen:1')
        expect(shown).toContain('Digital Signature, Certificate Sign, CRL Sign')
        expect(await lint(folder, 'root-cert.pem')).toEqual([])
      })
    })

    test('with name constraints, or behind another root, it is left to people', async () => {
      await withTemporaryFolder(async (folder) => {
        shell(folder, ...ROOT('nameConstraints=critical,permitted;URI:a.example'))
        const constrained = of(await lint(folder, 'root.pem'), 'crl-sign-missing')
        expect(constrained.command).toBeUndefined()
        expect(constrained.remedy).toContain('keep its other extensions')
        shell(
          folder,
          ...ROOT(),
          'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=first" -days 300 -addext keyUsage=critical,keyCertSign,cRLSign -keyout first.key -out first.pem',
          'cat first.pem root.pem > bundle.pem',
        )
        expect(of(await lint(folder, 'bundle.pem'), 'crl-sign-missing').command).toBeUndefined()
      })
    })
  })

  describe('leaves that OpenSSL refuses for TLS', () => {
    const BOTH = 'extendedKeyUsage=serverAuth,clientAuth'
    const SIGNS = 'keyUsage=critical,digitalSignature'
    test.each<[string, readonly string[], LintFinding['code'] | undefined]>([
      ['sound', [SIGNS, BOTH], undefined],
      ['any purpose', [SIGNS, 'extendedKeyUsage=anyExtendedKeyUsage'], 'leaf-extended-key-usage'],
      ['a Netscape client', [SIGNS, BOTH, 'nsCertType=client'], 'leaf-netscape-type'],
      ['a Netscape server', [SIGNS, BOTH, 'nsCertType=server'], 'leaf-netscape-type'],
      ['both for Netscape', [SIGNS, BOTH, 'nsCertType=client,server'], undefined],
      ['a signer of CRLs', ['keyUsage=critical,cRLSign', BOTH], 'leaf-key-usage'],
    ])('%s', async (_, lines, code) => {
      await withTemporaryFolder(async (folder) => {
        const extensions = [
          ...lines,
          'subjectAltName=critical,URI:spiffe://a.example/ns/x/sa/y',
          'authorityKeyIdentifier=keyid',
        ]
        shell(
          folder,
          'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=root" -days 300 -addext keyUsage=critical,keyCertSign,cRLSign -keyout key.pem -out root.pem',
          'openssl ecparam -name prime256v1 -genkey -noout -out tls.key',
          'openssl req -new -key tls.key -subj "/CN=leaf" -out leaf.csr',
          `printf '${extensions.map((line) => `${line}\\n`).join('')}' > leaf.ext`,
          'openssl x509 -req -in leaf.csr -CA root.pem -CAkey key.pem -set_serial 0x1234 -days 10 -sha256 -extfile leaf.ext -out leaf.pem',
        )
        const accepts = (purpose: string) =>
          openssl(['verify', '-purpose', purpose, '-CAfile', 'root.pem', 'leaf.pem'], { cwd: folder })
            .status === 0
        expect(accepts('sslserver') && accepts('sslclient')).toBe(code === undefined)
        const findings = await lint(folder, 'leaf.pem', { anchors: read(folder, 'root.pem') })
        expect(codes(findings)).toEqual(code === undefined ? [] : [code])
      })
    })
  })

  if (requirement('openssh', sshKeygenAvailable)) {
    describe('a key of OpenSSH', () => {
      test('the command that is printed writes a key that OpenSSL reads', async () => {
        await withTemporaryFolder(async (folder) => {
          shell(
            folder,
            'ssh-keygen -q -t ecdsa -b 256 -N "" -f key.pem',
            // What the finding was printed with before: OpenSSL reads no such key.
            '! openssl pkcs8 -topk8 -nocrypt -in key.pem -out refused.pem 2>/dev/null',
          )
          const findings = await lintChain('', { key: read(folder, 'key.pem') })
          repair(folder, findings, 'key-label')
          expect(read(folder, 'ca-key.pem')).toMatch(/^-----BEGIN PRIVATE KEY-----/)
          shell(
            folder,
            'openssl req -new -key ca-key.pem -x509 -sha256 -days 3650 -subj "/CN=root" -addext keyUsage=critical,keyCertSign,cRLSign -out root.pem',
          )
          expect(await lint(folder, 'root.pem', { key: read(folder, 'ca-key.pem') })).toEqual([])
        })
      })
    })
  }
}
