/**
 * A root is rolled over while three clusters shake hands all the time, and not one handshake fails. Then the overlap is
 * cut short, and some do. Then three clusters with a root each come under one.
 *
 *     npm run demo:rotation -- [--out out] [--at-once]
 *
 * Certificates live for seconds here, by the real clock. All of it takes some 70 seconds; with `--at-once`, the three side by
 * side, some 30.
 *
 * @module
 */

import { parseArgs } from 'node:util'
import { MeshPkiError } from 'mesh-pki'
import { Report } from '../federation/report.js'
import { isFailed, isForeign, tellAdoption, tellCut, tellMesh, tellRollover } from './account.js'
import { type Played, playRollover, type Story } from './live-rollover.js'
import { writePlayed } from './output.js'

const report = new Report()

interface Chapter extends Story {
  readonly file: string
  readonly title: string
  readonly tell: (report: Report, played: Played) => void | Promise<void>
}

const CHAPTERS: readonly Chapter[] = [
  {
    file: 'rotation',
    title: '1. One root gives way to another, as planned',
    kind: 'root',
    incoming: 'root-2026',
    cut: false,
    tell: tellRollover,
  },
  {
    file: 'rotation-cut',
    title: '2. The same, with the overlap cut short',
    kind: 'root',
    incoming: 'root-2026',
    cut: true,
    tell: tellCut,
  },
  {
    file: 'adoption',
    title: '3. Three clusters with a root each come under one',
    kind: 'adoption',
    incoming: 'root-mesh',
    cut: false,
    tell: tellAdoption,
  },
]

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: 'out' }, 'at-once': { type: 'boolean', default: false } },
  })
  tellMesh(report)
  const together = values['at-once'] ? await Promise.all(CHAPTERS.map(playRollover)) : undefined
  const all: Played[] = []
  for (const [i, chapter] of CHAPTERS.entries()) {
    report.title(chapter.title)
    const played = together?.[i] ?? (await playRollover(chapter))
    await chapter.tell(report, played)
    report.line()
    for (const file of await writePlayed(values.out, chapter.file, played)) report.line(`  ${file}`)
    all.push(played)
  }
  report.line()
  if (report.failures.length > 0) {
    report.line(`✘ ${report.failures.length} of the claims above do not hold:`)
    for (const failure of report.failures) report.line(`  - ${failure}`)
    process.exitCode = 1
  } else report.line('✔ every claim above holds')
  const handshakes = all.flatMap((played) => played.handshakes)
  const [rolled = 0, cut = 0, adopted = 0] = all.map((played) => played.handshakes.filter(isFailed).length)
  report.line(
    `${handshakes.length} handshakes: ${rolled + adopted} failed in the rollovers as planned, ${cut} in the one that was cut short; ${handshakes.filter(isForeign).length} were refused by clusters that had no root in common yet`,
  )
}

try {
  await main()
} catch (error) {
  const code = error instanceof MeshPkiError ? `${error.code}: ` : ''
  console.error(`\n✘ ${code}${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
