/**
 * What is remembered of a request for a certificate, and how it is written into a store.
 *
 * @module
 */

import { isJsonObject, readJson } from '../../internal/json.ts'
import { plainJson, RecordReader } from '../../internal/record-reader.ts'

/** What is remembered of a request. Instants are in seconds since 1970. */
export interface RequestRecord {
  /** When it was sent first: the idempotency token counts from then. */
  readonly askedAt: number
  readonly notBefore: number
  readonly notAfter: number
  /** Where the certificate is; absent while it is not known whether there will be one. */
  readonly certificateArn?: string | undefined
  /** Whether the certificate was handed out: then the next wish by this name is a renewal. */
  readonly delivered: boolean
}

/** What is wrong with a store, in words of ours: those of others may hold secrets. */
export class StoreProblem extends Error {}

/** A record as text; nothing in it is secret. */
export function writeRecord(record: RequestRecord): string {
  return JSON.stringify({ version: 1, ...record })
}

/** Reads what {@link writeRecord} wrote. @throws {@link StoreProblem} for anything else. */
export function readRecord(text: unknown, isArn: (arn: string) => boolean): RequestRecord {
  const refuse = (problem: string): Error => new StoreProblem(`it holds no record of this CA: ${problem}`)
  if (typeof text !== 'string') throw refuse('it answered no text')
  let value: unknown
  try {
    const json = readJson(text)
    value = isJsonObject(json) ? plainJson(json) : undefined
  } catch {
    throw refuse('it is no JSON')
  }
  const reader = new RecordReader(value, 'the record', refuse)
  if (reader.count('version') !== 1) throw refuse('it is of another version')
  const record = {
    askedAt: reader.count('askedAt'),
    notBefore: reader.count('notBefore'),
    notAfter: reader.count('notAfter'),
    delivered: reader.raw('delivered') === true,
  }
  if (!reader.has('certificateArn')) return record
  const certificateArn = reader.text('certificateArn', /^arn:\S{1,300}$/, 'an ARN')
  if (!isArn(certificateArn)) throw refuse('it is of another CA')
  return { ...record, certificateArn }
}
