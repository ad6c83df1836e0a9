import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { judgeVersion, openssl, opensslAvailable, withTemporaryFolder } from './openssl.ts'
import { requirement } from './require.ts'

test.each([
  ['OpenSSL 3.0.19 27 Jan 2026 (Library: OpenSSL 3.0.19 27 Jan 2026)', true],
  ['OpenSSL 10.1.0 1 Jan 2040', true],
  ['OpenSSL 1.1.1w  11 Sep 2023', 'OpenSSL 3 or later is needed, found OpenSSL 1.1.1w  11 Sep 2023'],
  ['LibreSSL 3.3.6', 'OpenSSL 3 or later is needed, found LibreSSL 3.3.6'],
  ['', 'OpenSSL 3 or later is needed, found no version'],
])('version "%s"', (version, verdict) => {
  expect(judgeVersion(version)).toBe(verdict)
})

test('a temporary folder is removed, also after a failure', async () => {
  let seen = ''
  const failing = withTemporaryFolder((folder) => {
    seen = folder
    expect(existsSync(folder)).toBe(true)
    throw new Error('on purpose')
  })
  await expect(failing).rejects.toThrow('on purpose')
  expect(existsSync(seen)).toBe(false)
})

if (requirement('openssl', opensslAvailable)) {
  describe('openssl', () => {
    test('reads its input and reports its status', () => {
      expect(openssl(['dgst', '-sha256', '-r'], { input: 'abc' }).stdout.toString()).toMatch(/^ba7816bf/)
      expect(openssl(['x509', '-noout'], { input: 'no certificate' }).status).not.toBe(0)
    })
  })
}
