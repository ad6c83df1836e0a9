import { describe, expect, test } from 'vitest'
import {
  BundleMap,
  type BundleSource,
  type CheckSvidResult,
  checkSvid,
  checkSvidSync,
  explainSvid,
  matchTrustDomain,
  SpiffeBundle,
  type SvidError,
  VerifiedSvid,
  type VerifySvidOptions,
  verifySvid,
} from '../../../src/spiffe/index.ts'
import { PathError } from '../../../src/verify/index.ts'
import type { CertificateInput } from '../../../src/x509/index.ts'
import {
  basicConstraints,
  CLIENT_AUTH,
  eku,
  type Forged,
  forge,
  forgeCa,
  keyUsage,
  NOW,
  SERVER_AUTH,
  san,
  uri,
} from '../verify/forge.ts'
import { thrownBy } from './reference.ts'

const ID = 'spiffe://td/ns/a/sa/b'
const root = forgeCa({ subject: 'root', extensions: [san([uri('spiffe://td')])] })
const ca = forgeCa({ subject: 'ca', issuer: root, extensions: [san([uri('spiffe://td')])] })

function workload(
  issuer: Forged = ca,
  id = ID,
  extensions: readonly Uint8Array[] = [eku(SERVER_AUTH, CLIENT_AUTH)],
) {
  return forge({
    subject: 'workload',
    issuer,
    extensions: [basicConstraints(false), keyUsage(0), ...extensions, san([uri(id)])],
  })
}

const leaf = workload()
const bundle = SpiffeBundle.of({ trustDomain: 'td', x509Authorities: root.certificate })

/** Asks both ways, which must agree. */
async function ask(
  chain: CertificateInput | readonly CertificateInput[],
  options: Partial<VerifySvidOptions> = {},
) {
  const asked = { bundles: bundle, time: NOW, ...options }
  const result = await checkSvid(chain, asked)
  const sync = checkSvidSync(chain, asked)
  expect(sync.ok ? String(sync.svid) : sync.error.code).toBe(
    result.ok ? String(result.svid) : result.error.code,
  )
  return result
}

function refusal(result: CheckSvidResult): SvidError | PathError {
  if (result.ok) throw new Error('it was accepted')
  return result.error
}

describe('an SVID that is accepted', () => {
  test('says who it is, by which path and bundle, and for how long', async () => {
    const svid = await verifySvid([leaf.certificate, ca.certificate], { bundles: bundle, time: NOW })
    expect(String(svid.id)).toBe(ID)
    expect(String(svid)).toBe(ID)
    expect(svid.trustDomain.name).toBe('td')
    expect(svid.path.certificates).toEqual([leaf.certificate, ca.certificate, root.certificate])
    expect(svid.bundle).toBe(bundle)
    expect(svid.leaf).toBe(leaf.certificate)
    expect(svid.validUntil).toEqual(new Date('2027-01-01T00:00:00Z'))
    expect(svid.warnings).toEqual([])
    // @ts-expect-error nobody else makes one
    expect(() => new VerifiedSvid(Symbol('verified'), {})).toThrow(TypeError)
  })

  test('in every shape in which a chain is held', async () => {
    const pem = leaf.certificate.toPem() + ca.certificate.toPem()
    for (const chain of [
      pem,
      [pem],
      [leaf.der, ca.der],
      [{ raw: leaf.der }, { rawData: ca.der.slice().buffer }],
      // What cannot be read beside the leaf is passed over, as in verifyPath.
      [leaf.der, Uint8Array.of(1, 2, 3), ca.der],
    ])
      expect((await ask(chain)).ok).toBe(true)
  })

  test('with advice about what the standard only asks for', async () => {
    const plain = forgeCa({ subject: 'plain', issuer: root })
    const foreign = forgeCa({
      subject: 'foreign',
      issuer: root,
      extensions: [san([uri('spiffe://elsewhere')])],
    })
    const result = await ask([workload(plain, ID, []).der, plain.der])
    if (!result.ok) throw result.error
    expect(result.svid.warnings.map(({ requirement, depth }) => [requirement, depth])).toEqual([
      ['X-15', 0],
      ['X-05', 1],
    ])
    const other = await ask([workload(foreign).der, foreign.der])
    expect(other.ok && other.svid.warnings.map(({ requirement }) => requirement)).toEqual(['X-07'])
    expect(explainSvid(other)).toContain('advice [X-07]: issuer 1 above the SVID, "CN=foreign"')
  })
})

describe('an SVID that is refused', () => {
  test('says which certificate, which rule, what was expected and found, and what to do', async () => {
    const error = refusal(
      await ask(forge({ subject: 'two', issuer: ca, extensions: [san([uri(ID), uri(`${ID}2`)])] }).der),
    )
    expect(error).toMatchObject({
      name: 'SvidError',
      code: 'ERR_SVID_URI_COUNT',
      requirement: 'X-01',
      clause: 'X509-SVID §2',
      expected: 'exactly one URI',
      found: `"${ID}", "${ID}2"`,
      depth: 0,
    })
    expect(error.message).toMatch(
      /^SVID "CN=two" \(serial [0-9a-f]+\): it has 2 URIs .* \(X509-SVID §2, X-01\)\. Have it/,
    )
    expect(explainSvid(error)).toBe(
      [
        'refused: ERR_SVID_URI_COUNT [X-01]',
        `  certificate: leaf "CN=two" (serial ${error.certificate?.serialNumber})`,
        '  problem:     it has 2 URIs among its subject alternative names, so nobody can say which one it is',
        '  rule:        X509-SVID §2',
        '  expected:    exactly one URI',
        `  found:       "${ID}", "${ID}2"`,
        '  to pass:     Have it issued with one SPIFFE ID',
      ].join('\n'),
    )
  })

  test('by the path says so in the words of verifyPath', async () => {
    const result = await ask(leaf.der)
    expect(refusal(result)).toBeInstanceOf(PathError)
    expect(explainSvid(result)).toContain('refused: ERR_PATH_NO_ISSUER')
  })

  test('does not put what it holds on a terminal', async () => {
    const evil = forge({
      subject: 'x',
      issuer: ca,
      extensions: [san([uri('spiffe://td/\u001b[2J\u0000\n')])],
    })
    const error = refusal(await ask(evil.der))
    expect(error).toMatchObject({
      code: 'ERR_SVID_ID',
      requirement: 'X-19',
      data: { reason: 'path-character' },
    })
    for (const text of [error.message, explainSvid(error), JSON.stringify(error.data)])
      expect(text).not.toMatch(/[\u0000\u001b]/)
  })

  test('because it is somebody else: by identity and by matcher', async () => {
    const chain = [leaf.der, ca.der]
    expect((await ask(chain, { expect: ID })).ok).toBe(true)
    expect((await ask(chain, { expect: matchTrustDomain('td') })).ok).toBe(true)
    const error = refusal(await ask(chain, { expect: 'spiffe://td/ns/a/sa/c' }))
    expect(error).toMatchObject({
      code: 'ERR_SVID_UNEXPECTED_ID',
      expected: 'spiffe://td/ns/a/sa/c',
      found: ID,
    })
    // A matcher of the caller's own must say exactly true.
    const vague = { matches: () => 1, toString: () => 'vague' }
    // @ts-expect-error it must answer a boolean
    expect((await ask(chain, { expect: vague })).ok).toBe(false)
  })

  test('when nothing was presented, and for what is no certificate', async () => {
    expect(refusal(await ask([]))).toMatchObject({ code: 'ERR_SVID_MALFORMED' })
    expect(refusal(await ask(Uint8Array.of(0x30, 0)))).toMatchObject({ code: 'ERR_SVID_MALFORMED' })
    expect(refusal(await ask('no PEM'))).toMatchObject({
      code: 'ERR_SVID_MALFORMED',
      cause: { code: 'ERR_PEM_NO_BLOCK' },
    })
    expect(refusal(await ask([root.der]))).toMatchObject({ code: 'ERR_SVID_NO_PATH' })
  })
})

describe('the bundle of its own trust domain, and no other', () => {
  const other = SpiffeBundle.of({
    trustDomain: 'other',
    x509Authorities: forgeCa({ subject: 'other root' }).certificate,
  })

  test('the root of one domain does not vouch for another', async () => {
    const foreign = workload(ca, 'spiffe://other/ns/a/sa/b')
    const both = BundleMap.of([bundle, other])
    expect(refusal(await ask([foreign.der, ca.der], { bundles: both })).code).toBe('ERR_PATH_NO_ISSUER')
    expect((await ask([leaf.der, ca.der], { bundles: both })).ok).toBe(true)
    expect((await ask([leaf.der, ca.der], { bundles: [other, bundle] })).ok).toBe(true)
    expect(refusal(await ask([leaf.der, ca.der], { bundles: other })).code).toBe('ERR_SVID_NO_BUNDLE')
    expect(() => checkSvidSync(leaf.der, { bundles: [bundle, bundle] })).toThrow('two bundles')
  })

  test('a source that answers with another bundle is a fault, not a verdict', async () => {
    const liar: BundleSource = { bundleFor: () => bundle }
    const foreign = workload(ca, 'spiffe://other/ns/a/sa/b')
    await expect(checkSvid([foreign.der, ca.der], { bundles: liar, time: NOW })).rejects.toThrow(
      'when asked for that of other',
    )
    const nonsense = { bundleFor: () => ({ x509Authorities: [root] }) } as never
    await expect(checkSvid([leaf.der], { bundles: nonsense, time: NOW })).rejects.toThrow('no SpiffeBundle')
  })

  test('a source may answer later, but not to those who cannot wait', async () => {
    const later: BundleSource = { bundleFor: async () => bundle }
    expect((await checkSvid([leaf.der, ca.der], { bundles: later, time: NOW })).ok).toBe(true)
    expect(() => checkSvidSync([leaf.der, ca.der], { bundles: later, time: NOW })).toThrow('at once')
    // A failure that nobody waits for must not end the process, as an unhandled rejection does.
    const rejects: BundleSource = { bundleFor: () => Promise.reject(new Error('too late')) }
    expect(() => checkSvidSync([leaf.der, ca.der], { bundles: rejects, time: NOW })).toThrow('at once')
    await new Promise((resolve) => setTimeout(resolve, 0))
    const failing: BundleSource = { bundleFor: () => Promise.reject(new Error('database down')) }
    await expect(checkSvid([leaf.der], { bundles: failing, time: NOW })).rejects.toThrow('database down')
  })

  test('without X.509 authorities, with what was passed over as the hint', async () => {
    const empty = SpiffeBundle.fromJson(
      'td',
      '{"keys": [{"kty": "PQ", "use": "x509-svid", "x5c": ["AA=="]}]}',
    )
    const error = refusal(await ask([leaf.der, ca.der], { bundles: empty }))
    expect(error).toMatchObject({ code: 'ERR_SVID_NO_AUTHORITY', requirement: 'B-06' })
    expect(error.message).toContain('"PQ"')
  })
})

describe('signing certificates that break the rules', () => {
  // As Gloo Mesh issues them: the identity of istiod on the intermediate.
  const gloo = forgeCa({
    subject: 'gloo',
    issuer: root,
    extensions: [san([uri('spiffe://td/ns/istio-system/sa/istiod-service-account')])],
  })

  test('are refused, or let pass with a warning on request', async () => {
    const chain = [workload(gloo).der, gloo.der]
    const error = refusal(await ask(chain))
    expect(error).toMatchObject({ code: 'ERR_SVID_SIGNER_ID', requirement: 'X-06', depth: 1 })
    expect(error.message).toContain("signers: 'warn'")
    const let_ = await ask(chain, { signers: 'warn' })
    if (!let_.ok) throw let_.error
    expect(let_.svid.warnings.map(({ requirement }) => requirement)).toEqual(['X-06'])
    expect(String(let_.svid.id)).toBe(ID)
  })

  test('do not matter where another path avoids them, whichever is found first', async () => {
    // The standard's own example has a CA with a slash at the end; this is the bundle that mends it.
    const misspelt = forgeCa({ subject: 'root', keys: root.keys, extensions: [san([uri('spiffe://td/')])] })
    for (const authorities of [
      [misspelt, root],
      [root, misspelt],
    ]) {
      const bundles = SpiffeBundle.of({
        trustDomain: 'td',
        x509Authorities: authorities.map(({ der }) => der),
      })
      expect((await ask([leaf.der, ca.der], { bundles })).ok).toBe(true)
    }
    const twin = forgeCa({
      subject: 'ca',
      issuer: root,
      keys: ca.keys,
      extensions: [san([uri('spiffe://td/a')])],
    })
    for (const sent of [
      [twin, ca],
      [ca, twin],
    ])
      expect((await ask([leaf.der, ...sent.map(({ der }) => der)])).ok).toBe(true)
    expect(refusal(await ask([leaf.der, twin.der])).code).toBe('ERR_SVID_SIGNER_ID')
    const only = SpiffeBundle.of({ trustDomain: 'td', x509Authorities: misspelt.der })
    expect(refusal(await ask([leaf.der, ca.der], { bundles: only })).code).toBe('ERR_SVID_SIGNER_ID')
  })

  test('never authenticate, whatever is let pass', async () => {
    expect(refusal(await ask([gloo.der], { signers: 'warn' })).code).toBe('ERR_SVID_CA')
  })
})

describe('options', () => {
  test.each([
    [{}, 'bundles'],
    [{ bundles: null }, 'bundles'],
    [{ bundles: [root.certificate] }, 'SpiffeBundle.fromJson'],
    [{ bundles: bundle, expect: 5 }, 'expect'],
    [{ bundles: bundle, expect: null }, 'expect'],
    [{ bundles: bundle, expect: undefined }, 'a variable not set'],
    [{ bundles: bundle, signers: 'ignore' }, 'signers'],
    [{ bundles: bundle, time: 'now' }, 'time'],
    [{ bundles: bundle, anchors: [] }, 'anchors'],
  ])('%j names %s', (options, name) => {
    expect(thrownBy(() => checkSvidSync(leaf.der, options as never))).toBeInstanceOf(TypeError)
    expect(() => checkSvidSync(leaf.der, options as never)).toThrow(name)
  })

  test('no chain at all is a mistake of the caller', () => {
    expect(() => checkSvidSync(null as never, { bundles: bundle })).toThrow(TypeError)
  })

  test('an expectation that is no SPIFFE ID is refused before anything is asked', () => {
    expect(thrownBy(() => checkSvidSync(leaf.der, { bundles: bundle, expect: 'ns/a/sa/b' }))).toMatchObject({
      code: 'ERR_SPIFFE_ID',
    })
    expect(() => explainSvid('accepted' as never)).toThrow(TypeError)
  })
})
