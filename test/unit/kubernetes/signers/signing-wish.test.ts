import { expect, it } from 'vitest'
import { Csr } from '../../../../src/csr/index.ts'
import { wishOf } from '../../../../src/kubernetes/signers/signing-wish.ts'
import { forge } from './forged-csr.ts'
import { CART_ID } from './support.ts'

const csr = Csr.fromDer(forge())
const REQUEST = { kind: 'CertificateRequest', csr, usages: ['server auth', 'client auth'], isCa: false }
const GRANT = { identities: [CART_ID], subject: 'CN=a' }
const wish = (request: object = {}, grant: object = {}): string =>
  wishOf({ request: { ...REQUEST, ...request }, grant: { ...GRANT, ...grant } } as never)

it.each<[string, object, object]>([
  ['key', { csr: Csr.fromDer(forge()) }, {}],
  ['usages', { usages: ['server auth'] }, {}],
  ['a CA instead', { isCa: true }, {}],
  ['kind', { kind: 'PodCertificateRequest' }, {}],
  ['names', {}, { identities: [`${CART_ID}2`] }],
  ['more names', {}, { identities: [CART_ID, { type: 'dns', value: 'a.example' }] }],
  ['no names', {}, { identities: [] }],
  ['subject', {}, { subject: 'CN=b' }],
  ['no subject', {}, { subject: undefined }],
])('another wish: %s', (_what, request, grant) => {
  expect(wish(request, grant)).not.toBe(wish())
})

it.each<[string, object, object]>([
  ['in another order of usages', { usages: ['client auth', 'server auth'] }, {}],
  ['of a request that has other annotations', { annotations: { a: 'b' } }, {}],
  ['whose time is looked at elsewhere', { lifetimeMs: 1 }, { lifetime: '1h' }],
])('the same wish %s', (_what, request, grant) => {
  expect(wish(request, grant)).toBe(wish())
})

it('is none where names cannot be read', () => {
  expect(() => wish({}, { identities: ['spiffe://Bad'] })).toThrow()
})
