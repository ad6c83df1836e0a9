/**
 * The example that says what a file holds: it prints what the library prints, and wrong input ends it with a sentence and
 * status 1.
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { printDescription, describe as tell } from '../../src/inspect/index.ts'
import { createTestHierarchy, type TestHierarchy } from '../../src/testing/index.ts'
import { exportPrivateKey, generateKeyPair } from '../../src/x509/index.ts'
import { root } from '../../tools/pack.mjs'

const compiled = join(root, 'build', 'examples-inspect-test')
const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-test-'))
const AT = '2026-03-01T06:00:00Z'

let mesh: TestHierarchy
let other: TestHierarchy

beforeAll(async () => {
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const { status, stdout } = spawnSync(tsc, ['-p', 'tsconfig.examples.json', '--outDir', compiled], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`the examples do not compile:\n${stdout}`)
  const time = new Date('2026-03-01T00:00:00Z')
  mesh = await createTestHierarchy({ time })
  other = await createTestHierarchy({ time })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const chain = (): string => mesh.chain.slice(0, 2).join('')

/** A file of the temporary folder. */
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function run(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(compiled, 'inspect', 'main.js'), ...args],
    {
      cwd: root,
      encoding: 'utf8',
      input,
    },
  )
  return { status, stdout, stderr }
}

describe('it prints', () => {
  test('a file, as the library does', async () => {
    const expected = printDescription(await tell(chain(), { time: new Date(AT) }))
    expect(run([file('chain.pem', chain()), '--at', AT])).toEqual({ status: 0, stdout: expected, stderr: '' })
  })

  test('standard input, with whom it is trusted by', async () => {
    const anchors = ['--anchors', `own=${file('own.pem', mesh.root.certificate.toPem())}`]
    const others = ['--anchors', `other=${file('other.pem', other.root.certificate.toPem())}`]
    const { status, stdout } = run(['--at', AT, ...anchors, ...others], chain())
    expect(stdout).toContain('trusted by        own: verified')
    expect(stdout).toContain('other: no, ERR_PATH_NO_ISSUER')
    expect(status).toBe(0)
  })

  test('a leaf in DER with its intermediates apart, as JSON', async () => {
    const intermediates = file('intermediate.pem', mesh.intermediate.certificate.toPem())
    const roots = file('roots.pem', mesh.root.certificate.toPem())
    const { status, stdout } = run([
      file('leaf.der', mesh.workload.der),
      ...['--json', '--at', AT, '--anchors', roots, '--intermediates', intermediates],
    ])
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'file',
      parts: [{ content: { kind: 'certificate', trust: [{ anchors: roots, path: { ok: true } }] } }],
    })
    expect(status).toBe(0)
  })

  test('a secret of Kubernetes, and no key', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    const key = await exportPrivateKey(privateKey, { format: 'pkcs8' })
    const data = {
      'ca-cert.pem': mesh.intermediate.certificate.toPem(),
      'ca-key.pem': key,
      'cert-chain.pem': '',
      'root-cert.pem': mesh.root.certificate.toPem(),
    }
    const secret = {
      kind: 'Secret',
      metadata: { name: 'cacerts', namespace: 'istio-system' },
      data: Object.fromEntries(
        Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
      ),
    }
    const { status, stdout } = run(['--at', AT], JSON.stringify(secret))
    expect(stdout).toMatch(/^Secret istio-system\/cacerts\n/)
    expect(stdout).toContain('refuses it, step 4')
    for (const line of key.split('\n').slice(1, 3)) expect(stdout).not.toContain(line.slice(0, 12))
    expect(status).toBe(0)
  })
})

describe('it ends with status 1, and says what to do', () => {
  test.each<[string, readonly string[], string, RegExp]>([
    [
      'a text without PEM',
      ['-'],
      'hello',
      /^ERR_PEM_NO_BLOCK: .*expected lines such as -----BEGIN CERTIFICATE-----/,
    ],
    ['nothing', [], '', /^ERR_PEM_NO_BLOCK: .*empty/],
    [
      'a file that is not there',
      ['/nowhere/at/all.pem'],
      '',
      /^\/nowhere\/at\/all\.pem cannot be read: ENOENT/,
    ],
    ['an option that is none', ['--root', 'x'], '', /^Unknown option '--root'/],
    ['two files', ['a', 'b'], '', /^one file at a time; got 2/],
    ['an instant that is none', ['--at', 'noon'], 'x', /^--at takes an instant/],
    ['JSON that is cut off', [], '{"kind":"Secret","data":{"k":"c2VjcmV0', /^- begins as JSON and is none/],
    ['JSON of something else', [], '{"kind":"Pod"}', /neither a Secret nor a ConfigMap/],
  ])('%s', (_, args, input, said) => {
    const { status, stdout, stderr } = run(args, input)
    expect(stderr).toMatch(said)
    expect(stderr).not.toMatch(/\n {4}at |c2VjcmV0/)
    expect([status, stdout]).toEqual([1, ''])
  })

  test('anchors that are none, naming which', () => {
    const { status, stderr } = run(['--anchors', `west=${file('none.pem', 'x')}`], chain())
    expect(stderr).toMatch(/^ERR_PEM_NO_BLOCK: option "anchors\.west": /)
    expect(status).toBe(1)
  })

  test('a broken block among sound ones: they are printed all the same', () => {
    const { status, stdout } = run(
      [],
      `${chain()}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    )
    expect(stdout).toContain('Chain of 2 certificates')
    expect(stdout).toContain('Unreadable: CERTIFICATE')
    expect(status).toBe(1)
  })
})

test('--help tells the options', () => {
  const { status, stdout } = run(['--help'])
  for (const option of ['--anchors', '--intermediates', '--at', '--json']) expect(stdout).toContain(option)
  expect(status).toBe(0)
})
