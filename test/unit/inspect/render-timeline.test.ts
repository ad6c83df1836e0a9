import { describe, expect, test } from 'vitest'
import { renderTimeline } from '../../../src/inspect/index.ts'
import {
  planRollover,
  type RolloverPlan,
  simulateRollover,
  type TraceEvent,
} from '../../../src/rotation/index.ts'
import { handTrace, MINUTE, P, PARAMETERS, PLAN } from './plans.ts'
import { elementsOf, parseXml, textOf } from './strict-xml.ts'

const hostile = '<script>alert(1)</script>&amp;]]>"\'\u0000\u001b[31m\u202e\ufffe\ud800\u2028'

/** What plain JavaScript may pass, whatever the types say. */
const call = (...args: readonly unknown[]): unknown => Reflect.apply(renderTimeline, undefined, args)

/** Texts of a picture, and of a text with its line breaks taken out. */
const svgTexts = (svg: string): readonly string[] =>
  elementsOf(parseXml(svg))
    .filter(({ name }) => name === 'text')
    .map(textOf)
const flat = (text: string): string => text.replace(/\s+/g, ' ')

const PLANS: readonly (readonly [string, RolloverPlan])[] = [
  ['a root', PLAN],
  ['an emergency', planRollover({ ...PARAMETERS, emergency: { reissueWithin: '1h' } })],
  ['a cross-signed root', planRollover({ ...PARAMETERS, crossSign: true })],
  ['an issuing CA', planRollover({ ...PARAMETERS, kind: 'issuing-ca' })],
  ['a staggered root', planRollover({ ...PARAMETERS, stagger: '1h' })],
]

describe.each(PLANS)('the plan of %s', (_, plan) => {
  test.each([640, 1000, 2000])('has every step with every inequality in a picture of %d', (width) => {
    const svg = renderTimeline(plan, { format: 'svg', width })
    const texts = svgTexts(svg)
    for (const { stage, authority, satisfies } of plan.steps) {
      expect(texts.some((text) => text.startsWith(`${authority} ${stage}`))).toBe(true)
      for (const { id, condition, needs, has, slack } of satisfies) {
        expect(texts).toContain(`${id}: ${condition}`)
        expect(texts).toContain(`needs ${needs}, has ${has}, slack ${slack}`)
      }
    }
  })

  test.each([72, 100, 200])('has them in text of %d columns', (width) => {
    const text = renderTimeline(plan, { format: 'text', width })
    expect(text.split('\n').filter((line) => line.length > width)).toEqual([])
    expect(text).not.toMatch(/ $/m)
    for (const { stage, authority, cluster, satisfies } of plan.steps) {
      expect(flat(text)).toContain(`${authority} ${stage}`)
      if (cluster !== undefined) expect(text).toMatch(new RegExp(`${authority} ${stage} in .*${cluster}`))
      for (const { id, condition, needs, has, slack } of satisfies)
        expect(flat(text)).toContain(`${id}: ${condition}, needs ${needs}, has ${has}, slack ${slack}`)
    }
  })
})

test('the default of text is 100 columns, and instants stand with their distance from publication', () => {
  const lines = renderTimeline(PLAN, { format: 'text' }).split('\n')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100)
  expect(lines).toContain(' 2  2026-03-01 00:17:00Z  P+17m    root-2026 DISTRIBUTED')
  // Lanes are as wide as the axis.
  const axis = lines.find((line) => line.includes('-|-')) ?? ''
  const east = lines.filter((line) => line.startsWith('  east'))
  expect(east.length).toBe(3)
  expect(axis.length).toBe(100)
})

describe('a picture', () => {
  test('is one well-formed document that runs and loads nothing, and has a name', () => {
    const svg = renderTimeline(PLAN, { format: 'svg' })
    const root = parseXml(svg)
    expect(root.name).toBe('svg')
    expect(root.attributes.get('role')).toBe('img')
    expect(root.attributes.get('xmlns')).toBe('http://www.w3.org/2000/svg')
    const [title, desc] = root.children.filter((child) => typeof child !== 'string')
    expect([title?.name, desc?.name]).toEqual(['title', 'desc'])
    expect(title?.children).toEqual(['Rollover plan: root-2025 → root-2026'])
    const names = new Set(elementsOf(root).map(({ name }) => name))
    for (const name of ['script', 'image', 'foreignObject', 'use', 'a']) expect(names).not.toContain(name)
    const attributes = elementsOf(root).flatMap((one) => [...one.attributes])
    expect(attributes.filter(([name]) => /^on|href/.test(name))).toEqual([])
    // The name space is no address that anybody fetches; patterns are inside.
    expect(svg.match(/https?:/g)).toHaveLength(1)
    expect(svg.match(/url\((?!#mpt-)/g)).toBeNull()
    expect(svg).not.toContain('@import')
    expect(svg).toContain('@media (prefers-color-scheme:dark)')
  })

  test('is the same every time', () => {
    expect(renderTimeline(PLAN, { format: 'svg' })).toBe(renderTimeline(PLAN, { format: 'svg' }))
    const again: RolloverPlan = JSON.parse(JSON.stringify(PLAN))
    expect(renderTimeline(again, { format: 'svg' })).toBe(renderTimeline(PLAN, { format: 'svg' }))
  })

  test('keeps everything inside', () => {
    const root = parseXml(renderTimeline(PLAN, { format: 'svg', width: 800 }))
    for (const { name, attributes } of elementsOf(root))
      if (name === 'rect' && attributes.has('x')) {
        const [x, width] = [Number(attributes.get('x')), Number(attributes.get('width'))]
        expect(x).toBeGreaterThanOrEqual(0)
        expect(x + width).toBeLessThanOrEqual(800)
      }
  })

  test('tells authorities apart by pattern too', () => {
    const patterns = elementsOf(parseXml(renderTimeline(PLAN, { format: 'svg' }))).filter(
      ({ name }) => name === 'pattern',
    )
    expect(patterns).toHaveLength(2)
    expect(
      new Set(
        patterns.map(({ children }) =>
          JSON.stringify(
            children.map((one) => (typeof one === 'string' ? one : [one.name, one.attributes.get('d')])),
          ),
        ),
      ).size,
    ).toBe(2)
  })

  test('of a large trace is bounded, and says what is left out', async () => {
    const clusters = Array.from({ length: 35 }, (_, i) => `cluster-${i}`)
    const plan = planRollover({ ...PARAMETERS, clusters })
    const { events } = await simulateRollover(plan, {
      seed: 1,
      holders: 20,
      verifiers: 4,
      evidence: false,
      crashes: 0.2,
      actual: { propagation: '1h' },
    })
    expect(events.filter(({ type }) => type === 'handshake-failed').length).toBeGreaterThan(200)
    const svg = renderTimeline(events, { format: 'svg' })
    expect(svg.length).toBeLessThan(400_000)
    const texts = svgTexts(svg)
    expect(texts).toContain('12 of 72 bundle lanes are left out')
    expect(texts).toContain('660 of 700 holders are drawn together')
    expect(renderTimeline(events, { format: 'text' }).length).toBeLessThan(50_000)
  })
})

test('a holder that changes all the time does not make a picture without end', () => {
  const changes = Array.from(
    { length: 20_000 },
    (_, i): TraceEvent => ({
      type: 'presented',
      at: P + 40 * MINUTE + i * 1000,
      member: 'east',
      holder: 'east/h',
      certificate: i % 2 === 0 ? 'c0' : 'c1',
    }),
  )
  const svg = renderTimeline(handTrace(changes), { format: 'svg' })
  expect(svg.length).toBeLessThan(60_000)
  expect(svgTexts(svg)).toContain('1 lanes change more than 48 times: the rest of each is grey')
})

describe('foreign text', () => {
  const events = handTrace(
    [
      { type: 'crashed', at: P + MINUTE, what: hostile },
      { type: 'refused', at: P + MINUTE, member: hostile, why: hostile },
      { type: 'journal', at: P + MINUTE, revision: 1, what: `forced x: ${hostile}` },
      {
        type: 'handshake-failed',
        at: P + MINUTE,
        holder: hostile,
        verifier: hostile,
        certificate: 'c0',
        problem: hostile,
      },
    ],
    { member: hostile, holder: hostile, old: hostile, next: `${hostile}2` },
  )

  test('is text in a picture', () => {
    const svg = renderTimeline(events, { format: 'svg', title: hostile })
    const names = elementsOf(parseXml(svg)).map(({ name }) => name)
    expect(names).not.toContain('script')
    expect(svg).not.toContain('<script')
    expect(svgTexts(svg)[0]).toMatch(
      /^<script>alert\(1\)<\/script>&amp;\]\]>"'\\u\{0\}\\u\{1b\}\[31m\\u\{202e\}/,
    )
  })

  test('does not reach a terminal', () => {
    const text = renderTimeline(events, { format: 'text', title: hostile })
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/)
    expect(text).toContain('\\u{1b}')
    expect(text.split('\n').filter((line) => line.length > 100)).toEqual([])
  })

  test('the check of this suite refuses what is no XML', () => {
    for (const bad of [
      '<a>',
      '<a></b>',
      '<a>&x;</a>',
      '<a>\u0001</a>',
      '<a b="<"/>',
      '<a b="1" b="2"/>',
      '<a/><a/>',
      '<a>]]></a>',
      '<a>\ufffe</a>',
    ])
      expect(() => parseXml(bad)).toThrow()
    expect(textOf(parseXml('<a b="&lt;">x&amp;y<c/></a>'))).toBe('x&y')
  })
})

describe('misuse', () => {
  const begin = handTrace()[0]
  test.each<[string, readonly unknown[], RegExp]>([
    ['nothing', [undefined, { format: 'svg' }], /takes a plan.*undefined/],
    ['a text', ['{}', { format: 'svg' }], /takes a plan.*string/],
    ['another object', [{ format: 'x' }, { format: 'svg' }], /takes a plan/],
    ['an empty trace', [[], { format: 'svg' }], /begins with an event of type "begin"/],
    ['a trace without its beginning', [handTrace().slice(1), { format: 'svg' }], /begins with/],
    ['a hole', [[begin, undefined], { format: 'svg' }], /event 1 of the trace must be an object/],
    ['an unknown event', [[begin, { type: 'toString', at: P }], { format: 'svg' }], /"toString"/],
    [
      'a field that is missing',
      [[begin, { type: 'switched', at: P, member: 'a' }], { format: 'svg' }],
      /event 1 \(switched\).*"authority" must be a text; got undefined/,
    ],
    [
      'an unknown stage',
      [[begin, { type: 'stage', at: P, authority: 'a', stage: 'X' }], { format: 'svg' }],
      /"stage" must be one of STAGED/,
    ],
    ['no instant', [[begin, { type: 'due', at: Number.NaN }], { format: 'svg' }], /"at" must be a number/],
    [
      'an instant after all years',
      [[begin, { type: 'due', at: 1e15 }], { format: 'svg' }],
      /"at" must be milliseconds/,
    ],
    ['time that goes back', [[begin, { type: 'due', at: P - 1 }], { format: 'svg' }], /in the order of time/],
    ['no options', [PLAN], /takes an options object/],
    ['no format', [PLAN, {}], /option "format"/],
    [
      'an unknown format',
      [PLAN, { format: 'png' }],
      /option "format" must be one of "svg", "text"; got "png"/,
    ],
    ['an unknown option', [PLAN, { format: 'svg', widht: 1 }], /Did you mean "width"/],
    ['a width as text', [PLAN, { format: 'svg', width: '9' }], /option "width"/],
    ['a title that is none', [PLAN, { format: 'svg', title: 1 }], /option "title"/],
    ['a time zone that is none', [PLAN, { format: 'svg', timeZone: 1 }], /option "timeZone"/],
  ])('%s is a TypeError', (_, args, message) => {
    expect(() => call(...args)).toThrow(message)
    expect(() => call(...args)).toThrow(TypeError)
  })

  test.each([
    ['svg', 639, 640],
    ['svg', 4001, 4000],
    ['text', 71, 72],
    ['text', 401, 400],
  ] as const)('%s has no width of %d', (format, width, allowed) => {
    expect(() => renderTimeline(PLAN, { format, width })).toThrow(RangeError)
    expect(renderTimeline(PLAN, { format, width: allowed })).toContain('root-2026')
  })

  test('a plan that was changed is refused as one', () => {
    expect(() => call({ ...PLAN, digest: '0'.repeat(64) }, { format: 'svg' })).toThrow(
      expect.objectContaining({ code: 'ERR_ROLLOVER_PLAN' }),
    )
  })

  test('a trace of one event is drawn', () => {
    const events: readonly TraceEvent[] = handTrace().slice(0, 1)
    for (const format of ['svg', 'text'] as const)
      expect(renderTimeline(events, { format })).toContain('east')
  })
})
