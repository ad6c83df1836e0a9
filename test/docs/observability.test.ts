import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createNoopMeter, type MetricOptions } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { openTelemetry } from '../../src/otel/index.ts'
import { fencesIn } from '../../tools/fences.mjs'
import { root } from '../../tools/pack.mjs'
import { filesUnder } from '../../tools/source.mjs'
import { outputOf, programFolder } from './run-program.ts'
import { quoted, tableOf } from './support.ts'

const FILE = 'docs/observability.md'
const document = readFileSync(join(root, FILE), 'utf8')
const folder = programFolder('observability')
const sources = filesUnder('src/otel', /\.ts$/).map((file) => readFileSync(join(root, file), 'utf8'))

/** What is made of a meter. */
function instruments(): { name: string; instrument: string; unit: string | undefined }[] {
  const made: { name: string; instrument: string; unit: string | undefined }[] = []
  const noop = createNoopMeter()
  const meter = new Proxy(noop, {
    get: (target, key) => {
      const method = Reflect.get(target, key)
      return (name: string, options: MetricOptions) => {
        const instrument = String(key)
          .replace(/^create/, '')
          .replace('ObservableGauge', 'observable gauge')
          .toLowerCase()
        made.push({ name, instrument, unit: options.unit })
        expect(options.description, name).toMatch(/^[A-Z0-9].+[^.]$/)
        return method.call(target, name, options)
      }
    },
  })
  openTelemetry({ meter }).watchCertificates(() => [])()
  return made
}

const byName = <T extends { name: string }>(rows: readonly T[]): T[] =>
  [...rows].sort((a, b) => (a.name < b.name ? -1 : 1))

describe('the table of metrics', () => {
  const rows = tableOf(document, '| metric | instrument | unit | attributes |')

  test('has every instrument, with its kind and unit, and no other', () => {
    const said = rows.map(([metric, instrument = '', unit]) => ({
      name: quoted(metric)[0] ?? '',
      instrument,
      unit: quoted(unit)[0],
    }))
    expect(byName(said)).toEqual(byName(instruments()))
  })

  test('has every attribute', () => {
    const said = new Set([
      ...rows.flatMap(([, , , attributes]) => quoted(attributes)),
      ...tableOf(document, '| span | kind | attributes beside those of its metric |').flatMap(
        ([, , attributes]) => quoted(attributes),
      ),
    ])
    const names = new Set(instruments().map(({ name }) => name))
    const used = sources
      .flatMap((text) =>
        [...text.matchAll(/'((?:mesh_pki|http|error)\.[a-z_.]+)'/g)].map(([, name = '']) => name),
      )
      .filter((name) => !names.has(name))
    expect([...said].sort()).toEqual([...new Set(used)].sort())
  })
})

test('every object with events is in the table of objects, with its observer', () => {
  const rows = tableOf(document, '| object | option | event | observer of [the bridge](#opentelemetry) |')
  const said = rows.flatMap(([, , , observer]) => quoted(observer))
  const { watchCertificates: _, ...observers } = openTelemetry()
  expect(said.sort()).toEqual(Object.keys(observers).sort())
  const events = new Set(rows.flatMap(([, , event]) => quoted(event)))
  const declared = filesUnder('src', /\.ts$/).flatMap((file) =>
    [
      ...readFileSync(join(root, file), 'utf8').matchAll(/readonly onEvent\?: \(\(event: (\w+)\) => void\)/g),
    ].map(([, type = '']) => type),
  )
  expect([...new Set(declared)].filter((type) => !events.has(type))).toEqual([])
})

const [, prometheus, pino] = fencesIn(FILE, document)
const outputs = [...document.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)

describe.each([
  { name: 'prom-client', program: prometheus?.code ?? '', bridge: 'toMetrics', output: outputs[0] },
  { name: 'pino', program: pino?.code ?? '', bridge: 'toLog', output: outputs[1] },
])('with $name', ({ name, program, bridge, output }) => {
  test('the program prints what the document says', async () => {
    expect(await outputOf(folder, name, program)).toBe(output)
  })

  test('the bridge has at most 15 lines', () => {
    const lines = program.split('\n')
    const start = lines.findIndex((line) => line.startsWith(`const ${bridge} = `))
    const length = lines.slice(start).indexOf('}') + 1
    expect(start).toBeGreaterThan(0)
    expect(length).toBeGreaterThan(3)
    expect(length).toBeLessThanOrEqual(15)
  })
})

test('what a worker throws is not logged', () => {
  expect(pino?.code).toMatch(/throw new Error\('.*eyJ/)
  expect(outputs[1]).toMatch(/"why":"Error"/)
  expect(outputs[1]).not.toMatch(/eyJ|issuer/)
})
