import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  CertificateAuthority,
  checkHierarchy,
  type IssuancePolicyInput,
  type NameConstraintsInput,
  type PlannedCa,
  type PlannedWorkload,
} from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { MeshPkiError } from '../../src/errors.ts'
import { checkPath } from '../../src/verify/index.ts'
import { clockAt, NOW, request, rootCa } from '../unit/ca/support.ts'

/** What is said before anything is signed is what then happens: to be issued, and to verify. */
const constraints: fc.Arbitrary<NameConstraintsInput | undefined> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  fc.record({
    permitted: fc.subarray(
      [{ type: 'uri', value: 'east' } as const, { type: 'dns', value: 'svc' } as const],
      { minLength: 1 },
    ),
    otherForms: fc.constantFrom('close', 'allow' as const),
  }),
  fc.constant<NameConstraintsInput>({ excluded: [{ type: 'uri', value: 'west' }] }),
)
const planned: fc.Arbitrary<PlannedCa> = fc.record({
  subject: fc.constantFrom('CN=A', 'CN=B', 'CN=C', 'CN=Root CA,O=Istio', ''),
  pathLength: fc.constantFrom<PlannedCa['pathLength']>('none', 0, 1, 2),
  nameConstraints: constraints,
  subjectAltNames: fc.constantFrom<PlannedCa['subjectAltNames']>(
    [],
    [{ type: 'dns', value: 'istiod.svc' } as const],
  ),
})
const workload: fc.Arbitrary<PlannedWorkload> = fc.record({
  names: fc.subarray(
    [
      'spiffe://east/a',
      'spiffe://west/a',
      'spiffe://east',
      { type: 'dns', value: 'a.svc' } as const,
      { type: 'ip', value: '10.0.0.1' } as const,
    ],
    { maxLength: 2 },
  ),
  subject: fc.constantFrom('', '', 'CN=x', 'CN=A', 'CN=www.evil.com'),
})
const OPEN: IssuancePolicyInput = {
  name: 'open',
  subject: { from: 'caller', attributes: 'any' },
  names: { min: 0 },
  lifetime: { max: '1h' },
}

test('checkHierarchy agrees with issuance, and with verification', async () => {
  const tally = { fits: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(undefined, 0, 1, 2),
      constraints,
      fc.array(planned, { maxLength: 2 }),
      workload,
      async (pathLength, nameConstraints, cas, leaf) => {
        const root = await rootCa({ pathLength, nameConstraints })
        const findings = await checkHierarchy({ chain: root.chain, cas, workloads: [leaf] })
        const fits = findings.every(({ effect }) => effect !== 'refused')
        const outcome = await issue(root, cas, leaf)
        expect({ fits, findings, outcome }).toMatchObject({ fits: outcome === undefined })
        tally[fits ? 'fits' : 'refused']++
      },
    ),
    { numRuns: 400 },
  )
  expect(tally.fits).toBeGreaterThan(20)
  expect(tally.refused).toBeGreaterThan(100)
})

/** Why the plan cannot be carried out; `undefined` where it can. */
async function issue(
  root: CertificateAuthority,
  cas: readonly PlannedCa[],
  leaf: PlannedWorkload,
): Promise<string | undefined> {
  let ca = root
  try {
    for (const plan of cas) {
      const { csr, signer } = await createCsr({ subject: 'CN=asked', key: 'Ed25519' })
      const { subject, pathLength, nameConstraints, subjectAltNames } = plan
      const issued = await ca.issueIntermediate(csr, {
        lifetime: '30d',
        subject,
        pathLength,
        nameConstraints,
        subjectAltNames: (subjectAltNames ?? []) as never,
      })
      ca = await CertificateAuthority.from({ ...issued, signer, clock: clockAt() })
    }
    const { certificate, chain } = await ca.sign(await request(), OPEN, {
      identities: leaf.names,
      subject: leaf.subject,
    })
    const verdict = await checkPath(certificate, {
      anchors: root.certificate,
      intermediates: chain,
      purpose: 'serverAuth',
      time: NOW,
    })
    return verdict.ok ? undefined : verdict.error.message
  } catch (error) {
    expect(error).toBeInstanceOf(MeshPkiError)
    return error instanceof Error ? error.message : String(error)
  }
}
