import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import {
  answerRequest,
  encodeCertificateRequest,
  readCertificateRequest,
} from '../../../../src/kubernetes/federation/certificate-request.ts'
import { MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { caUnder, type MadeCa, ORDER, pemOf, rootOf } from './parts.ts'

let a: CertificateAuthority
let ca: MadeCa
let csr: Csr
let request: KubeObject

beforeAll(async () => {
  a = await rootOf('a')
  ca = await caUnder(a)
  csr = (await createCsr({ subject: 'O=Istio', key: 'P-256' })).csr
  const made = encodeCertificateRequest(MESH_PKI_API.certificateRequests, {
    ...ORDER,
    csr,
    round: 'r1',
    labels: { mine: 'yes' },
  })
  request = { ...made, metadata: { ...made.metadata, uid: 'u', generation: 3 } }
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const withStatus = (status: object): KubeObject => ({ ...request, status })

describe('a request', () => {
  test('is read as it was made, and waits', () => {
    expect(readCertificateRequest(request)).toMatchObject({ round: 'r1', state: 'PENDING', error: '' })
    expect(readCertificateRequest(request).csr.toPem()).toBe(csr.toPem())
    expect(readCertificateRequest(request).answer).toBeUndefined()
  })

  test.each([
    ['none', {}],
    ['an empty one', { certificateSigningRequest: '' }],
    ['what is no base64', { certificateSigningRequest: '%%' }],
    ['more than a request ever has', { certificateSigningRequest: 'A'.repeat(262_148) }],
  ])('with %s is refused before it is decoded', (_name, spec) => {
    expect(() => readCertificateRequest({ ...request, spec })).toThrow(
      expect.objectContaining({ code: 'ERR_KUBERNETES_ORDER' }),
    )
  })
})

describe('an answer', () => {
  test('is read as it was given: the certificate, those above it, and the roots', () => {
    const { certificate, chain } = ca
    const read = readCertificateRequest(answerRequest(request, { certificate, chain, roots: pemOf(a) }))
    expect(read.state).toBe('FINISHED')
    expect(read.answer?.certificate.equals(certificate)).toBe(true)
    expect(read.answer?.roots.map(String)).toEqual([String(a.certificate)])
    expect(new Set(read.answer?.chain.map(String))).toEqual(new Set(chain.map(String)))
  })

  test('is none without a certificate, whatever the state says', () => {
    for (const signedCertificate of [undefined, '']) {
      const read = readCertificateRequest(withStatus({ state: 'FINISHED', signedCertificate }))
      expect([read.state, read.answer]).toEqual(['PENDING', undefined])
    }
    const given = { signedCertificate: base64(ca.certificate.toPem()) }
    expect(readCertificateRequest(withStatus({ state: 'FINISHED', ...given })).state).toBe('FINISHED')
    // Nor is one that stayed from before an answer of now.
    expect(readCertificateRequest(withStatus({ state: 'FAILED', ...given })).answer).toBeUndefined()
    expect(readCertificateRequest(withStatus({ state: 'PENDING', ...given })).answer).toBeUndefined()
  })

  test('without roots has none, and without a chain the certificate alone', () => {
    const given = { state: 'FINISHED', signedCertificate: base64(ca.certificate.toPem()) }
    const read = readCertificateRequest(withStatus(given))
    expect(read.answer?.roots).toEqual([])
    expect(read.answer?.chain.map(String)).toEqual([String(ca.certificate)])
  })

  test('tells which request it answers, and takes back what was said while it was waited for', () => {
    const waiting = answerRequest(request, { waitsFor: 'the order' })
    expect(waiting['status']).toMatchObject({ state: 'PENDING', error: 'the order' })
    expect(waiting['status']).not.toHaveProperty('observedGeneration')
    const { certificate, chain } = ca
    const finished = answerRequest(waiting, { certificate, chain, roots: pemOf(a) })
    expect(finished['status']).toMatchObject({ state: 'FINISHED', observedGeneration: 3 })
    expect(readCertificateRequest(finished).error).toBe('')
    const refused = answerRequest(waiting, { error: 'no' })
    expect(refused['status']).toMatchObject({ state: 'FAILED', observedGeneration: 3, error: 'no' })
  })

  test('keeps what others say in the status', () => {
    const { certificate, chain } = ca
    const before = withStatus({ theirs: 'x' })
    for (const answer of [
      { certificate, chain, roots: pemOf(a) },
      { error: 'no' },
      { waitsFor: 'the order' },
    ])
      expect(answerRequest(before, answer)['status']).toMatchObject({ theirs: 'x' })
  })
})
