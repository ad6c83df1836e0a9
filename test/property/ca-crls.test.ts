import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  memoryRevocationStore,
  newRevocationState,
  type RevocationEntry,
  type RevocationState,
  readRevocationState,
  writeRevocationState,
} from '../../src/ca/index.ts'
import { issueCrl } from '../../src/ca/revocation/issue-crl.ts'
import { run } from '../fixtures/x509/openssl-certificate.ts'
import { opensslAvailable } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { revokingCa } from '../unit/ca/revocation-support.ts'

/** Words of `openssl crl -text` for each reason (crypto/x509/v3_enum.c). */
const WORDS = {
  unspecified: undefined,
  keyCompromise: 'Key Compromise',
  cACompromise: 'CA Compromise',
  affiliationChanged: 'Affiliation Changed',
  superseded: 'Superseded',
  cessationOfOperation: 'Cessation Of Operation',
  certificateHold: 'Certificate Hold',
  privilegeWithdrawn: 'Privilege Withdrawn',
  aACompromise: 'AA Compromise',
} as const

type Reason = keyof typeof WORDS

const REASONS: readonly Reason[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
  'aACompromise',
]

/** Whole octets without a leading zero octet, as `Certificate.serialNumber` has it. */
const serialNumber = fc
  .bigInt({ min: 0n, max: (1n << 160n) - 1n })
  .map((value) => value.toString(16))
  .map((digits) => (digits.length % 2 === 0 ? digits : `0${digits}`))

/** Instants on both sides of 2050, where the encoding changes. */
const instant = fc
  .integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(9999, 11, 31) / 1000 })
  .map((seconds) => new Date(seconds * 1000))

interface Revoked {
  readonly serialNumber: string
  readonly date: Date
  readonly reason: Reason
  readonly invalidityDate: Date | undefined
}

const revoked: fc.Arbitrary<readonly Revoked[]> = fc.uniqueArray(
  fc.record({
    serialNumber,
    date: instant,
    reason: fc.constantFrom(...REASONS),
    invalidityDate: fc.option(instant, { nil: undefined }),
  }),
  { selector: (one) => one.serialNumber, maxLength: 12 },
)

const iso = (date: Date): string => date.toISOString().replace('.000Z', 'Z')

const entryOf = ({ serialNumber, date, reason, invalidityDate }: Revoked): RevocationEntry => ({
  serialNumber,
  date: iso(date),
  reason,
  ...(invalidityDate === undefined ? {} : { invalidityDate: iso(invalidityDate) }),
  since: '1',
})

const ca = await revokingCa()
const stateOf = (list: readonly Revoked[]): RevocationState => ({
  ...newRevocationState(ca.ca.certificate),
  entries: list.map(entryOf),
})
const crlOf = async (list: readonly Revoked[]) => {
  const context = { ...ca.context, store: memoryRevocationStore(stateOf(list)) }
  return (await issueCrl(context, { nextUpdate: '7d' })).crl
}

/** Entries as OpenSSL prints them. */
function opensslEntries(pem: string): readonly object[] {
  const text = run(['crl', '-noout', '-text'], pem).toString()
  const [, ...parts] = text.slice(0, text.lastIndexOf('Signature Algorithm')).split(/Serial Number: /)
  return parts.map((part) => {
    const line = (title: string): string | undefined =>
      new RegExp(`${title}:\\s*(.*)`).exec(part)?.[1]?.trim()
    return {
      serial: /^\S+/.exec(part)?.[0]?.toLowerCase(),
      date: new Date(line('Revocation Date') ?? '').getTime(),
      reason: line('X509v3 CRL Reason Code'),
      invalidity:
        line('Invalidity Date') === undefined ? undefined : new Date(line('Invalidity Date') ?? '').getTime(),
    }
  })
}

describe('random entries', () => {
  test('our reader sees what was meant', async () => {
    await fc.assert(
      fc.asyncProperty(revoked, async (list) => {
        const crl = await crlOf(list)
        const seen = [...crl].map(({ serialNumber, revocationDate, reason, invalidityDate }) => ({
          serialNumber,
          date: revocationDate,
          reason: reason ?? 'unspecified',
          invalidityDate,
        }))
        expect(seen).toEqual(list)
        for (const { serialNumber } of list) expect(crl.find(serialNumber)).toBeDefined()
      }),
      { numRuns: 200 },
    )
  })

  test('a state comes back from JSON as it went', () => {
    fc.assert(
      fc.property(revoked, (list) => {
        const state = stateOf(list)
        expect(readRevocationState(writeRevocationState(state))).toEqual(state)
      }),
    )
  })

  test('JSON that is no state is refused by a code, whatever it is', () => {
    const path = fc.constantFrom(
      'issuer',
      'keyId',
      'number',
      'floor',
      'entries',
      'complete',
      'schema',
      'thisUpdate',
    )
    fc.assert(
      fc.property(path, fc.jsonValue(), (name, value) => {
        const text = JSON.stringify({ ...stateOf([]), [name]: value })
        let read: RevocationState
        try {
          read = readRevocationState(text)
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_(CA_REVOCATION_STATE|JSON_)/) })
          return
        }
        // What is read can be written again, to the same.
        expect(readRevocationState(writeRevocationState(read))).toEqual(read)
      }),
      { numRuns: 500 },
    )
  })

  if (requirement('openssl', opensslAvailable))
    test('OpenSSL sees the same', async () => {
      await fc.assert(
        fc.asyncProperty(revoked, async (list) => {
          const crl = await crlOf(list)
          expect(opensslEntries(crl.toPem())).toEqual(
            list.map(({ serialNumber, date, reason, invalidityDate }) => ({
              serial: serialNumber,
              date: date.getTime(),
              reason: WORDS[reason],
              invalidity: invalidityDate?.getTime(),
            })),
          )
        }),
        { numRuns: 40 },
      )
    }, 30_000)
})
