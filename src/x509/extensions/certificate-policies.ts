/**
 * Certificate policies, policy mappings, policy constraints and inhibit-any-policy
 * (RFC 5280 §4.2.1.4, §4.2.1.5, §4.2.1.11, §4.2.1.14).
 *
 * @module
 */

import { contextPrimitive, type DerCursor, Tag } from '../../internal/der.ts'
import { isContent, readOid } from '../../internal/oid.ts'
import { walkDirectoryString, walkDisplayText } from '../directory-string.ts'
import type { Oid } from './extended-key-usage.ts'

/** A policy under which a certificate was issued. */
export interface PolicyInformation {
  readonly policy: Oid
  readonly qualifiers: readonly { readonly oid: Oid; readonly value: Uint8Array }[]
}

/** A policy of the issuer's domain that counts as one of the subject's. */
export interface PolicyMapping {
  readonly issuerDomainPolicy: Oid
  readonly subjectDomainPolicy: Oid
}

/** After how many more certificates a policy must be explicit, or mapping stops. */
export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined
  readonly inhibitPolicyMapping: number | undefined
}

const POLICIES = 'certificatePolicies'
const MAPPINGS = 'policyMappings'
const CONSTRAINTS = 'policyConstraints'

/** id-qt-cps and id-qt-unotice, content octets. */
const CPS = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x01]
const USER_NOTICE = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x02]

/** Reads the certificate policies; no policy may stand twice (RFC 5280 §4.2.1.4). */
export function readCertificatePolicies(cursor: DerCursor): readonly PolicyInformation[] {
  const policies: PolicyInformation[] = []
  const seen = new Set<Oid>()
  const outer = cursor.enter(Tag.SEQUENCE, POLICIES)
  if (cursor.atEnd) cursor.fail('ERR_CERTIFICATE_EXTENSION', POLICIES, 'no policy in it (RFC 5280 §4.2.1.4)')
  while (!cursor.atEnd) {
    const information = cursor.enter(Tag.SEQUENCE, POLICIES)
    const start = cursor.objectIdentifier(POLICIES)
    const policy = readOid(cursor.bytes, start, cursor.offset)
    if (seen.has(policy))
      cursor.fail('ERR_CERTIFICATE_EXTENSION', POLICIES, `policy ${policy} stands twice (RFC 5280 §4.2.1.4)`)
    seen.add(policy)
    const qualifiers: { oid: Oid; value: Uint8Array }[] = []
    if (!cursor.atEnd) {
      const list = cursor.enter(Tag.SEQUENCE, POLICIES)
      if (cursor.atEnd) cursor.fail('ERR_CERTIFICATE_EXTENSION', POLICIES, 'an empty list of qualifiers')
      while (!cursor.atEnd) qualifiers.push(readQualifier(cursor))
      cursor.leave(list, POLICIES)
    }
    cursor.leave(information, POLICIES)
    policies.push({ policy, qualifiers })
  }
  cursor.leave(outer, POLICIES)
  return policies
}

function readQualifier(cursor: DerCursor): { oid: Oid; value: Uint8Array } {
  const { bytes } = cursor
  const outer = cursor.enter(Tag.SEQUENCE, POLICIES)
  const start = cursor.objectIdentifier(POLICIES)
  const end = cursor.offset
  const valueStart = cursor.offset
  if (isContent(bytes, start, end, CPS)) {
    if (cursor.peek() !== Tag.IA5_STRING)
      cursor.fail('ERR_DER_UNEXPECTED_TAG', POLICIES, 'a CPS pointer that is no IA5String')
    walkDirectoryString(cursor, POLICIES)
  } else if (isContent(bytes, start, end, USER_NOTICE)) walkUserNotice(cursor)
  else cursor.skipAny(POLICIES)
  const value = bytes.slice(valueStart, cursor.offset)
  cursor.leave(outer, POLICIES)
  return { oid: readOid(bytes, start, end), value }
}

function walkUserNotice(cursor: DerCursor): void {
  const outer = cursor.enter(Tag.SEQUENCE, POLICIES)
  if (cursor.peek() === Tag.SEQUENCE) {
    const reference = cursor.enter(Tag.SEQUENCE, POLICIES)
    walkDisplayText(cursor, POLICIES)
    const numbers = cursor.enter(Tag.SEQUENCE, POLICIES)
    while (!cursor.atEnd) cursor.integer(POLICIES)
    cursor.leave(numbers, POLICIES)
    cursor.leave(reference, POLICIES)
  }
  if (!cursor.atEnd) walkDisplayText(cursor, POLICIES)
  cursor.leave(outer, POLICIES)
}

/** Reads the policy mappings. */
export function readPolicyMappings(cursor: DerCursor): readonly PolicyMapping[] {
  const mappings: PolicyMapping[] = []
  const outer = cursor.enter(Tag.SEQUENCE, MAPPINGS)
  if (cursor.atEnd) cursor.fail('ERR_CERTIFICATE_EXTENSION', MAPPINGS, 'no mapping in it (RFC 5280 §4.2.1.5)')
  while (!cursor.atEnd) {
    const mapping = cursor.enter(Tag.SEQUENCE, MAPPINGS)
    const issuer = cursor.objectIdentifier(MAPPINGS)
    const issuerDomainPolicy = readOid(cursor.bytes, issuer, cursor.offset)
    const subject = cursor.objectIdentifier(MAPPINGS)
    const subjectDomainPolicy = readOid(cursor.bytes, subject, cursor.offset)
    cursor.leave(mapping, MAPPINGS)
    mappings.push({ issuerDomainPolicy, subjectDomainPolicy })
  }
  cursor.leave(outer, MAPPINGS)
  return mappings
}

/** Reads the policy constraints; at least one field must be there (RFC 5280 §4.2.1.11). */
export function readPolicyConstraints(cursor: DerCursor): PolicyConstraints {
  const outer = cursor.enter(Tag.SEQUENCE, CONSTRAINTS)
  if (cursor.atEnd)
    cursor.fail('ERR_CERTIFICATE_EXTENSION', CONSTRAINTS, 'an empty sequence (RFC 5280 §4.2.1.11)')
  let requireExplicitPolicy: number | undefined
  let inhibitPolicyMapping: number | undefined
  if (cursor.peek() === contextPrimitive(0))
    requireExplicitPolicy = cursor.smallInteger(CONSTRAINTS, contextPrimitive(0))
  if (cursor.peek() === contextPrimitive(1))
    inhibitPolicyMapping = cursor.smallInteger(CONSTRAINTS, contextPrimitive(1))
  cursor.leave(outer, CONSTRAINTS)
  return { requireExplicitPolicy, inhibitPolicyMapping }
}

/** Reads inhibit-any-policy. */
export function readInhibitAnyPolicy(cursor: DerCursor): number {
  return cursor.smallInteger('inhibitAnyPolicy')
}
