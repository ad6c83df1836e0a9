/**
 * istiod's checks of its plug-in CA, over Go's standard library: many sets of files in one run of a program.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What is mounted in istiod, and when it looks. */
export interface CacertsFiles {
  readonly signer: string
  readonly key: string
  readonly chain: string
  readonly roots: string
  readonly crls: string | undefined
  readonly time: Date
  readonly startup: boolean
}

/** Step 0: taken. */
interface CacertsVerdict {
  readonly step: number
  readonly message: string
}

export interface CacertsPeer {
  /** One verdict for each set, in their order. */
  judge(sets: readonly CacertsFiles[]): readonly CacertsVerdict[]
  /** Removes the program. */
  close(): void
}

// Offline and without a C compiler: the program needs the standard library alone.
const ENV = { ...process.env, GOFLAGS: '-mod=mod', GOPROXY: 'off', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }

/** Builds the program. Whether there is a Go for it says `goAvailable` of go.ts. */
export function openCacertsGo(): CacertsPeer {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-test-'))
  const close = (): void => rmSync(folder, { recursive: true, force: true })
  const program = join(folder, 'cacerts')
  const sources = fileURLToPath(new URL('cacerts-go', import.meta.url))
  try {
    const args = ['build', '-C', sources, '-buildvcs=false', '-o', program, '.']
    outputOf('go build', spawnSync('go', args, { env: ENV, encoding: 'utf8' }))
  } catch (error) {
    close()
    throw error
  }
  return { judge: (sets) => judge(program, sets), close }
}

function judge(program: string, sets: readonly CacertsFiles[]): readonly CacertsVerdict[] {
  const input = sets.map((set) => `${lineOf(set)}\n`).join('')
  // Settings of the caller's environment could make Go more lenient.
  const env = { ...process.env, GODEBUG: '' }
  const ran = spawnSync(program, { input, env, encoding: 'utf8', maxBuffer: 1 << 28 })
  const lines = outputOf('the program in Go', ran).split('\n').slice(0, -1)
  if (lines.length !== sets.length) throw new Error(`Go answered ${lines.length} of ${sets.length}`)
  return lines.map((line) => verdictOf(JSON.parse(line)))
}

function lineOf({ signer, key, chain, roots, crls, time, startup }: CacertsFiles): string {
  return JSON.stringify({
    signer: base64(signer),
    key: base64(key),
    chain: base64(chain),
    roots: base64(roots),
    crls: crls === undefined ? null : base64(crls),
    time,
    startup,
  })
}

function verdictOf(answer: unknown): CacertsVerdict {
  if (typeof answer === 'object' && answer !== null && 'step' in answer && 'message' in answer) {
    const { step, message } = answer
    if (typeof step === 'number' && typeof message === 'string') return { step, message }
  }
  throw new Error('Go answered something else than a verdict')
}

function outputOf(what: string, { error, status, stdout, stderr }: SpawnSyncReturns<string>): string {
  if (error) throw error
  if (status !== 0) throw new Error(`${what} failed: ${stderr.trim()}`)
  return stdout
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
