/**
 * The endpoints of Vault's PKI engine that sign requests.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import { readPath } from './vault-server.ts'

/** A checked endpoint. */
export interface SigningPath {
  /** Below `/v1/`. */
  readonly path: string
  /** Where the engine is mounted. */
  readonly mount: string
  /** The issuer that the path names; `undefined` where the engine or the role chooses. */
  readonly issuerRef: string | undefined
  readonly kind: 'ca' | 'workload'
}

const CA = /^(?<mount>.+?)\/(?:root|issuer\/(?<issuerRef>[^/]+))\/sign-intermediate$/
const WORKLOAD = /^(?<mount>.+?)(?:\/issuer\/(?<issuerRef>[^/]+))?\/sign\/[^/]+$/

/** @throws `TypeError` for what is none of the four endpoints. */
export function readSigningPath(value: unknown): SigningPath {
  const path = readPath(value, 'path')
  for (const [kind, pattern] of [
    ['ca', CA],
    ['workload', WORKLOAD],
  ] as const) {
    const { mount, issuerRef } = pattern.exec(path)?.groups ?? {}
    if (mount !== undefined) return { path, mount, issuerRef, kind }
  }
  const hint = /\/sign-verbatim(?:\/|$)/.test(path)
    ? '. sign-verbatim takes whatever a request asks for, so that no role of Vault limits it; make a role and use sign/<role>'
    : /\/(?:issue|generate)\//.test(path)
      ? '. That makes the key in Vault and sends it here; keys are made where they are used'
      : ''
  throw new TypeError(
    `option "path" must end in root/sign-intermediate, issuer/<ref>/sign-intermediate, sign/<role> or issuer/<ref>/sign/<role>; found ${quote(path, 128)}${hint}`,
  )
}
