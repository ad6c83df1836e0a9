/**
 * XML of pictures: elements, escaped text, numbers.
 *
 * @module
 */

import { escapeText } from '../internal/text.ts'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Text as XML 1.0 may have it (§2.2, §2.4), in content and in attributes. Control and invisible characters are written out, as in
 * messages; U+FFFE and U+FFFF are no characters of XML.
 */
export function xmlText(text: string, max?: number): string {
  return escapeText(text, max)
    .replace(/[\ufffe\uffff]/g, (char) => `\\u{${char.charCodeAt(0).toString(16)}}`)
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '')
}

/** A number with at most one decimal: half a pixel is all that is seen. */
export const number = (value: number): string => String(Math.round(value * 10) / 10)

/** Values of attributes; `undefined` leaves one out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element. `content` is XML already. */
export function element(name: string, attributes: Attributes, content = ''): string {
  let text = `<${name}`
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) text += ` ${key}="${typeof value === 'number' ? number(value) : xmlText(value)}"`
  return content === '' ? `${text}/>` : `${text}>${content}</${name}>`
}

/** Text as it is shown when a pointer rests there, and as it is read aloud. */
export const hover = (text: string): string => `<title>${xmlText(text, 1024)}</title>`

/** How wide a text is, roughly: fonts differ, so a little more than most have. */
export const widthOf = (text: string, size: number): number => text.length * size * 0.6

/** A text that fits into a width, cut at its end. */
export function cutTo(text: string, width: number, size: number): string {
  const safe = escapeText(text)
  const most = Math.floor(width / (size * 0.6))
  if (safe.length <= most) return safe
  return most < 2 ? '' : `${safe.slice(0, most - 1)}…`
}
