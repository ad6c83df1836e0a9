/**
 * Keys that cannot be used, and when a command is printed. `lint-recipes-openssl.test.ts` runs the commands.
 */
import { describe, expect, test } from 'vitest'
import { lintChain } from '../../../../src/ca/index.ts'
import { type CreateCsrOptions, createCsr } from '../../../../src/csr/index.ts'
import { basicConstraints, keyIdOf, keysOf, nameConstraints, ski, uri } from '../../verify/forge.ts'
import { at, ca, codesOf, leaf, pem, privatePem, root, rootOf, usage } from './support.ts'

const lint = (...parameters: Parameters<typeof lintChain>) =>
  lintChain(parameters[0], { time: at, anchors: root.certificate, ...parameters[1] })

describe('the key beside a chain', () => {
  const good = privatePem('Lint Workload')
  test.each([
    ['a block that is cut off before it', `-----BEGIN PRIVATE KEY-----\nAAAA\n${good}`],
    ['its END line lost', good.replace(/-----END.*\n/, '')],
    ['another END line', good.replace('END PRIVATE', 'END EC PRIVATE')],
    ['a key in another after it', `${good}-----BEGIN PRIVATE KEY-----\n`],
  ])('%s: OpenSSL reads none', async (_, key) => {
    expect(codesOf(await lint(pem(leaf, ca), { key }))).toEqual(['key-unreadable'])
  })

  test('text around it harms nobody', async () => {
    expect(await lint(pem(leaf, ca), { key: `Bag Attributes\n${good}\nend\n` })).toEqual([])
  })

  test('what is too large is not read', async () => {
    const key = `${good}${'x\n'.repeat(2_500_000)}`
    expect(codesOf(await lint(pem(leaf, ca), { key }))).toEqual(['lint-limit'])
  })

  test.each([
    ['OPENSSH PRIVATE KEY', /^install -m 600 key\.pem ca-key\.new\.pem .*ssh-keygen -p -N '' -m PKCS8 /],
    ['ENCRYPTED PRIVATE KEY', /^openssl pkcs8 -topk8/],
    ['DSA PRIVATE KEY', undefined],
  ])('%s', async (label, command) => {
    const key = `-----BEGIN ${label}-----\nMAA=\n-----END ${label}-----\n`
    const [finding] = await lint(pem(leaf, ca), { key })
    expect(finding?.code).toBe('key-label')
    if (command === undefined) expect(finding?.command).toBeUndefined()
    else expect(finding?.command).toMatch(command)
  })
})

describe('a command that issues a root again', () => {
  const bare = (more: readonly Uint8Array[] = [], pathLength?: number, name = 'Lint Root') =>
    rootOf(name, {
      only: [basicConstraints(true, pathLength), usage(0, 5), ski(keyIdOf(keysOf(name))), ...more],
    })
  const missing = async (...parameters: Parameters<typeof lint>) =>
    (await lint(...parameters)).filter(({ code }) => code === 'crl-sign-missing')

  test('keeps path length, key usage and key identifier', async () => {
    const [finding] = await missing(pem(bare([], 1)), { name: 'root.pem', anchors: undefined })
    expect(finding?.command).toContain('basicConstraints=critical,CA:TRUE,pathlen:1\\n')
    expect(finding?.command).toContain('keyUsage=critical,digitalSignature,keyCertSign,cRLSign\\n')
    expect(finding?.command).toContain('-in root.pem ')
  })

  test('is not printed where it would lose an extension', async () => {
    const constrained = bare([nameConstraints({ permitted: [uri('a.example')] })])
    const [finding] = await missing(pem(constrained), { name: 'root.pem', anchors: undefined })
    expect(finding?.command).toBeUndefined()
    expect(finding?.remedy).toMatch(/keep its other extensions/)
  })

  test('is not printed where the file holds another certificate, which OpenSSL would read', async () => {
    const second = bare([], undefined, 'Second Root')
    const options = { name: 'roots.pem', anchors: undefined }
    for (const text of [
      pem(root, second),
      pem(second, root),
      `-----BEGIN CERTIFICATE-----\nAAAA\n${pem(second)}`,
    ]) {
      const findings = await missing(text, options)
      expect(findings.map(({ command }) => command)).toEqual([undefined])
    }
    const [alone] = await missing(pem(second), options)
    expect(alone?.command).toContain('-in roots.pem ')
  })

  test('that signs a request is printed where nothing that it asks for is lost', async () => {
    const requested = async (subjectAltNames: CreateCsrOptions['subjectAltNames'], text = '') => {
      const { csr } = await createCsr({ subject: 'CN=Root', key: 'P-256', subjectAltNames })
      const findings = await lint(csr.toPem() + text, { name: 'root-ca.crt' })
      return findings.find(({ code }) => code === 'certificate-request')?.command
    }
    expect(await requested([])).toContain('-in root-ca.crt ')
    expect(await requested([{ type: 'uri', value: 'spiffe://a.example' }])).toBeUndefined()
    expect(await requested([], pem(root))).toBeUndefined()
  })
})
