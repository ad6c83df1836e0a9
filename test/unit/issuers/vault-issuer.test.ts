import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { IssuerFailure, type RequestCertificateOptions, requestCertificate } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import {
  type VaultAuthOptions,
  type VaultIssuerOptions,
  vaultAuth,
  vaultIssuer,
} from '../../../src/issuers/vault/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { contractClock } from './contract-clock.ts'
import { VaultDouble } from './vault-double.ts'

const TOKEN = 'hvs.CAESIJ-a-secret-of-the-tests'
const SUBJECT = 'L=kind2,CN=Intermediate CA,O=Example'
const ID = 'spiffe://cluster.local/ns/default/sa/web'

let vault: VaultDouble
beforeEach(async () => {
  vault = await VaultDouble.start()
  vault.tokens.add(TOKEN)
  vault.roles.set('mesh', { use_csr_sans: false })
})
afterEach(() => vault.close())

const authOf = (options: Partial<VaultAuthOptions> = {}) =>
  vaultAuth({ server: vault.url, token: TOKEN, ...options })
const issuerOf = (path: string, options: Partial<VaultIssuerOptions> = {}) =>
  vaultIssuer({ auth: authOf(), path, ...options })

type Wish = Partial<RequestCertificateOptions>
const quick = () => ({ clock: contractClock(() => undefined), anchors: vault.anchors })

async function askCa(issuer: ReturnType<typeof vaultIssuer>, wish: Wish = {}) {
  const { csr } = await createCsr({ subject: SUBJECT, key: 'P-256' })
  return requestCertificate(issuer, { csr, isCa: true, lifetime: { max: '30d' }, ...quick(), ...wish })
}

async function askWorkload(issuer: ReturnType<typeof vaultIssuer>, wish: Wish = {}) {
  const { csr } = await createCsr({ key: 'P-256' })
  return requestCertificate(issuer, { csr, id: ID, lifetime: { max: '1h' }, ...quick(), ...wish })
}

const sent = () => vault.heard.at(-1)

describe('what is sent', () => {
  test('for a CA: the request as it is, and nothing that would change it', async () => {
    const { csr } = await createCsr({ subject: SUBJECT, key: 'P-256' })
    await askCa(issuerOf('pki/root/sign-intermediate'), { csr, pathLength: 1 })
    expect(sent()).toEqual({
      method: 'POST',
      path: '/v1/pki/root/sign-intermediate',
      token: TOKEN,
      namespace: undefined,
      requested: 'true',
      body: {
        csr: csr.toPem(),
        ttl: '2592000s',
        format: 'pem',
        common_name: 'Intermediate CA',
        exclude_cn_from_sans: true,
        use_csr_values: true,
        max_path_length: 1,
      },
    })
  })

  test('for a CA without a limit, at a named issuer, back-dated', async () => {
    const issuer = issuerOf('pki/issuer/mesh-2026/sign-intermediate', { backdate: '10m' })
    const { certificate } = await askCa(issuer, { pathLength: 'none' })
    expect(sent()?.path).toBe('/v1/pki/issuer/mesh-2026/sign-intermediate')
    expect(sent()?.body).toMatchObject({ max_path_length: -1, not_before_duration: '600s' })
    expect(certificate.pathLength).toBeUndefined()
  })

  test('name constraints by form, those that close a form included', async () => {
    await askCa(issuerOf('pki/root/sign-intermediate'), {
      nameConstraints: {
        permitted: [
          { type: 'uri', value: 'cluster.local' },
          { type: 'dns', value: 'svc.cluster.local' },
          { type: 'dns', value: 'example.com' },
        ],
      },
    })
    expect(sent()?.body).toMatchObject({
      permitted_uri_domains: 'cluster.local',
      permitted_dns_domains: 'svc.cluster.local,example.com',
      permitted_email_addresses: 'closed.invalid',
      excluded_ip_ranges: '0.0.0.0/0,::/0',
    })
    expect(sent()?.body).not.toHaveProperty('excluded_dns_domains')
  })

  test('for a workload: its names as lists', async () => {
    await askWorkload(issuerOf('pki/sign/mesh'), {
      subjectAltNames: [
        { type: 'dns', value: 'web.default.svc' },
        { type: 'dns', value: 'web' },
        { type: 'ip', value: '10.0.0.7' },
      ],
    })
    expect(sent()?.path).toBe('/v1/pki/sign/mesh')
    expect(sent()?.body).toMatchObject({
      ttl: '3600s',
      uri_sans: ID,
      alt_names: 'web.default.svc,web',
      ip_sans: '10.0.0.7',
      exclude_cn_from_sans: true,
    })
    expect(sent()?.body).not.toHaveProperty('use_csr_values')
    expect(sent()?.body).not.toHaveProperty('common_name')
  })

  test('a namespace, and a path before /v1', async () => {
    const auth = authOf({ server: `${vault.url}/v1/`, namespace: '/admin/mesh/' })
    await askCa(vaultIssuer({ auth, path: 'pki/root/sign-intermediate' }))
    expect(sent()).toMatchObject({ namespace: 'admin/mesh', path: '/v1/pki/root/sign-intermediate' })
  })

  test('nothing, where Vault cannot be told what is asked for', async () => {
    const ca = issuerOf('pki/root/sign-intermediate')
    const role = issuerOf('pki/sign/mesh')
    const refusals: readonly (readonly [Promise<unknown>, RegExp])[] = [
      [askWorkload(ca), /makes CAs/],
      [askCa(role), /roles make no CAs/],
      [askCa(ca, { subject: 'CN=another' }), /subject and names of a CA from the request/],
      [askCa(ca, { subjectAltNames: [{ type: 'dns', value: 'a.example' }] }), /make the request with those/],
      [
        askCa(ca, { nameConstraints: { permitted: [{ type: 'directory', value: 'O=Example' }] } }),
        /cannot be told to constrain/,
      ],
      [
        askWorkload(role, { subjectAltNames: [{ type: 'registered-id', value: '1.2.3' }] }),
        /cannot be told the name/,
      ],
    ]
    for (const [pending, text] of refusals) {
      const error = await pending.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(String(error)).toMatch(text)
    }
    expect(vault.heard).toEqual([])
  })
})

describe('what is answered', () => {
  test('a role that takes the names of the request', async () => {
    vault.roles.set('mesh', {})
    const { csr } = await createCsr({ key: 'P-256', subjectAltNames: [{ type: 'uri', value: ID }] })
    const { certificate } = await askWorkload(issuerOf('pki/sign/mesh'), { csr })
    expect(certificate.subjectAltNames).toEqual([{ type: 'uri', value: ID }])
  })

  test('a role that refuses a name, in its own words', async () => {
    vault.roles.set('mesh', { use_csr_sans: false, allowed_uri_sans: ['spiffe://other/a'] })
    const error = await refusalOfAsync(askWorkload(issuerOf('pki/sign/mesh')))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toContain(`URI Subject Alternative Name ${ID} not allowed by this role`)
    expect(vault.issued).toBe(0)
  })

  test('a role that does not exist', async () => {
    const error = await refusalOfAsync(askWorkload(issuerOf('pki/sign/mush')))
    expect(error.message).toContain('unknown role: mush')
  })

  test.each([
    [400, 'ERR_ISSUER_FAILED', 1],
    [403, 'ERR_ISSUER_FAILED', 1],
    [404, 'ERR_ISSUER_FAILED', 1],
    [412, 'ERR_ISSUER_FAILED', 3],
    [429, 'ERR_ISSUER_FAILED', 3],
    [501, 'ERR_ISSUER_FAILED', 1],
    [503, 'ERR_ISSUER_FAILED', 3],
    [408, 'ERR_ISSUER_OUTCOME_UNKNOWN', 1],
    [500, 'ERR_ISSUER_OUTCOME_UNKNOWN', 1],
    [502, 'ERR_ISSUER_OUTCOME_UNKNOWN', 1],
    [504, 'ERR_ISSUER_OUTCOME_UNKNOWN', 1],
  ])('status %i is %s after %i requests', async (status, code, requests) => {
    vault.intercept = (_, response) => {
      response.writeHead(status).end('{"errors":["because"]}')
      return true
    }
    const error = await refusalOfAsync(askCa(issuerOf('pki/root/sign-intermediate')))
    expect(error.code).toBe(code)
    expect(error.message).toContain('because')
    expect(vault.heard).toHaveLength(requests)
  })

  test.each([301, 307, 308])('redirect %i is not followed: the token would go there', async (status) => {
    vault.intercept = (_, response) => {
      response.writeHead(status, { location: `${vault.url}/v1/elsewhere` }).end()
      return true
    }
    const error = await refusalOfAsync(askCa(issuerOf('pki/root/sign-intermediate')))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toMatch(/active node/)
    expect(vault.heard).toHaveLength(1)
  })

  test('a fetch that followed a redirect by itself is not believed', async () => {
    const auth = authOf({
      fetch: async () => ({ status: 200, headers: new Headers(), body: null, redirected: true }),
    })
    const issuer = vaultIssuer({ auth, path: 'pki/root/sign-intermediate' })
    const error = await refusalOfAsync(askCa(issuer))
    // By status 307 the request arrived there: a certificate may have been made.
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    expect(error.message).toMatch(/followed a redirect/)
  })

  test.each([
    [
      'Envoy',
      'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
    ],
    ['HTML', '<html>503 Service Unavailable</html>'],
    ['other JSON', '{"message":"no healthy upstream"}'],
    ['errors that are none', '{"errors":"Vault is sealed"}'],
  ])('status 503 of a proxy (%s) says nothing of what Vault did: not asked twice', async (_, body) => {
    vault.intercept = (_heard, response) => {
      response.writeHead(503).end(body)
      return true
    }
    const error = await refusalOfAsync(askCa(issuerOf('pki/root/sign-intermediate')))
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    expect(error.message).not.toMatch(/sealed/)
    expect(vault.heard).toHaveLength(1)
  })

  test('what a client throws when it is aborted is not shown: the reason of the signal is', async () => {
    const controller = new AbortController()
    const fetch = async () => {
      controller.abort('enough')
      throw Object.assign(new Error(TOKEN), { request: { headers: { 'x-vault-token': TOKEN } } })
    }
    const issuer = vaultIssuer({ auth: authOf({ fetch }), path: 'pki/root/sign-intermediate' })
    const { csr } = await createCsr({ subject: SUBJECT, key: 'P-256' })
    let told: unknown
    const issue: typeof issuer.issue = (request) => {
      const answer = issuer.issue(request, { signal: controller.signal })
      answer.catch((error: unknown) => {
        told = error
      })
      return answer
    }
    await refusalOfAsync(askCa({ issue }, { csr, attempts: 1 }))
    expect(told).toBe('enough')
  })

  test.each([
    ['nothing', '', /data\.certificate/],
    ['no JSON', '<html>', /data\.certificate/],
    ['JSON twice', '{"data":{"certificate":"a","certificate":"b"}}', /data\.certificate/],
    ['more than a megabyte', `{"data":{"certificate":"${'A'.repeat(1_100_000)}"}}`, /data\.certificate/],
    ['a number', '{"data":{"certificate":1}}', /data\.certificate/],
    ['a certificate that is none', '{"data":{"certificate":"x","ca_chain":[1,null]}}', /certificate/],
  ])('%s is no certificate', async (_, body, text) => {
    vault.intercept = (_heard, response) => {
      response.end(body)
      return true
    }
    const error = await refusalOfAsync(askCa(issuerOf('pki/root/sign-intermediate')))
    expect(error.code).toMatch(/^ERR_ISSUER_(OUTCOME_UNKNOWN|MISMATCH)$/)
    expect(error.message).toMatch(text)
  })

  test('nobody there: surely nothing was made', async () => {
    const auth = authOf()
    await vault.close()
    const error = await refusalOfAsync(askCa(vaultIssuer({ auth, path: 'pki/root/sign-intermediate' })))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toMatch(/ECONNREFUSED/)
    vault = await VaultDouble.start()
  })

  test('an IssuerFailure of the fetch is taken as it is', async () => {
    const fetch = async () => {
      throw new IssuerFailure('the proxy is closed at night', { retryable: false, outcome: 'failed' })
    }
    const issuer = vaultIssuer({ auth: authOf({ fetch }), path: 'pki/root/sign-intermediate' })
    const error = await refusalOfAsync(askCa(issuer))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toMatch(/asked once .*the proxy is closed at night/)
  })

  test('a server whose certificate is not trusted', async () => {
    const fetch = async () => {
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error(TOKEN), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      })
    }
    const issuer = vaultIssuer({ auth: authOf({ fetch }), path: 'pki/root/sign-intermediate' })
    const error = await refusalOfAsync(askCa(issuer))
    expect(error.data['attempts']).toBe(1)
    expect(error.message).toMatch(/is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/)
    expect(inspect(error, { depth: 9 })).not.toContain(TOKEN)
  })
})

describe('lookup', () => {
  /** Loses the answer; before it is looked for, others have so many certificates stored, which come first in the list. */
  async function losing(others: number) {
    const { certificate: other } = await askCa(issuerOf('pki/root/sign-intermediate'))
    vault.how = 'answer-lost'
    vault.intercept = ({ path }) => {
      if (!path.includes('certs') || vault.issued === 1) return false
      vault.intercept = undefined
      const before = [...vault.stored]
      vault.stored.clear()
      for (let i = 0; i < others; i++) vault.stored.set(`aa:${i.toString(16).padStart(2, '0')}`, other)
      for (const [serial, certificate] of before) vault.stored.set(serial, certificate)
      return false
    }
    const { csr } = await createCsr({ subject: SUBJECT, key: 'P-256' })
    const result = askCa(issuerOf('pki/root/sign-intermediate', { lookup: true }), { csr })
    return { csr, result }
  }

  test('finds the certificate of the key among those of others', async () => {
    const { csr, result } = await losing(5)
    expect((await result).certificate.publicKey).toEqual(csr.publicKey)
    expect(vault.issued).toBe(2)
    // The list before, the request, the list after, 5 of others and the right one, the chain.
    const asked = vault.heard
      .slice(1)
      .map(({ path }) => path.replace(/^\/v1\/pki\//, '').replace(/cert\/.*/, 'cert'))
    const reads = Array.from({ length: 6 }, () => 'cert')
    expect(asked).toEqual([
      'certs?list=true',
      'root/sign-intermediate',
      'certs?list=true',
      ...reads,
      'issuer/default/json',
    ])
  })

  test('reads no more than 64', async () => {
    const { result } = await losing(64)
    const error = await refusalOfAsync(result)
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    expect(error.message).toMatch(/65 certificates were stored since/)
    expect(vault.issued).toBe(2)
  })

  test('what is not there may still come: nothing is asked for twice', async () => {
    vault.intercept = ({ method }, response) => {
      if (method !== 'POST') return false
      response.writeHead(500).end('{"errors":[]}')
      return true
    }
    const error = await refusalOfAsync(askCa(issuerOf('pki/root/sign-intermediate', { lookup: true })))
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    expect(error.message).toMatch(/not among the 0 certificates/)
    expect(vault.heard.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  test('does not know what another issuer has asked for, as after a restart', async () => {
    const error = await refusalOfAsync(
      askCa(issuerOf('pki/root/sign-intermediate', { lookup: true }), { resume: true }),
    )
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    expect(error.message).toMatch(/as after a restart/)
  })

  test('a list that may not be read ends it before anything is asked for', async () => {
    vault.intercept = ({ path }, response) => {
      if (!path.includes('certs')) return false
      response.writeHead(403).end('{"errors":["permission denied"]}')
      return true
    }
    const error = await refusalOfAsync(askCa(issuerOf('pki/root/sign-intermediate', { lookup: true })))
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toMatch(/the list of certificates: permission denied/)
    expect(vault.received).toEqual([])
  })

  test.each([
    ['the list', /certs\?list/],
    ['a certificate', /\/cert\//],
    ['the chain', /\/issuer\/default\/json$/],
  ])('who may not read %s does not know that none was made', async (_, path) => {
    vault.how = 'answer-lost'
    vault.intercept = (heard, response) => {
      if (vault.issued === 0 || !path.test(heard.path)) return false
      response.writeHead(403).end('{"errors":["permission denied"]}')
      return true
    }
    const error = await refusalOfAsync(askCa(issuerOf('pki/root/sign-intermediate', { lookup: true })))
    expect(vault.issued).toBe(1)
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    expect(error.message).toMatch(/permission denied/)
  })

  test('a wish that comes again after its answer is looked for among what was stored since then', async () => {
    const { csr } = await createCsr({ subject: SUBJECT, key: 'P-256' })
    const issuer = issuerOf('pki/root/sign-intermediate', { lookup: true })
    const first = await askCa(issuer, { csr })
    vault.how = 'answer-lost'
    const second = await askCa(issuer, { csr })
    expect(vault.issued).toBe(2)
    expect(second.certificate.serialNumber).not.toBe(first.certificate.serialNumber)
  })

  test('is not there without the option', () => {
    expect(issuerOf('pki/root/sign-intermediate').lookup).toBeUndefined()
  })
})

describe('options', () => {
  test.each<[string, unknown, RegExp]>([
    ['no path', {}, /needs the option "path"/],
    ['another endpoint', { path: 'pki/issue/mesh' }, /keys are made where they are used/],
    ['sign-verbatim', { path: 'pki/sign-verbatim/mesh' }, /no role of Vault limits it/],
    ['the key in Vault', { path: 'pki_int/intermediate/generate/exported' }, /"path" must end in/],
    ['a path upwards', { path: 'pki/../sys/sign/x' }, /option "path"/],
    ['a path with a query', { path: 'pki/sign/x?list=true' }, /option "path"/],
    ['a path with the version', { path: '/v1/pki/sign/x' }, /without \/v1/],
    ['no text', { path: 5 }, /option "path"/],
    ['a back-date for a role', { path: 'pki/sign/mesh', backdate: '1m' }, /not_before_duration/],
    ['no auth', { auth: { token: 'x' }, path: 'pki/sign/mesh' }, /must come from vaultAuth/],
    ['an unknown option', { path: 'pki/sign/mesh', rol: 'x' }, /no option "rol"/],
    ['lookup', { path: 'pki/sign/mesh', lookup: 'yes' }, /option "lookup"/],
  ])('%s', (_, options, text) => {
    const make = (): unknown =>
      Reflect.apply(vaultIssuer, undefined, [{ auth: authOf(), ...(options as object) }])
    expect(make).toThrow(text)
    expect(make).toThrow(TypeError)
  })

  test('an adapter throws what says whether it may pass', async () => {
    vault.how = 'unavailable'
    const { csr } = await createCsr({ subject: SUBJECT, key: 'P-256' })
    const issuer = issuerOf('pki/root/sign-intermediate')
    let failure: unknown
    await requestCertificate(issuer, {
      csr,
      isCa: true,
      lifetime: { max: '1d' },
      attempts: 1,
      ...quick(),
    }).catch((error: unknown) => {
      failure = error instanceof Error ? error.cause : undefined
    })
    expect(failure).toBeInstanceOf(IssuerFailure)
    expect(failure).toMatchObject({ retryable: true, outcome: 'failed' })
  })
})
