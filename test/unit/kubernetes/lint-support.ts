/**
 * Secrets below the hierarchy of the lint's tests.
 */
import type { SecretLike } from '../../../src/kubernetes/index.ts'
import { at, ca, pem, privatePem, root } from '../ca/lint/support.ts'
import { secretOf } from './support.ts'

export { at, ca, pem, privatePem, root }

export type Texts = Readonly<Record<string, string>>

export const CACERTS: Texts = {
  'ca-cert.pem': pem(ca),
  'ca-key.pem': privatePem('Lint CA'),
  'cert-chain.pem': pem(ca, root),
  'root-cert.pem': pem(root),
}

/** The sound secret with some texts changed; `undefined` takes a key out. */
export const cacerts = (
  change: Readonly<Record<string, string | undefined>> = {},
  rest: Partial<SecretLike> = {},
): SecretLike => secretOf(merged(CACERTS, change), rest)

export const TLS_FORM: Texts = {
  'tls.crt': pem(ca),
  'tls.key': privatePem('Lint CA'),
  'ca.crt': pem(root),
}

/** The sound `kubernetes.io/tls` form. */
export const tlsForm = (
  change: Readonly<Record<string, string | undefined>> = {},
  rest: Partial<SecretLike> = {},
): SecretLike => secretOf(merged(TLS_FORM, change), { type: 'kubernetes.io/tls', ...rest })

function merged(texts: Texts, change: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries({ ...texts, ...change })
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

export const named = (name: string): Partial<SecretLike> => ({ metadata: { name, namespace: 'gloo-mesh' } })
