import { describe, expect, test } from 'vitest'
import type {
  CertificateMismatch,
  IssuerAnswer,
  RequestCertificateOptions,
} from '../../../../src/ca/index.ts'
import { verifyPath } from '../../../../src/verify/index.ts'
import { refusalOfAsync } from '../../../fixtures/x509/refusal.ts'
import {
  ANY_EKU,
  basicConstraints,
  CLIENT_AUTH,
  dns,
  EMAIL_PROTECTION,
  eku,
  email,
  type Forged,
  forge,
  forgeCa,
  ip,
  keysOf,
  keyUsage,
  nameConstraints,
  SERVER_AUTH,
  san,
  uri,
  withBadSignature,
} from '../../verify/forge.ts'
import { keyUsageOf } from './key-usage.ts'
import {
  answerOf,
  CA_WISH,
  caKeys,
  clusterCa,
  ID,
  LEAF_WISH,
  leaf,
  NOW,
  otherRoot,
  root,
  scripted,
  upper,
  workloadKeys,
} from './support.ts'

/** The fields that an answer is refused for. */
async function mismatchesOf(
  answer: unknown,
  wish: RequestCertificateOptions = LEAF_WISH,
): Promise<readonly CertificateMismatch[]> {
  const issuer = scripted({ issue: async () => answer, lookup: () => undefined }, wish)
  const error = await refusalOfAsync(issuer.ask())
  expect(error.code).toBe('ERR_ISSUER_MISMATCH')
  // A certificate was made: nothing is asked for again.
  expect([issuer.issued.length, issuer.lookups.length]).toEqual([1, 0])
  const mismatches = error.data['mismatches'] as readonly CertificateMismatch[]
  for (const { field, expected, found } of mismatches)
    expect(error.message).toContain(`${field}: expected ${expected}, found ${found}`)
  return mismatches
}
const fieldsOf = async (...args: Parameters<typeof mismatchesOf>): Promise<readonly string[]> =>
  (await mismatchesOf(...args)).map(({ field }) => field)

const usual = [basicConstraints(false), keyUsage(0), eku(SERVER_AUTH, CLIENT_AUTH)]
const named = (...names: Uint8Array[]): Forged => leaf({ extensions: [...usual, san(names, true)] })

describe('what was asked for is taken', () => {
  test('a workload certificate, its chain the verified path', async () => {
    const issued = await scripted({ issue: async () => answerOf(leaf()) }).ask()
    expect(issued.chain.map((certificate) => certificate.fingerprint())).toEqual(
      [issued.certificate, upper.certificate, root.certificate].map((certificate) =>
        certificate.fingerprint(),
      ),
    )
    expect(issued.cappedBy).toBeUndefined()
    await verifyPath(issued.certificate, {
      anchors: root.der,
      intermediates: [...issued.chain],
      purpose: 'serverAuth',
      name: { uri: ID },
      time: NOW,
    })
  })

  test('a CA', async () => {
    const issued = await scripted({ issue: async () => answerOf(clusterCa()) }, CA_WISH).ask()
    expect([issued.certificate.isCa, issued.certificate.pathLength, issued.chain.length]).toEqual([
      true,
      0,
      3,
    ])
  })

  test.each<[string, (chain: { cert: Forged }) => IssuerAnswer['chain']]>([
    ['shuffled', () => [root.der, upper.der]],
    ['duplicates', ({ cert }) => [upper.der, cert.der, upper.der, root.der, root.der]],
    ['extra certificates', () => [otherRoot.der, upper.der, leaf({ keys: keysOf('stranger') }).der]],
    ['without the root', () => upper.der],
    ['as one PEM', () => [root, upper].map(({ certificate }) => certificate.toPem()).join('\n')],
    ['with something unreadable', () => [Uint8Array.of(1, 2, 3), upper.der]],
  ])('a chain that is %s', async (_, chainOf) => {
    const cert = leaf()
    const { chain } = await scripted({ issue: async () => answerOf(cert, chainOf({ cert })) }).ask()
    expect(chain.map((certificate) => certificate.fingerprint())).toEqual(
      [cert, upper, root].map(({ certificate }) => certificate.fingerprint()),
    )
  })

  test('names in another order, and a host in another case', async () => {
    const wish = { ...LEAF_WISH, subjectAltNames: [{ type: 'dns', value: 'a.example' }] as const }
    const issuer = scripted({ issue: async () => answerOf(named(dns('A.example'), uri(ID))) }, wish)
    expect((await issuer.ask()).certificate.subjectAltNames).toHaveLength(2)
  })

  test('a lifetime that the chain cut, with who cut it', async () => {
    const short = forgeCa({ subject: 'short', issuer: root, notAfter: '2026-06-01T05:00:00Z' })
    const cut = leaf({ issuer: short, notAfter: '2026-06-01T05:00:00Z' })
    const issued = await scripted({ issue: async () => answerOf(cut, [short.der]) }).ask()
    expect(issued.cappedBy?.fingerprint()).toBe(short.certificate.fingerprint())
  })

  test('a certificate of a clock that is seconds ahead, once it is valid', async () => {
    const issuer = scripted({ issue: async () => answerOf(leaf({ notBefore: '2026-06-01T00:00:20Z' })) })
    const pending = issuer.ask()
    await issuer.clock.run('20s')
    expect((await pending).certificate.notBefore).toEqual(issuer.clock.now())
  })
})

describe('a workload certificate that is another', () => {
  test.each<[string, Forged, readonly string[]]>([
    ["another request's", leaf({ keys: keysOf('stranger') }), ['publicKey']],
    ['another name', named(uri('spiffe://td/ns/default/sa/b')), ['subjectAltNames']],
    ['a name in another case', named(uri('spiffe://td/ns/default/sa/A')), ['subjectAltNames']],
    ['a name more', named(uri(ID), dns('a.example')), ['subjectAltNames']],
    ['the name twice', named(uri(ID), uri(ID)), ['subjectAltNames']],
    ['no name', leaf({ subject: 'x', extensions: usual }), ['subject', 'subjectAltNames']],
    ['a subject', leaf({ subject: 'x' }), ['subject']],
    [
      'a CA',
      leaf({ subject: 'ca', extensions: [basicConstraints(true, 0), keyUsage(5), san([uri(ID)])] }),
      ['subject', 'isCa', 'pathLength', 'keyUsage', 'keyUsage', 'extendedKeyUsage'],
    ],
    [
      'one that may sign CRLs',
      leaf({
        extensions: [
          basicConstraints(false),
          keyUsageOf(0, 6),
          eku(SERVER_AUTH, CLIENT_AUTH),
          san([uri(ID)], true),
        ],
      }),
      ['keyUsage'],
    ],
    [
      'one without key usage',
      leaf({ extensions: [basicConstraints(false), eku(SERVER_AUTH, CLIENT_AUTH), san([uri(ID)], true)] }),
      ['keyUsage'],
    ],
    ['of half a day more', leaf({ notAfter: '2026-06-02T12:00:00Z' }), ['lifetime']],
    ['of a minute and a second more', leaf({ notAfter: '2026-06-02T00:01:01Z' }), ['lifetime']],
    ['begun a day ago', leaf({ notBefore: '2026-05-31T00:00:00Z' }), ['age', 'lifetime']],
    [
      'begun an hour, a minute and a second before it was asked for',
      leaf({ notBefore: '2026-05-31T22:58:59Z', notAfter: '2026-06-01T12:00:00Z' }),
      ['age'],
    ],
    [
      'expired',
      leaf({ notBefore: '2026-05-31T00:00:00Z', notAfter: '2026-05-31T23:59:59Z' }),
      ['age', 'notAfter', 'chain'],
    ],
    ['not valid for two minutes', leaf({ notBefore: '2026-06-01T00:02:00Z' }), ['notBefore', 'chain']],
    [
      'for servers only',
      leaf({ extensions: [basicConstraints(false), keyUsage(0), eku(SERVER_AUTH), san([uri(ID)], true)] }),
      ['extendedKeyUsage', 'chain'],
    ],
    [
      'for mail too',
      leaf({
        extensions: [
          basicConstraints(false),
          keyUsage(0),
          eku(SERVER_AUTH, CLIENT_AUTH, EMAIL_PROTECTION),
          san([uri(ID)], true),
        ],
      }),
      ['extendedKeyUsage'],
    ],
    [
      'for everything',
      leaf({ extensions: [basicConstraints(false), keyUsage(0), eku(ANY_EKU), san([uri(ID)], true)] }),
      ['extendedKeyUsage'],
    ],
    [
      'for everything, by silence',
      leaf({ extensions: [basicConstraints(false), keyUsage(0), san([uri(ID)], true)] }),
      ['extendedKeyUsage'],
    ],
  ])('%s', async (_, forged, fields) => {
    expect(await fieldsOf(answerOf(forged))).toEqual(fields)
  })

  test('at the very edge of its lifetime it is taken', async () => {
    for (const recipe of [
      { notAfter: '2026-06-02T00:01:00Z' },
      { notBefore: '2026-05-31T23:00:00Z' },
      { notBefore: '2026-05-31T22:59:00Z', notAfter: '2026-06-01T12:00:00Z' },
      { notBefore: '2026-06-01T00:00:00Z' },
    ])
      await scripted({ issue: async () => answerOf(leaf(recipe)) }).ask()
  })

  test('with less left than was asked for', async () => {
    const wish = { ...LEAF_WISH, lifetime: { max: '24h', min: '12h' } }
    const of = (notAfter: string) => answerOf(leaf({ notAfter }))
    expect(await fieldsOf(of('2026-06-01T11:58:59Z'), wish)).toEqual(['lifetime'])
    await scripted({ issue: async () => of('2026-06-01T11:59:00Z') }, wish).ask()
  })

  test('every difference is reported at once', async () => {
    const wrong = forge({
      subject: 'stranger',
      issuer: otherRoot,
      notAfter: '2027-01-01T00:00:00Z',
      extensions: [basicConstraints(true), keyUsage(5), san([dns('a.example')])],
    })
    const issuer = scripted({ issue: async () => answerOf(wrong, [otherRoot.der]) })
    const error = await refusalOfAsync(issuer.ask())
    const fields = (error.data['mismatches'] as CertificateMismatch[]).map(({ field }) => field)
    expect(new Set(fields)).toEqual(
      new Set([
        'publicKey',
        'subject',
        'subjectAltNames',
        'isCa',
        'keyUsage',
        'extendedKeyUsage',
        'age',
        'lifetime',
        'chain',
      ]),
    )
    expect(error.data).toMatchObject({
      serialNumber: wrong.certificate.serialNumber,
      fingerprint: wrong.certificate.fingerprint(),
      requestId: issuer.issued[0]?.requestId,
    })
    expect(error.message).toMatch(/the issuer "scripted" answered is not what it was asked for/)
    expect(error.message).toContain(`serial number ${wrong.certificate.serialNumber} may be that of another`)
  })

  test('what was made for this request is to be revoked', async () => {
    const { certificate } = leaf({ subject: 'x' })
    const error = await refusalOfAsync(
      scripted({ issue: async () => ({ certificate, chain: upper.der }) }).ask(),
    )
    expect(error.message).toContain(`Revoke the certificate with serial number ${certificate.serialNumber}`)
  })

  // Begun 80 of its 90 days ago: what an issuer kept for this name, and not what was asked for.
  const kept = answerOf(leaf({ notBefore: '2026-03-13T00:00:00Z', notAfter: '2026-06-11T00:00:00Z' }))
  const longWish = { ...LEAF_WISH, lifetime: { max: '90d' } }

  test('an old one may be in use: it is not to be revoked, and resume takes it', async () => {
    const { certificate } = await scripted(
      { issue: async () => undefined, lookup: async () => kept },
      { ...longWish, resume: true },
    ).ask()
    expect(certificate.notBefore).toEqual(new Date('2026-03-13T00:00:00Z'))
    const error = await refusalOfAsync(scripted({ issue: async () => kept }, longWish).ask())
    expect(error.data['mismatches']).toEqual([
      {
        field: 'age',
        expected: 'begun at 2026-05-31T23:00:00Z or later; "lifetime.backdate" is 1h',
        found: 'begun at 2026-03-13T00:00:00Z',
      },
    ])
    expect(error.message).toMatch(/may be in use. To get another, ask by another requestId/)
    expect(error.message).not.toMatch(/Revoke/)
  })

  test('resume takes an old one from lookup alone', async () => {
    const error = await refusalOfAsync(
      scripted(
        { issue: async () => kept, lookup: async () => undefined },
        { ...longWish, resume: true },
      ).ask(),
    )
    expect(error.data['mismatches']).toMatchObject([{ field: 'age' }])
  })

  test('an idempotent issuer may answer what it made ten minutes before', async () => {
    const begun = (notBefore: string) => answerOf(leaf({ notBefore, notAfter: '2026-06-01T12:00:00Z' }))
    const ask = (idempotent: boolean, notBefore: string) =>
      scripted({ issue: async () => begun(notBefore), idempotent }).ask()
    await expect(ask(true, '2026-05-31T22:49:00Z')).resolves.toBeDefined()
    for (const [idempotent, notBefore] of [
      [true, '2026-05-31T22:48:59Z'],
      [false, '2026-05-31T22:49:00Z'],
    ] as const)
      expect((await refusalOfAsync(ask(idempotent, notBefore))).data['mismatches']).toMatchObject([
        { field: 'age' },
      ])
  })

  test('one that took long to come is no old one', async () => {
    const issuer = scripted(
      { issue: async () => 'pending', lookup: (call: number) => (call < 300 ? 'pending' : answerOf(leaf())) },
      { ...LEAF_WISH, lifetime: { max: '24h', backdate: '2m' }, pendingTimeout: '10h' },
    )
    const pending = issuer.ask({ backoff: '30s' })
    await issuer.clock.run('6h')
    expect((await pending).certificate.notBefore).toEqual(new Date('2026-05-31T23:58:00Z'))
    expect(issuer.lookups).toHaveLength(300)
  })

  test('a hostile name is escaped', async () => {
    const [mismatch] = await mismatchesOf(answerOf(named(uri(`${ID}\u001b[2J`))))
    expect(mismatch?.found).toContain('\\u{1b}')
  })
})

describe('a chain that does not lead where it should', () => {
  test.each<[string, () => IssuerAnswer]>([
    ['to another root', () => answerOf(leaf({ issuer: otherRoot }), [otherRoot.der])],
    ['nowhere', () => answerOf(leaf(), [])],
    [
      'to a root of the same name',
      () => {
        const twin = forgeCa({ subject: 'root', keys: keysOf('not root') })
        return answerOf(leaf({ issuer: twin }), [twin.der])
      },
    ],
    ['by a bad signature', () => ({ certificate: withBadSignature(leaf().der), chain: [upper.der] })],
    [
      'by a certificate that is no CA',
      () => {
        const none = forge({
          subject: 'none',
          issuer: root,
          extensions: [basicConstraints(false), keyUsage(0)],
        })
        return answerOf(leaf({ issuer: none }), [none.der])
      },
    ],
    ['and cannot be read', () => answerOf(leaf(), [Uint8Array.of(0x30, 3, 1, 1, 1)])],
  ])('%s', async (_, answer) => {
    const [mismatch, ...others] = await mismatchesOf(answer())
    expect([mismatch?.field, others]).toEqual(['chain', []])
    expect(mismatch?.expected).toMatch(/^a path to "CN=root"/)
  })

  test('the root that the issuer sends is not trusted for that', async () => {
    const wish = { ...LEAF_WISH, anchors: [otherRoot.certificate] }
    expect(await fieldsOf(answerOf(leaf()), wish)).toEqual(['chain'])
    await scripted(
      { issue: async () => answerOf(leaf()) },
      { ...wish, anchors: [otherRoot.der, root.der] },
    ).ask()
  })
})

describe('a CA that is another', () => {
  test.each<[string, Forged, readonly string[]]>([
    [
      'a workload',
      leaf({ subject: 'cluster', keys: caKeys, notAfter: '2026-06-11T00:00:00Z' }),
      ['subjectAltNames', 'isCa', 'pathLength', 'keyUsage'],
    ],
    ['a greater path length', clusterCa({ pathLength: 1 }), ['pathLength']],
    ['no path length', clusterCa({}), ['pathLength']],
    ['of another key', clusterCa({ pathLength: 0, keys: keysOf('stranger') }), ['publicKey']],
    ['of another name', clusterCa({ pathLength: 0, subject: 'elsewhere' }), ['subject']],
    [
      'with constraints that nobody asked for',
      clusterCa({ pathLength: 0, extensions: [nameConstraints({ permitted: [dns('example')] })] }),
      ['nameConstraints'],
    ],
    ['for mail only', clusterCa({ pathLength: 0, extensions: [eku(EMAIL_PROTECTION)] }), ['chain']],
  ])('%s', async (_, forged, fields) => {
    expect(await fieldsOf(answerOf(forged), CA_WISH)).toEqual(fields)
  })

  test('a path length that is smaller is no better: what is planned below would not verify', async () => {
    const wish = { ...CA_WISH, pathLength: 1 }
    expect(await fieldsOf(answerOf(clusterCa({ pathLength: 0 })), wish)).toEqual(['pathLength'])
    await scripted({ issue: async () => answerOf(clusterCa({ pathLength: 1 })) }, wish).ask()
    await scripted({ issue: async () => answerOf(clusterCa({})) }, { ...wish, pathLength: 'none' }).ask()
  })

  const dnsName = (value: string) => ({ type: 'dns', value }) as const
  const excluded = [{ type: 'uri', value: '.evil.example' }] as const
  const otherForms = 'allow' as const

  test('constraints are compared as sets', async () => {
    const constraints = { permitted: [dns('a.example'), dns('b.example')], excluded: [uri('.evil.example')] }
    const answer = answerOf(clusterCa({ pathLength: 0, extensions: [nameConstraints(constraints)] }))
    const permitted = [dnsName('b.example'), dnsName('a.example')]
    const wish = { ...CA_WISH, nameConstraints: { permitted, excluded, otherForms } }
    await scripted({ issue: async () => answer }, wish).ask()
    await scripted({ issue: async () => answer }, { ...CA_WISH, nameConstraints: 'any' }).ask()
    for (const others of [[dnsName('a.example')], [dnsName('a.example'), dnsName('c.example')]]) {
      const another = { ...wish, nameConstraints: { permitted: others, excluded, otherForms } }
      expect(await fieldsOf(answer, another)).toEqual(['nameConstraints'])
    }
    expect(await fieldsOf(answerOf(clusterCa()), wish)).toEqual(['nameConstraints'])
  })

  test('forms that are closed by default must be closed', async () => {
    const open = answerOf(
      clusterCa({ pathLength: 0, extensions: [nameConstraints({ permitted: [dns('a.example')] })] }),
    )
    const closed = answerOf(
      clusterCa({
        pathLength: 0,
        extensions: [
          nameConstraints({
            permitted: [dns('a.example'), email('closed.invalid'), uri('closed.invalid')],
            excluded: [ip('0000000000000000'), ip('00'.repeat(32))],
          }),
        ],
      }),
    )
    const wish = { ...CA_WISH, nameConstraints: { permitted: [dnsName('a.example')] } }
    expect(await fieldsOf(open, wish)).toEqual(['nameConstraints'])
    const issuer = scripted({ issue: async () => closed }, wish)
    await issuer.ask()
    expect(issuer.issued[0]?.intent.nameConstraints?.permitted).toHaveLength(3)
  })

  test('below a root with path length 0 no workload would verify', async () => {
    const tight = forgeCa({ subject: 'tight', pathLength: 0 })
    const wish = { ...CA_WISH, anchors: tight.certificate }
    const [mismatch, ...others] = await mismatchesOf(
      answerOf(clusterCa({ issuer: tight, pathLength: 0 }), []),
      wish,
    )
    expect([mismatch?.field, others]).toEqual(['issuance', []])
    expect(mismatch?.found).toMatch(/path length/)
  })

  test('another CA of the same name in the chain cannot stand in for it', async () => {
    const tight = forgeCa({ subject: 'tight', pathLength: 0 })
    const standIn = forgeCa({ subject: 'cluster', issuer: root })
    const wish = { ...CA_WISH, anchors: [tight.certificate, root.certificate] }
    const answer = answerOf(clusterCa({ issuer: tight, pathLength: 0 }), [standIn.der])
    expect(await fieldsOf(answer, wish)).toEqual(['issuance'])
  })

  test('its own name or key above it', async () => {
    const namesake = forgeCa({ subject: 'cluster', issuer: root, keys: keysOf('older cluster') })
    expect(
      await fieldsOf(answerOf(clusterCa({ issuer: namesake, pathLength: 0 }), [namesake.der]), CA_WISH),
    ).toEqual(['issuer'])
    const twin = forgeCa({ subject: 'twin', issuer: root, keys: caKeys })
    expect(await fieldsOf(answerOf(clusterCa({ issuer: twin, pathLength: 0 }), [twin.der]), CA_WISH)).toEqual(
      ['publicKey'],
    )
    const self = forgeCa({
      subject: 'cluster',
      keys: caKeys,
      pathLength: 0,
      notBefore: '2026-05-31T23:58:00Z',
      notAfter: '2026-06-11T00:00:00Z',
    })
    expect(await fieldsOf(answerOf(self, []), { ...CA_WISH, anchors: self.der })).toEqual(['chain', 'issuer'])
  })
})

describe('what is no answer', () => {
  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /^undefined$/],
    ['null', null, /^null$/],
    ['text', 'certificate', /^string$/],
    ['an empty object', {}, /without a certificate/],
    ['garbage', { certificate: Uint8Array.of(1, 2, 3), chain: [] }, /cannot be read/],
    [
      'a PEM of something else',
      { certificate: workloadKeys.publicKey.export({ format: 'pem', type: 'spki' }), chain: [] },
      /cannot be read/,
    ],
    ['a number', { certificate: 5, chain: [] }, /cannot be read: number/],
    [
      'a chain without end',
      { certificate: leaf().der, chain: Array.from({ length: 101 }, () => upper.der) },
      /101 members/,
    ],
  ])('%s', async (_, answer, found) => {
    expect(await mismatchesOf(answer)).toEqual([
      { field: 'certificate', expected: 'a certificate and its chain', found: expect.stringMatching(found) },
    ])
  })

  test('members of the chain that are nothing', async () => {
    expect(await fieldsOf({ certificate: leaf().der, chain: [null, 5, {}] })).toEqual(['chain'])
    await scripted({ issue: async () => ({ certificate: leaf().der, chain: [null, 5, upper.der] }) }).ask()
  })
})
