/**
 * A root is rolled over live, with real certificates, real time and real handshakes: the example runs with all three
 * stories side by side, and its traces are judged here once more, by a replay that shares no code with the library.
 */

import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../tools/pack.mjs'
import { withTemporaryFolder } from '../support/openssl.ts'

const compiled = join(root, 'build', 'examples-rotation-test')

/** What a replay needs of a line of a trace. */
interface Line {
  readonly type: string
  readonly at: number
  readonly members?: readonly {
    readonly verifiers: readonly string[]
    readonly authorities: readonly string[]
  }[]
  readonly verifier?: string
  readonly holder?: string
  readonly certificate?: string
  readonly authority?: string
  readonly authorities?: readonly string[]
  readonly stage?: string
  readonly notBefore?: number
  readonly notAfter?: number
}

interface Run {
  readonly status: number | string | null
  readonly output: string
  readonly trace: (name: string) => readonly Line[]
  readonly text: (file: string) => string
}

let run: Run

beforeAll(async () => {
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const { status, stdout } = spawnSync(tsc, ['-p', 'tsconfig.examples.json', '--outDir', compiled], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`the examples do not compile:\n${stdout}`)
  await withTemporaryFolder(async (out) => {
    const main = join(compiled, 'rotation', 'main.js')
    const ended = await new Promise<Pick<Run, 'status' | 'output'>>((resolve) => {
      execFile(
        process.execPath,
        [main, '--at-once', '--out', out],
        { cwd: root, encoding: 'utf8' },
        (error, stdout, stderr) => resolve({ status: error?.code ?? 0, output: stdout + stderr }),
      )
    })
    const files = new Map(
      ['rotation', 'rotation-cut', 'adoption']
        .flatMap((name) => [`${name}-plan.json`, `${name}-trace.json`, `${name}.svg`, `${name}-trace.svg`])
        .map((file) => [file, ended.status === 0 ? readFileSync(join(out, file), 'utf8') : '']),
    )
    const text = (file: string): string => files.get(file) ?? ''
    run = { ...ended, text, trace: (name) => JSON.parse(text(`${name}-trace.json`)) }
  })
})

/**
 * What could go wrong at any moment of a trace: a certificate in use that some verifier would refuse. Where clusters began
 * apart, a verifier owes nothing to a root before it has trusted it.
 */
function refusals(lines: readonly Line[], apart: boolean): readonly string[] {
  const trusts = new Map<string, readonly string[]>()
  const ever = new Map<string, Set<string>>()
  const issued = new Map<string, Line>()
  const inUse = new Map<string, string>()
  const found: string[] = []
  const trust = (verifier: string, authorities: readonly string[]): void => {
    trusts.set(verifier, authorities)
    ever.set(verifier, new Set([...(ever.get(verifier) ?? []), ...authorities]))
  }
  for (const line of lines) {
    const { type, verifier, holder, certificate, authorities } = line
    for (const member of line.members ?? [])
      for (const name of member.verifiers) trust(name, member.authorities)
    if (type === 'applied' && verifier !== undefined && authorities !== undefined)
      trust(verifier, authorities)
    if (type === 'issued' && certificate !== undefined) issued.set(certificate, line)
    if (type === 'presented' && holder !== undefined && certificate !== undefined)
      inUse.set(holder, certificate)
    for (const id of inUse.values()) {
      const { authority = '', notBefore = Number.NaN, notAfter = Number.NaN } = issued.get(id) ?? {}
      // The quarter of a second by which clocks are off in the example.
      if (!(line.at >= notBefore + 250 && line.at <= notAfter - 250)) found.push(`${id} is out of its time`)
      for (const [name, held] of trusts)
        if (!held.includes(authority) && (!apart || ever.get(name)?.has(authority) === true))
          found.push(`${name} would refuse ${id} under ${authority}`)
    }
  }
  return found
}

const of = (lines: readonly Line[], type: string): readonly Line[] =>
  lines.filter((line) => line.type === type)

test('every claim holds, and the last line tells how many handshakes failed', () => {
  expect(run.output).toContain('every claim above holds')
  expect(run.output).not.toContain('✘')
  expect(run.output).toMatch(
    /\n[1-9]\d{2,} handshakes: 0 failed in the rollovers as planned, [1-9]\d* in the one that was cut short; [1-9]\d* were refused by clusters that had no root in common yet\n$/,
  )
  expect(run.output).toContain('ERR_PATH_NO_ISSUER')
  expect(run.status).toBe(0)
})

describe('the traces, replayed', () => {
  test('a rollover as planned: whoever presents anything is trusted by all, all the time', () => {
    const lines = run.trace('rotation')
    expect(refusals(lines, false)).toEqual([])
    expect(of(lines, 'handshake-failed')).toEqual([])
    const stages = of(lines, 'stage').map(({ authority, stage }) => `${authority} ${stage}`)
    expect(stages).toEqual([
      'root-2025 ACTIVE',
      'root-2026 STAGED',
      'root-2026 PUBLISHED',
      'root-2026 DISTRIBUTED',
      'root-2026 ACTIVE',
      'root-2025 DRAINING',
      'root-2025 RETIRED',
      'root-2025 PRUNED',
    ])
    // Six workloads present something under each root.
    for (const authority of ['root-2025', 'root-2026']) {
      const under = new Set(
        of(lines, 'issued')
          .filter((line) => line.authority === authority)
          .map(({ certificate = '' }) => certificate),
      )
      const holders = of(lines, 'presented').filter(({ certificate = '' }) => under.has(certificate))
      expect(new Set(holders.map(({ holder }) => holder)).size).toBe(6)
    }
  })

  test('cut short: the replay finds whom somebody refuses, and somebody did', () => {
    const lines = run.trace('rotation-cut')
    expect(refusals(lines, false)).not.toEqual([])
    const failed = of(lines, 'handshake-failed')
    // Some before the old root is gone, and some because it is.
    const retired = of(lines, 'stage').find(({ stage }) => stage === 'RETIRED')?.at ?? Number.NaN
    expect(failed.filter(({ at }) => at < retired)).not.toEqual([])
    expect(failed.filter(({ at }) => at > retired)).not.toEqual([])
  })

  test('an adoption: nobody refuses what it has once trusted; at first nobody knows the others', () => {
    const lines = run.trace('adoption')
    expect(refusals(lines, true)).toEqual([])
    expect(refusals(lines, false)).not.toEqual([])
    expect(of(lines, 'handshake-failed')).toEqual([])
  })
})

test.each(['rotation', 'rotation-cut', 'adoption'])('%s: the plan and the pictures are there', (name) => {
  expect(JSON.parse(run.text(`${name}-plan.json`))).toMatchObject({ format: 'mesh-pki/rollover-plan' })
  expect(run.text(`${name}.svg`)).toContain('</svg>')
  expect(run.text(`${name}-trace.svg`)).toContain('</svg>')
  for (const file of [`${name}-plan.json`, `${name}-trace.json`])
    expect(run.text(file)).not.toContain('PRIVATE KEY')
})
