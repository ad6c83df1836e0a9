import { describe, expect, test } from 'vitest'
import type { IssueWorkloadOptions, NameConstraintsInput } from '../../../src/ca/index.ts'
import { checkPath } from '../../../src/verify/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { below, CallersSigner, ID, INTERMEDIATE, keyOf, NOW, request, rootCa } from './support.ts'

type San = NonNullable<IssueWorkloadOptions['subjectAltNames']>[number]

/** Issues below a constrained root; the answer is what was signed after the CA was made, and the code of a refusal. */
async function attempt(
  nameConstraints: NameConstraintsInput,
  options: { readonly id?: string; readonly names?: readonly San[]; readonly subject?: string },
): Promise<readonly [signatures: number, code: string | undefined]> {
  const key = new CallersSigner(await keyOf('Ed25519'))
  const root = await rootCa({ key, nameConstraints })
  const before = key.calls
  const issue = root.issueWorkload(await request(), {
    id: options.id ?? ID,
    lifetime: '1h',
    ...(options.names === undefined ? {} : { subjectAltNames: options.names }),
    ...(options.subject === undefined ? {} : { subject: options.subject }),
  })
  const code = await issue.then(
    async ({ certificate }) => {
      const verdict = await checkPath(certificate, { anchors: root.certificate, purpose: 'any', time: NOW })
      expect(verdict.ok).toBe(true)
      return undefined
    },
    (error: { code?: string }) => error.code ?? String(error),
  )
  return [key.calls - before, code]
}

const REFUSED = [0, 'ERR_CA_NAME_CONSTRAINTS'] as const
const SIGNED = [1, undefined] as const
const dns = (value: string): San => ({ type: 'dns', value })
const email = (value: string): San => ({ type: 'email', value })
const ip = (value: string): San => ({ type: 'ip', value })
const permit = (...permitted: NonNullable<NameConstraintsInput['permitted']>): NameConstraintsInput => ({
  permitted,
  otherForms: 'allow',
})
const exclude = (...excluded: NonNullable<NameConstraintsInput['excluded']>): NameConstraintsInput => ({
  excluded,
  otherForms: 'allow',
})

describe('what the chain refuses is not signed (RFC 5280 §4.2.1.10): the key is not touched', () => {
  test.each<[string, NameConstraintsInput, Parameters<typeof attempt>[1], Parameters<typeof attempt>[1]]>([
    [
      'a trust domain',
      permit({ type: 'uri', value: 'cluster.local' }),
      {},
      { id: 'spiffe://other/ns/a/sa/b' },
    ],
    [
      'a trust domain below it',
      permit({ type: 'uri', value: '.cluster.local' }),
      { id: 'spiffe://a.cluster.local/x' },
      {},
    ],
    [
      'an excluded trust domain',
      exclude({ type: 'uri', value: 'evil.example' }),
      {},
      { id: 'spiffe://evil.example/x' },
    ],
    [
      'a domain',
      permit({ type: 'dns', value: 'example.com' }),
      { names: [dns('a.example.com')] },
      { names: [dns('aexample.com')] },
    ],
    [
      'an excluded domain',
      exclude({ type: 'dns', value: 'example.com' }),
      { names: [dns('example.org')] },
      { names: [dns('EXAMPLE.com')] },
    ],
    [
      'a wildcard over the excluded',
      exclude({ type: 'dns', value: 'a.example.com' }),
      { names: [dns('*.example.org')] },
      { names: [dns('*.example.com')] },
    ],
    [
      'the second of two names',
      permit({ type: 'dns', value: 'example.com' }),
      { names: [dns('example.com'), dns('a.example.com')] },
      { names: [dns('example.com'), dns('example.org')] },
    ],
    [
      'a range',
      permit({ type: 'ip', value: '10.0.0.0/8' }),
      { names: [ip('10.255.0.1')] },
      { names: [ip('11.0.0.1')] },
    ],
    [
      'IPv6 where IPv4 is permitted',
      permit({ type: 'ip', value: '10.0.0.0/8' }),
      { names: [ip('10.0.0.1')] },
      { names: [ip('::ffff:10.0.0.1')] },
    ],
    [
      'a mailbox',
      permit({ type: 'email', value: 'a@example.com' }),
      { names: [email('a@example.com')] },
      { names: [email('b@example.com')] },
    ],
    [
      'a subject',
      permit({ type: 'directory', value: 'O=Istio' }),
      { subject: 'CN=a,O=Istio' },
      { subject: 'CN=a,O=Other' },
    ],
    [
      'an excluded subject in another case (§7.1)',
      exclude({ type: 'directory', value: 'O=Evil' }),
      { subject: 'CN=a,O=Good' },
      { subject: 'CN=a,O=EVIL' },
    ],
  ])('%s', async (_, constraints, good, bad) => {
    expect(await attempt(constraints, good)).toEqual(SIGNED)
    expect(await attempt(constraints, bad)).toEqual(REFUSED)
  })

  test('constraints of a certificate far above, on intermediates too', async () => {
    const root = await rootCa({
      nameConstraints: permit({ type: 'uri', value: 'cluster.local' }, { type: 'dns', value: 'svc' }),
    })
    const key = new CallersSigner(await keyOf('Ed25519'))
    const middle = await below(root, { pathLength: 1 })
    const workload = async (id: string) => middle.issueWorkload(await request(), { id, lifetime: '1h' })
    await workload(ID)
    const error = await refusalOfAsync(workload('spiffe://other/ns/a/sa/b'))
    expect(error.code).toBe('ERR_CA_NAME_CONSTRAINTS')
    expect(error.message).toMatch(
      /would never verify: the name URI:spiffe:\/\/other\/ns\/a\/sa\/b is in none of the permitted subtrees URI:cluster\.local.*"CN=Root CA,O=Istio" .*RFC 5280 §4\.2\.1\.10/,
    )
    const named = async (value: string) =>
      middle.issueIntermediate(await request({ subject: 'CN=third' }), {
        lifetime: '1d',
        subjectAltNames: [dns(value)],
      })
    await named('istiod.istio-system.svc')
    expect((await refusalOfAsync(named('istiod.example'))).code).toBe('ERR_CA_NAME_CONSTRAINTS')
    expect(key.calls).toBe(0)
  })

  test('constraints of an intermediate are its own: written, critical, and enforced below it', async () => {
    const root = await rootCa()
    const ca = await below(root, { nameConstraints: permit({ type: 'uri', value: 'kind2' }) })
    expect(ca.certificate.extensions.find(({ oid }) => oid === '2.5.29.30')?.critical).toBe(true)
    const workload = async (id: string) => ca.issueWorkload(await request(), { id, lifetime: '1h' })
    await workload('spiffe://kind2/ns/a/sa/b')
    expect((await refusalOfAsync(workload(ID))).code).toBe('ERR_CA_NAME_CONSTRAINTS')
    await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
  })
})

describe('constraints that could not be judged are not written', () => {
  test.each<[string, NameConstraintsInput, string]>([
    ['none at all', {}, 'ERR_CA_NAME_CONSTRAINTS'],
    ['two empty lists', { permitted: [], excluded: [] }, 'ERR_CA_NAME_CONSTRAINTS'],
    ['a wildcard', permit({ type: 'dns', value: '*.example.com' }), 'ERR_CA_NAME_CONSTRAINTS'],
    ['a leading dot', permit({ type: 'dns', value: '.example.com' }), 'ERR_CA_NAME_CONSTRAINTS'],
    ['an address as a domain', permit({ type: 'dns', value: '10.0.0.1' }), 'ERR_CA_NAME_CONSTRAINTS'],
    ['an address as a host of URIs', permit({ type: 'uri', value: '10.0.0.1' }), 'ERR_CA_NAME_CONSTRAINTS'],
    ['a whole URI', permit({ type: 'uri', value: 'spiffe://cluster.local' }), 'ERR_CA_NAME_CONSTRAINTS'],
    ['a host with a port', permit({ type: 'uri', value: 'example.com:443' }), 'ERR_CA_NAME_CONSTRAINTS'],
    [
      'a registered identifier',
      exclude({ type: 'registered-id', value: '1.2.3' }),
      'ERR_CA_NAME_CONSTRAINTS',
    ],
    ['an address without a mask', permit({ type: 'ip', value: '10.0.0.1' }), 'ERR_GENERAL_NAME'],
    ['bits outside the prefix', permit({ type: 'ip', value: '10.0.0.1/8' }), 'ERR_GENERAL_NAME'],
    ['a prefix of 33', permit({ type: 'ip', value: '10.0.0.0/33' }), 'ERR_GENERAL_NAME'],
    ['a NUL', permit({ type: 'dns', value: 'a\0.com' }), 'ERR_CA_NAME_CONSTRAINTS'],
    [
      'letters that are not ASCII',
      permit({ type: 'dns', value: 'bücher.example' }),
      'ERR_CA_NAME_CONSTRAINTS',
    ],
  ])('%s', async (_, nameConstraints, code) => {
    const root = await rootCa()
    const csr = await request({ subject: INTERMEDIATE })
    for (const issue of [
      () => rootCa({ nameConstraints }),
      () => root.issueIntermediate(csr, { lifetime: '1d', nameConstraints }),
    ]) {
      const error = await refusalOfAsync(issue())
      expect(error.code).toBe(code)
      expect(error.message).not.toContain('\0')
      expect(error.message).toMatch(/RFC 5280 §4\.2\.1\.(10|6)/)
    }
  })

  test('a mistyped option is named', async () => {
    await expect(rootCa({ nameConstraints: { permited: [] } as object })).rejects.toThrow(
      /no option "permited"\. Did you mean "permitted"/,
    )
  })
})
