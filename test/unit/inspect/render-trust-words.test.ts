/** Words, measures and rows of pictures of trust. */
import { describe, expect, test } from 'vitest'
import type { TrustMap } from '../../../src/inspect/trust/trust-map.ts'
import {
  columnsOf,
  firstFitting,
  fitted,
  inTwo,
  pixelsOf,
  printable,
  printableName,
  wrapped,
  xmlWords,
} from '../../../src/inspect/trust/trust-measure.ts'
import { trustRows } from '../../../src/inspect/trust/trust-rows.ts'
import { keyWords, lifeOf, shortName, spanWords, wholeName } from '../../../src/inspect/trust/trust-words.ts'
import { Name } from '../../../src/x509/index.ts'
import { rootOf } from '../ca/lint/support.ts'
import { DAY } from './render-trust-support.ts'

describe('spans of time are rounded down', () => {
  test.each([
    [0, '0 seconds'],
    [1000, '1 second'],
    [119_999, '119 seconds'],
    [120_000, '2 minutes'],
    [7_199_999, '119 minutes'],
    [7_200_000, '2 hours'],
    [2 * DAY - 1, '47 hours'],
    [2 * DAY, '2 days'],
    [60 * DAY - 1, '59 days'],
    // 365.2425 / 12 = 30.436875 days in a month: 60 days are 1.97 of them, 61 are 2.004.
    [60 * DAY, '1 month'],
    [61 * DAY, '2 months'],
    [730 * DAY, '23 months'],
    // 2 · 365.2425 = 730.485
    [731 * DAY, '2 years'],
    [3650 * DAY, '9.9 years'],
    [3653 * DAY, '10 years'],
    [9131 * DAY, '24 years'],
  ])('%d is %s', (span, words) => {
    expect(spanWords(span)).toBe(words)
  })
})

describe('the life of a certificate', () => {
  const { certificate } = rootOf('Life', {
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2026-04-01T00:00:00Z',
  })
  const lifeAt = (instant: string, soon = 20) => lifeOf(certificate, Date.parse(instant), soon * DAY)
  test.each([
    ['2025-12-31T23:59:59Z', 'not-yet', 'in 1 second'],
    ['2026-01-01T00:00:00Z', 'valid', 'in 2 months'],
    ['2026-03-12T00:00:00Z', 'valid', 'in 20 days'],
    ['2026-03-12T00:00:01Z', 'soon', 'in 19 days'],
    // Its last second belongs to it.
    ['2026-04-01T00:00:00Z', 'soon', 'in 0 seconds'],
    ['2026-04-01T00:00:01Z', 'expired', '1 second ago'],
  ])('at %s', (instant, validity, distance) => {
    expect(lifeAt(instant)).toMatchObject({ validity, distance })
  })

  test('no more than the last third of it is soon', () => {
    // 90 days: the last 30 begin on 2 March.
    expect(lifeAt('2026-03-02T00:00:00Z', 3650).validity).toBe('valid')
    expect(lifeAt('2026-03-02T00:00:01Z', 3650).validity).toBe('soon')
  })
})

describe('names', () => {
  test('by their common name, or whole', () => {
    expect(shortName(Name.parse('CN=Mesh Root,O=Example'))).toBe('Mesh Root')
    expect(shortName(Name.parse('O=cluster.local'))).toBe('O=cluster.local')
    expect(wholeName(Name.parse('CN=Mesh Root,O=Example'))).toBe('CN=Mesh Root,O=Example')
    expect(shortName(Name.parse(''))).toBe('(no name)')
    expect(wholeName(Name.parse(''))).toBe('(no name)')
  })

  test('without end are a number', () => {
    const long = Name.parse(`O=${'x'.repeat(30_000)},OU=${'y'.repeat(30_000)}`)
    expect(shortName(long)).toMatch(/^\(a name of 600\d\d octets\)$/)
    expect(wholeName(long)).toBe(shortName(long))
  })

  test('of keys have their kind, and six octets of their SHA-256', () => {
    const { certificate } = rootOf('Key')
    expect(keyWords(certificate).replaceAll(' ', '')).toBe(
      `P-256${certificate.publicKeyFingerprint().slice(0, 12)}`,
    )
    expect(keyWords(certificate)).toMatch(/^P-256( [0-9a-f]{4}){3}$/)
  })
})

describe('foreign text', () => {
  test.each([
    ['a\u0000b\u202ec\u200bd', 'a\\u{0}b\\u{202e}c\\u{200b}d'],
    ['\ufffe\u{1ffff}', '\\u{fffe}\\u{1ffff}'],
    ['a\u0301\u0302\u0303\u0304b', 'a\u0301\u0302…b'],
    ['a\u0301\u0302b', 'a\u0301\u0302b'],
    ['שלום', 'שלום\u200e'],
    ['ש\u200eלום', 'ש\\u{200e}לום\u200e'],
    ['naïve Łódź', 'naïve Łódź'],
  ])('%j', (text, shown) => {
    expect(printableName(text)).toBe(shown)
  })

  test('of a sentence has no mark', () => {
    expect(printable('"שלום" is refused')).toBe('"שלום" is refused')
  })

  test('is cut', () => {
    expect(printable('x'.repeat(65_536))).toBe(`${'x'.repeat(200)}…`)
  })

  test('as XML keeps the mark of direction, and nothing else that is not seen', () => {
    expect(xmlWords(`${printableName('ש')} <b>\u202e`)).toBe('ש\u200e &lt;b&gt;\\u{202e}')
  })
})

describe('measures', () => {
  test('columns: ideographs take two, marks none', () => {
    expect(columnsOf('abc')).toBe(3)
    expect(columnsOf('界界')).toBe(4)
    expect(columnsOf('a\u0301\u200e')).toBe(1)
    expect(columnsOf('👩')).toBe(2)
  })

  test('pixels are at least those of DejaVu Sans', () => {
    // Advance widths of DejaVu Sans 2.37 in 2048ths of its size.
    for (const [char, units] of [
      ['i', 569],
      ['n', 1298],
      ['m', 1995],
      ['W', 2025],
      ['M', 1767],
      ['A', 1401],
      ['0', 1303],
      [' ', 651],
      ['-', 739],
      ['t', 803],
      ['@', 2048],
    ] as const)
      expect([char, pixelsOf(char, 2048) >= units]).toEqual([char, true])
    expect(pixelsOf('n', 10, true)).toBeGreaterThan(pixelsOf('n', 10))
  })

  test('a text that does not fit is cut, between whole characters', () => {
    expect(fitted('abcdef', 6, columnsOf)).toBe('abcdef')
    expect(fitted('abcdef', 5, columnsOf)).toBe('abcd…')
    expect(fitted('界界界', 5, columnsOf)).toBe('界界…')
    expect(fitted('👩👩', 3, columnsOf)).toBe('👩…')
    expect(fitted('abc', 0, columnsOf)).toBe('')
    expect(fitted('שלום עולם\u200e', 6, columnsOf)).toBe('שלום…\u200e')
    expect(firstFitting(['abcdef', 'abc', 'a'], 4, columnsOf)).toBe('abc')
    expect(firstFitting(['abcdef', 'abcd'], 3, columnsOf)).toBe('ab…')
  })

  test('a name in two lines is broken behind a sign, and leaves no single letter', () => {
    const two = (text: string) => inTwo(text, 12, columnsOf)
    expect(two('prod-eu')).toEqual(['prod-eu'])
    expect(two('prod-eu-west-1')).toEqual(['prod-eu-', 'west-1'])
    expect(two('x'.repeat(30))).toEqual(['x'.repeat(12), `${'x'.repeat(11)}…`])
    expect(inTwo('界', 1, columnsOf)).toEqual(['…'])
  })

  test('lines are broken at spaces, and the last one is cut', () => {
    expect(wrapped('aa bb cc dd', 5, columnsOf, 3)).toEqual(['aa bb', 'cc dd'])
    expect(wrapped('aa bb cc dd', 5, columnsOf, 1)).toEqual(['aa b…'])
    expect(wrapped('aaaaaaaa bb', 5, columnsOf, 3)).toEqual(['aaaa…', 'bb'])
  })
})

describe('rows', () => {
  const authority = (
    index: number,
    issuers: readonly number[],
    letter?: string,
  ): TrustMap['authorities'][number] => ({
    index,
    letter,
    name: '',
    wholeName: '',
    key: '',
    isCa: true,
    certificates: [],
    issuers,
    strangers: [],
    trustedBy: [],
    below: [],
  })
  const cluster = (index: number, issuedBy: readonly number[]): TrustMap['clusters'][number] => ({
    index,
    name: '',
    trustDomain: undefined,
    workloads: [],
    issuedBy,
    strangers: [],
    trusts: [],
    otherRoots: 0,
    leadsTo: [],
  })
  const rowsOf = (authorities: TrustMap['authorities'], clusters: TrustMap['clusters']) => {
    const { cards, links, count } = trustRows({
      title: '',
      at: 0,
      authorities,
      others: 0,
      clusters,
      cells: [],
      notes: [],
    })
    return { rows: cards.map(({ row }) => row), back: links.filter(({ isBack }) => isBack).length, count }
  }

  test('roots stand first, clusters last, and a CA stands above what it signed', () => {
    // A → 1 → 2 → first cluster, A → second cluster; B has no chain.
    expect(
      rowsOf(
        [authority(0, [], 'A'), authority(1, [], 'B'), authority(2, [0]), authority(3, [2])],
        [cluster(0, [3]), cluster(1, [0])],
      ),
    ).toEqual({ rows: [0, 0, 1, 2, 3, 3], back: 0, count: 4 })
  })

  test('two roots that signed each other stand below each other, and one arrow goes back', () => {
    expect(
      rowsOf([authority(0, [1], 'A'), authority(1, [0], 'B')], [cluster(0, [0]), cluster(1, [1])]),
    ).toEqual({ rows: [0, 1, 2, 2], back: 1, count: 3 })
  })

  test('a circle of three ends', () => {
    const { back, count } = rowsOf(
      [authority(0, [2]), authority(1, [0]), authority(2, [1])],
      [cluster(0, [2])],
    )
    expect([back, count]).toEqual([1, 4])
  })
})
