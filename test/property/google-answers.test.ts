import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IssuerFailure } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { GoogleApiError, googleCasIssuer, googleKmsSigner } from '../../src/issuers/google-cas/index.ts'
import { manualClock } from '../../src/testing/index.ts'
import { Name } from '../../src/x509/index.ts'

const LOCATION = 'projects/mesh-example/locations/europe-west1'

/** What a hostile or broken service may answer: the members that are read, with anything in them. */
const body = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .record(
      {
        error: fc.oneof(
          fc.jsonValue(),
          fc.record(
            { status: fc.jsonValue(), message: fc.jsonValue(), details: fc.jsonValue() },
            { requiredKeys: [] },
          ),
        ),
        pemCertificate: fc.jsonValue(),
        pemCertificateChain: fc.jsonValue(),
        revocationDetails: fc.option(fc.jsonValue()),
        pem: fc.jsonValue(),
        algorithm: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
)
const status = fc.constantFrom(200, 201, 302, 400, 401, 404, 409, 429, 500, 503)

const answering = (code: number, text: string) => async () => new Response(text, { status: code })

test('an issuer answers a text and a list of texts, or throws what says whether a certificate was made', async () => {
  const { csr } = await createCsr({ key: 'P-256', subject: 'CN=CA' })
  const intent = {
    isCa: true,
    pathLength: 0,
    subject: Name.parse('CN=CA'),
    subjectAltNames: [],
    lifetimeMs: 1000,
    extendedKeyUsage: [],
    keyUsage: ['keyCertSign' as const],
    nameConstraints: undefined,
  }
  const { signal } = new AbortController()
  await fc.assert(
    fc.asyncProperty(status, body, async (code, text) => {
      const issuer = googleCasIssuer({ caPool: `${LOCATION}/caPools/mesh`, fetch: answering(code, text) })
      const request = { csr, requestId: 'wish', intent }
      const outcomes = [issuer.issue(request, { signal }), issuer.lookup?.('wish', { signal })]
      for (const outcome of await Promise.allSettled(outcomes)) {
        if (outcome.status === 'fulfilled') {
          if (outcome.value === undefined) expect(code).not.toBe(200)
          else
            expect(outcome.value).toMatchObject({ certificate: expect.any(String), chain: expect.any(Array) })
          continue
        }
        const error: unknown = outcome.reason
        expect(error instanceof GoogleApiError || error instanceof IssuerFailure).toBe(true)
        expect(['failed', 'unknown']).toContain((error as GoogleApiError).outcome)
        expect(String(error)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
        expect(String(error).length).toBeLessThan(400)
      }
    }),
  )
})

test('a signer is refused by a code', async () => {
  const keyVersion = `${LOCATION}/keyRings/mesh/cryptoKeys/root/cryptoKeyVersions/1`
  await fc.assert(
    fc.asyncProperty(status, body, async (code, text) => {
      const signer = googleKmsSigner({
        keyVersion,
        fetch: answering(code, text),
        attempts: 1,
        clock: manualClock(),
      })
      await expect(signer).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_(SIGNER_FAILED|KEY_)/) })
    }),
  )
})
