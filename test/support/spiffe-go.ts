/**
 * go-spiffe and Istio's own packages as judges of SPIFFE: many questions in one run of a program.
 *
 * The programs need Go modules, so a build may ask the module proxy of the machine; versions and their hashes
 * are those of go.mod and go.sum.
 */
import { execFile, type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { goAvailable } from './go.ts'
import { isRequired } from './require.ts'

/** Trust by trust domain: documents that go-spiffe reads itself, or certificates that were read already. */
export interface GoTrust {
  readonly documents?: Readonly<Record<string, string | Uint8Array>>
  readonly authorities?: Readonly<Record<string, readonly Uint8Array[]>>
}

/** What go-spiffe is asked. */
export type SpiffeQuestion =
  | { readonly kind: 'id' | 'trust-domain'; readonly text: string }
  | { readonly kind: 'bundle'; readonly trustDomain: string; readonly document: string | Uint8Array }
  | ({ readonly kind: 'svid'; readonly chain: readonly Uint8Array[]; readonly time: Date } & GoTrust)
  | ({ readonly kind: 'token'; readonly token: string; readonly audience: readonly string[] } & GoTrust)

/** What Istio's packages are asked. */
export type IstioQuestion =
  | { readonly kind: 'identity' | 'trust-domain'; readonly text: string }
  | { readonly kind: 'expand-identity'; readonly text: string; readonly names: readonly string[] }
  | {
      readonly kind: 'expand-principal'
      readonly text: string
      readonly trustDomain: string
      /** The aliases. */
      readonly names: readonly string[]
    }
  /** `text` is the host. */
  | { readonly kind: 'request'; readonly text: string }
  /** `text` is the organization. */
  | { readonly kind: 'root'; readonly text: string; readonly seconds: number }
  | {
      readonly kind: 'sign'
      /** PEM, as are the next two. */
      readonly csr: string
      readonly certificate: string
      readonly key: string
      readonly names: readonly string[]
      readonly seconds: number
      readonly isCA: boolean
    }

/** `value` is what was read; compare it, it has no type. */
export type Verdict =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: string }

export interface GoProgram<Question> {
  /** One answer for each question, in their order. */
  ask(questions: readonly Question[]): readonly Verdict[]
  /** Removes the program. */
  close(): void
}

/** Whether there are Go and the modules of go-spiffe: here, or at the module proxy if they are required. */
export const goSpiffeAvailable = (): true | string => available('spiffe')

/** Whether there are Go and the modules of Istio: here, or at the module proxy if they are required. */
export const goIstioAvailable = (): true | string => available('istio')

/** Builds the program that asks go-spiffe. */
export const openGoSpiffe = (): Promise<GoProgram<SpiffeQuestion>> => open('spiffe')

/** Builds the program that asks Istio's packages. */
export const openGoIstio = (): Promise<GoProgram<IstioQuestion>> => open('istio')

type Program = 'spiffe' | 'istio'

const run = promisify(execFile)

// Read-only: a build must not change go.mod and go.sum. Without a C compiler and without another Go.
const ENV = {
  ...process.env,
  GOFLAGS: '-mod=readonly',
  GOTOOLCHAIN: 'local',
  GOWORK: 'off',
  CGO_ENABLED: '0',
}

const sources = (program: Program): string => fileURLToPath(new URL(`spiffe-go/${program}`, import.meta.url))

/** Lists what a build needs, which fetches it but compiles nothing: a fault in our own program is no absence. */
function available(program: Program): true | string {
  const go = goAvailable()
  if (go !== true) return go
  const args = ['list', '-C', sources(program), '-deps', '.']
  // Nobody's test run fetches modules unasked.
  const env = isRequired(`go-${program}`) ? ENV : { ...ENV, GOPROXY: 'off' }
  const listed = spawnSync('go', args, { env, encoding: 'utf8', timeout: 240_000, maxBuffer: 1 << 24 })
  if (listed.error) return `go list: ${listed.error.message}`
  return listed.status === 0 || `its modules are not to be had: ${listed.stderr.trim().slice(0, 300)}`
}

async function open<Question>(program: Program): Promise<GoProgram<Question>> {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-test-'))
  const close = (): void => rmSync(folder, { recursive: true, force: true })
  const binary = join(folder, program)
  try {
    await run('go', ['build', '-C', sources(program), '-buildvcs=false', '-o', binary, '.'], { env: ENV })
  } catch (error) {
    close()
    throw error
  }
  return { ask: (questions) => ask(binary, questions), close }
}

function ask(binary: string, questions: readonly unknown[]): readonly Verdict[] {
  const input = questions.map((question) => `${JSON.stringify(question, asGoReads)}\n`).join('')
  // Settings of the caller's environment could make Go more lenient.
  const env = { ...process.env, GODEBUG: '' }
  const ran = spawnSync(binary, { input, env, encoding: 'utf8', maxBuffer: 1 << 28 })
  const lines = outputOf(ran).split('\n').slice(0, -1)
  if (lines.length !== questions.length)
    throw new Error(`Go answered ${lines.length} of ${questions.length} questions`)
  return lines.map((line) => verdictOf(JSON.parse(line)))
}

/** Go has its bytes in base64: certificates, and documents, which need not be UTF-8. */
function asGoReads(key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (key === 'document') return Buffer.from(String(value)).toString('base64')
  if (key === 'documents' && typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, asGoReads('document', one)]))
  return value
}

function verdictOf(answer: unknown): Verdict {
  if (typeof answer === 'object' && answer !== null && 'ok' in answer && 'error' in answer) {
    const { ok, error } = answer
    if (ok === true && 'value' in answer) return { ok, value: answer.value }
    if (ok === false && typeof error === 'string') return { ok, error }
  }
  throw new Error('Go answered something else than a verdict')
}

function outputOf({ error, status, stdout, stderr }: SpawnSyncReturns<string>): string {
  // What the program said comes first: one that ends early also leaves its input unread, which is an error too.
  if (status !== 0 && stderr !== '')
    throw new Error(`the program in Go failed: ${stderr.trim().slice(0, 2000)}`)
  if (error) throw error
  if (status !== 0) throw new Error(`the program in Go ended with ${status}`)
  return stdout
}
