/**
 * The same jobs with `crypto/x509` of Go, which is compiled and run as a program of its own.
 *
 * @module
 */

import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Offline and without a C compiler: the program needs the standard library alone.
const ENV = { ...process.env, GOFLAGS: '-mod=mod', GOPROXY: 'off', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }

/** What Go is measured at. */
type GoJob = 'read-leaf' | 'verify-warm' | 'verify-cold' | 'pem-bundle'

/** What the jobs work on: a path in DER, a bundle of roots in PEM, the time at which the path is judged. */
export interface GoInput {
  readonly leaf: Uint8Array
  readonly intermediate: Uint8Array
  readonly root: Uint8Array
  readonly bundle: string
  readonly time: Date
  /** CPU seconds of each job, after its warm-up. */
  readonly seconds: number
}

/** What Go costs. */
export interface GoFigures {
  readonly version: string
  /** CPU microseconds of one operation. */
  readonly micros: Readonly<Record<GoJob, number>>
  /** How many roots of the bundle Go does not read. */
  readonly refusedRoots: number
}

/** Measures Go; `undefined` where it is not installed. */
export function measureWithGo(input: GoInput): GoFigures | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-bench-'))
  try {
    const program = join(folder, 'bench')
    // Not by cwd: a folder that is missing would look like a missing go.
    const args = ['build', '-C', sources(), '-buildvcs=false', '-o', program, '.']
    const built = spawnSync('go', args, { env: ENV, encoding: 'utf8' })
    if (built.error && 'code' in built.error && built.error.code === 'ENOENT') return undefined
    outputOf('go build', built)
    const path = [input.leaf, input.intermediate, input.root]
    const [leaf, intermediate, root] = path.map((der) => Buffer.from(der).toString('base64'))
    const { bundle, time, seconds } = input
    const question = JSON.stringify({ leaf, intermediate, root, bundle, time, seconds })
    const ran = spawnSync(program, { input: question, encoding: 'utf8' })
    return figuresOf(JSON.parse(outputOf('the program in Go', ran)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `bench/go` of the package: this file runs from where it was compiled to. */
function sources(folder = dirname(fileURLToPath(import.meta.url))): string {
  if (existsSync(join(folder, 'package.json'))) return join(folder, 'bench', 'go')
  if (folder === dirname(folder)) throw new Error('no package.json above the bench')
  return sources(dirname(folder))
}

function outputOf(what: string, { error, status, stdout, stderr }: SpawnSyncReturns<string>): string {
  if (error) throw error
  if (status !== 0) throw new Error(`${what} failed: ${stderr.trim()}`)
  return stdout
}

function figuresOf(answer: unknown): GoFigures {
  const { version, micros, refusedRoots } = fieldsOf(answer)
  if (typeof version !== 'string') throw new Error('Go answered without its version')
  const costs = fieldsOf(micros)
  return {
    version,
    micros: {
      'read-leaf': numberOf(costs['read-leaf']),
      'verify-warm': numberOf(costs['verify-warm']),
      'verify-cold': numberOf(costs['verify-cold']),
      'pem-bundle': numberOf(costs['pem-bundle']),
    },
    refusedRoots: numberOf(refusedRoots),
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error('Go answered without an object')
  return { ...value }
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number') throw new Error('Go answered without a number')
  return value
}
