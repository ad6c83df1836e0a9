/**
 * Colours and small shapes of a picture of trust.
 *
 * What a colour says is also said by a letter, a shape or a word.
 *
 * @module
 */

import { element, number, xmlText } from '../svg-text.ts'
import { firstFitting, pixelsOf } from './trust-measure.ts'

/**
 * Of roots, in light and in dark mode: each has a contrast of 4.5 to 1 with paper, and carries a letter in the colour of paper.
 *
 * @internal
 */
export const ROOT_COLOURS = [
  ['#0860ca', '#6cb6ff'],
  ['#b04400', '#f0954d'],
  ['#0b6e66', '#39c5b3'],
  ['#7a3fc4', '#c8a2ff'],
  ['#b02a7a', '#f78fc3'],
  ['#646400', '#cdbf3c'],
  ['#4d5866', '#a3b1c2'],
  ['#86392a', '#e3a593'],
] as const

/** Which of them a root has; beyond eight, they begin again. */
export const colourOf = (authority: number): number => authority % ROOT_COLOURS.length

type Rule = readonly [rule: string, declarations: string, light: string, dark: string]

/** `#` stands for the colour. @internal */
export const TRUST_RULES: readonly Rule[] = [
  ['.mtr-bg', 'fill:#', '#ffffff', '#0d1117'],
  ['.mtr-band', 'fill:#', '#f4f6f9', '#151b23'],
  ['.mtr-card', 'fill:#', '#ffffff', '#1c232d'],
  ['.mtr-edge', 'stroke:#', '#c5ccd6', '#3d4754'],
  ['.mtr-ink', 'fill:#', '#1f2328', '#e6edf3'],
  ['.mtr-soft', 'fill:#', '#57606a', '#9fabb8'],
  ['.mtr-line', 'stroke:#', '#57606a', '#9fabb8'],
  ['.mtr-ok', 'fill:#', '#1a7037', '#4cc764'],
  ['.mtr-bad', 'fill:#', '#b3001b', '#ff8389'],
  ['.mtr-warn', 'fill:#', '#8a4b00', '#eab04f'],
  ['.mtr-ok-bg', 'fill:#', '#e0f5e6', '#12301d'],
  ['.mtr-bad-bg', 'fill:#', '#fdeaea', '#3a1a1e'],
  ['.mtr-on', 'fill:#', '#ffffff', '#0d1117'],
  ['.mtr-cut', 'stroke:#', '#ffffff', '#0d1117'],
  ...ROOT_COLOURS.flatMap(([light, dark], i): readonly Rule[] => [
    [`.mtr-f${i}`, 'fill:#', light, dark],
    [`.mtr-s${i}`, 'stroke:#', light, dark],
  ]),
]

/** Everything is below `.mtr`, so that a page that has the picture in it keeps its own style. */
export function trustStyle(): string {
  const rules = (isDark: boolean): string =>
    TRUST_RULES.map(
      ([rule, declarations, light, dark]) =>
        `.mtr ${rule}{${declarations.replace('#', isDark ? dark : light)}}`,
    ).join('')
  const fixed = [
    ".mtr text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}",
    '.mtr .mtr-b{font-weight:600}',
    '.mtr .mtr-line,.mtr .mtr-cut,.mtr .mtr-route{fill:none;stroke-width:1.8}',
    '.mtr .mtr-cut{stroke-linecap:round;stroke-linejoin:round}',
    '.mtr .mtr-dash{stroke-dasharray:4 3}',
  ].join('')
  return `<style>${fixed}${rules(false)}@media (prefers-color-scheme:dark){${rules(true)}}</style>`
}

/** A letter in the colour of its root, `size` pixels wide and high, its middle at `x` and `y`. */
export function badge(x: number, y: number, letter: string, authority: number, size = 18): string {
  const width = size + (letter.length - 1) * 6
  return (
    element('rect', {
      x: x - width / 2,
      y: y - size / 2,
      width,
      height: size,
      rx: size * 0.28,
      class: `mtr-f${colourOf(authority)}`,
    }) +
    element(
      'text',
      { x, y: y + size * 0.22, 'font-size': size * 0.64, 'text-anchor': 'middle', class: 'mtr-on mtr-b' },
      letter,
    )
  )
}

const moved = (x: number, y: number, content: string): string =>
  element('g', { transform: `translate(${number(x)} ${number(y)})` }, content)

/** A hook in a circle: verified. */
export const hook = (x: number, y: number): string =>
  moved(x, y, '<circle r="8" class="mtr-ok"/><path class="mtr-cut" d="M-3.6 .3L-1 3L3.8 -2.8"/>')

/** A cross in an octagon: refused. */
export const cross = (x: number, y: number): string =>
  moved(
    x,
    y,
    '<path class="mtr-bad" d="M-3.3 -8H3.3L8 -3.3V3.3L3.3 8H-3.3L-8 3.3V-3.3Z"/><path class="mtr-cut" d="M-3 -3L3 3M-3 3L3 -3"/>',
  )

/** A triangle: look here. */
export const triangle = (x: number, y: number, tone: 'bad' | 'warn'): string =>
  moved(
    x,
    y,
    `<path class="mtr-${tone}" d="M-1 -5.2L-6.2 4.2Q-6.6 5.2 -5.6 5.2H5.6Q6.6 5.2 6.2 4.2L1 -5.2Q0 -6.4 -1 -5.2Z"/><path class="mtr-cut" d="M0 -2.4V1M0 3.3V3.4"/>`,
  )

/** A hexagon: a cluster. */
export const hexagon = (x: number, y: number): string =>
  moved(
    x,
    y,
    '<path class="mtr-line" d="M0 -7L6.1 -3.5V3.5L0 7L-6.1 3.5V-3.5Z"/><circle r="2.2" class="mtr-soft"/>',
  )

/** The heading of a part of the picture, with a hint, which is given from long to short. */
export function heading(
  y: number,
  title: string,
  hints: readonly string[],
  margin: number,
  width: number,
): string {
  const x = margin + pixelsOf(title, 13, true) + 10
  const hint = firstFitting(hints, width - margin - x, (text) => pixelsOf(text, 11))
  return (
    element('text', { x: margin, y, 'font-size': 13, class: 'mtr-ink mtr-b' }, xmlText(title)) +
    (hint === '' ? '' : element('text', { x, y, 'font-size': 11, class: 'mtr-soft' }, xmlText(hint)))
  )
}
