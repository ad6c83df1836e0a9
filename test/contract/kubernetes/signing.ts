/**
 * CertificateSigningRequests (`certificates.k8s.io/v1`): what the server sets, checks, and leaves to signers.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { createRootCa } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import type { KubeResponse, KubeTransport } from '../../../src/kubernetes/index.ts'
import { listAt, recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import {
  APPLY,
  base64,
  expectRefusal,
  fresh,
  type GetApi,
  MERGE,
  metaOf,
  namesOf,
  objectOf,
  send,
  versionOf,
} from './support.ts'

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const SIGNER = 'example.com/mesh'

const statusOf = (object: unknown) => recordAt(object, 'status')
const typesOf = (object: unknown) => listAt(statusOf(object), 'conditions').map((one) => textAt(one, 'type'))
const condition = (type: string, rest: object = {}): object => ({ type, status: 'True', ...rest })

export function describeSigning(getApi: GetApi): void {
  let pem = ''
  let der = new Uint8Array()
  let certificate = ''

  beforeAll(async () => {
    const { csr } = await createCsr({ subject: 'CN=x', key: 'P-256' })
    pem = csr.toPem()
    der = new Uint8Array(csr.der)
    certificate = (await createRootCa({ subject: 'CN=Signer', lifetime: '1d' })).certificate.toPem()
  })

  const request = (name: string, spec: object = {}): object => ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { request: base64(pem), signerName: SIGNER, usages: ['client auth'], ...spec },
  })
  const make = async (spec: object = {}): Promise<string> => {
    const name = fresh('csr')
    objectOf(await send(getApi().admin, 'POST', REQUESTS, request(name, spec)), 201)
    return name
  }
  const merge = (name: string, part: string, body: object): Promise<KubeResponse> =>
    send(getApi().admin, 'PATCH', `${REQUESTS}/${name}${part}`, body, { contentType: MERGE })
  const conditions = (...list: readonly object[]) => ({ status: { conditions: list } })

  test('the caller is written into it, and what was forged is not', async () => {
    const name = fresh('csr')
    const spec = { username: 'forged', uid: 'x', groups: ['system:masters', 'g'], extra: { a: ['b'] } }
    const body = { ...request(name, spec), ...conditions(condition('Approved')) }
    const made = objectOf(await send(getApi().admin, 'POST', REQUESTS, body), 201)
    const written = recordAt(made, 'spec')
    expect(written['username']).toBe('admin')
    expect(written['groups']).toContain('system:authenticated')
    expect(written['groups']).not.toContain('g')
    expect(written).not.toHaveProperty('extra')
    expect(statusOf(made)).toEqual({})
  })

  // Since 1.22 it is kept.
  test('expirationSeconds is dropped', async () => {
    const name = await make({ expirationSeconds: 3600 })
    const found = objectOf(await send(getApi().admin, 'GET', `${REQUESTS}/${name}`))
    expect(recordAt(found, 'spec')).not.toHaveProperty('expirationSeconds')
  })

  test('a name needs no more than to fit into a path', async () => {
    const name = `${fresh('Csr')}:x`
    objectOf(await send(getApi().admin, 'POST', REQUESTS, request(name)), 201)
    const refused = await send(getApi().admin, 'POST', REQUESTS, request('a/b'))
    expectRefusal(refused, 422, 'Invalid', ['FieldValueInvalid'], ['metadata.name'])
  })

  test.each<[string, object, string, string]>([
    ['no signer', { signerName: undefined }, 'FieldValueRequired', 'spec.signerName'],
    ['a signer without a path', { signerName: 'example.com' }, 'FieldValueInvalid', 'spec.signerName'],
    ['a signer with two', { signerName: 'example.com/a/b' }, 'FieldValueInvalid', 'spec.signerName'],
    ['a signer of one label', { signerName: 'example/a' }, 'FieldValueInvalid', 'spec.signerName'],
    ['a signer in capitals', { signerName: 'example.com/A' }, 'FieldValueInvalid', 'spec.signerName'],
    [
      'the legacy signer',
      { signerName: 'kubernetes.io/legacy-unknown' },
      'FieldValueInvalid',
      'spec.signerName',
    ],
    ['no usages', { usages: [] }, 'FieldValueRequired', 'spec.usages'],
    ['an unknown usage', { usages: ['foo'] }, 'FieldValueNotSupported', 'spec.usages[0]'],
    ['a usage twice', { usages: ['any', 'any'] }, 'FieldValueDuplicate', 'spec.usages[1]'],
    ['no request', { request: undefined }, 'FieldValueInvalid', 'spec.request'],
    ['a request that is no PEM', { request: base64('hello') }, 'FieldValueInvalid', 'spec.request'],
  ])('refuses %s', async (_what, spec, cause, field) => {
    const answer = await send(getApi().admin, 'POST', REQUESTS, request(fresh('csr'), spec))
    expectRefusal(answer, 422, 'Invalid', [cause], [field])
  })

  test('refuses DER, and a signature that is wrong', async () => {
    const bad = Uint8Array.from(der)
    bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1
    const lines = base64(bad)
      .match(/.{1,64}/g)
      ?.join('\n')
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`
    for (const spec of [{ request: base64(der) }, { request: base64(forged) }]) {
      const answer = await send(getApi().admin, 'POST', REQUESTS, request(fresh('csr'), spec))
      expectRefusal(answer, 422, 'Invalid', ['FieldValueInvalid'], ['spec.request'])
    }
  })

  test('the spec never changes, without a word', async () => {
    const name = await make()
    const body = request(name, { usages: ['server auth'], signerName: 'example.com/other' })
    const answer = objectOf(await send(getApi().admin, 'PUT', `${REQUESTS}/${name}`, body), 200)
    expect(answer['spec']).toMatchObject({ usages: ['client auth'], signerName: SIGNER })
    const broken = request(name, { usages: [], signerName: 'x' })
    objectOf(await send(getApi().admin, 'PUT', `${REQUESTS}/${name}`, broken), 200)
  })

  test('the main path leaves the status alone', async () => {
    const name = await make()
    const answer = await merge(name, '', { status: { certificate: base64(certificate) } })
    expect(statusOf(objectOf(answer, 200))).toEqual({})
  })

  describe('approval', () => {
    test('approves, and says when', async () => {
      const name = await make()
      const approved = objectOf(await merge(name, '/approval', conditions(condition('Approved'))), 200)
      const [one] = listAt(statusOf(approved), 'conditions')
      expect(textAt(one, 'lastTransitionTime')).toMatch(/Z$/)
      expect(textAt(one, 'lastUpdateTime')).toMatch(/Z$/)
    })

    test('leaves the certificate alone', async () => {
      const name = await make()
      const body = { status: { certificate: base64(certificate) } }
      expect(statusOf(objectOf(await merge(name, '/approval', body), 200))).toEqual({})
    })

    test.each<[string, object[], string, string]>([
      [
        'a verdict that is not True',
        [condition('Denied', { status: 'False' })],
        'FieldValueNotSupported',
        'status.conditions[0].status',
      ],
      [
        'both verdicts',
        [condition('Approved'), condition('Denied')],
        'FieldValueInvalid',
        'status.conditions[1].type',
      ],
      [
        'a verdict twice',
        [condition('Approved'), condition('Approved')],
        'FieldValueDuplicate',
        'status.conditions[1].type',
      ],
      [
        'a condition without a status',
        [{ type: 'Other' }],
        'FieldValueRequired',
        'status.conditions[0].status',
      ],
      ['a condition without a type', [{ status: 'True' }], 'FieldValueRequired', 'status.conditions[0].type'],
      [
        'a status that is none',
        [condition('Other', { status: 'Maybe' })],
        'FieldValueNotSupported',
        'status.conditions[0].status',
      ],
    ])('refuses %s', async (_what, list, cause, field) => {
      const name = await make()
      expectRefusal(await merge(name, '/approval', conditions(...list)), 422, 'Invalid', [cause], [field])
    })

    test.each(['Approved', 'Denied'])('%s stays', async (type) => {
      const name = await make()
      objectOf(await merge(name, '/approval', conditions(condition(type))), 200)
      for (const part of ['/approval', '/status']) {
        const refused = await merge(name, part, conditions())
        expectRefusal(refused, 422, 'Invalid', ['FieldValueForbidden'], ['status.conditions'])
      }
    })

    test('by apply adds to the list', async () => {
      const name = await make()
      const apply = (type: string, fieldManager: string, part: string) =>
        send(
          getApi().admin,
          'PATCH',
          `${REQUESTS}/${name}${part}`,
          {
            apiVersion: 'certificates.k8s.io/v1',
            kind: 'CertificateSigningRequest',
            metadata: { name },
            ...conditions(condition(type, { reason: 'r', message: 'm' })),
          },
          { contentType: APPLY, query: { fieldManager } },
        )
      objectOf(await apply('Approved', 'approver', '/approval'), 200)
      const both = objectOf(await apply('Failed', 'signer', '/status'), 200)
      expect(typesOf(both)).toEqual(['Approved', 'Failed'])
    })
  })

  describe('status', () => {
    test('cannot approve', async () => {
      const name = await make()
      const answer = await merge(name, '/status', conditions(condition('Approved')))
      expectRefusal(answer, 422, 'Invalid', ['FieldValueForbidden'], ['status.conditions'])
    })

    test.each(['none', 'Denied'])('takes a certificate with the verdict %s', async (verdict) => {
      const name = await make()
      if (verdict !== 'none') objectOf(await merge(name, '/approval', conditions(condition(verdict))), 200)
      const body = { status: { certificate: base64(certificate) } }
      expect(statusOf(objectOf(await merge(name, '/status', body), 200))).toMatchObject(body.status)
    })

    test('a certificate is set once', async () => {
      const name = await make()
      objectOf(await merge(name, '/status', { status: { certificate: base64(certificate) } }), 200)
      for (const other of [base64(`${certificate}\n`), null]) {
        const refused = await merge(name, '/status', { status: { certificate: other } })
        expectRefusal(refused, 422, 'Invalid', ['FieldValueForbidden'], ['status.certificate'])
      }
      objectOf(await merge(name, '/status', { status: { certificate: base64(certificate) } }), 200)
    })

    test.each<[string, (pem: string) => string]>([
      ['no PEM', () => 'hello'],
      ['another block', () => pem],
      ['headers', (text) => text.replace('-----\n', '-----\nA: b\n\n')],
      ['no certificate in it', () => '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'],
    ])('refuses a certificate that is %s', async (_what, text) => {
      const name = await make()
      const answer = await merge(name, '/status', { status: { certificate: base64(text(certificate)) } })
      expectRefusal(answer, 422, 'Invalid', ['FieldValueInvalid'], ['status.certificate'])
    })

    test('takes text around the certificate, and several of them', async () => {
      const name = await make()
      const text = `hello\n${certificate}between\n${certificate}end\n`
      objectOf(await merge(name, '/status', { status: { certificate: base64(text) } }), 200)
    })

    test('Failed stays, and can be told in other words', async () => {
      const name = await make()
      objectOf(await merge(name, '/status', conditions(condition('Failed', { reason: 'a' }))), 200)
      const removed = await merge(name, '/status', conditions())
      expectRefusal(removed, 422, 'Invalid', ['FieldValueForbidden'], ['status.conditions'])
      objectOf(await merge(name, '/status', conditions(condition('Failed', { reason: 'b' }))), 200)
    })

    test('other conditions come and go', async () => {
      const name = await make()
      objectOf(await merge(name, '/status', conditions(condition('Other', { status: 'False' }))), 200)
      expect(typesOf(objectOf(await merge(name, '/status', conditions()), 200))).toEqual([])
    })

    test('writes metadata, but no spec', async () => {
      const name = await make()
      const body = { metadata: { labels: { a: 'b' } }, spec: { usages: ['any'] } }
      const answer = objectOf(await merge(name, '/status', body), 200)
      expect(metaOf(answer)['labels']).toEqual({ a: 'b' })
      expect(answer['spec']).toMatchObject({ usages: ['client auth'] })
    })

    test('a denial in between makes a write with the version fail', async () => {
      const { admin } = getApi()
      const name = await make()
      const path = `${REQUESTS}/${name}`
      const read = objectOf(await merge(name, '/approval', conditions(condition('Approved'))))
      objectOf(await merge(name, '', { metadata: { labels: { a: 'b' } } }), 200)
      const body = { ...read, status: { ...statusOf(read), certificate: base64(certificate) } }
      expectRefusal(await send(admin, 'PUT', `${path}/status`, body), 409, 'Conflict')
      const again = objectOf(await send(admin, 'GET', path))
      const next = { ...again, status: { ...statusOf(again), certificate: base64(certificate) } }
      const issued = objectOf(await send(admin, 'PUT', `${path}/status`, next), 200)
      expect(Number(versionOf(issued))).toBeGreaterThan(Number(versionOf(again)))
    })
  })

  test('parts can be read', async () => {
    const { admin } = getApi()
    const name = await make()
    for (const part of ['status', 'approval'])
      expect(metaOf(objectOf(await send(admin, 'GET', `${REQUESTS}/${name}/${part}`), 200))['name']).toBe(
        name,
      )
    expectRefusal(await send(admin, 'POST', `${REQUESTS}/${name}/status`, {}), 405, 'MethodNotAllowed')
    expectRefusal(await send(admin, 'GET', `${REQUESTS}/${name}/other`), 404, 'NotFound')
  })

  test('is selected by its signer', async () => {
    const { admin } = getApi()
    const signerName = `example.com/${fresh('only')}`
    const name = await make({ signerName })
    await make()
    const list = (fieldSelector: string) =>
      send(admin, 'GET', REQUESTS, undefined, { query: { fieldSelector } })
    expect(namesOf(objectOf(await list(`spec.signerName=${signerName}`)))).toEqual([name])
    expect(namesOf(objectOf(await list(`spec.signerName!=${SIGNER}`)))).toContain(name)
    expectRefusal(await list('spec.username=x'), 400, 'BadRequest')
  })

  describe('who may', () => {
    const rule = (
      resources: readonly string[],
      verbs: readonly string[],
      resourceNames?: readonly string[],
    ) => ({
      apiGroups: ['certificates.k8s.io'],
      resources,
      verbs,
      ...(resourceNames === undefined ? {} : { resourceNames }),
    })
    const APPROVE = rule(['certificatesigningrequests/approval'], ['patch'])
    const SIGN = rule(['certificatesigningrequests/status'], ['patch'])
    const certify = () => ({ status: { certificate: base64(certificate) } })

    test.each<[string, string, string[] | undefined, boolean]>([
      ['approve', '/approval', undefined, false],
      ['approve', '/approval', ['example.com/other'], false],
      ['approve', '/approval', [SIGNER], true],
      ['approve', '/approval', ['example.com/*'], true],
      ['sign', '/status', undefined, false],
      ['sign', '/status', [SIGNER], true],
      ['sign', '/status', ['example.com/*'], true],
    ])('%s through %s with the signers %j: %s', async (verb, part, signers, isAllowed) => {
      const signerRules = signers === undefined ? [] : [rule(['signers'], [verb], signers)]
      const user = await getApi().as(fresh('user'), [], [APPROVE, SIGN, ...signerRules])
      const name = await make()
      const body = part === '/approval' ? conditions(condition('Approved')) : certify()
      const answer = await send(user, 'PATCH', `${REQUESTS}/${name}${part}`, body, { contentType: MERGE })
      if (isAllowed) objectOf(answer, 200)
      else expectRefusal(answer, 403, 'Forbidden')
    })

    test.each(['Failed', 'Other'])('a condition %s needs the verb sign, too', async (type) => {
      const name = await make()
      const patch = (user: KubeTransport) =>
        send(user, 'PATCH', `${REQUESTS}/${name}/status`, conditions(condition(type)), { contentType: MERGE })
      expectRefusal(await patch(await getApi().as(fresh('user'), [], [SIGN])), 403, 'Forbidden')
      const signer = await getApi().as(fresh('user'), [], [SIGN, rule(['signers'], ['sign'], [SIGNER])])
      objectOf(await patch(signer), 200)
    })

    test('what changes nothing of the status needs none', async () => {
      const user = await getApi().as(fresh('user'), [], [SIGN])
      const name = await make()
      const body = { metadata: { labels: { a: 'b' } } }
      objectOf(await send(user, 'PATCH', `${REQUESTS}/${name}/status`, body, { contentType: MERGE }), 200)
    })
  })
}
