import { describe, expect, test } from 'vitest'
import type { NameConstraintsInput } from '../../../src/ca/index.ts'
import { formatGeneralName, type GeneralNameInput } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { ID, request, rootCa } from './support.ts'

const TD: GeneralNameInput = { type: 'uri', value: 'cluster.local' }
const NAMES: Readonly<Record<string, GeneralNameInput>> = {
  dns: { type: 'dns', value: 'a.example' },
  ip: { type: 'ip', value: '10.0.0.1' },
  ipv6: { type: 'ip', value: '2001:db8::1' },
  email: { type: 'email', value: 'a@example.com' },
}

describe('forms that no subtree mentions are closed (RFC 5280 §4.2.1.10 leaves them free)', () => {
  test.each(Object.entries(NAMES))('%s', async (_, name) => {
    const issue = async (nameConstraints: NameConstraintsInput) =>
      (await rootCa({ nameConstraints })).issueWorkload(await request(), {
        id: ID,
        lifetime: '1h',
        subjectAltNames: [name],
      })
    expect((await refusalOfAsync(issue({ permitted: [TD] }))).code).toBe('ERR_CA_NAME_CONSTRAINTS')
    expect((await refusalOfAsync(issue({ permitted: [TD], otherForms: 'close' }))).code).toBe(
      'ERR_CA_NAME_CONSTRAINTS',
    )
    await issue({ permitted: [TD], otherForms: 'allow' })
    // Mentioned, if only to exclude a part of it.
    const subtree: GeneralNameInput =
      name.type === 'ip'
        ? { type: 'ip', value: name.value.includes(':') ? 'fd00::/8' : '192.0.2.0/24' }
        : { type: name.type === 'dns' ? 'dns' : 'email', value: 'other.org' }
    await issue({ permitted: [TD], excluded: [subtree] })
  })

  test('URIs too', async () => {
    const root = await rootCa({ nameConstraints: { permitted: [{ type: 'dns', value: 'a.example' }] } })
    const error = await refusalOfAsync(root.issueWorkload(await request(), { id: ID, lifetime: '1h' }))
    expect(error.message).toContain('in none of the permitted subtrees URI:closed.invalid')
  })

  test('what is written', async () => {
    const { certificate } = await rootCa({ nameConstraints: { permitted: [TD] } })
    const { permitted, excluded } = certificate.nameConstraints ?? { permitted: [], excluded: [] }
    expect(permitted.map(formatGeneralName)).toEqual([
      'URI:cluster.local',
      'DNS:closed.invalid',
      'email:closed.invalid',
    ])
    expect(excluded.map(formatGeneralName)).toEqual(['IP:0.0.0.0/0', 'IP:::/0'])
    const open = await rootCa({ nameConstraints: { permitted: [TD], otherForms: 'allow' } })
    expect(open.certificate.nameConstraints).toEqual({ permitted: [TD], excluded: [] })
  })

  test('subjects stay free', async () => {
    const root = await rootCa({ nameConstraints: { permitted: [TD] } })
    const { certificate } = await root.issueWorkload(await request(), {
      id: ID,
      lifetime: '1h',
      subject: 'O=Anything',
    })
    expect(String(certificate.subject)).toBe('O=Anything')
  })

  test('misuse', async () => {
    await expect(rootCa({ nameConstraints: { permitted: [TD], otherForms: true } as never })).rejects.toThrow(
      /"nameConstraints\.otherForms" must be one of "close", "allow"/,
    )
    await expect(rootCa({ nameConstraints: { otherForms: 'close' } })).rejects.toThrow(
      /neither permitted nor excluded/,
    )
  })
})
