/**
 * Colours and patterns of a timeline.
 *
 * Bars have the colours of Okabe and Ito, which people with any colour vision tell apart, in tones that carry dark text in light and in
 * dark mode. Every authority has a pattern too.
 *
 * @module
 */

import { element } from '../svg-text.ts'

const FILLS = [
  '#e69f00',
  '#56b4e9',
  '#2fb58a',
  '#f0e442',
  '#d99bbd',
  '#b9a3e3',
  '#9db3a0',
  '#c9b28b',
] as const

/** What each pattern adds to its colour, in a square of 8. */
const STROKES = [
  '',
  'M-2 2L2 -2M0 8L8 0M6 10L10 6',
  'M2 0V8M6 0V8',
  'M0 2H8M0 6H8',
  'M-2 6L2 10M0 0L8 8M6 -2L10 2',
  'M0 0L8 8M8 0L0 8',
  'M4 0V8',
  'M0 4H8',
] as const

/** The fill of an authority; beyond eight, they begin again. */
export const fillOf = (authority: number): string =>
  authority < 0 ? '#a8a8a8' : `url(#mpt-${authority % FILLS.length})`

/** The patterns of that many authorities. */
export function patterns(count: number): string {
  const used = FILLS.slice(0, Math.max(1, count))
  const all = used.map((fill, i) =>
    element(
      'pattern',
      { id: `mpt-${i}`, width: 8, height: 8, patternUnits: 'userSpaceOnUse' },
      element('rect', { width: 8, height: 8, fill }) +
        (STROKES[i] === ''
          ? ''
          : element('path', { d: STROKES[i], stroke: '#000', 'stroke-opacity': '.22', fill: 'none' })),
    ),
  )
  return element('defs', {}, all.join(''))
}

const RULES: readonly (readonly [rule: string, property: string, light: string, dark: string])[] = [
  ['.mpt-bg', 'fill', '#ffffff', '#0d1117'],
  ['.mpt-halo', 'stroke', '#ffffff', '#0d1117'],
  ['.mpt-band', 'fill', '#f3f5f8', '#161c24'],
  ['.mpt-ink', 'fill', '#1f2328', '#e6edf3'],
  ['.mpt-soft', 'fill', '#59636e', '#9aa5b1'],
  ['.mpt-bad', 'fill', '#b3001b', '#ff7b80'],
  ['.mpt-x', 'stroke', '#b3001b', '#ff7b80'],
  ['.mpt-axis', 'stroke', '#59636e', '#9aa5b1'],
  ['.mpt-rule', 'stroke', '#d5dae0', '#30363d'],
  ['.mpt-gate', 'stroke', '#1f2328', '#e6edf3'],
  ['.mpt-strip', 'fill', '#1f2328', '#e6edf3'],
  ['.mpt-badge', 'fill', '#1f2328', '#e6edf3'],
  ['.mpt-badge-ink', 'fill', '#ffffff', '#0d1117'],
]

/** Everything is below `.mpt`, so that a page that has the picture in it keeps its own style. */
export function style(): string {
  const rules = (dark: boolean): string =>
    RULES.map(([rule, property, a, b]) => `.mpt ${rule}{${property}:${dark ? b : a}}`).join('')
  const fixed = [
    '.mpt text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}',
    '.mpt .mpt-on{fill:#14181d}',
    '.mpt .mpt-part{opacity:.5}',
    '.mpt .mpt-gate{stroke-dasharray:3 3;stroke-opacity:.55}',
    '.mpt .mpt-strip{fill-opacity:.07}',
    '.mpt .mpt-x{stroke-width:1.8;fill:none}',
    '.mpt .mpt-b{font-weight:600}',
    '.mpt .mpt-halo{paint-order:stroke;stroke-width:4;stroke-linejoin:round}',
  ].join('')
  return `<style>${fixed.replace(/"/g, "'")}${rules(false)}@media (prefers-color-scheme:dark){${rules(true)}}</style>`
}
