/**
 * What OpenSSL says of a certificate.
 */
import { spawn } from 'node:child_process'

/** Exit status 0 of `openssl x509 -noout -text -pubkey`: it reads the certificate and its key. */
export function opensslReads(der: Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('openssl', ['x509', '-noout', '-text', '-pubkey', '-inform', 'DER'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.on('error', reject)
    // It may refuse before it has read everything.
    child.stdin.on('error', () => {})
    child.on('close', (status) => resolve(status === 0))
    child.stdin.end(der)
  })
}
