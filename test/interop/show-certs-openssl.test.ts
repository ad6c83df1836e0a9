import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CertificateAuthority, createRootCa } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { parseShowCerts } from '../../src/inspect/index.ts'
import { exportPrivateKey, generateKeyPair } from '../../src/x509/index.ts'
import { openssl, opensslAvailable } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { untilTrue } from '../support/until.ts'

if (requirement('openssl', opensslAvailable)) {
  describe('what openssl s_client prints', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-test-'))
    const path = (name: string): string => join(folder, name)
    const children: ChildProcess[] = []
    let port = 0

    /** A port that is free now. */
    const freePort = async (): Promise<number> => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      await new Promise((resolve) => server.close(resolve))
      return typeof address === 'object' && address !== null ? address.port : 0
    }

    const serve = async (...more: readonly string[]): Promise<number> => {
      const own = await freePort()
      const child = spawn('openssl', [
        's_server',
        '-accept',
        `127.0.0.1:${own}`,
        '-cert',
        path('leaf.pem'),
        '-key',
        path('key.pem'),
        ...more,
      ])
      children.push(child)
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
      await untilTrue('it accepts', () => said.includes('ACCEPT'))
      return own
    }
    const ask = (at: number, ...more: readonly string[]) => {
      const { stdout, stderr } = openssl(['s_client', '-connect', `127.0.0.1:${at}`, '-showcerts', ...more])
      return parseShowCerts(`${stderr}${stdout}`)
    }

    beforeAll(async () => {
      const { privateKey } = await generateKeyPair('P-256', { extractable: true })
      const root = await createRootCa({
        subject: [{ C: 'DE' }, { O: 'Acme, "Inc"' }, { CN: 'Rööt / +' }],
        lifetime: '30d',
      })
      const asked = await createCsr({ subject: 'CN=Intermediate,O=Acme', key: 'P-256' })
      const issued = await root.issueIntermediate(asked.csr, { lifetime: '20d' })
      const ca = await CertificateAuthority.from({ ...issued, signer: asked.signer })
      const workload = await createCsr({ key: privateKey })
      const leaf = await ca.issueWorkload(workload.csr, {
        id: 'spiffe://a.example/ns/x/sa/y',
        lifetime: '1d',
      })
      writeFileSync(path('key.pem'), await exportPrivateKey(privateKey, { format: 'pkcs8' }))
      writeFileSync(path('leaf.pem'), leaf.certificate.toPem())
      writeFileSync(path('root.pem'), root.certificate.toPem())
      writeFileSync(path('two.pem'), issued.certificate.toPem())
      writeFileSync(path('four.pem'), `${issued.certificate.toPem()}${root.certificate.toPem().repeat(2)}`)
      port = await serve('-cert_chain', path('four.pem'))
    })
    afterAll(() => {
      for (const child of children) child.kill()
      rmSync(folder, { recursive: true })
    })

    test('names that need every escape are those of the certificates; the root is there twice', () => {
      const read = ask(port)
      expect(read.findings.map(({ code, index }) => [code, index])).toEqual([
        ['root-presented', 2],
        ['twice', 3],
      ])
      expect([read.verdict, read.verification?.code, read.chain.length]).toEqual(['unverified', 19, 4])
      expect(read.protocol).toBe('TLSv1.3')
      for (const form of ['compat', 'RFC2253,sep_comma_plus,-dn_rev', 'oneline,utf8,-esc_msb'])
        expect(
          ask(port, '-nameopt', form).findings.filter(({ code }) => code.endsWith('differs')),
          form,
        ).toEqual([])
    })

    test('with the root it is verified; with a cut chain it is not', async () => {
      expect(ask(port, '-CAfile', path('root.pem')).verdict).toBe('verified')
      const alone = await serve()
      const read = ask(alone, '-CAfile', path('root.pem'))
      expect([read.verdict, read.verification?.code]).toEqual(['unverified', 21])
    })

    test('a peer that wants a client certificate says whose', async () => {
      const strict = await serve(
        '-cert_chain',
        path('two.pem'),
        '-Verify',
        '1',
        '-CAfile',
        path('root.pem'),
        '-tls1_2',
        '-verify_return_error',
      )
      const read = ask(strict, '-CAfile', path('root.pem'))
      expect(read.verdict).toBe('refused')
      expect(read.clientCertificate).toEqual({ requested: true, issuers: [expect.stringContaining('Acme')] })
      expect(ask(port).clientCertificate).toEqual({ requested: false, issuers: [] })
    })

    test('no TLS, and nobody', async () => {
      const plain = createServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
      })
      await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
      const address = plain.address()
      const at = typeof address === 'object' && address !== null ? address.port : 0
      const said = await new Promise<string>((resolve) => {
        const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${at}`, '-showcerts'])
        let text = ''
        child.stdin.end()
        for (const stream of [child.stdout, child.stderr])
          stream.on('data', (chunk: Buffer) => {
            text += chunk.toString()
          })
        child.on('close', () => resolve(text))
      })
      await new Promise((resolve) => plain.close(resolve))
      expect(said).toContain('Verify return code: 0 (ok)')
      expect(parseShowCerts(said).verdict).toBe('plaintext')
      expect(ask(await freePort()).verdict).toBe('refused')
    })
  })
}
