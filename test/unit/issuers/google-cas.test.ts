import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  type CertificateMismatch,
  type ExternalIssuer,
  IssuerFailure,
  type RequestCertificateOptions,
  requestCertificate,
} from '../../../src/ca/index.ts'
import { type CreatedCsr, createCsr } from '../../../src/csr/index.ts'
import {
  GoogleApiError,
  type GoogleCasIssuerOptions,
  googleCasIssuer,
  type IssuerFetch,
} from '../../../src/issuers/google-cas/index.ts'
import { checkPath } from '../../../src/verify/index.ts'
import { Name } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { contractClock } from './contract-clock.ts'
import { authorized, GoogleDouble, LOCATION, POOL, TOKEN } from './google-double.ts'
import { everythingIn } from './secrets.ts'

const SUBJECT = 'L=kind2,CN=Intermediate CA,O=Example'
const ID = 'spiffe://cluster.local/ns/default/sa/web'
const REQUEST_ID = '00112233445566778899aabbccddeeff'
/** SHA-256 of "mesh-pki google-cas requestId <REQUEST_ID>", cut to 128 bits, with the bits of version 4 set. */
const UUID = 'd5653aca-58e0-4e80-8056-5ef56ceb6e8e'
const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJtZSJ9.c2VjcmV0'
const TEMPLATE = `${LOCATION}/certificateTemplates/subordinate`

let google: GoogleDouble
beforeEach(async () => {
  google = await GoogleDouble.start()
})
afterEach(() => google.close())

const issuerOf = (options: Partial<GoogleCasIssuerOptions> = {}) =>
  googleCasIssuer({
    caPool: POOL,
    fetch: authorized(TOKEN),
    endpoint: google.url,
    insecure: true,
    ...options,
  })

const newCsr = (subject: string | undefined = SUBJECT): Promise<CreatedCsr> =>
  createCsr({ key: 'P-256', ...(subject === '' ? {} : { subject }) })

/** Asks for a CA. */
const ask = async (issuer: ExternalIssuer, options: Partial<RequestCertificateOptions> = {}) =>
  requestCertificate(issuer, {
    csr: (await newCsr()).csr,
    isCa: true,
    lifetime: { max: '30d' },
    anchors: google.anchors,
    timeout: '30s',
    maxBackoff: '1s',
    clock: contractClock(() => undefined),
    requestId: REQUEST_ID,
    ...options,
  })

const workload: Partial<RequestCertificateOptions> = { isCa: false, id: ID, subject: Name.from([]) }

const creations = () => google.heard.filter(({ method }) => method === 'POST')
const lookUps = () => google.heard.filter(({ method }) => method === 'GET')
const fieldsOf = (data: Readonly<Record<string, unknown>>): readonly string[] =>
  (data['mismatches'] as readonly CertificateMismatch[]).map(({ field }) => field)

describe('what is sent', () => {
  test('certificates.create: the path, the query, the type of the body', async () => {
    await ask(issuerOf())
    const [heard] = google.heard
    expect(heard?.method).toBe('POST')
    expect(heard?.path).toBe(`/v1/${POOL}/certificates`)
    expect(Object.fromEntries(heard?.query ?? [])).toEqual({ certificateId: REQUEST_ID, requestId: UUID })
    expect(heard?.contentType).toBe('application/json')
    expect(google.heard).toHaveLength(1)
  })

  test('one CA of the pool, where it is named', async () => {
    await ask(issuerOf({ certificateAuthorityId: 'root-2026' }))
    expect(creations()[0]?.query.get('issuingCertificateAuthorityId')).toBe('root-2026')
  })

  test('a requestId that CA Service cannot take is a digest there, and the same in the look-up', async () => {
    const issuer = issuerOf()
    await ask(issuer, { requestId: 'renewal.2026' })
    const query = creations()[0]?.query
    expect(query?.get('certificateId')).toBe('mesh-pki-257116beabc6f470dbbd644703f001ec')
    expect(query?.get('requestId')).toBe('b6d6886c-7fed-4ae7-b3fb-25fd3b525e2f')
    const { signal } = new AbortController()
    expect(await issuer.lookup?.('renewal.2026', { signal })).toHaveProperty('certificate')
    expect(await issuer.lookup?.('renewal.2027', { signal })).toBeUndefined()
  })

  test('a CA as a CertificateConfig', async () => {
    const { csr } = await newCsr()
    await ask(issuerOf(), {
      csr,
      pathLength: 1,
      subjectAltNames: [{ type: 'uri', value: 'spiffe://kind2' }],
      nameConstraints: {
        permitted: [
          { type: 'dns', value: 'example.com' },
          { type: 'ip', value: '10.0.0.0/8' },
          { type: 'uri', value: 'cluster.local' },
        ],
        excluded: [{ type: 'email', value: 'example.org' }],
        otherForms: 'allow',
      },
    })
    expect(creations()[0]?.body).toEqual({
      lifetime: '2592000s',
      subjectMode: 'RDN_SEQUENCE',
      config: {
        subjectConfig: {
          subject: {
            rdnSequence: [
              { attributes: [{ type: 'ORGANIZATION', value: 'Example' }] },
              { attributes: [{ type: 'COMMON_NAME', value: 'Intermediate CA' }] },
              { attributes: [{ type: 'LOCALITY', value: 'kind2' }] },
            ],
          },
          subjectAltName: { uris: ['spiffe://kind2'] },
        },
        x509Config: {
          caOptions: { isCa: true, maxIssuerPathLength: 1 },
          keyUsage: { baseKeyUsage: { certSign: true, crlSign: true } },
          nameConstraints: {
            critical: true,
            permittedDnsNames: ['example.com'],
            permittedIpRanges: ['10.0.0.0/8'],
            permittedUris: ['cluster.local'],
            excludedEmailAddresses: ['example.org'],
          },
        },
        publicKey: { format: 'PEM', key: Buffer.from(csr.toPem()).toString('base64') },
      },
    })
  })

  test('a CA without a limit has no maxIssuerPathLength', async () => {
    const { certificate } = await ask(issuerOf(), { pathLength: 'none' })
    expect(certificate.pathLength).toBeUndefined()
    expect(creations()[0]?.body).toHaveProperty('config.x509Config.caOptions', { isCa: true })
  })

  test('a workload as a CertificateConfig', async () => {
    await ask(issuerOf(), {
      ...workload,
      subjectAltNames: [
        { type: 'dns', value: 'web.default.svc' },
        { type: 'ip', value: '10.1.2.3' },
      ],
      keyUsage: ['digitalSignature'],
    })
    const { config, subjectMode } = creations()[0]?.body ?? {}
    expect(subjectMode).toBe('DEFAULT')
    expect(config).toMatchObject({
      subjectConfig: {
        subject: {},
        subjectAltName: { uris: [ID], dnsNames: ['web.default.svc'], ipAddresses: ['10.1.2.3'] },
      },
      x509Config: {
        caOptions: { isCa: false },
        keyUsage: {
          baseKeyUsage: { digitalSignature: true },
          extendedKeyUsage: { serverAuth: true, clientAuth: true },
        },
      },
    })
    expect(config).not.toHaveProperty('x509Config.nameConstraints')
  })

  test('purposes and attributes without a name of their own by their identifiers', async () => {
    const subject = Name.from([{ O: 'Example' }, { '1.2.3.4': 'x', UID: 'y' }])
    await refusalOfAsync(ask(issuerOf(), { ...workload, subject, purposes: ['1.3.6.1.5.5.7.3.17'] }))
    expect(creations()[0]?.body).toHaveProperty('config.x509Config.keyUsage.unknownExtendedKeyUsages', [
      { objectIdPath: [1, 3, 6, 1, 5, 5, 7, 3, 17] },
    ])
    expect(creations()[0]?.body).toHaveProperty('config.subjectConfig.subject.rdnSequence.1', {
      attributes: expect.arrayContaining([
        { objectId: { objectIdPath: [1, 2, 3, 4] }, value: 'x' },
        { objectId: { objectIdPath: [0, 9, 2342, 19200300, 100, 1, 1] }, value: 'y' },
      ]),
    })
  })

  test('the CSR and a template', async () => {
    google.templates.set(TEMPLATE, { isCa: true, maxIssuerPathLength: 0 })
    const { csr } = await newCsr()
    const { certificate } = await ask(issuerOf({ request: 'csr', certificateTemplate: TEMPLATE }), { csr })
    expect(certificate.pathLength).toBe(0)
    expect(creations()[0]?.body).toEqual({
      lifetime: '2592000s',
      subjectMode: 'RDN_SEQUENCE',
      certificateTemplate: TEMPLATE,
      pemCsr: csr.toPem(),
    })
    // A CSR alone says nothing of a CA: the certificate is one for a leaf, and refused.
    const error = await refusalOfAsync(
      ask(issuerOf({ request: 'csr' }), {
        csr: (
          await createCsr({ key: 'P-256', subject: SUBJECT, subjectAltNames: [{ type: 'uri', value: ID }] })
        ).csr,
        requestId: 'other',
      }),
    )
    expect(fieldsOf(error.data)).toContain('isCa')
  })

  test('whole seconds, at least one', async () => {
    const issuer = issuerOf()
    await ask(issuer, { lifetime: { max: '90s' } })
    expect(creations()[0]?.body).toHaveProperty('lifetime', '90s')
    const { signal } = new AbortController()
    const request = await requestOf(issuer)
    const failure = await issuer
      .issue({ ...request, intent: { ...request.intent, lifetimeMs: 999 } }, { signal })
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ retryable: false, outcome: 'failed' })
    expect(creations()).toHaveLength(1)
  })
})

/** What `requestCertificate` hands to an issuer. */
async function requestOf(
  issuer: ExternalIssuer,
  options: Partial<RequestCertificateOptions> = {},
): Promise<Parameters<ExternalIssuer['issue']>[0]> {
  let seen: Parameters<ExternalIssuer['issue']>[0] | undefined
  const spy: ExternalIssuer = {
    issue: async (request) => {
      seen = request
      throw new IssuerFailure('enough', { retryable: false, outcome: 'failed' })
    },
  }
  await refusalOfAsync(ask(spy, options))
  if (seen === undefined) throw new Error(`${issuer.name} was not asked`)
  return seen
}

describe('the subject', () => {
  test('keeps its order by RDN_SEQUENCE, and is put into another by DEFAULT', async () => {
    const ordered = { request: 'csr', certificateTemplate: TEMPLATE } as const
    google.templates.set(TEMPLATE, { isCa: true, maxIssuerPathLength: 0 })
    const { certificate } = await ask(issuerOf(ordered))
    expect(certificate.subject.toString()).toBe(SUBJECT)
    const error = await refusalOfAsync(
      ask(issuerOf({ ...ordered, subjectMode: 'DEFAULT' }), { requestId: 'other' }),
    )
    expect(fieldsOf(error.data)).toEqual(['subject'])
  })

  test('by DEFAULT goes member by member', async () => {
    const subject = 'CN=Intermediate CA,L=kind2,O=Example'
    const { certificate } = await ask(issuerOf({ subjectMode: 'DEFAULT' }), { subject })
    expect(certificate.subject.toString()).toBe(subject)
    expect(creations()[0]?.body).toHaveProperty('config.subjectConfig.subject', {
      organization: 'Example',
      locality: 'kind2',
      commonName: 'Intermediate CA',
    })
  })

  test.each([
    ['CN=a,CN=b', 'CN twice'],
    ['UID=x,CN=a', 'UID'],
  ])('%s cannot be said by DEFAULT', async (subject, said) => {
    const error = await refusalOfAsync(ask(issuerOf({ subjectMode: 'DEFAULT' }), { subject }))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toContain(said)
    expect(google.heard).toEqual([])
  })

  test('is that of the caller by REFLECTED_SPIFFE, which the double does not know', async () => {
    await ask(issuerOf({ subjectMode: 'REFLECTED_SPIFFE' }), workload)
    expect(creations()[0]?.body).toHaveProperty('subjectMode', 'REFLECTED_SPIFFE')
  })
})

describe('the policy of the pool', () => {
  test.each([
    ['allowSubjectPassthrough', 'subject'],
    ['allowSubjectAltNamesPassthrough', 'subjectAltNames'],
  ] as const)('%s: false is found out', async (constraint, field) => {
    google.policy[constraint] = false
    const error = await refusalOfAsync(ask(issuerOf()))
    expect(error.code).toBe('ERR_ISSUER_MISMATCH')
    expect(fieldsOf(error.data)).toContain(field)
    google.policy[constraint] = true
    await ask(issuerOf(), { requestId: 'other' })
  })

  test.each([
    ['allowConfigBasedIssuance', 'config', 'csr', 'Config-based issuance is not allowed'],
    ['allowCsrBasedIssuance', 'csr', 'config', 'CSR-based issuance is not allowed'],
  ] as const)('%s: false is final, with the reason', async (mode, refused, taken, reason) => {
    google.templates.set(TEMPLATE, { isCa: true, maxIssuerPathLength: 0 })
    google.policy[mode] = false
    const by = (request: 'csr' | 'config') => issuerOf({ request, certificateTemplate: TEMPLATE })
    const error = await refusalOfAsync(ask(by(refused)))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toContain(reason)
    await ask(by(taken))
  })

  test('validate asks and makes nothing', async () => {
    const issuer = issuerOf()
    const { signal } = new AbortController()
    const request = await requestOf(issuer)
    await issuer.validate(request, { signal })
    expect(Object.fromEntries(creations()[0]?.query ?? [])).toEqual({
      certificateId: REQUEST_ID,
      validateOnly: 'true',
    })
    expect(google.issued).toBe(0)
    google.how = 'refused'
    await expect(issuer.validate(request, { signal })).rejects.toThrow('CEL expression')
    google.how = undefined
    // The trial uses up no name.
    await issuer.issue(request, { signal })
    expect(google.issued).toBe(1)
  })
})

describe('templates', () => {
  test('chosen by what is asked for', async () => {
    google.templates.set(TEMPLATE, { isCa: true, maxIssuerPathLength: 0 })
    const seen: unknown[] = []
    const issuer = issuerOf({
      certificateTemplate: ({ isCa, pathLength }) => {
        seen.push(isCa, pathLength)
        return isCa ? TEMPLATE : undefined
      },
    })
    await ask(issuer)
    await ask(issuer, { ...workload, requestId: 'other' })
    expect(seen).toEqual([true, 0, false, 'none'])
    expect(creations().map(({ body }) => body['certificateTemplate'])).toEqual([TEMPLATE, undefined])
  })

  test.each([
    ['none of this location', () => TEMPLATE.replace('europe-west1', 'us-east1')],
    ['no name of one', () => '../x'],
    [
      'an error',
      () => {
        throw new Error(`no ${TOKEN}`)
      },
    ],
  ])('%s: nothing is sent', async (_, choose) => {
    const error = await refusalOfAsync(ask(issuerOf({ certificateTemplate: choose })))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toContain('certificateTemplate')
    expect(error.message).not.toContain(TOKEN)
    expect(google.heard).toEqual([])
  })

  test('one that does not exist', async () => {
    const error = await refusalOfAsync(ask(issuerOf({ certificateTemplate: TEMPLATE })))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toContain('NOT_FOUND')
  })
})

describe('what was made before', () => {
  test('ALREADY_EXISTS is looked up', async () => {
    const { csr } = await newCsr()
    const first = await ask(issuerOf(), { csr })
    // As after 60 minutes, when the requestId is forgotten.
    google.intercept = ({ query }) => {
      query.delete('requestId')
      return false
    }
    const again = await ask(issuerOf(), { csr })
    expect(again.certificate.fingerprint()).toBe(first.certificate.fingerprint())
    expect(google.issued).toBe(1)
    expect(lookUps()).toHaveLength(1)
  })

  test('a certificateId that another pool of the location has is no certificate of ours', async () => {
    google.intercept = ({ method }, response) => {
      if (method !== 'POST') return false
      response.writeHead(409)
      response.end('{"error":{"code":409,"status":"ALREADY_EXISTS","message":"exists"}}')
      return true
    }
    const error = await refusalOfAsync(ask(issuerOf()))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toContain('another requestId')
    expect(creations()).toHaveLength(1)
  })

  test('a requester that may not look has an unknown outcome', async () => {
    const { csr } = await newCsr()
    await ask(issuerOf(), { csr })
    google.intercept = ({ method, query }, response) => {
      query.delete('requestId')
      if (method === 'POST') return false
      response.writeHead(403)
      response.end(
        '{"error":{"code":403,"status":"PERMISSION_DENIED","message":"privateca.certificates.get"}}',
      )
      return true
    }
    const error = await refusalOfAsync(ask(issuerOf(), { csr }))
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    expect(error.message).toContain('privateca.certificates.get')
  })

  test('resumed after a restart', async () => {
    const { csr } = await newCsr()
    await ask(issuerOf(), { csr })
    const { certificate } = await ask(issuerOf(), { csr, resume: true })
    expect(certificate.publicKey).toEqual(csr.publicKey)
    expect(google.issued).toBe(1)
    await ask(issuerOf(), { resume: true, requestId: 'never-asked' })
    expect(google.issued).toBe(2)
  })

  test.each([
    ['KEY_COMPROMISE', ' (KEY_COMPROMISE)'],
    ['\u001b[31m', ''],
  ])('a certificate that was revoked (%j) is not handed out', async (state, shown) => {
    const { csr } = await newCsr()
    await ask(issuerOf(), { csr })
    for (const [name, body] of google.stored)
      google.stored.set(name, { ...body, revocationDetails: { revocationState: state } })
    const error = await refusalOfAsync(ask(issuerOf(), { csr, resume: true }))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toContain(`has been revoked${shown};`)
  })

  test('in the DevOps tier nothing is looked up, and a repeated request makes no second certificate', async () => {
    const devops = await GoogleDouble.start('DEVOPS')
    try {
      const issuer = issuerOf({ tier: 'devops', endpoint: devops.url })
      expect(issuer.lookup).toBeUndefined()
      devops.how = 'answer-lost'
      await ask(issuer, { anchors: devops.anchors })
      expect(devops.issued).toBe(1)
      expect(devops.heard.map(({ query }) => Object.fromEntries(query))).toEqual([
        { requestId: UUID },
        { requestId: UUID },
      ])
    } finally {
      await devops.close()
    }
  })
})

describe('errors', () => {
  const answerOnce = (status: number, body: string, headers: Record<string, string> = {}): void => {
    google.intercept = (_, response) => {
      google.intercept = undefined
      response.writeHead(status, headers)
      response.end(body)
      return true
    }
  }
  const rpc = (status: number, code: string): string =>
    JSON.stringify({ error: { code: status, status: code, message: 'why' } })
  const failureOf = async (issuer = issuerOf()): Promise<unknown> => {
    const { signal } = new AbortController()
    return issuer.issue(await requestOf(issuer), { signal }).catch((error: unknown) => error)
  }

  test.each([
    [400, 'INVALID_ARGUMENT', false, 'failed'],
    [400, 'FAILED_PRECONDITION', false, 'failed'],
    [400, 'OUT_OF_RANGE', false, 'failed'],
    [401, 'UNAUTHENTICATED', false, 'failed'],
    [403, 'PERMISSION_DENIED', false, 'failed'],
    [404, 'NOT_FOUND', false, 'failed'],
    [409, 'ABORTED', true, 'unknown'],
    [429, 'RESOURCE_EXHAUSTED', true, 'failed'],
    [499, 'CANCELLED', true, 'unknown'],
    [500, 'INTERNAL', true, 'unknown'],
    [500, 'UNKNOWN', true, 'unknown'],
    [500, 'DATA_LOSS', true, 'unknown'],
    [501, 'UNIMPLEMENTED', false, 'failed'],
    [503, 'UNAVAILABLE', true, 'unknown'],
    [504, 'DEADLINE_EXCEEDED', true, 'unknown'],
  ] as const)('%i %s: retryable %s, outcome %s', async (status, code, retryable, outcome) => {
    answerOnce(status, rpc(status, code))
    const failure = await failureOf()
    expect(failure).toBeInstanceOf(GoogleApiError)
    expect(failure).toMatchObject({ status, code, retryable, outcome })
    expect(String(failure)).toContain(`${status} ${code} to certificates.create: why`)
  })

  test.each([
    [302, 'HTTP_302', false, 'unknown'],
    [204, 'HTTP_204', false, 'unknown'],
    [413, 'HTTP_413', false, 'failed'],
    [408, 'HTTP_408', true, 'unknown'],
    [429, 'HTTP_429', true, 'failed'],
    [502, 'HTTP_502', true, 'unknown'],
  ] as const)('%i of something between: %s', async (status, code, retryable, outcome) => {
    answerOnce(status, status === 204 ? '' : '<html>', { location: `${google.url}/elsewhere` })
    expect(await failureOf()).toMatchObject({ status, code, retryable, outcome })
    expect(google.heard).toHaveLength(1)
  })

  test("Google's reason is shown, escaped and cut, without tokens", async () => {
    const message = `no\u001b[31m \u202e\nBearer ${TOKEN} and ${TOKEN} and ${JWT} ${'x'.repeat(100_000)}`
    answerOnce(
      403,
      JSON.stringify({
        error: { status: 'PERMISSION_DENIED', message, details: [7, { reason: 'IAM_PERMISSION_DENIED' }] },
      }),
    )
    const error = await refusalOfAsync(ask(issuerOf()))
    expect(error.message).toContain(
      '403 PERMISSION_DENIED (IAM_PERMISSION_DENIED) to certificates.create: no',
    )
    expect(error.message).toContain('[token] and [token] and [token] x')
    expect(error.message).not.toMatch(/[\u0000-\u001f\u202e]/)
    expect(error.message.length).toBeLessThan(500)
    expect(everythingIn(error).some((text) => text.includes(TOKEN))).toBe(false)
  })

  test.each([
    ['no JSON', '{"pemCertificate":'],
    ['no object', '[]'],
    ['a member twice', '{"pemCertificate":"a","pemCertificate":"b"}'],
    ['no certificate', '{}'],
    ['an empty certificate', '{"pemCertificate":""}'],
    ['a chain that is no list', '{"pemCertificate":"a","pemCertificateChain":"b"}'],
    ['a chain of something else', '{"pemCertificate":"a","pemCertificateChain":["b",1]}'],
    ['more than it may be', `{"pemCertificate":"${'x'.repeat(1_100_000)}"}`],
  ])('an answer with %s: the outcome is unknown', async (_, body) => {
    answerOnce(200, body)
    expect(await failureOf()).toMatchObject({ code: 'BAD_ANSWER', retryable: true, outcome: 'unknown' })
    expect(await failureOf()).toHaveProperty('certificate')
  })

  test('an answer that a redirect led to is not read', async () => {
    answerOnce(307, '', { location: `${google.url}/v1/${POOL}/certificates` })
    const follows: IssuerFetch = (url, init) =>
      authorized(TOKEN)(url, { ...init, redirect: 'follow' as never })
    expect(await failureOf(issuerOf({ fetch: follows }))).toMatchObject({
      code: 'HTTP_302',
      retryable: false,
    })
  })

  const throwing = (error: unknown) =>
    issuerOf({
      fetch: async () => {
        throw error
      },
    })

  test.each([
    ['ECONNREFUSED', true, 'failed'],
    ['ENOTFOUND', true, 'failed'],
    ['ECONNRESET', true, 'unknown'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', false, 'failed'],
  ] as const)('%s: retryable %s, outcome %s', async (code, retryable, outcome) => {
    const cause = Object.assign(new Error('x'), { code })
    const failure = await failureOf(throwing(new TypeError('fetch failed', { cause })))
    expect(failure).toMatchObject({ code: 'NO_ANSWER', status: 0, retryable, outcome })
    expect(String(failure)).toContain(code)
  })

  test.each([
    ['headers', Object.assign(new Error(TOKEN), { config: { headers: { authorization: TOKEN } } })],
    ['a text', TOKEN],
    ['nothing', undefined],
    [
      'traps',
      new Proxy(new Error('x'), {
        get: () => {
          throw new Error(TOKEN)
        },
      }),
    ],
  ])('what fetch throws with %s is not shown', async (_, thrown) => {
    const failure = await failureOf(throwing(thrown))
    expect(failure).toMatchObject({ code: 'NO_ANSWER', retryable: true, outcome: 'unknown' })
    expect(everythingIn(failure).some((text) => text.includes(TOKEN))).toBe(false)
  })

  test('an IssuerFailure of fetch is taken as it is', async () => {
    const failure = new IssuerFailure('no credentials', { retryable: false, outcome: 'failed' })
    expect(await failureOf(throwing(failure))).toBe(failure)
  })

  test('a name that CA Service has no form for', async () => {
    const error = await refusalOfAsync(
      ask(issuerOf(), { subjectAltNames: [{ type: 'registered-id', value: '1.2.3' }] }),
    )
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toContain('registered-id')
    expect(google.heard).toEqual([])
  })

  test('an object identifier that an int32 cannot hold', async () => {
    const purposes = ['1.2.2147483648']
    const error = await refusalOfAsync(ask(issuerOf(), { ...workload, purposes }))
    expect(error.message).toContain('1.2.2147483648')
    expect(google.heard).toEqual([])
  })
})

describe('options', () => {
  test.each([
    ['caPool', 'projects/p/locations/l/caPools/m'],
    ['caPool', 'projects/example.com:mesh/locations/europe-west1/caPools/m_1-A'],
    ['caPool', 'projects/123456789012/locations/global/caPools/m'],
    ['endpoint', 'https://privateca-mesh.p.googleapis.com'],
    ['endpoint', 'https://localhost:8443/'],
    ['endpoint', 'http://[::1]:80'],
    ['certificateAuthorityId', 'root_2026-A'],
    ['certificateTemplate', TEMPLATE.replace('mesh-example', 'other')],
    ['name', 'CAS'],
  ])('takes %s: %j', (option, value) => {
    const pool = option === 'caPool' ? {} : { caPool: POOL }
    expect(() => issuerOf({ ...pool, [option]: value })).not.toThrow()
  })

  test.each([
    ['caPool', 'mesh'],
    ['caPool', `/${POOL}`],
    ['caPool', `${POOL}/`],
    ['caPool', `${POOL}/certificates`],
    ['caPool', POOL.replace('/mesh', '/..')],
    ['caPool', POOL.replace('mesh-example', '..')],
    ['caPool', POOL.replace('mesh-example', 'a/b')],
    ['caPool', `${POOL}?x=1`],
    ['caPool', `${POOL}#x`],
    ['caPool', `${POOL}\n`],
    ['caPool', POOL.replace('/mesh', '/%2e%2e')],
    ['caPool', `${POOL}${'x'.repeat(64)}`],
    ['caPool', POOL.replace('europe', 'EUROPE')],
    ['caPool', 7],
    ['certificateTemplate', TEMPLATE.replace('europe-west1', 'us-east1')],
    ['certificateTemplate', `${TEMPLATE}/x`],
    ['certificateTemplate', 7],
    ['certificateAuthorityId', 'a/b'],
    ['certificateAuthorityId', ''],
    ['certificateAuthorityId', 'a&validateOnly=true'],
    ['tier', 'ENTERPRISE'],
    ['request', 'pemCsr'],
    ['subjectMode', 'rdn'],
    ['fetch', {}],
    ['insecure', 'yes'],
    ['name', 7],
    ['endpoint', 7],
    ['endpoint', 'privateca.googleapis.com'],
    ['endpoint', 'https://privateca.googleapis.com/v1'],
    ['endpoint', 'https://privateca.googleapis.com?x'],
    ['endpoint', 'https://privateca.googleapis.com\\@evil.example'],
    ['endpoint', ' https://privateca.googleapis.com'],
    ['endpoint', 'ftp://127.0.0.1'],
    ['endpoint', 'http://10.0.0.1'],
    ['endpoint', 'http://localhost.evil.example'],
  ])('refuses %s: %j', (option, value) => {
    expect(() => issuerOf({ [option]: value })).toThrow(TypeError)
    expect(() => issuerOf({ [option]: value })).toThrow(option)
  })

  test('http to the loopback interface needs insecure: true', () => {
    expect(() => issuerOf({ insecure: false })).toThrow('must have the scheme https')
    expect(() => issuerOf({ insecure: true })).not.toThrow()
  })

  test('a password in an endpoint is not shown', () => {
    const made = (): unknown => issuerOf({ endpoint: 'https://me:hunter2@privateca.googleapis.com' })
    expect(made).toThrow('"endpoint"')
    expect(made).not.toThrow('hunter2')
  })

  test('names what is missing and what is unknown', () => {
    expect(() => googleCasIssuer({ fetch: authorized(TOKEN) } as never)).toThrow('"caPool"')
    expect(() => googleCasIssuer({ caPool: POOL } as never)).toThrow('"fetch"')
    expect(() => issuerOf({ capool: POOL } as never)).toThrow('Did you mean "caPool"')
    expect(() => googleCasIssuer(undefined as never)).toThrow(TypeError)
  })
})

test('an intermediate of the pool signs workloads that verify under its root', async () => {
  const { csr, signer } = await newCsr()
  const issued = await ask(issuerOf(), { csr })
  const ca = await CertificateAuthority.from({ ...issued, signer })
  const { certificate, chain } = await ca.issueWorkload((await createCsr({ key: 'P-256' })).csr, {
    id: ID,
    lifetime: '24h',
  })
  const below = { intermediates: chain, purpose: 'serverAuth' } as const
  expect((await checkPath(certificate, { anchors: google.anchors, ...below })).ok).toBe(true)
  const other = await GoogleDouble.start()
  try {
    expect((await checkPath(certificate, { anchors: other.anchors, ...below })).ok).toBe(false)
  } finally {
    await other.close()
  }
})
