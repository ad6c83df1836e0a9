/**
 * Programs of these tests as processes of their own: they can be stopped and killed. Node 20 runs no TypeScript, so esbuild
 * bundles them first.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { until } from '../../support/until.ts'

/** What a program says, one JSON object a line. */
export type Said = Readonly<Record<string, unknown>>

export class Program {
  readonly said: Said[] = []
  readonly #child: ChildProcess
  readonly #ended: Promise<NodeJS.Signals | number | null>
  #errors = ''

  constructor(file: string, settings: object) {
    // A program that is stopped must not keep the tests waiting, nor outlive them.
    this.#child = spawn(execPath, [file, JSON.stringify(settings)], { stdio: ['ignore', 'pipe', 'pipe'] })
    const kill = () => this.kill('SIGKILL')
    process.once('exit', kill)
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        process.removeListener('exit', kill)
        resolve(signal ?? code)
      })
    })
    this.#child.stderr?.on('data', (bytes) => {
      this.#errors += String(bytes)
    })
    if (this.#child.stdout !== null)
      createInterface({ input: this.#child.stdout }).on(
        'line',
        (line) => void this.said.push(JSON.parse(line)),
      )
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** The signal or the status that it ended with. */
  get ended(): Promise<NodeJS.Signals | number | null> {
    return this.#ended
  }

  /** Waits until it has said something for the n-th time, and answers that. */
  hears(member: string, nth = 1, seconds = 30): Promise<unknown> {
    return until(
      `${member} is said (${JSON.stringify(this.said)} ${this.#errors})`,
      () => this.said.filter((one) => Object.hasOwn(one, member))[nth - 1]?.[member],
      seconds,
    )
  }

  /** Ends it, in whatever state it is. */
  async stop(): Promise<void> {
    this.kill('SIGCONT')
    this.kill('SIGKILL')
    await this.#ended
  }
}

/** Bundles a program of this folder, and takes the bundle away when `work` is done. */
export async function withProgram(
  source: string,
  work: (start: (settings: object) => Program) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-program-'))
  const started: Program[] = []
  try {
    const outfile = join(folder, 'program.mjs')
    await build({
      entryPoints: [fileURLToPath(new URL(source, import.meta.url))],
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outfile,
      logLevel: 'silent',
    })
    await work((settings) => {
      const program = new Program(outfile, settings)
      started.push(program)
      return program
    })
  } finally {
    await Promise.all(started.map((one) => one.stop()))
    rmSync(folder, { recursive: true, force: true })
  }
}
