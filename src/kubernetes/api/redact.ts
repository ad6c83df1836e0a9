/**
 * Takes out of a server's text what may be a secret: API servers quote what they were sent.
 *
 * @module
 */

import { escapeText } from '../../internal/text.ts'

/** The most of a server's message that is shown. */
const MAX_MESSAGE = 512

const PEM = /-----BEGIN [^-]*-----[\s\S]*?(?:-----END [^-]*-----|$)/g
/** Go prints bytes as `[]byte{0x30, 0x82, …}`. */
const GO_BYTES = /\[\]byte\{[^}]*(?:\}|$)/g
/** `Bearer …`, also after `Authorization:`. */
const BEARER = /\b(bearer\s+)[^\s"',;]{6,}/gi
/** `token=…`, `"password": "…"`. */
const CREDENTIAL =
  /\b((?:token|password|authorization|secret)["']?\s*[:=]\s*["']?)(?!bearer\b)[^\s"',;]{6,}/gi
/** Base64, base64url and hexadecimal without a break: keys, tokens, JWTs. UIDs, names and versions are shorter. */
const RUN = /[A-Za-z0-9+/_-]{48,}={0,2}/g

/** A server's message without bytes, PEM and tokens, escaped and cut. */
export function redact(text: string): string {
  return escapeText(
    text
      .replace(PEM, '[PEM not shown]')
      .replace(GO_BYTES, '[bytes not shown]')
      .replace(BEARER, '$1[not shown]')
      .replace(CREDENTIAL, '$1[not shown]')
      .replace(RUN, '[not shown]'),
    MAX_MESSAGE,
  )
}
