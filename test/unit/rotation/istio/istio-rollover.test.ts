import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../../src/ca/index.ts'
import { checkIstioRoots, istioRollover, type RolloverParameters } from '../../../../src/rotation/index.ts'
import { ADOPTION, at, plan } from '../rollover/support.ts'

const make = async (name: string): Promise<string> =>
  (
    await createRootCa({ subject: `CN=${name}`, lifetime: '90d', clock: { now: () => at(0) } })
  ).certificate.toPem()
const [A, B, A1, A2, A3] = await Promise.all(['A', 'B', 'A1', 'A2', 'A3'].map(make))
const CERTIFICATES: Record<string, string> = {
  A: A ?? '',
  B: B ?? '',
  A1: A1 ?? '',
  A2: A2 ?? '',
  A3: A3 ?? '',
}
const pem = (...ids: readonly string[]): string => ids.map((id) => CERTIFICATES[id]).join('')

describe('the files of one cluster', () => {
  const { clusters, switches, warnings } = istioRollover(plan(), {
    istioVersion: '1.24',
    certificates: CERTIFICATES,
  })

  test('A, A+B, A+B+B, B, as Istio’s own procedure has them', () => {
    expect(clusters.map(({ cluster }) => cluster)).toEqual(['east', 'west', 'north'])
    expect(
      clusters[0]?.phases.map(({ phase, at: instant, roots, signer }) => [
        phase,
        instant,
        roots.join('+'),
        signer,
      ]),
    ).toEqual([
      [0, undefined, 'A', 'A'],
      [1, '2026-03-01T00:00:00Z', 'A+B', 'A'],
      [2, '2026-03-01T00:17:00Z', 'A+B+B', 'B'],
      [3, '2026-03-02T00:31:00Z', 'B', 'B'],
    ])
    expect(clusters[0]?.phases.map(({ rootCert }) => rootCert)).toEqual([
      pem('A'),
      pem('A', 'B'),
      pem('A', 'B', 'B'),
      pem('B'),
    ])
  })

  test('with both switches, and what an older Istio does', () => {
    expect(switches.map(({ where, name, value }) => `${where} ${name}=${value}`)).toEqual([
      'istiod ISTIO_MULTIROOT_MESH=true',
      'proxies meshConfig.defaultConfig.proxyMetadata.PROXY_CONFIG_XDS_AGENT=true',
    ])
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch(/may outlive their intermediate/)
    expect(istioRollover(plan(), { istioVersion: '1.30' }).warnings).toHaveLength(1)
    const old = istioRollover(plan(), { istioVersion: '1.19.5' })
    expect(old.switches).toEqual([])
    expect(old.clusters[0]?.phases.map(({ restart }) => restart)).toEqual([false, true, true, true])
    expect(old.warnings[0]).toMatch(/before 1.20 takes no new roots/)
  })

  test.each(['1.28.6', '1.29.2', '1.27'])('%s may let a leaf outlive its signer', (istioVersion) => {
    expect(istioRollover(plan(), { istioVersion }).warnings.join()).toContain('outlive')
  })
  test.each(['1.28.7', '1.29.3', '1.30.0', '1.31'])('%s does not', (istioVersion) => {
    expect(istioRollover(plan(), { istioVersion }).warnings.join()).not.toContain('outlive')
  })
})

describe('every step is one that istiod takes, whatever its version and however roots are retired', () => {
  test.each<[string, Partial<RolloverParameters>]>([
    ['one root', {}],
    ['three roots at once', ADOPTION],
    ['three roots one after the other', { ...ADOPTION, stagger: '1h' }],
    ['an emergency', { emergency: { reissueWithin: '1h' } }],
    ['a cross-certificate', { crossSign: true }],
  ])('%s', (_name, more) => {
    for (const istioVersion of ['1.20', '1.24.3', '1.29.9', '1.30', '1.33']) {
      const { clusters } = istioRollover(plan(more), { istioVersion, certificates: CERTIFICATES })
      for (const { phases } of clusters)
        for (const [i, { rootCert = '' }] of phases.entries()) {
          const before = phases[i - 1]?.rootCert
          if (before === undefined) continue
          expect(checkIstioRoots(before, rootCert, { istioVersion, multiRoot: true }).outcome).toBe(
            'reloaded',
          )
          // Each is another text, or agents would not sign anew.
          expect(rootCert).not.toBe(before)
          expect(checkIstioRoots(before, rootCert, { istioVersion }).outcome).toBe('ignored')
        }
    }
  })
})

describe('what istiod makes of changed roots', () => {
  const on = (istioVersion: string, multiRoot = true) => ({ istioVersion, multiRoot })

  test('a root in the place of another is refused', () => {
    for (const version of ['1.20', '1.30'])
      expect(checkIstioRoots(pem('A'), pem('B'), on(version))).toMatchObject({
        outcome: 'ignored',
        log: 'Updating new ROOT-CA not supported',
      })
  })

  test('without the switch, even a comment makes it ignore a new intermediate', () => {
    expect(checkIstioRoots(pem('A'), `# old\n${pem('A')}`, on('1.30', false))).toMatchObject({
      outcome: 'ignored',
      log: 'Multi root is disabled, updating new ROOT-CA not supported',
    })
    expect(checkIstioRoots(pem('A'), pem('A'), on('1.30', false)).outcome).toBe('reloaded')
  })

  test('from 1.30 on sets of certificates count, before that bytes', () => {
    const sorted = pem('B', 'A')
    expect(checkIstioRoots(pem('A', 'B'), sorted, on('1.30')).outcome).toBe('reloaded')
    expect(checkIstioRoots(pem('A', 'B'), sorted, on('1.29.9')).outcome).toBe('ignored')
    const windows = pem('A', 'B').replaceAll('\n', '\r\n')
    expect(checkIstioRoots(pem('A'), windows, on('1.30')).outcome).toBe('reloaded')
    expect(checkIstioRoots(pem('A'), windows, on('1.29')).outcome).toBe('ignored')
    // What does not parse is passed over.
    const broken = `${pem('A')}-----BEGIN CERTIFICATE-----\nAAAA!\n-----END CERTIFICATE-----\n${pem('B')}`
    expect(checkIstioRoots(pem('A'), broken, on('1.30')).outcome).toBe('reloaded')
    // A text without a certificate never passes.
    expect(checkIstioRoots(pem('A'), '', on('1.30')).outcome).toBe('ignored')
  })

  test('before 1.20 only a restart helps, and before 1.12 for an intermediate too', () => {
    expect(checkIstioRoots(pem('A'), pem('A', 'B'), on('1.19')).outcome).toBe('restart')
    expect(checkIstioRoots(pem('A'), pem('A'), on('1.19')).outcome).toBe('reloaded')
    expect(checkIstioRoots(pem('A'), pem('A'), on('1.11')).outcome).toBe('restart')
  })
})

describe('what is no question', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      'a version that is none',
      () => istioRollover(plan(), { istioVersion: 'latest' }),
      /"istioVersion" must be a version such as '1.24'/,
    ],
    ['no version', () => istioRollover(plan(), {} as never), /"istioVersion" must be a version/],
    [
      'a root that stays',
      () => istioRollover(plan({ kind: 'issuing-ca' }), { istioVersion: '1.24' }),
      /changes ca-cert.pem, ca-key.pem and cert-chain.pem only/,
    ],
    [
      'a certificate that is missing',
      () => istioRollover(plan(), { istioVersion: '1.24', certificates: { A: pem('A') } }),
      /has none for the authority "B"/,
    ],
    ['an unknown option', () => istioRollover(plan(), { version: '1.24' } as never), /no option "version"/],
    [
      'bytes',
      () => checkIstioRoots(new Uint8Array() as never, '', { istioVersion: '1.24' }),
      /takes two texts/,
    ],
    [
      'a switch that is none',
      () => checkIstioRoots('', '', { istioVersion: '1.24', multiRoot: 'true' as never }),
      /"multiRoot" must be true or false/,
    ],
  ])('%s', (_name, ask, message) => {
    expect(ask).toThrow(message)
    expect(() => istioRollover(plan(), { istioVersion: 'v1.24.0' })).not.toThrow()
  })

  test('a certificate that is not the plan’s', () => {
    const other = plan({ outgoing: { id: 'A', certificate: pem('A1'), notAfter: at(80 * 86_400) } })
    expect(() => istioRollover(other, { istioVersion: '1.24', certificates: CERTIFICATES })).toThrow(
      /"certificates.A" has the fingerprint [0-9a-f]{64}; the plan has/,
    )
  })
})
