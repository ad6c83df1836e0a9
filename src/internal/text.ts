/**
 * Makes foreign text safe to print: it comes from certificates, requests and peers.
 *
 * @module
 */

/** The most characters of foreign text that a message shows. */
const MAX_FOREIGN_TEXT = 256

/**
 * What may not reach a terminal or a log as it is: C0 and C1 controls, line and paragraph separators,
 * the bidirectional controls of Unicode UAX #9, zero-width and interlinear characters, tags, lone surrogates.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}|\p{Default_Ignorable_Code_Point}/gu

/** Escapes control, bidirectional and invisible characters as `\u{…}` and cuts at 256 characters. */
export function escapeText(text: string, max: number = MAX_FOREIGN_TEXT): string {
  // A key pasted into the wrong place must not come back in a message.
  if (text.includes('PRIVATE KEY-----')) return '[text with a private key, not shown]'
  const cut = text.length > max ? `${text.slice(0, max)}…` : text
  return cut.replace(UNSAFE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)
}

/** {@link escapeText} in double quotes, with quotes and backslashes inside escaped. */
export function quote(text: string, max: number = MAX_FOREIGN_TEXT): string {
  return `"${escapeText(text.replace(/["\\]/g, '\\$&'), max)}"`
}
