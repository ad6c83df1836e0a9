/**
 * `crypto/x509` of Go as a judge of paths: many questions in one run of a program.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A path in DER and what is asked of it. */
interface GoQuestion {
  readonly leaf: Uint8Array
  /** Those that Go cannot read are left out. */
  readonly intermediates?: readonly Uint8Array[]
  readonly roots: readonly Uint8Array[]
  /** The time at which the path is judged. */
  readonly time: Date
  /** The host that the leaf has to name; none by default. */
  readonly dns?: string
  readonly usage: 'serverAuth' | 'clientAuth' | 'any'
}

/** A verdict; `error` is empty where `ok` holds. */
interface GoAnswer {
  readonly ok: boolean
  readonly error: string
}

export interface GoPeer {
  /** One answer for each question, in their order. */
  ask(questions: readonly GoQuestion[]): readonly GoAnswer[]
  /** Removes the program. */
  close(): void
}

/** Whether there is a Go that builds the program: its version decides what it accepts. */
export function goAvailable(): true | string {
  const { error, stdout } = spawnSync('go', ['version'], { env: ENV, encoding: 'utf8' })
  if (error) return 'there is no go on the PATH'
  const minor = Number(/go1\.(\d+)/.exec(stdout)?.[1] ?? 0)
  return minor >= 26 || `go 1.26 or later is needed, not ${stdout.trim()}`
}

// Offline and without a C compiler: the program needs the standard library alone.
const ENV = { ...process.env, GOFLAGS: '-mod=mod', GOPROXY: 'off', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }

/** Builds the program. */
export function openGo(): GoPeer {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-test-'))
  const close = (): void => rmSync(folder, { recursive: true, force: true })
  const program = join(folder, 'verify')
  try {
    const args = ['build', '-C', sources(), '-buildvcs=false', '-o', program, '.']
    outputOf('go build', spawnSync('go', args, { env: ENV, encoding: 'utf8' }))
  } catch (error) {
    close()
    throw error
  }
  return { ask: (questions) => ask(program, questions), close }
}

/** The program's sources: the fuzzer that uses this runs from where it was compiled to. */
function sources(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return join(folder, 'test', 'support', 'verify-go')
}

function ask(program: string, questions: readonly GoQuestion[]): readonly GoAnswer[] {
  const input = questions.map((question) => `${lineOf(question)}\n`).join('')
  // Settings of the caller's environment could make Go more lenient.
  const env = { ...process.env, GODEBUG: '' }
  const ran = spawnSync(program, { input, env, encoding: 'utf8', maxBuffer: 1 << 28 })
  const lines = outputOf('the program in Go', ran).split('\n').slice(0, -1)
  if (lines.length !== questions.length)
    throw new Error(`Go answered ${lines.length} of ${questions.length} questions`)
  return lines.map((line) => answerOf(JSON.parse(line)))
}

function lineOf({ leaf, intermediates = [], roots, time, dns, usage }: GoQuestion): string {
  return JSON.stringify({
    leaf: base64(leaf),
    intermediates: intermediates.map(base64),
    roots: roots.map(base64),
    time,
    dns: dns ?? null,
    usage,
  })
}

function answerOf(answer: unknown): GoAnswer {
  if (typeof answer === 'object' && answer !== null && 'ok' in answer && 'error' in answer) {
    const { ok, error } = answer
    if (typeof ok === 'boolean' && typeof error === 'string') return { ok, error }
  }
  throw new Error('Go answered something else than a verdict')
}

function outputOf(what: string, { error, status, stdout, stderr }: SpawnSyncReturns<string>): string {
  if (error) throw error
  if (status !== 0) throw new Error(`${what} failed: ${stderr.trim()}`)
  return stdout
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
