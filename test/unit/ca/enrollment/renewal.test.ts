import { describe, expect, test } from 'vitest'
import type { EnrollmentRevocation } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { importPrivateKey } from '../../../../src/x509/index.ts'
import {
  basicConstraints,
  CLIENT_AUTH,
  dns,
  eku,
  forge,
  keyUsage,
  SERVER_AUTH,
  san,
  uri,
} from '../../verify/forge.ts'
import { forgeCrlCa, readCrl } from '../../verify/forge-crl.ts'
import {
  bodyOf,
  CLUSTER,
  clientOf,
  handlerFixture,
  leafOf,
  otherSigning,
  pair,
  requestFor,
  root,
  signing,
} from './support.ts'

const current = clientOf()
const ask = bodyOf(await requestFor())

describe('renew', () => {
  test('gives the next certificate for the current one, and tells the issuer which', async () => {
    const seen: unknown[] = []
    const base = handlerFixture()
    const fixture = handlerFixture({
      issue: (csr, context) => {
        seen.push(context.renewal?.equals(current.certificate))
        return base.options.issue(csr, context)
      },
    })
    const { status, json } = await fixture.renew([current.der, signing.der], ask)
    expect(status).toBe(200)
    expect(json['name']).toBe(CLUSTER)
    expect(seen).toEqual([true])
    expect(fixture.events).toMatchObject([
      { type: 'issued', operation: 'renew', name: CLUSTER, tokenId: undefined },
    ])
  })

  test.each<[string, readonly Uint8Array[], RegExp]>([
    ['no certificate', [], /presented no certificate/],
    ['an expired one', [clientOf(CLUSTER, { notAfter: '2026-05-31T23:59:59Z' }).der], /expired/],
    [
      'one that is not valid yet',
      [clientOf(CLUSTER, { notBefore: '2026-06-01T00:00:01Z' }).der],
      /not yet valid|valid from/,
    ],
    [
      'one of another CA with the same name',
      [clientOf(CLUSTER, {}, otherSigning).der, otherSigning.der],
      /signature|issuer/,
    ],
    [
      'one of the root, which is above the CA that counts',
      [clientOf(CLUSTER, {}, root).der, root.der],
      /issuer|anchor/,
    ],
    [
      'one that it made itself',
      [
        forge({
          subject: 'self',
          extensions: [basicConstraints(false), eku(CLIENT_AUTH), san([dns(CLUSTER)])],
        }).der,
      ],
      /issuer|anchor/,
    ],
    [
      'one for servers alone',
      [
        clientOf(CLUSTER, {
          extensions: [basicConstraints(false), keyUsage(0), eku(SERVER_AUTH), san([dns(CLUSTER)])],
        }).der,
      ],
      /clientAuth|1\.3\.6\.1\.5\.5\.7\.3\.2/,
    ],
    [
      "a workload's",
      [leafOf(signing, [uri('spiffe://td/ns/a/sa/b')]).der],
      /expected one subject alternative name/,
    ],
    [
      'one of two clusters',
      [leafOf(signing, [dns(CLUSTER), dns('cluster-2')]).der],
      /expected one subject alternative name/,
    ],
    ['one with an underscore', [leafOf(signing, [dns('cluster_1')]).der], /underscore/],
    [
      'one without names',
      [clientOf(CLUSTER, { extensions: [basicConstraints(false), eku(CLIENT_AUTH)] }).der],
      /found none/,
    ],
    [
      'a CA',
      [forgeCrlCa({ subject: 'sub', issuer: signing, keys: pair(), extensions: [san([dns(CLUSTER)])] }).der],
      /is a CA's/,
    ],
    ['no DER', [Uint8Array.of(1, 2, 3)], /cannot be read/],
    ['too many', [current.der, ...Array.from({ length: 8 }, () => signing.der)], /9 certificates; at most 8/],
  ])('is refused to %s', async (_, presented, reason) => {
    const fixture = handlerFixture()
    const { status, json } = await fixture.renew(presented, ask)
    expect(status).toBe(403)
    // Who is refused learns nothing that only the server knows.
    expect(json).toEqual({
      code: 'certificate',
      message: 'the client certificate is not accepted; the log of the server says why',
    })
    expect(fixture.events).toMatchObject([
      { type: 'refused', name: undefined, reason: expect.stringMatching(reason) },
    ])
    expect(fixture.issued.length).toBe(0)
  })

  test('is possible in the last second, and not after it', async () => {
    const last = clientOf(CLUSTER, { notAfter: '2026-06-01T00:00:00Z' })
    const fixture = handlerFixture()
    expect((await fixture.renew([last.der], ask)).status).toBe(200)
    fixture.clock.advance('1s')
    expect((await fixture.renew([last.der], ask)).status).toBe(403)
  })

  test('takes the name from the certificate: a CSR for another cluster is refused', async () => {
    const fixture = handlerFixture()
    const { status, json } = await fixture.renew([current.der], bodyOf(await requestFor('cluster-2')))
    expect([status, json['code']]).toEqual([403, 'name'])
    expect(fixture.issued.length).toBe(0)
  })

  test('refuses the key of the current certificate', async () => {
    const key = await importPrivateKey(
      current.keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    )
    const { csr } = await createCsr({ key, subjectAltNames: [{ type: 'dns', value: CLUSTER }] })
    const fixture = handlerFixture()
    const { status, json } = await fixture.renew([current.der], bodyOf(csr))
    expect([status, json['code']]).toEqual([403, 'key-reused'])
    expect(fixture.issued.length).toBe(0)
  })

  test('refuses a certificate for a name of the server, whoever issued it', async () => {
    const fixture = handlerFixture({ reservedNames: [CLUSTER] })
    expect((await fixture.renew([current.der], ask)).json['code']).toBe('name')
  })

  test('a header that claims a certificate is nothing', async () => {
    const fixture = handlerFixture()
    const headers = { 'x-forwarded-client-cert': `Cert="${encodeURIComponent(current.certificate.toPem())}"` }
    expect((await fixture.renew([], ask, { headers })).status).toBe(403)
  })
})

describe('revocation', () => {
  const good = readCrl({ issuer: signing })
  const bad = readCrl({ issuer: signing, revoked: [current] })
  const stale = readCrl({ issuer: signing, nextUpdate: '2026-05-30T00:00:00Z' })
  const foreign = readCrl({ issuer: otherSigning })
  test.each<[string, EnrollmentRevocation, number]>([
    ['a CRL that does not have it', { crls: good }, 200],
    ['a CRL that has it', { crls: bad }, 403],
    ['the newest CRL of a function', { crls: async () => [bad] }, 403],
    ['a CRL that has expired', { crls: stale }, 403],
    ['a CRL of somebody else', { crls: foreign }, 403],
    ['no CRL at all', { crls: [] }, 403],
    ['a function that has none', { crls: () => undefined as never }, 503],
    ['a function that fails', { crls: () => Promise.reject(new Error('down')) }, 503],
    ['a list that does not have it', { isRevoked: () => false }, 200],
    [
      'a list that has it',
      { isRevoked: async (certificate) => certificate.equals(current.certificate) },
      403,
    ],
    ['a list without an answer', { isRevoked: () => undefined as never }, 503],
    ['a list that fails', { isRevoked: () => Promise.reject(new Error('down')) }, 503],
    ['both, of which one has it', { crls: good, isRevoked: () => true }, 403],
  ])('%s', async (_, revocation, status) => {
    const fixture = handlerFixture({ revocation })
    expect((await fixture.renew([current.der], ask)).status).toBe(status)
    expect(fixture.issued.length).toBe(status === 200 ? 1 : 0)
  })
})
