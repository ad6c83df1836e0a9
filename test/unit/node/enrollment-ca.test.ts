/**
 * The whole relay of Gloo Mesh with certificates of our own: root, server, signing CA, and clusters that enroll and renew.
 */
import { describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  createRootCa,
  enrollmentIssuer,
  type IssuancePolicyInput,
  memoryRevocationStore,
  renewEnrollment,
} from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { enrollmentDialer } from '../../../src/node/index.ts'
import { renewalTime } from '../../../src/rotation/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { exportPrivateKey, generateKeyPair } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { CLUSTER, SERVER } from '../ca/enrollment/support.ts'
import { NOW } from '../verify/forge.ts'
import { enrollAt, serve, urlOf } from './enrollment-support.ts'

const clock = manualClock(NOW)
const DAY = 86_400_000

const policy = (profile: NonNullable<IssuancePolicyInput['profile']>): IssuancePolicyInput => ({
  name: 'relay',
  profile,
  subject: { from: 'request', attributes: 'any' },
  lifetime: { max: '3650d' },
})

/** The relay's own certificates, made as its recipes say. */
async function relay() {
  const root = await createRootCa({
    subject: 'CN=relay-root-ca',
    lifetime: '3650d',
    profile: 'gloo-relay-root',
    clock,
  })
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  const server = await createCsr({ subject: 'CN=relay-server', key: privateKey })
  const served = await root.sign(server.csr, policy('gloo-relay-server'), {
    identities: [{ type: 'dns', value: SERVER }],
  })
  const signing = await createCsr({ subject: 'CN=relay-tls-signing-ca', key: 'P-256' })
  const issued = await root.sign(signing.csr, policy('gloo-relay-signing'), {
    identities: [{ type: 'dns', value: SERVER }],
  })
  const ca = await CertificateAuthority.from({
    ...issued,
    signer: signing.signer,
    clock,
    revocations: memoryRevocationStore(),
  })
  const running = await serve({
    clock,
    credentials: {
      cert: served.certificate.toPem(),
      key: await exportPrivateKey(privateKey, { format: 'pkcs8' }),
    },
    issue: enrollmentIssuer(ca, { lifetime: '90d' }),
    clientAnchors: ca.certificate,
    serverAnchors: root.certificate,
  })
  return { ...running, root, ca }
}

const wire = async (enrolled: Awaited<ReturnType<typeof enrollAt>>) => {
  if (enrolled.privateKey === undefined) throw new Error('the key was made here')
  return {
    cert: enrolled.chain.map(String).join(''),
    key: await exportPrivateKey(enrolled.privateKey, { format: 'pkcs8' }),
  }
}

describe('enrollmentIssuer', () => {
  test('signs the client of the relay, and its renewal when that is due', async () => {
    const { port, token, root, ca } = await relay()
    const options = { anchors: root.certificate, clientAnchors: ca.certificate, extractable: true }
    const first = await enrollAt(port, await token({ name: CLUSTER }), options)
    const { certificate } = first
    expect([String(certificate.subject), certificate.subjectAltNames]).toEqual([
      `CN=${CLUSTER}`,
      [{ type: 'dns', value: CLUSTER }],
    ])
    // clientAuth before serverAuth, as the relay's configuration has them.
    expect(certificate.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1'])
    expect(certificate.notAfter.getTime()).toBe(NOW.getTime() + 90 * DAY)
    expect(renewalTime(certificate, { gracePeriodRatio: 0.1 }).getTime()).toBe(NOW.getTime() + 81 * DAY)
    expect((await refusalOfAsync(enrollAt(port, 'mpe_wrong', options))).code).toBe('ERR_ENROLLMENT_REFUSED')
  })

  test('a certificate that the CA revoked is not renewed, though the server asks nobody else', async () => {
    const { port, token, root, ca } = await relay()
    const options = { anchors: root.certificate, clientAnchors: ca.certificate, extractable: true }
    const first = await enrollAt(port, await token(), options)
    const renew = async () =>
      renewEnrollment({
        url: urlOf(port),
        dial: enrollmentDialer({ credentials: await wire(first) }),
        anchors: root.certificate,
        clientAnchors: ca.certificate,
        serverName: SERVER,
        clock: manualClock(NOW),
        certificate: first.certificate,
      })
    const next = await renew()
    expect(next.certificate.publicKey).not.toEqual(first.certificate.publicKey)
    await ca.revoke(first.certificate, { reason: 'keyCompromise' })
    expect((await refusalOfAsync(renew())).code).toBe('ERR_ENROLLMENT_REFUSED')
  })

  test('misuse', async () => {
    const { ca } = await relay()
    expect(() => enrollmentIssuer({} as never)).toThrow(/takes a CertificateAuthority; got object/)
    expect(() => enrollmentIssuer(ca, { lifetime: '90' })).toThrow(/option "lifetime" is not a duration/)
    expect(() => enrollmentIssuer(ca, { ttl: '90d' } as never)).toThrow(/has no option "ttl"/)
  })
})
