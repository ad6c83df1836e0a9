import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRootCa, type IssuancePolicyInput } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { type Certificate, type GeneralNameInput, generateKeyPair } from '../../src/x509/index.ts'
import { goAvailable, openGo } from '../support/go.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

const TD: GeneralNameInput = { type: 'uri', value: 'kind2' }
const DNS: GeneralNameInput = { type: 'dns', value: 'example.com' }
const POLICY: IssuancePolicyInput = {
  name: 'anything',
  profile: 'gloo-relay-server',
  lifetime: { max: '1h' },
}

/** Names, the subtree that the root permits, and whether a leaf with the name may stand below it. */
const CASES: readonly (readonly [string, GeneralNameInput, GeneralNameInput, boolean])[] = [
  ['the trust domain', { type: 'uri', value: 'spiffe://kind2/ns/a/sa/b' }, TD, true],
  ['another trust domain', { type: 'uri', value: 'spiffe://kind3/ns/a/sa/b' }, TD, false],
  ['a DNS name, which is closed', { type: 'dns', value: 'a.example.com' }, TD, false],
  ['an IPv4 address, which is closed', { type: 'ip', value: '10.0.0.1' }, TD, false],
  ['an IPv6 address, which is closed', { type: 'ip', value: '2001:db8::1' }, TD, false],
  ['a mailbox, which is closed', { type: 'email', value: 'a@example.com' }, TD, false],
  ['the domain', { type: 'dns', value: 'a.example.com' }, DNS, true],
  ['a URI, which is closed', { type: 'uri', value: 'spiffe://kind2/ns/a/sa/b' }, DNS, false],
]

/**
 * A constrained root, and a leaf that an unconstrained twin of it signed: same name, same key. Our own CA would not sign
 * most of them.
 */
async function build(
  name: GeneralNameInput,
  permitted: GeneralNameInput,
): Promise<readonly [Certificate, Certificate]> {
  const { privateKey } = await generateKeyPair('P-256')
  const common = { subject: 'CN=Root,O=Example', lifetime: '1d', key: privateKey }
  const root = await createRootCa({ ...common, nameConstraints: { permitted: [permitted] } })
  const twin = await createRootCa(common)
  const { csr } = await createCsr({ key: 'P-256' })
  const { certificate } = await twin.sign(csr, POLICY, { identities: [name] })
  return [root.certificate, certificate]
}

if (requirement('openssl', opensslAvailable)) {
  describe('OpenSSL closes the forms that we close', () => {
    test.each(CASES)('%s', (_, name, permitted, accepted) =>
      withTemporaryFolder(async (folder) => {
        const [root, leaf] = await build(name, permitted)
        writeFileSync(join(folder, 'root'), root.toPem())
        writeFileSync(join(folder, 'leaf'), leaf.toPem())
        const { status, stderr } = openssl(['verify', '-x509_strict', '-CAfile', 'root', 'leaf'], {
          cwd: folder,
        })
        expect(status === 0).toBe(accepted)
        if (!accepted)
          expect(stderr.toString()).toMatch(/permitted subtree violation|excluded subtree violation/)
      }),
    )
  })
}

if (requirement('go', goAvailable)) {
  test("Go's crypto/x509 closes them too", async () => {
    const built = await Promise.all(CASES.map(([, name, permitted]) => build(name, permitted)))
    const go = openGo()
    try {
      const answers = go.ask(
        built.map(([root, leaf]) => ({
          leaf: leaf.der,
          roots: [root.der],
          time: new Date(),
          usage: 'serverAuth',
        })),
      )
      expect(answers.map(({ ok }) => ok)).toEqual(CASES.map(([, , , accepted]) => accepted))
      for (const { ok, error } of answers)
        if (!ok) expect(error).toMatch(/not permitted|excluded by constraint/)
    } finally {
      go.close()
    }
  })
}
