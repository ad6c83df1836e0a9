/**
 * The demo with its root at a provider: its handshakes pass, and what is missing is said.
 */

import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { root, run } from '../../tools/pack.mjs'
import { makeRoot, motoAvailable, startMoto } from '../support/moto.ts'
import { withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { GoogleDouble, POOL, TOKEN } from '../unit/issuers/google-double.ts'
import { VaultDouble } from '../unit/issuers/vault-double.ts'

const compiled = join(root, 'build', 'examples-providers')

beforeAll(() => {
  run('npx', ['tsc', '-p', 'tsconfig.examples.json', '--outDir', compiled], root)
})

interface Demo {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Runs it beside the double, which answers from this process. */
function demo({ args, env = {}, cwd = root }: Demo): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const options = { cwd, env: { PATH: process.env['PATH'] ?? '', ...env } }
    const child = execFile(
      process.execPath,
      [join(compiled, 'federation', 'main.js'), ...args],
      options,
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    )
  })
}

/** The demo below a provider's root, whose PEM stands in a file. */
async function below(pem: string, how: Demo): Promise<{ code: number; output: string }> {
  return withTemporaryFolder((folder) => {
    const file = join(folder, 'root-cert.pem')
    writeFileSync(file, pem)
    return demo({ ...how, args: [...how.args, '--root-cert', file, '--out', join(folder, 'out')] })
  })
}

const held = expect.stringMatching(/every claim above holds/)

describe('npm run demo -- --issuer', () => {
  test('vault', async () => {
    const vault = await VaultDouble.start()
    onTestFinished(() => vault.close())
    vault.tokens.add('hvs.good')
    const env = { VAULT_ADDR: vault.url, VAULT_TOKEN: 'hvs.good' }
    expect(await below(vault.anchors, { args: ['--issuer', 'vault'], env })).toEqual({
      code: 0,
      output: held,
    })
    expect(vault.received.map(({ isCa, pathLength }) => [isCa, pathLength])).toEqual([
      [true, 0],
      [true, 0],
    ])
    // Another root of the same name is none.
    const other = await VaultDouble.start()
    onTestFinished(() => other.close())
    const refused = await below(other.anchors, { args: ['--issuer', 'vault'], env })
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('ERR_ISSUER_MISMATCH') })
    const strange = await below(vault.anchors, {
      args: ['--issuer', 'vault'],
      env: { ...env, VAULT_TOKEN: 'hvs.bad' },
    })
    expect(strange).toMatchObject({ code: 1, output: expect.stringMatching(/403/) })
    expect(strange.output).not.toContain('hvs.bad')
  })

  test('google', async () => {
    const google = await GoogleDouble.start()
    onTestFinished(() => google.close())
    const args = ['--issuer', 'google', '--authority', POOL]
    const env = { GOOGLE_OAUTH_ACCESS_TOKEN: TOKEN, GOOGLE_CAS_ENDPOINT: google.url }
    expect(await below(google.anchors, { args, env })).toEqual({ code: 0, output: held })
    const strange = await below(google.anchors, {
      args,
      env: { ...env, GOOGLE_OAUTH_ACCESS_TOKEN: 'ya29.bad' },
    })
    expect(strange).toMatchObject({ code: 1, output: expect.stringMatching(/401/) })
    expect(strange.output).not.toContain('ya29.bad')
  })

  if (requirement('moto', motoAvailable))
    test('aws, by the real SDK against moto', async () => {
      const moto = await startMoto('completed')
      onTestFinished(() => moto.stop())
      const { arn, pem } = await makeRoot(moto)
      const env = {
        AWS_ENDPOINT_URL: moto.endpoint,
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'of-no-use',
      }
      const cwd = join(root, 'test', 'interop', 'aws')
      expect(await below(pem, { args: ['--issuer', 'aws', '--authority', arn], env, cwd })).toEqual({
        code: 0,
        output: held,
      })
    })

  test.each<{ name: string; args: readonly string[]; says: RegExp }>([
    { name: 'an unknown provider', args: ['--issuer', 'acme'], says: /one of vault, aws, google/ },
    { name: 'no root to expect', args: ['--issuer', 'vault'], says: /needs --root-cert/ },
    {
      name: 'a prototype for a provider',
      args: ['--issuer', 'constructor'],
      says: /one of vault, aws, google/,
    },
    {
      name: 'a key that is elsewhere',
      args: ['--issuer', 'vault', '--root-key', 'k.pem'],
      says: /exclude each other/,
    },
    { name: 'an authority of nobody', args: ['--authority', 'x'], says: /goes with --issuer/ },
  ])('$name is told', async ({ args, says }) => {
    expect(await demo({ args })).toMatchObject({ code: 1, output: expect.stringMatching(says) })
  })

  test('a host whose name begins like loopback is sent no token by http', async () => {
    const vault = await VaultDouble.start()
    onTestFinished(() => vault.close())
    const env = { VAULT_ADDR: 'http://127.0.0.1.invalid:8200', VAULT_TOKEN: 'hvs.good' }
    const { code, output } = await below(vault.anchors, { args: ['--issuer', 'vault'], env })
    expect(code).toBe(1)
    expect(output).toMatch(/must have the scheme https/)
    expect(output).not.toContain('hvs.good')
  })

  test('so are an environment without its variables, and a folder without the SDK', async () => {
    const vault = await VaultDouble.start()
    onTestFinished(() => vault.close())
    expect((await below(vault.anchors, { args: ['--issuer', 'vault'] })).output).toMatch(/has no VAULT_ADDR/)
    const args = ['--issuer', 'aws', '--authority', 'arn:aws:acm-pca:x']
    expect((await below(vault.anchors, { args, cwd: '/' })).output).toMatch(/needs the SDK: npm install/)
  })
})
