import { expect, test } from 'vitest'
import type { EnrollmentHandlerOptions, IssuancePolicyInput } from '../../../../src/ca/index.ts'
import { createEnrollmentToken, enrollmentIssuer, memoryRevocationStore } from '../../../../src/ca/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { below, rootCa } from '../support.ts'
import { bodyOf, CLUSTER, handlerFixture, requestFor, SERVER } from './support.ts'

const POLICY: IssuancePolicyInput = {
  name: 'clusters',
  profile: 'gloo-relay-client',
  names: { dns: { allow: [CLUSTER] } },
  lifetime: { max: '30d' },
}

test('what a policy refuses is 403, told in the event and not to the client; the token stays', async () => {
  const clock = handlerFixture().clock
  const ca = await rootCa({ clock, key: 'P-256' })
  let names: NonNullable<IssuancePolicyInput['names']> = { dns: { allow: ['cluster-9'] } }
  const issue: EnrollmentHandlerOptions['issue'] = (csr, { name }) =>
    ca.sign(csr, { ...POLICY, names }, { identities: [{ type: 'dns', value: name }] })
  const fixture = handlerFixture({
    clock,
    issue,
    clientAnchors: ca.certificate,
    serverAnchors: ca.certificate,
    reservedNames: [SERVER],
  })
  const { token } = await createEnrollmentToken({ store: fixture.tokens, clock, uses: 1 })
  const refused = await fixture.enroll(token, bodyOf(await requestFor()))
  expect([refused.status, refused.json['code']]).toEqual([403, 'refused'])
  expect(JSON.stringify(refused.json)).not.toContain('cluster-9')
  expect(fixture.events).toMatchObject([
    {
      type: 'refused',
      code: 'refused',
      reason: expect.stringContaining(`the name DNS:${CLUSTER} is not allowed`),
    },
  ])

  names = { dns: { allow: [CLUSTER] } }
  expect((await fixture.enroll(token, bodyOf(await requestFor()))).status).toBe(200)
})

test('the renewal of what the CA revoked is 403, not a failure that passes', async () => {
  const clock = handlerFixture().clock
  const ca = await rootCa({ clock, key: 'P-256', revocations: memoryRevocationStore() })
  const issue: EnrollmentHandlerOptions['issue'] = (csr, { name, renewal }) =>
    ca.sign(
      csr,
      POLICY,
      renewal === undefined ? { identities: [{ type: 'dns', value: name }] } : { renews: renewal },
    )
  const fixture = handlerFixture({
    clock,
    issue,
    clientAnchors: ca.certificate,
    serverAnchors: ca.certificate,
    reservedNames: [SERVER],
  })
  const first = await ca.sign(await requestFor(), POLICY, { identities: [{ type: 'dns', value: CLUSTER }] })
  const ask = async () => fixture.renew([first.certificate.der], bodyOf(await requestFor()))
  expect((await ask()).status).toBe(200)

  await ca.revoke(first.certificate, { reason: 'keyCompromise' })
  const refused = await ask()
  expect([refused.status, refused.json['code']]).toEqual([403, 'certificate'])
  expect(fixture.events.at(-1)).toMatchObject({ reason: expect.stringMatching(/is revoked .*keyCompromise/) })
})

test('clusters of a signing CA that was re-keyed renew at the new one, if it is told of the old one', async () => {
  const clock = handlerFixture().clock
  const root = await rootCa({ clock, key: 'P-256' })
  const [before, after] = [
    await below(root, { key: 'P-256', subject: 'CN=signing' }, { clock }),
    await below(root, { key: 'P-256', subject: 'CN=signing' }, { clock }),
  ]
  const of = (issue: EnrollmentHandlerOptions['issue']) =>
    handlerFixture({
      clock,
      issue,
      clientAnchors: [before.certificate, after.certificate],
      serverAnchors: root.certificate,
      reservedNames: [SERVER],
    })
  const first = of(enrollmentIssuer(before))
  const { token } = await createEnrollmentToken({ store: first.tokens, clock })
  const enrolled = await first.enroll(token, bodyOf(await requestFor()))
  const current = Certificate.fromPem(String(enrolled.json['certificate']))
  const renewBy = async (issue: EnrollmentHandlerOptions['issue']) =>
    of(issue).renew([current.der], bodyOf(await requestFor()))

  const refused = await renewBy(enrollmentIssuer(after))
  expect([refused.status, refused.json['code']]).toEqual([403, 'certificate'])
  const renewed = await renewBy(enrollmentIssuer(after, { predecessors: before.certificate }))
  expect(renewed.status).toBe(200)
  const next = Certificate.fromPem(String(renewed.json['certificate']))
  expect(next.authorityKeyIdentifier).toBe(after.certificate.subjectKeyIdentifier)
})

test('what a cluster is given is valid by a clock that lags two minutes, and no more', async () => {
  const clock = handlerFixture().clock
  const ca = await below(
    await rootCa({ clock, key: 'P-256' }),
    { key: 'P-256', subject: 'CN=signing' },
    { clock },
  )
  const fixture = handlerFixture({
    clock,
    issue: enrollmentIssuer(ca),
    clientAnchors: ca.certificate,
    reservedNames: [SERVER],
  })
  const { token } = await createEnrollmentToken({ store: fixture.tokens, clock })
  const { json } = await fixture.enroll(token, bodyOf(await requestFor()))
  const { notBefore } = Certificate.fromPem(String(json['certificate']))
  expect(clock.now().getTime() - notBefore.getTime()).toBe(120_000)
})
