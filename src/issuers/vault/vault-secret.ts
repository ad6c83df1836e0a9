/**
 * Tokens and JWTs: what they may look like, and where they come from.
 *
 * @module
 */

import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { typeName } from '../../internal/options.ts'

/** A secret, or what fetches it anew. */
export type VaultSecret = string | (() => string | Promise<string>)

/** Vault takes service tokens of about 95 characters; JWTs and batch tokens have up to a few thousand. */
const MAX_SECRET = 16_384

/** @throws `TypeError` that does not show it. */
export function readSecretOption(value: unknown, option: string): VaultSecret {
  if (typeof value === 'function') return value as () => string | Promise<string>
  if (typeof value !== 'string')
    throw new TypeError(
      `option "${option}" must be a string, or a function that answers one; got ${typeName(value)}`,
    )
  if (!isSecret(value.trim()))
    throw new TypeError(`option "${option}" must be printable ASCII, at most ${MAX_SECRET} characters`)
  return value.trim()
}

/** @throws `IssuerFailure` without the secret, and without what was thrown instead of it. */
export async function readSecret(secret: VaultSecret, option: string): Promise<string> {
  if (typeof secret === 'string') return secret
  const fault = (problem: string, retryable: boolean): IssuerFailure =>
    new IssuerFailure(`the function ${option} ${problem}`, { retryable, outcome: 'failed' })
  let value: unknown
  try {
    value = await secret()
  } catch {
    throw fault('failed', true)
  }
  const text = typeof value === 'string' ? value.trim() : undefined
  if (text === undefined || !isSecret(text)) throw fault('answered no printable ASCII', false)
  return text
}

/** What a header can hold. */
export const isSecret = (text: string): boolean =>
  text.length <= MAX_SECRET && /^[\u0021-\u007e]+$/.test(text)
