import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createEnrollmentToken } from '../../src/ca/index.ts'
import { run } from '../fixtures/x509/openssl-certificate.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { CLUSTER, handlerFixture, root } from '../unit/ca/enrollment/support.ts'

/** A cluster that has nothing but OpenSSL and something that speaks HTTP, such as curl. */
if (requirement('openssl', opensslAvailable)) {
  describe('a request of OpenSSL', () => {
    test.each([
      ['DER', ['-outform', 'DER']],
      ['PEM', []],
    ])('in %s gets a certificate that OpenSSL verifies for clients', async (_, form) => {
      const fixture = handlerFixture()
      const { token } = await createEnrollmentToken({ store: fixture.tokens, clock: fixture.clock })
      await withTemporaryFolder(async (folder) => {
        const csr = run(
          [
            'req',
            '-new',
            '-newkey',
            'rsa:2048',
            '-nodes',
            '-keyout',
            'key',
            '-subj',
            `/CN=${CLUSTER}`,
            '-addext',
            `subjectAltName=DNS:${CLUSTER}`,
            ...form,
          ],
          '',
          folder,
        )
        const headers = { 'content-type': 'application/pkcs10' }
        const { status, json } = await fixture.enroll(token, new Uint8Array(csr), { headers })
        expect(status).toBe(200)
        writeFileSync(join(folder, 'cert'), json['certificate'] ?? '')
        writeFileSync(join(folder, 'chain'), json['chain'] ?? '')
        writeFileSync(join(folder, 'anchors'), json['anchors'] ?? '')
        const verify = (...more: readonly string[]) =>
          openssl(
            [
              'verify',
              '-attime',
              String(fixture.clock.now().getTime() / 1000),
              '-purpose',
              'sslclient',
              '-CAfile',
              'anchors',
              '-untrusted',
              'chain',
              ...more,
              'cert',
            ],
            { cwd: folder },
          )
        expect([verify().status, verify('-verify_hostname', CLUSTER).status]).toEqual([0, 0])
        expect(verify('-verify_hostname', 'cluster-2').status).not.toBe(0)
        const publicKey = (args: readonly string[]) => run(args, '', folder).toString()
        expect(publicKey(['x509', '-noout', '-pubkey', '-in', 'cert'])).toBe(
          publicKey(['pkey', '-pubout', '-in', 'key']),
        )
        expect(json['anchors']).toBe(root.certificate.toPem())
      })
    })
  })
}
