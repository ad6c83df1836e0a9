/**
 * Mailboxes as certificates carry them.
 *
 * @module
 */

import { normalizeDnsName } from './dns-name.ts'

/** RFC 5322 §3.2.3, which is RFC 5321's Dot-string. */
const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/

/**
 * The two sides of a mailbox, the host in lower case; `undefined` for anything else (RFC 5280 §7.5). Quoted
 * local parts are not read: `"joe"@host` and `joe@host` are the same mailbox, but not the same text.
 */
export function splitMailbox(text: string): { readonly local: string; readonly host: string } | undefined {
  const at = text.lastIndexOf('@')
  if (at < 1) return undefined
  const local = text.slice(0, at)
  const host = normalizeDnsName(text.slice(at + 1), false)
  if (host === undefined || local.length > 64 || !DOT_ATOM.test(local)) return undefined
  return { local, host }
}
