/** The tables and the picture of docs/rotation.md are those of the code. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { renderTimeline } from '../../src/inspect/index.ts'
import { planRollover, RENEWAL_PRESETS } from '../../src/rotation/index.ts'
import { ROLLOVER_GATES } from '../../src/rotation/rollover/rollover-gates.ts'
import { INVARIANTS } from '../../src/rotation/trace/invariants.ts'

const document = readFileSync('docs/rotation.md', 'utf8')

/** The rows of the table whose header begins with some cells. */
function rows(header: string): readonly (readonly string[])[] {
  const [, table = ''] = document.split(`\n${header}\n`)
  return table
    .split('\n')
    .slice(1)
    .slice(
      0,
      Math.max(
        0,
        table
          .split('\n')
          .slice(1)
          .findIndex((line) => !line.startsWith('|')),
      ),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

test('every gate has a row, with the steps that it stands before', () => {
  const told = rows('| gate | before | asks |').flatMap(([gates = '', before = '']) => {
    const steps = before.split(';').map((one) => one.trim())
    return [...gates.matchAll(/`([a-z-]+)`/g)].map(([, gate], i) => [gate, steps[i] ?? steps[0]] as const)
  })
  const every = 'publish, distribute, activate, drain, taint, retire, prune'
  expect(
    Object.fromEntries(told.map(([gate, before]) => [gate, before === 'every step' ? every : before])),
  ).toEqual(Object.fromEntries(ROLLOVER_GATES.map(({ id, before }) => [id, before.join(', ')])))
})

test('every invariant has a row, with its rule', () => {
  const told = document.split('\n').flatMap((line) => {
    const [, id, rule] = /^\| (I\d+) \| (.*) \|$/.exec(line) ?? []
    return id === undefined ? [] : [[id, rule] as const]
  })
  const plain = (text = ''): string =>
    text.replace(/[.’']/g, '').replace(/[;,]/g, '').replace(/ and /g, ' ').replace(/\s+/g, ' ')
  expect(told.map(([id, rule]) => [id, plain(rule)])).toEqual(
    INVARIANTS.map(({ id, rule }) => [id, plain(rule)]),
  )
})

test('every preset has a row', () => {
  const told = [...document.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| .* \| .* \|$/gm)]
    .flatMap(([, names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name))
    .filter((name) => name !== undefined && Object.hasOwn(RENEWAL_PRESETS, name))
  expect(told.sort()).toEqual(Object.keys(RENEWAL_PRESETS).sort())
})

/** The plan of the page's own example. */
const plan = planRollover({
  start: new Date('2026-03-01T00:00:00Z'),
  outgoing: { id: 'root-2025', notAfter: new Date('2026-06-01T00:00:00Z') },
  incoming: { id: 'root-2026', lifetime: '365d' },
  clusters: ['east', 'west'],
  audiences: [{ name: 'partner.example', refreshHint: '5m' }],
  leafLifetime: '24h',
  gracePeriodRatio: 0.5,
  propagation: '15m',
})

describe('the picture', () => {
  test('is that of the example', () => {
    expect(readFileSync('docs/rotation.svg', 'utf8')).toBe(
      renderTimeline(plan, { format: 'svg', title: 'A rollover of one root' }),
    )
  })

  test('and the figures of the text are the plan’s', () => {
    const retired = plan.steps.find(({ stage }) => stage === 'RETIRED')
    expect(document).toContain(`which is ${retired?.at}`)
    expect(document).toContain('1d14m after the last issuer left root-2025')
    expect(retired?.satisfies[0]?.needs).toBe('1d14m')
  })
})
