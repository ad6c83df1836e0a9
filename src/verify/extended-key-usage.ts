/**
 * What a certificate may be used for (RFC 5280 §4.2.1.12), nested through its CAs.
 *
 * RFC 5280 §6.1 does not ask CAs for it; browsers, Go and OpenSSL do, since a CA that is meant for e-mail must
 * not vouch for servers.
 *
 * @module
 */

import { DerCursor } from '../internal/der.ts'
import { escapeText } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import {
  ExtendedKeyUsage,
  listsPurpose,
  type Oid,
  purposeLabel,
} from '../x509/extensions/extended-key-usage.ts'
import { type Finding, finding } from './finding.ts'
import type { PathPolicy } from './path-policy.ts'

const CLAUSE = 'RFC 5280 §4.2.1.12'

/** Judges the purpose of a leaf or a CA by the strictness that was asked for. */
export function checkPurpose(
  certificate: Certificate,
  depth: number,
  { purpose, ekuStrictness }: PathPolicy,
): Finding | undefined {
  if (purpose === undefined || (depth > 0 && ekuStrictness === 'ignore-ca')) return undefined
  const anyCounts =
    depth === 0 ? ekuStrictness === 'nested' || ekuStrictness === 'ignore-ca' : ekuStrictness !== 'chain'
  const bytes = Certificate.bytesOf(certificate)
  const { extendedKeyUsageStart } = Certificate.layoutOf(certificate)
  const lists = (oid: Oid): boolean => listsPurpose(new DerCursor(bytes, extendedKeyUsageStart), oid)
  if (extendedKeyUsageStart === 0 ? depth > 0 || anyCounts : lists(purpose)) return undefined
  if (extendedKeyUsageStart !== 0 && anyCounts && lists(ExtendedKeyUsage.any)) return undefined
  const usages = certificate.extendedKeyUsage
  const expected = `extended key usage ${purposeLabel(purpose)}`
  if (usages === undefined) {
    return finding('ERR_PATH_EXTENDED_KEY_USAGE', certificate, depth, [], () => ({
      problem: `expected ${expected}, but it has none, which ekuStrictness "${ekuStrictness}" refuses`,
      clause: CLAUSE,
      expected,
      found: 'none',
      remedy: `Issue it with ${purposeLabel(purpose)}`,
    }))
  }
  const found = escapeText(usages.slice(0, 16).map(purposeLabel).join(', '))
  return finding('ERR_PATH_EXTENDED_KEY_USAGE', certificate, depth, [], () => ({
    problem: `expected ${expected}, found ${found}`,
    clause: CLAUSE,
    expected,
    found,
    remedy:
      depth === 0
        ? `Issue it with ${purposeLabel(purpose)}, or ask for the purpose that it has`
        : `No leaf below it can be for ${purposeLabel(purpose)}: have this CA issued again with it, or without extended key usage`,
    data: { purpose, usages: usages.slice(0, 64) },
  }))
}
