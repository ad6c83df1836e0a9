import { describe, expect, test } from 'vitest'
import { CertificateAuthority, createRootCa } from '../../../src/ca/index.ts'
import { Csr, createCsr, verifyProofOfPossession } from '../../../src/csr/index.ts'
import type { MeshPkiErrorCode } from '../../../src/errors.ts'
import { PathError } from '../../../src/verify/index.ts'
import type { Signer } from '../../../src/x509/index.ts'
import { hex } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { attribute, csrOf, EXTENSION_REQUEST } from '../csr/support.ts'
import { signedCertificate } from './sealed.ts'
import { below, CallersSigner, clockAt, DAY, ID, INTERMEDIATE, keyOf, request, rootCa } from './support.ts'

/** Revocation has tests of its own: `revoke.test.ts`, `issue-crl.test.ts`, `revocation-state.test.ts`. */
type Code = Exclude<
  Extract<MeshPkiErrorCode, `ERR_CA_${string}` | `ERR_CSR_${string}`>,
  `ERR_CA_CRL_${string}` | `ERR_CA_REVOCATION_${string}`
>
/** What makes it; what its message must say: of which certificate, by which rule, and what to do. */
type Case = readonly [provoke: () => Promise<unknown>, ...says: readonly RegExp[]]

const LABEL = /"[^"]+" \(serial [0-9a-f]+\)/
const root = await rootCa({ pathLength: 1 })
const intermediate = await below(root)
const csr = await request({ subject: INTERMEDIATE })
const from = (options: object) => CertificateAuthority.from({ clock: clockAt(), ...options } as never)

const CASES: Readonly<Record<Exclude<Code, 'ERR_CA_SELF_CHECK'>, Case>> = {
  ERR_CA_CHAIN: [
    () => from({ certificate: intermediate.certificate, signer: intermediate.signer }),
    LABEL,
    /not a self-signed root/,
    /option "chain"/,
  ],
  ERR_CA_DRY_RUN: [
    async () => {
      const { certificate, signer } = intermediate
      return from({ certificate, chain: (await rootCa()).chain, signer })
    },
    LABEL,
    /no certificate that .* signs would verify/,
  ],
  ERR_CA_EXPIRED: [
    () => from({ certificate: root.certificate, signer: root.signer, clock: clockAt(3651 * DAY) }),
    LABEL,
    /valid until 2035-12-30T00:00:00Z, and it is 2035-12-31T00:00:00Z/,
    /Renew it/,
  ],
  ERR_CA_KEY_MISMATCH: [
    () => from({ certificate: root.certificate, signer: intermediate.signer }),
    LABEL,
    /different CAs, or one of them was renewed/,
  ],
  ERR_CA_KEY_REUSED: [
    async () => root.issueWorkload((await createCsr({ key: root.signer })).csr, { id: ID, lifetime: '1h' }),
    LABEL,
    /make a new key/,
  ],
  ERR_CA_KEY_USAGE: [
    async () => {
      const key = await keyOf('Ed25519')
      const extensions = [
        { id: '2.5.29.19', critical: true, value: hex('30030101ff') },
        { id: '2.5.29.15', critical: true, value: hex('03020780') },
      ]
      return from({ certificate: await signedCertificate(key, { extensions }), signer: key })
    },
    LABEL,
    /expected key usage keyCertSign, found digitalSignature/,
    /RFC 5280 §4\.2\.1\.3/,
  ],
  ERR_CA_NAME_CONSTRAINTS: [
    async () => {
      const nameConstraints = {
        excluded: [{ type: 'uri', value: 'cluster.local' }],
        otherForms: 'allow',
      } as const
      return (await rootCa({ nameConstraints })).issueWorkload(csr, { id: ID, lifetime: '1h' })
    },
    LABEL,
    /URI:spiffe:\/\/cluster\.local\/.* excluded subtree URI:cluster\.local/,
    /RFC 5280 §4\.2\.1\.10/,
  ],
  ERR_CA_NOT_CA: [
    async () => {
      const { certificate } = await root.issueWorkload(csr, { id: ID, lifetime: '1h' })
      return from({ certificate, signer: root.signer })
    },
    LABEL,
    /expected basic constraints with cA TRUE/,
    /RFC 5280 §4\.2\.1\.9/,
  ],
  ERR_CA_NOT_YET_VALID: [
    () => from({ certificate: root.certificate, signer: root.signer, clock: clockAt(-DAY) }),
    LABEL,
    /valid from 2025-12-31T23:58:00Z, and it is 2025-12-31T00:00:00Z/,
    /Is a clock wrong\?/,
  ],
  ERR_CA_PATH_LENGTH: [
    () => root.issueIntermediate(csr, { lifetime: '1h', pathLength: 3 }),
    LABEL,
    /path length 3 was asked for, .* path length 1 leaves at most 0/,
    /RFC 5280 §4\.2\.1\.9/,
  ],
  ERR_CA_SELF_ISSUED: [
    () => root.issueIntermediate(csr, { lifetime: '1h', subject: 'CN=Root CA,O=Istio' }),
    LABEL,
    /exempt from path length \(RFC 5280 §6\.1\.4 \(l\)\)/,
    /Choose another subject, such as one with L=<cluster>/,
  ],
  ERR_CA_SIGNER: [
    async () =>
      createRootCa({
        subject: 'CN=a',
        lifetime: '1d',
        key: new CallersSigner(await keyOf('P-256'), () => new Uint8Array(64)),
      }),
    /not a valid ecdsa-sha256 signature under its own public key/,
    /must be DER, not r \|\| s/,
  ],
  ERR_CA_SUBJECT: [
    () => rootCa({ subject: '' }),
    /such as "L=kind2,CN=Intermediate CA,O=Istio"/,
    /RFC 5280 §4\.1\.2\.6/,
  ],
  ERR_CA_SUBJECT_ALT_NAME: [
    () => root.issueWorkload(csr, { id: 'spiffe://cluster.local', lifetime: '1h' }),
    /spiffe:\/\/cluster\.local has no path/,
    /X509-SVID §5\.2/,
  ],
  ERR_CSR_ATTRIBUTE: [
    async () => Csr.fromDer(csrOf({ attributes: [attribute(EXTENSION_REQUEST)] })),
    /without a value/,
    /RFC 2986 §4\.1/,
  ],
  ERR_CSR_SIGNATURE: [
    () => verifyProofOfPossession(csrOf({ signature: new Uint8Array(64) })),
    /altered, or its sender does not hold the private key/,
    /Make a new request \(RFC 2986 §3\)/,
  ],
  ERR_CSR_VERSION: [
    async () => Csr.fromDer(csrOf({ version: hex('020102') })),
    /2; expected 0/,
    /RFC 2986 §4\.1/,
  ],
}

describe('every error of requests and CAs (decision 6): which certificate, which rule, what to do', () => {
  test.each(Object.entries(CASES) as [Code, Case][])('%s', async (code, [provoke, ...says]) => {
    const error = await refusalOfAsync(provoke())
    expect([error.code, error.name, Object.isFrozen(error.data)]).toEqual([code, 'MeshPkiError', true])
    for (const expression of says) expect(error.message).toMatch(expression)
    expect(error.message).toMatch(/^[\x20-\x7e§…—]+$/)
    expect(error.message.length).toBeLessThan(700)
    expect(error.stack).toContain(error.message)
  })

  test('a dry run carries the reason as its cause', async () => {
    const [provoke] = CASES.ERR_CA_DRY_RUN
    const { cause } = await refusalOfAsync(provoke())
    expect(cause).toBeInstanceOf(PathError)
    expect((cause as PathError).code).toMatch(/^ERR_PATH_/)
  })

  test('the same calls without their one mistake are accepted', async () => {
    await from({ certificate: intermediate.certificate, chain: root.chain, signer: intermediate.signer })
    await from({ certificate: root.certificate, signer: root.signer, clock: clockAt(3649 * DAY) })
    await root.issueIntermediate(csr, { lifetime: '1h', pathLength: 0 })
    await root.issueWorkload(csr, { id: ID, lifetime: '1h' })
    await verifyProofOfPossession(csrOf())
  })
})

describe('a signer that hangs, with a signal', () => {
  const hanging = (until: number, controller: AbortController) => async () => {
    const inner = await keyOf('P-256')
    return new CallersSigner(inner, (tbs, options, call) => {
      if (call < until) return inner.sign(tbs)
      setImmediate(() => controller.abort(new Error('enough')))
      return new Promise((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
      })
    })
  }

  test.each([
    ['its own', 1],
    ["the dry run's", 2],
  ])('createRootCa gives the signal to %s signature', async (_, call) => {
    const controller = new AbortController()
    const key = await hanging(call, controller)()
    await expect(rootCa({ key, signal: controller.signal })).rejects.toThrow('enough')
  })

  test('so does from', async () => {
    const controller = new AbortController()
    const inner = await keyOf('P-256')
    const { certificate } = await rootCa({ key: inner })
    const given = new Promise((resolve) => {
      const watching: Signer = {
        publicKey: inner.publicKey,
        signatureAlgorithm: inner.signatureAlgorithm,
        sign: (_, options) => {
          resolve(options?.signal)
          return Promise.reject(new Error('seen'))
        },
      }
      void from({ certificate, signer: watching, signal: controller.signal }).catch(() => undefined)
    })
    expect(await given).toBe(controller.signal)
  })
})
