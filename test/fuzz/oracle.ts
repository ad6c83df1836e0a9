/**
 * What OpenSSL says of a certificate, and of a path.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What `openssl x509 -noout -text -pubkey` says; `undefined` when it reads the certificate and its key. */
export async function opensslReads(der: Uint8Array): Promise<string | undefined> {
  const { status, output } = await openssl(['x509', '-noout', '-text', '-pubkey', '-inform', 'DER'], der)
  return status === 0 ? undefined : output
}

/** A path in PEM. */
export interface PemPath {
  readonly root: string
  readonly intermediate: string
  readonly leaf: string
}

/** What `openssl verify -x509_strict` says of a path, judged at a time; `undefined` when it accepts. */
export async function opensslRefusal(
  path: PemPath,
  time: Date,
  folder: string,
  id: number,
): Promise<string | undefined> {
  const files = Object.entries(path).map(([name, pem]) => {
    const file = join(folder, `${id}-${name}.pem`)
    writeFileSync(file, pem)
    return file
  })
  const [root = '', intermediate = '', leaf = ''] = files
  const trust = ['-no-CApath', '-no-CAstore', '-CAfile', root, '-untrusted', intermediate]
  const at = String(Math.floor(time.getTime() / 1000))
  const { status, output } = await openssl(['verify', '-x509_strict', '-attime', at, ...trust, leaf])
  await Promise.all(files.map((file) => rm(file)))
  return status === 0 ? undefined : output.trim().replaceAll('\n', '; ')
}

/** What `openssl verify -x509_strict -purpose sslserver` says of a path in DER; `undefined` when it accepts. */
export async function opensslRefusesPath(
  path: {
    readonly anchor: Uint8Array
    readonly intermediates: readonly Uint8Array[]
    readonly leaf: Uint8Array
  },
  time: Date,
  folder: string,
  id: number,
): Promise<string | undefined> {
  const files: string[] = []
  const write = (name: string, ders: readonly Uint8Array[]): string => {
    const file = join(folder, `${id}-${name}.pem`)
    writeFileSync(file, ders.map(toPem).join(''))
    files.push(file)
    return file
  }
  const trust = ['-no-CApath', '-no-CAstore', '-CAfile', write('anchors', [path.anchor])]
  if (path.intermediates.length > 0) trust.push('-untrusted', write('untrusted', path.intermediates))
  const at = String(Math.floor(time.getTime() / 1000))
  const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-attime', at, ...trust]
  const { status, output } = await openssl([...args, write('leaf', [path.leaf])])
  await Promise.all(files.map((file) => rm(file)))
  return status === 0 ? undefined : output.trim().replaceAll('\n', '; ')
}

/** One PEM block. */
export function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`
}

function openssl(
  args: readonly string[],
  input?: Uint8Array,
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('openssl', args, { stdio: ['pipe', 'ignore', 'pipe'] })
    let output = ''
    child.stderr.on('data', (part: Buffer) => {
      output += part.toString('utf8')
    })
    child.on('error', reject)
    // It may refuse before it has read everything.
    child.stdin.on('error', () => {})
    child.on('close', (status) => resolve({ status, output }))
    child.stdin.end(input)
  })
}
