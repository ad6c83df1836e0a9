/**
 * Runs recipes in a folder, lints what they leave, and runs the commands that the lint prints.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type LintChainOptions, type LintFinding, lintChain } from '../../src/ca/index.ts'

/** Runs lines of shell in a folder; each must succeed. */
export function shell(folder: string, ...lines: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-e'], {
    cwd: folder,
    input: lines.join('\n'),
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${lines.join('\n')}\n${stderr}`)
  return stdout
}

export const read = (folder: string, file: string): string => readFileSync(join(folder, file), 'utf8')
export const lint = (folder: string, file: string, options: LintChainOptions = {}) =>
  lintChain(read(folder, file), { name: file, ...options })

/** The finding of a code, which must be there. */
export function of(findings: readonly LintFinding[], code: LintFinding['code']): LintFinding {
  const found = findings.find((each) => each.code === code)
  if (found === undefined)
    throw new Error(`no finding ${code}, but ${findings.map((each) => each.code).join(', ')}`)
  return found
}

/** Runs the command that a finding prints. */
export function repair(folder: string, findings: readonly LintFinding[], code: LintFinding['code']): string {
  const { command } = of(findings, code)
  if (command === undefined) throw new Error(`${code} prints no command`)
  // Nothing that is in use is written over; who mends it knows the key of the root, and puts the new file in its place.
  const before = filesIn(folder)
  const printed = shell(folder, command.replaceAll('ROOT_KEY.pem', 'key.pem'))
  for (const [file, text] of before) expect(read(folder, file)).toBe(text)
  for (const [file] of filesIn(folder))
    if (file.includes('.new.')) renameSync(join(folder, file), join(folder, file.replace('.new.', '.')))
  return printed
}

const filesIn = (folder: string): ReadonlyMap<string, string> =>
  new Map(readdirSync(folder).map((file) => [file, read(folder, file)]))

export const codes = (findings: readonly LintFinding[]) => findings.map(({ code }) => code)
