import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface OpensslResult {
  /** The exit status; a run that a signal ended counts as 255. */
  readonly status: number
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export interface OpensslOptions {
  /** What the program reads from its standard input; nothing by default. */
  readonly input?: string | Uint8Array
  readonly cwd?: string
}

/** Runs `openssl`; a status other than 0 is a result, not an exception. */
export function openssl(args: readonly string[], options: OpensslOptions = {}): OpensslResult {
  const { error, status, stdout, stderr } = spawnSync('openssl', args, {
    ...options,
    input: options.input ?? '',
    maxBuffer: 1 << 28,
  })
  if (error) throw error
  return { status: status ?? 255, stdout, stderr }
}

/**
 * Whether an OpenSSL that can judge us is installed. LibreSSL answers to the same name, but differs in
 * options and in strictness.
 */
export function opensslAvailable(): true | string {
  let version: string
  try {
    version = openssl(['version']).stdout.toString('utf8').trim()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no openssl on the PATH' : String(error)
  }
  return judgeVersion(version)
}

/** @param version the line that `openssl version` prints */
export function judgeVersion(version: string): true | string {
  const major = /^OpenSSL (\d+)\./.exec(version)?.[1]
  if (major !== undefined && Number(major) >= 3) return true
  return `OpenSSL 3 or later is needed, found ${version === '' ? 'no version' : version}`
}

/** Calls with a fresh folder that is gone afterwards, whatever happens. */
export async function withTemporaryFolder<T>(use: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-test-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
