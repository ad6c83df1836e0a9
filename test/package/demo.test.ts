/**
 * The demo runs, holds all its claims, and OpenSSL accepts every file that it leaves.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../tools/pack.mjs'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

const compiled = join(root, 'build', 'examples-test')

function example(name: string, ...args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(compiled, name, 'main.js'), ...args], {
    cwd: root,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}

const demo = (...args: readonly string[]) => example('federation', ...args)

test('npm run demo:spiffe: two trust domains federate over TLS, and one changes its root', () => {
  const { status, output } = example('bundle-endpoints')
  expect(output).toContain('every claim above holds')
  expect(output.match(/✔ /g)?.length).toBe(14)
  expect(status).toBe(0)
})

beforeAll(() => {
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const { status, stdout } = spawnSync(tsc, ['-p', 'tsconfig.examples.json', '--outDir', compiled], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`the examples do not compile:\n${stdout}`)
})

describe('npm run demo', () => {
  test('every claim holds, and the keys it writes are for their owner only', async () => {
    await withTemporaryFolder((out) => {
      const { status, output } = demo('--out', out)
      expect(output).toContain('every claim above holds')
      expect(output).not.toContain('✘ spiffe://')
      expect(status).toBe(0)
      if (process.platform !== 'win32') {
        expect(statSync(join(out, 'kind2', 'ca-key.pem')).mode & 0o077).toBe(0)
        expect(statSync(join(out, 'root', 'key.pem')).mode & 0o077).toBe(0)
      }
      // cert-chain.pem is the CA certificate and then the root, as Istio's tools/certs writes it.
      const chain = readFileSync(join(out, 'kind3', 'cert-chain.pem'), 'utf8')
      const signer = readFileSync(join(out, 'kind3', 'ca-cert.pem'), 'utf8')
      expect(chain).toBe(signer + readFileSync(join(out, 'kind3', 'root-cert.pem'), 'utf8'))
    })
  })

  test('it reads its root again from root-cert.pem and key.pem', async () => {
    await withTemporaryFolder((out) => {
      demo('--out', out)
      const [certificate, key] = [join(out, 'root', 'root-cert.pem'), join(out, 'root', 'key.pem')]
      const again = join(out, 'again')
      const { status, output } = demo('--out', again, '--root-cert', certificate, '--root-key', key)
      expect(output).toContain(`read from ${certificate}`)
      expect(status).toBe(0)
      expect(readFileSync(join(again, 'kind2', 'root-cert.pem'), 'utf8')).toBe(
        readFileSync(certificate, 'utf8'),
      )
    })
  })

  test('a key that is not the root’s ends it, with a message that says so', async () => {
    await withTemporaryFolder((out) => {
      demo('--out', out)
      const certificate = join(out, 'root', 'root-cert.pem')
      const { status, output } = demo(
        '--root-cert',
        certificate,
        '--root-key',
        join(out, 'kind2', 'ca-key.pem'),
      )
      expect(status).not.toBe(0)
      expect(output).toContain('ERR_CA_KEY_MISMATCH')
      expect(output).not.toContain('PRIVATE KEY')
    })
  })
})

if (requirement('openssl', opensslAvailable)) {
  describe('OpenSSL on what the demo writes', () => {
    test.each(['P-256', 'Ed25519', 'RSA-2048'])('verifies every certificate strictly: %s', async (key) => {
      await withTemporaryFolder((out) => {
        expect(demo('--out', out, '--key', key).status).toBe(0)
        for (const cluster of ['kind2', 'kind3']) {
          const file = (name: string): string => join(out, cluster, name)
          const anchors = ['-x509_strict', '-CAfile', file('root-cert.pem')]
          expect(openssl(['verify', ...anchors, file('ca-cert.pem')]).status).toBe(0)
          const publicKey = openssl(['x509', '-in', file('ca-cert.pem'), '-noout', '-pubkey']).stdout
          expect(openssl(['pkey', '-in', file('ca-key.pem'), '-pubout']).stdout).toEqual(publicKey)
          // And not under a root that did not sign it.
          expect(openssl(['verify', '-no-CAfile', '-no-CApath', file('ca-cert.pem')]).status).not.toBe(0)
        }
      })
    })
  })
}
