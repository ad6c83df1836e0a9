import { expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { Certificate } from '../../src/x509/index.ts'
import { importVerificationKey } from '../../src/x509/verification-key.ts'
import { certificateOf, hex, rdn, seq, text } from '../fixtures/x509/der.ts'
import { everyGetter } from '../fixtures/x509/getters.ts'
import { compare } from '../fuzz/compare.ts'
import { makeCorpus } from '../fuzz/corpus.ts'
import { opensslReads } from '../fuzz/oracle.ts'
import { opensslAvailable } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

/** Acceptance is `fromDer` and the import of the key; `undefined`, or the code of the refusal. */
async function accept(der: Uint8Array): Promise<string | undefined> {
  try {
    const certificate = Certificate.fromDer(der)
    await importVerificationKey(certificate.publicKey)
  } catch (error) {
    if (error instanceof MeshPkiError) return error.code
    throw error
  }
  everyGetter(Certificate.fromDer(der))
  return undefined
}

if (requirement('openssl', opensslAvailable)) {
  test('of 300 mutated certificates that we accept, OpenSSL rejects none', async () => {
    const corpus = makeCorpus()
    for (const { der } of corpus) expect(await accept(der)).toBeUndefined()
    const result = await compare({
      corpus,
      seed: 20_250_101,
      count: 20_000,
      acceptedCount: 300,
      accept,
      oracle: opensslReads,
      concurrency: 4,
    })
    expect(result.disagreements).toEqual([])
    expect(result.accepted).toBe(300)
    expect(result.refusals.size).toBeGreaterThan(5)
  })

  test.each([
    ['a VisibleString in a name', certificateOf({ subject: seq(rdn('2.5.4.3', text(0x1a, 'a'))) })],
    ['an OCTET STRING in a name', certificateOf({ subject: seq(rdn('2.5.4.3', text(0x04, 'a'))) })],
    ['a BMPString of one octet in a name', certificateOf({ subject: seq(rdn('2.5.4.3', hex('1e0141'))) })],
    [
      'a constructed INTEGER in the parameters',
      certificateOf({ algorithm: seq(hex('06032a0304'), hex('2203020101')) }),
    ],
    [
      'a constructed BOOLEAN in the parameters',
      certificateOf({ algorithm: seq(hex('06032a0304'), hex('21030101ff')) }),
    ],
    [
      'a BMPString of one octet in the parameters',
      certificateOf({ algorithm: seq(hex('06032a0304'), hex('1e0141')) }),
    ],
    [
      'a UniversalString of two octets in the parameters',
      certificateOf({ algorithm: seq(hex('06032a0304'), hex('1c020041')) }),
    ],
  ])('what OpenSSL rejects, we do not accept: %s', async (_, der) => {
    expect(await opensslReads(der)).toBeDefined()
    expect(await accept(der)).toMatch(/^ERR_/)
  })

  test('the same certificates without that fault, both accept', async () => {
    for (const der of [
      certificateOf(),
      certificateOf({ algorithm: seq(hex('06032a0304'), hex('1e020041')) }),
    ]) {
      expect(await opensslReads(der)).toBeUndefined()
      expect(await accept(der)).toBeUndefined()
    }
  })
}
