import { describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  type LocalIssuerOptions,
  localIssuer,
  type RequestCertificateOptions,
  requestCertificate,
} from '../../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import { verifyPath } from '../../../../src/verify/index.ts'
import { refusalOfAsync } from '../../../fixtures/x509/refusal.ts'
import { below, CallersSigner, clockAt, DAY, HOUR, ID, INTERMEDIATE, keyOf, NOW, rootCa } from '../support.ts'

/** A root, an issuer over it, and what asks it. */
async function mesh(options: LocalIssuerOptions = {}, ca?: CertificateAuthority) {
  const root = ca ?? (await rootCa())
  const clock = clockAt()
  const issuer = localIssuer(root, { clock, ...options })
  const ask = (wish: Partial<RequestCertificateOptions> & Pick<RequestCertificateOptions, 'csr'>) =>
    requestCertificate(issuer, { clock, anchors: root.chain.slice(-1), lifetime: { max: '24h' }, ...wish })
  return { root, clock, issuer, ask }
}
const pair = (subject = '') => createCsr({ key: 'Ed25519', subject })

const wishOf = ({ subject }: Csr) =>
  ({
    isCa: false,
    pathLength: 'none',
    subject,
    subjectAltNames: [{ type: 'uri', value: ID }],
    lifetimeMs: DAY,
    extendedKeyUsage: [],
    keyUsage: [],
    nameConstraints: undefined,
  }) as const

describe('another CA of this library as external issuer', () => {
  test('an intermediate, which is taken over with its key and issues', async () => {
    const { ask } = await mesh()
    const { csr, signer } = await pair(INTERMEDIATE)
    const constraints = { permitted: [{ type: 'uri', value: 'cluster.local' }] } as const
    const issued = await ask({ csr, isCa: true, pathLength: 0, nameConstraints: constraints })
    const ca = await CertificateAuthority.from({ ...issued, signer, clock: clockAt() })
    const workload = await ca.issueWorkload((await pair()).csr, { id: ID, lifetime: '1h' })
    await verifyPath(workload.certificate, {
      anchors: issued.chain.slice(-1),
      intermediates: [...workload.chain],
      purpose: 'serverAuth',
      name: { uri: ID },
      time: NOW,
    })
    expect(issued.certificate.nameConstraints?.permitted).toContainEqual({
      type: 'uri',
      value: 'cluster.local',
    })
  })

  test('a CA without a limit below it, and one with more', async () => {
    const { ask } = await mesh()
    for (const pathLength of ['none', 2] as const) {
      const { certificate } = await ask({ csr: (await pair(INTERMEDIATE)).csr, isCa: true, pathLength })
      expect(certificate.pathLength ?? 'none').toBe(pathLength)
    }
  })

  test('a workload with its names', async () => {
    const ca = await below(await rootCa())
    const { ask } = await mesh({}, ca)
    const subjectAltNames = [{ type: 'dns', value: 'a.example' }] as const
    const { certificate, chain } = await ask({
      csr: (await pair()).csr,
      id: ID,
      subjectAltNames,
      subject: 'CN=a',
    })
    expect([certificate.subjectAltNames.length, chain.length, String(certificate.subject)]).toEqual([
      2,
      3,
      'CN=a',
    ])
  })

  test('under a policy: any names that it allows, and no others', async () => {
    const policy: LocalIssuerOptions['policy'] = {
      name: 'relay clients',
      profile: 'gloo-relay-client',
      subject: { from: 'caller', attributes: { CN: 'any' } },
      names: { dns: { allow: ['kind2'] } },
      lifetime: { max: '24h' },
    }
    const { ask } = await mesh({ policy })
    const kind2 = { type: 'dns', value: 'kind2' } as const
    const purposes = ['clientAuth', 'serverAuth'] as const
    const { certificate } = await ask({
      csr: (await pair()).csr,
      subject: 'CN=kind2',
      subjectAltNames: [kind2],
      purposes,
    })
    expect([String(certificate.subject), certificate.subjectAltNames]).toEqual(['CN=kind2', [kind2]])
    const error = await refusalOfAsync(
      ask({ csr: (await pair()).csr, subjectAltNames: [{ ...kind2, value: 'kind3' }], purposes }),
    )
    expect([error.code, error.data['attempts']]).toEqual(['ERR_ISSUER_FAILED', 1])
    expect(error.message).toMatch(/DNS:kind3 is not allowed/)
    const root = await rootCa()
    expect(() => localIssuer(root, { policy, backdate: '1m' })).toThrow(
      /"policy" and "backdate" exclude each other/,
    )
  })

  test('the CA decides how long at most, and the caller what is enough', async () => {
    const { ask } = await mesh({ maxLifetime: '1h' })
    const { csr } = await pair()
    const { certificate } = await ask({ csr, id: ID })
    expect((certificate.notAfter.getTime() - NOW.getTime()) / 1000).toBe(HOUR)
    const error = await refusalOfAsync(ask({ csr, id: ID, lifetime: { max: '24h', min: '12h' } }))
    expect(error.code).toBe('ERR_ISSUER_MISMATCH')
  })

  test('one name, one certificate; after ten minutes it is a renewal', async () => {
    const { ask, clock, root } = await mesh()
    const { csr } = await pair()
    const first = await ask({ csr, id: ID })
    expect((await ask({ csr, id: ID })).certificate.serialNumber).toBe(first.certificate.serialNumber)
    expect((await ask({ csr, id: ID, requestId: 'another' })).certificate.serialNumber).not.toBe(
      first.certificate.serialNumber,
    )
    await clock.run('10m1s')
    expect((await ask({ csr, id: ID })).certificate.serialNumber).not.toBe(first.certificate.serialNumber)
    expect(root.chain).toHaveLength(1)
  })

  test('what it made is found for resume however long ago that was', async () => {
    const { ask, clock } = await mesh()
    const { csr } = await pair()
    const first = await ask({ csr, id: ID })
    await clock.run('2h')
    const found = await ask({ csr, id: ID, resume: true })
    expect(found.certificate.serialNumber).toBe(first.certificate.serialNumber)
  })

  test('a request that surely failed is known as that, though others were forgotten', async () => {
    const { issueIntermediate } = await rootCa()
    let fails = false
    const { csr } = await pair()
    const { certificate } = await (await rootCa()).issueWorkload(csr, { id: ID, lifetime: '1h' })
    const issueWorkload = async () => {
      if (fails) throw new Error('down')
      return { certificate, chain: [] }
    }
    const issuer = localIssuer({ issueIntermediate, issueWorkload }, { clock: clockAt() })
    const { signal } = new AbortController()
    const intent = wishOf(csr)
    for (let i = 0; i < 1025; i++) await issuer.issue({ csr, requestId: `id-${i}`, intent }, { signal })
    fails = true
    await expect(issuer.issue({ csr, requestId: 'failing', intent }, { signal })).rejects.toThrow()
    expect(await issuer.lookup?.('failing', { signal })).toBeUndefined()
    // Within ten minutes it is the same request, and was made before.
    await expect(issuer.issue({ csr, requestId: 'id-1024', intent }, { signal })).resolves.toBeDefined()
  })

  test('a renewal whose first attempt fails gets a new certificate, not the old one', async () => {
    const root = await rootCa()
    const clock = clockAt()
    let hangs = false
    const issueWorkload: typeof root.issueWorkload = (csr, options) =>
      hangs
        ? new Promise((_, reject) => {
            hangs = false
            options.signal?.addEventListener('abort', () => reject(new Error('aborted')))
          })
        : root.issueWorkload(csr, options)
    const issuer = localIssuer({ issueIntermediate: root.issueIntermediate, issueWorkload }, { clock })
    const { csr } = await pair()
    const ask = () =>
      requestCertificate(issuer, {
        csr,
        id: ID,
        lifetime: { max: '24h' },
        anchors: root.certificate,
        clock,
        timeout: '30s',
        backoff: '1s',
      })
    const first = await ask()
    await clock.run('40m')
    hangs = true
    const pending = ask()
    await clock.run('2m')
    expect((await pending).certificate.serialNumber).not.toBe(first.certificate.serialNumber)
  })

  test('a repeat is answered though the CA dates an hour back', async () => {
    const { ask, clock } = await mesh({ backdate: '1h' })
    const { csr } = await pair()
    const first = await ask({ csr, id: ID })
    await clock.run('9m')
    expect((await ask({ csr, id: ID })).certificate.serialNumber).toBe(first.certificate.serialNumber)
  })

  test('asked twice at the same time it makes one', async () => {
    const { ask, clock } = await mesh()
    const { csr } = await pair()
    const both = Promise.all([ask({ csr, id: ID }), ask({ csr, id: ID })])
    await clock.run('5s')
    const [a, b] = await both
    expect(a?.certificate.serialNumber).toBe(b?.certificate.serialNumber)
  })

  test('what it cannot issue it refuses at once', async () => {
    const { ask } = await mesh()
    const { csr } = await pair('CN=a')
    for (const [wish, text] of [
      [{ csr }, /exactly one URI/],
      [{ csr, id: ID, purposes: ['1.3.6.1.5.5.7.3.4'] }, /serverAuth and clientAuth/],
      [{ csr, isCa: true, subject: 'CN=Root CA,O=Istio' }, /also that of/],
      [{ csr, subjectAltNames: [{ type: 'uri', value: 'https://a.example/' }] }, /spiffe/],
    ] as const) {
      const error = await refusalOfAsync(ask(wish))
      expect([error.code, error.message]).toEqual(['ERR_ISSUER_FAILED', expect.stringMatching(text)])
      expect(error.data['attempts']).toBe(1)
    }
  })

  test('a signer that fails once is asked again', async () => {
    const inner = await keyOf('P-256')
    const signer = new CallersSigner(inner, (tbs, _, call) => {
      if (call === 2) throw new Error('throttled')
      return inner.sign(tbs)
    })
    const { certificate } = await rootCa({ key: inner })
    const ca = await CertificateAuthority.from({ certificate, signer, clock: clockAt() })
    const { ask, clock } = await mesh({}, ca)
    const pending = ask({ csr: (await pair()).csr, id: ID })
    await clock.run('10s')
    expect((await pending).chain).toHaveLength(2)
    expect(signer.calls).toBe(3)
  })

  test('a signer that stalls is given up, and nothing was made', async () => {
    const inner = await keyOf('P-256')
    const signer = new CallersSigner(inner, (tbs, _, call) =>
      call === 1 ? inner.sign(tbs) : new Promise<never>(() => {}),
    )
    const { certificate } = await rootCa({ key: inner })
    const ca = await CertificateAuthority.from({ certificate, signer, clock: clockAt() })
    const { ask, clock } = await mesh({}, ca)
    const pending = ask({ csr: (await pair()).csr, id: ID, timeout: '5s' })
    pending.catch(() => {})
    await clock.run('1h')
    expect((await refusalOfAsync(pending)).code).toBe('ERR_ISSUER_TIMEOUT')
  })

  test('thousands are remembered, not all of them', async () => {
    const root = await rootCa()
    const issuer = localIssuer(root, { clock: clockAt() })
    const { csr } = await pair()
    const { certificate } = await root.issueWorkload(csr, { id: ID, lifetime: '1h' })
    const fast = localIssuer(
      { issueIntermediate: root.issueIntermediate, issueWorkload: async () => ({ certificate, chain: [] }) },
      { clock: clockAt() },
    )
    const { signal } = new AbortController()
    const intent = wishOf(csr)
    for (let i = 0; i < 1025; i++) await fast.issue({ csr, requestId: `id-${i}`, intent }, { signal })
    // It made a certificate for this one, and would be wrong to say that it did not.
    for (const id of ['id-0', 'never asked'])
      await expect(fast.lookup?.(id, { signal })).rejects.toMatchObject({
        name: 'IssuerFailure',
        message: expect.stringMatching(/last 1024 requests, and may have forgotten this one/),
        retryable: false,
        outcome: 'unknown',
      })
    expect(await fast.lookup?.('id-1', { signal })).toMatchObject({ certificate })
    expect(await fast.lookup?.('id-1024', { signal })).toMatchObject({ certificate })
    expect(await issuer.lookup?.('id-1024', { signal })).toBeUndefined()
  })

  test('misuse', async () => {
    for (const wrong of [undefined, {}, { issueWorkload: () => {} }])
      expect(() => Reflect.apply(localIssuer, undefined, [wrong])).toThrow(/takes a CertificateAuthority/)
    const root = await rootCa()
    expect(() => Reflect.apply(localIssuer, undefined, [root, { lifetime: '1d' }])).toThrow(
      /no option "lifetime"/,
    )
    expect(() => localIssuer(root, { maxLifetime: '5' })).toThrow(/option "maxLifetime"/)
  })
})
