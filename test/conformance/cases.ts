/**
 * Reads the third-party path-validation cases and runs one of them.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type {
  EkuStrictness,
  PolicyOptions,
  ReferenceName,
  VerifyPathOptions,
} from '../../src/verify/index.ts'
import { conformanceFolder } from '../support/conformance.ts'

export type Suite = 'limbo' | 'pkits' | 'bettertls'

/** One line of a suite, as the README beside the data describes it. */
export interface Case {
  readonly id: string
  readonly suite: Suite
  readonly description: string
  readonly anchors: readonly string[]
  readonly intermediates: readonly string[]
  readonly leaf: string
  readonly crls: readonly string[]
  readonly time: string
  readonly purpose: 'serverAuth' | 'clientAuth' | 'any'
  readonly peer: { readonly kind: string; readonly value: string } | null
  readonly maxDepth: number | null
  readonly policy?: {
    readonly initial?: readonly string[]
    readonly explicit?: boolean
    readonly inhibitMapping?: boolean
    readonly inhibitAny?: boolean
  } | null
  readonly anchorOptions?: {
    readonly checkValidity?: boolean
    readonly enforceConstraints?: boolean
    readonly requireBasicConstraints?: boolean
  }
  readonly ekuStrictness?: EkuStrictness
  readonly expected: 'accept' | 'reject'
  readonly class: string
  readonly profile: 'rfc5280' | 'webpki' | null
  readonly needs?: readonly string[]
}

/** The cases of one suite. */
export function readCases(suite: Suite): readonly Case[] {
  return gunzipSync(readFileSync(join(conformanceFolder, `${suite}.jsonl.gz`)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line): Case => JSON.parse(line))
}

/** The leaf and the options that the README prescribes for a case. */
export function askOf(it: Case): { readonly leaf: Uint8Array; readonly options: VerifyPathOptions } {
  const { anchorOptions } = it
  return {
    leaf: bytes(it.leaf),
    options: {
      anchors: it.anchors.map(bytes),
      intermediates: it.intermediates.map(bytes),
      time: new Date(it.time),
      purpose: it.purpose,
      ...(it.profile === null ? {} : { profile: it.profile }),
      ...(it.peer === null ? {} : { name: nameOf(it.peer) }),
      ...(it.maxDepth === null ? {} : { maxIntermediates: it.maxDepth }),
      ...(it.policy === undefined || it.policy === null ? {} : { policies: policiesOf(it.policy) }),
      ...(it.ekuStrictness === undefined ? {} : { ekuStrictness: it.ekuStrictness }),
      ...(it.crls.length === 0 ? {} : { crls: it.crls.map(bytes), revocation: 'require' }),
      ...(anchorOptions === undefined
        ? {}
        : {
            anchorChecks: {
              validity: anchorOptions.checkValidity,
              constraints: anchorOptions.enforceConstraints,
              basicConstraints: anchorOptions.requireBasicConstraints,
            },
          }),
    },
  }
}

function policiesOf(policy: NonNullable<Case['policy']>): PolicyOptions {
  const { initial, explicit, inhibitMapping, inhibitAny } = policy
  return { initial, requireExplicit: explicit, inhibitMapping, inhibitAny }
}

const bytes = (base64: string): Uint8Array => Buffer.from(base64, 'base64')

function nameOf({ kind, value }: { readonly kind: string; readonly value: string }): ReferenceName {
  switch (kind) {
    case 'dns':
      return { dns: value }
    case 'ip':
      return { ip: value }
    case 'email':
      return { email: value }
    case 'uri':
      return { uri: value }
    default:
      throw new Error(`a peer of kind ${kind}`)
  }
}
