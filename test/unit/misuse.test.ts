import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../src/ca/index.ts'
import { createCsr, verifyProofOfPossession } from '../../src/csr/index.ts'
import { SpiffeId, TrustDomain } from '../../src/spiffe/index.ts'
import { createTestHierarchy, manualClock } from '../../src/testing/index.ts'
import { checkPathSync, TrustStore } from '../../src/verify/index.ts'
import {
  Certificate,
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  Name,
} from '../../src/x509/index.ts'

const { root, chain, workload } = await createTestHierarchy()
const ca = root
const { csr } = await createCsr({ key: 'P-256' })
const id = 'spiffe://td/a'

/** What plain JavaScript may pass, whatever the types say. */
const call = (callee: (...args: never[]) => unknown, ...args: readonly unknown[]): unknown =>
  Reflect.apply(callee, undefined, args)

describe('misuse is a TypeError or RangeError that names the option, at once and in words', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['random', () => call(createRootCa, { subject: 'CN=a', lifetime: '1d', random: 0 }), /option "random"/],
    ['crypto', () => call(generateKeyPair, 'P-256', { crypto: 0 }), /option "crypto"/],
    ['crypto of a request', () => call(verifyProofOfPossession, csr, { crypto: 'x' }), /option "crypto"/],
    ['signal', () => call(createRootCa, { subject: 'CN=a', lifetime: '1d', signal: 5 }), /option "signal"/],
    ['clock', () => call(createRootCa, { subject: 'CN=a', lifetime: '1d', clock: {} }), /option "clock"/],
    [
      'backdate',
      () => call(createRootCa, { subject: 'CN=a', lifetime: '1d', backdate: '99999d' }),
      /option "backdate"/,
    ],
    ['leniency', () => call(Certificate.fromDer, workload.der, { leniency: 1 }), /option "leniency"/],
    [
      'passphrase',
      () =>
        call(
          importPrivateKey,
          '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----',
          { passphrase: 5 },
        ),
      /./,
    ],
    ['a name of numbers', () => call(Name.from, [{ CN: 5 }]), /attribute "CN"/],
    ['a name in DER', () => call(Name.fromDer, undefined), /Uint8Array/],
    ['a manual clock', () => call(manualClock, 0), /valid Date/],
    [
      'anchorChecks',
      () =>
        call(checkPathSync, workload, {
          anchors: chain.slice(-1),
          purpose: 'any',
          anchorChecks: { validity: 'no' },
        }),
      /anchorChecks.validity/,
    ],
    [
      'a forged identity',
      () => Reflect.construct(SpiffeId, ['spiffe://EVIL/..', TrustDomain.parse('td')]),
      /SpiffeId.parse/,
    ],
    ['a forged trust domain', () => Reflect.construct(TrustDomain, ['EVIL']), /TrustDomain.parse/],
  ])('%s', async (_, misuse, says) => {
    await expect((async () => misuse())()).rejects.toThrow(says)
    await expect((async () => misuse())()).rejects.not.toThrow(
      /undefined \(reading|is not iterable|is not a function/,
    )
  })

  test('a value that only looks like an identity is read again before it is signed', async () => {
    const forged: object = Object.create(SpiffeId.prototype, {
      toString: { value: () => 'https://bank.example/login' },
    })
    await expect(
      (async () => ca.issueWorkload(csr, { id: forged as SpiffeId, lifetime: '1h' }))(),
    ).rejects.toMatchObject({ code: 'ERR_SPIFFE_ID' })
    await expect(ca.issueWorkload(csr, { id, lifetime: '1h' })).resolves.toBeDefined()
  })

  test('an empty passphrase is refused: it would look like protection', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    await expect(exportPrivateKey(privateKey, { format: 'pkcs8', passphrase: '' })).rejects.toThrow(
      /option "passphrase" is empty/,
    )
    await expect(exportPrivateKey(privateKey, { format: 'pkcs8' })).resolves.toContain('BEGIN PRIVATE KEY')
  })

  test('the expected name is read once: what was checked is what is compared', () => {
    let reads = 0
    const name = {
      get uri() {
        return reads++ === 0 ? 'spiffe://other/a' : 'spiffe://cluster.local/ns/default/sa/test'
      },
    }
    const result = checkPathSync(workload, {
      anchors: chain.slice(-1),
      intermediates: chain.slice(1),
      purpose: 'any',
      name,
    })
    expect(result.ok ? 'accepted' : result.error.code).toBe('ERR_PATH_NAME_MISMATCH')
  })
})

describe('messages say which input they are about', () => {
  test('an anchor that cannot be read is named with its place, and so is the leaf', () => {
    const anchors = [root.certificate, 'garbage']
    expect(() => new TrustStore({ anchors })).toThrow(/option "anchors\[1\]"/)
    const bad = checkPathSync(workload, { anchors, purpose: 'any' })
    expect(bad.ok ? '' : bad.error.message).toMatch(/option "anchors\[1\]"/)
    const leaf = checkPathSync('garbage', { anchors: root.certificate, purpose: 'any' })
    expect(leaf.ok ? '' : leaf.error.message).toMatch(/^the leaf cannot be read/)
  })

  test('PEM where DER is due gets a hint', () => {
    expect(() => Certificate.fromDer(new TextEncoder().encode(workload.toPem()))).toThrow(/looks like PEM/)
  })

  test('a private key in the place of a text is never shown (decision 6)', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    const pem = await exportPrivateKey(privateKey, { format: 'pkcs8' })
    const secret = pem.split('\n')[1] ?? ''
    for (const misuse of [
      () => SpiffeId.parse(pem),
      () => TrustDomain.parse(pem),
      () => Name.parse(pem),
      () => createRootCa({ subject: pem, lifetime: '1d' }),
      () => createRootCa({ subject: 'CN=a', lifetime: pem }),
      () => ca.issueWorkload(csr, { id, lifetime: '1h', subjectAltNames: [{ type: 'dns', value: pem }] }),
    ]) {
      const error: unknown = await (async () => misuse())().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(Error)
      expect(String(error) + JSON.stringify(error)).not.toContain(secret.slice(0, 16))
    }
  })
})
