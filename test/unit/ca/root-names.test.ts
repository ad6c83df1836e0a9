import { expect, test } from 'vitest'
import { SpiffeBundle, verifySvid } from '../../../src/spiffe/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { ID, NOW, namesOf, request, rootCa } from './support.ts'

/** The warnings of an SVID right below a root. */
async function warnings(names?: Parameters<typeof rootCa>[0]): Promise<readonly string[]> {
  const root = await rootCa(names)
  const { chain } = await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
  const bundles = SpiffeBundle.of({ trustDomain: 'cluster.local', x509Authorities: root.certificate })
  return (await verifySvid(chain, { bundles, time: NOW })).warnings.map(({ requirement }) => requirement)
}

test('a root may bear the SPIFFE ID of its trust domain (X509-SVID §3.2), which then is no longer missed', async () => {
  const subjectAltNames = [{ type: 'uri', value: 'spiffe://cluster.local' }] as const
  expect(namesOf((await rootCa({ subjectAltNames })).certificate)).toEqual(['uri:spiffe://cluster.local'])
  expect(await warnings()).toContain('X-05')
  expect(await warnings({ subjectAltNames })).not.toContain('X-05')
})

test('names that are none are refused; no names is no extension', async () => {
  const subjectAltNames = [{ type: 'dns', value: 'a..b' }] as const
  expect((await refusalOfAsync(rootCa({ subjectAltNames }))).code).toBe('ERR_GENERAL_NAME')
  expect((await rootCa({ subjectAltNames: [] })).certificate.subjectAltNames).toEqual([])
})
