import { describe, expect, test } from 'vitest'
import { checkHierarchy, type HierarchyPlan, type PlannedCa } from '../../../src/ca/index.ts'
import { below, ID, request, rootCa } from './support.ts'

const rules = async (plan: HierarchyPlan): Promise<readonly string[]> =>
  (await checkHierarchy(plan)).map(({ rule, effect, subject }) => `${subject} ${rule} ${effect}`)

const WORKLOAD = { names: ['spiffe://east/ns/a/sa/b'] }
const ROOT: PlannedCa = { subject: 'CN=Root' }
const permitted = (value: string, type: 'uri' | 'dns' = 'uri') => ({ permitted: [{ type, value }] })

describe('a plan that fits has no findings', () => {
  test.each<[string, HierarchyPlan]>([
    ['a root alone', { cas: [ROOT], workloads: [WORKLOAD] }],
    [
      'root, intermediate',
      {
        cas: [
          { subject: 'CN=Root', pathLength: 1 },
          { subject: 'CN=A', pathLength: 0 },
        ],
        workloads: [WORKLOAD],
      },
    ],
    [
      'a constraint and its trust domain',
      { cas: [ROOT, { subject: 'CN=A', nameConstraints: permitted('east') }], workloads: [WORKLOAD] },
    ],
    [
      'lifetimes that shrink',
      {
        cas: [
          { ...ROOT, lifetime: '3650d' },
          { subject: 'CN=A', lifetime: '365d' },
        ],
        workloads: [{ ...WORKLOAD, lifetime: '24h' }],
      },
    ],
  ])('%s', async (_, plan) => {
    expect(await rules(plan)).toEqual([])
  })
})

describe('what does not fit', () => {
  test.each<[string, HierarchyPlan, readonly string[]]>([
    [
      'a root with path length 0 over an intermediate (which istiod accepts)',
      { cas: [{ subject: 'CN=Root', pathLength: 0 }, { subject: 'CN=A' }], workloads: [WORKLOAD] },
      ['"CN=A" path-length refused', '"spiffe://east/ns/a/sa/b" path-length refused'],
    ],
    [
      'path lengths that do not shrink',
      {
        cas: [
          { subject: 'CN=Root', pathLength: 1 },
          { subject: 'CN=A', pathLength: 1 },
          { subject: 'CN=B', pathLength: 0 },
        ],
        workloads: [],
      },
      ['"CN=A" path-length refused', '"CN=B" path-length refused'],
    ],
    [
      'a workload of another trust domain',
      { cas: [ROOT, { subject: 'CN=A', nameConstraints: permitted('west') }], workloads: [WORKLOAD] },
      ['"spiffe://east/ns/a/sa/b" name-constraints refused'],
    ],
    [
      'a form that the constraint closes',
      {
        cas: [{ ...ROOT, nameConstraints: permitted('east') }],
        workloads: [{ names: ['spiffe://east/a', { type: 'dns', value: 'a.example' }] }],
      },
      ['"spiffe://east/a" name-constraints refused'],
    ],
    [
      "an intermediate's own name under a constraint above it",
      {
        cas: [
          { ...ROOT, nameConstraints: permitted('east') },
          { subject: 'CN=A', subjectAltNames: [{ type: 'dns', value: 'istiod.istio-system.svc' }] },
        ],
        workloads: [WORKLOAD],
      },
      ['"CN=A" name-constraints refused'],
    ],
    [
      'two constraints without a common name',
      {
        cas: [
          { ...ROOT, nameConstraints: permitted('east') },
          { subject: 'CN=A', nameConstraints: permitted('west') },
        ],
        workloads: [WORKLOAD, { names: ['spiffe://west/a'] }],
      },
      [
        '"CN=A" name-constraints refused',
        '"spiffe://east/ns/a/sa/b" name-constraints refused',
        '"spiffe://west/a" name-constraints refused',
      ],
    ],
    [
      'a constraint outside of that above it, also without a workload',
      {
        cas: [
          { ...ROOT, nameConstraints: permitted('.mesh.example') },
          { subject: 'CN=A', nameConstraints: permitted('a.mesh.example') },
          { subject: 'CN=B', nameConstraints: permitted('east') },
        ],
        workloads: [],
      },
      ['"CN=B" name-constraints refused', '"CN=B" name-constraints refused'],
    ],
    [
      'lifetimes that grow',
      { cas: [{ ...ROOT, lifetime: '1d' }], workloads: [{ ...WORKLOAD, lifetime: '48h' }] },
      ['"spiffe://east/ns/a/sa/b" lifetime shortened'],
    ],
    [
      'a CA with the subject of one above',
      { cas: [ROOT, { subject: 'CN=root' }], workloads: [] },
      ['"CN=root" self-issued refused'],
    ],
  ])('%s', async (_, plan, expected) => {
    expect(await rules(plan)).toEqual(expected)
  })

  test('and what is said before is what happens', async () => {
    const root = await rootCa({ pathLength: 1, nameConstraints: permitted('cluster.local') })
    const ca = await below(root)
    const other = 'spiffe://other/ns/a/sa/b'
    const findings = await checkHierarchy({
      chain: ca.chain,
      cas: [],
      workloads: [{ names: [ID] }, { names: [other] }],
    })
    expect(findings.map(({ subject }) => subject)).toEqual([`"${other}"`])
    await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    await expect(ca.issueWorkload(await request(), { id: other, lifetime: '1h' })).rejects.toMatchObject({
      code: 'ERR_CA_NAME_CONSTRAINTS',
    })
    expect(await rules({ chain: ca.chain, cas: [{ subject: 'CN=Too deep' }], workloads: [] })).toEqual([
      '"CN=Too deep" path-length refused',
    ])
  })
})

describe('what exists already', () => {
  test('a leaf in place of a CA, a CA for other purposes, the wrong order', async () => {
    const root = await rootCa()
    const ca = await below(root)
    const leaf = (await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })).certificate
    const workloads = [{ names: [ID] }]
    expect(await rules({ chain: [leaf, ...ca.chain], cas: [], workloads })).toContain(
      `"${ID}" not-ca refused`,
    )
    await expect(checkHierarchy({ chain: [...ca.chain].reverse(), cas: [], workloads })).rejects.toThrow(
      /"chain" must hold each CA before its issuer/,
    )
    const relay = await below(root, { profile: 'gloo-relay-signing', pathLength: 0 })
    expect(await rules({ chain: relay.chain, cas: [], workloads })).toEqual([])
  })

  test('lifetimes beyond those of its CAs', async () => {
    const root = await rootCa({ lifetime: '30d' })
    expect(
      await rules({ chain: root.chain, cas: [{ subject: 'CN=A', lifetime: '31d' }], workloads: [] }),
    ).toEqual(['"CN=A" lifetime shortened'])
  })
})

describe('misuse', () => {
  test.each<[unknown, RegExp]>([
    [{ cas: [], workloads: [] }, /at least one CA/],
    [{ cas: {}, workloads: [] }, /"cas" must be an array; got object/],
    [
      { cas: [{ subject: 'CN=a', pathlength: 0 }], workloads: [] },
      /"cas\[0\]" has no option "pathlength"\. Did you mean "pathLength"/,
    ],
    [{ cas: [{ subject: 'CN=a', pathLength: -1 }], workloads: [] }, /"cas\[0\]\.pathLength"/],
    [{ cas: [ROOT], workloads: [{ names: 'a' }] }, /"workloads\[0\]\.names" must be an array/],
  ])('%j', async (plan, message) => {
    await expect(checkHierarchy(plan as HierarchyPlan)).rejects.toThrow(message)
  })
})
