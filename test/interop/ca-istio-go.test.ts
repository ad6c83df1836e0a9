/**
 * Istio's own packages beside us: their requests under our presets, and for one request and one CA, what their built-in CA
 * signs against what ours does, field by field.
 */
import { describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  createRootCa,
  glooIssuer,
  type IssuancePolicyInput,
  istioCa,
  istioCsr,
  istioRa,
  spire,
} from '../../src/ca/index.ts'
import { Csr, createCsr } from '../../src/csr/index.ts'
import { Certificate, type GeneralNameInput, importPrivateKey } from '../../src/x509/index.ts'
import { requirement } from '../support/require.ts'
import { goIstioAvailable, type IstioQuestion, openGoIstio } from '../support/spiffe-go.ts'

const ID = 'spiffe://cluster.local/ns/default/sa/productpage'
const DAY = 86_400

if (requirement('go-istio', goIstioAvailable)) {
  const go = await openGoIstio()
  const ask = (question: IstioQuestion): unknown => {
    const [verdict] = go.ask([question])
    if (verdict?.ok !== true) throw new Error(JSON.stringify(verdict))
    return verdict.value
  }
  const made = ask({ kind: 'root', text: 'cluster.local', seconds: 3650 * DAY }) as {
    certificate: string
    key: string
  }
  const request = ask({ kind: 'request', text: ID }) as string
  const sign = (csr: string, names: readonly string[], isCA: boolean, seconds = DAY): Certificate =>
    Certificate.fromPem(ask({ kind: 'sign', csr, names, isCA, seconds, ...made }) as string)

  /** Everything but serial number, key and the instant. */
  const fields = (certificate: Certificate): unknown => ({
    subject: Buffer.from(certificate.subject.der).toString('hex'),
    issuer: Buffer.from(certificate.issuer.der).toString('hex'),
    algorithm: certificate.signatureAlgorithm,
    seconds: (certificate.notAfter.getTime() - certificate.notBefore.getTime()) / 1000,
    extensions: certificate.extensions.map(({ oid, critical, value }) => [
      oid,
      critical,
      Buffer.from(value).toString('hex'),
    ]),
  })

  describe("Istio's packages", () => {
    test('make a root that we take over, and would make the same way for the same key', async () => {
      const key = await importPrivateKey(made.key)
      const ca = await CertificateAuthority.from({
        certificate: made.certificate,
        signer: key,
        profile: 'istio',
      })
      const own = await createRootCa({
        subject: 'O=cluster.local',
        lifetime: '3650d',
        backdate: '0s',
        key,
        profile: 'istiod-root',
        // Go computes it by SHA-256 since 1.25.
        keyIdentifier: 'sha256',
      })
      expect(fields(own.certificate)).toEqual(fields(ca.certificate))
    })

    test('make requests that every preset takes', async () => {
      expect(Csr.fromPem(request).subject.values('O')).toEqual([''])
      const root = await createRootCa({ subject: 'CN=Root', lifetime: '1d' })
      for (const policy of [istioCa(), istioRa(), istioCsr(), spire({ trustDomain: 'cluster.local' })]) {
        const { certificate } = await root.sign(request, policy, { identities: [ID] })
        expect(certificate.subjectAltNames[0]).toEqual({ type: 'uri', value: ID })
        await expect(
          root.sign(request, policy, { identities: ['spiffe://other/ns/a/sa/b'], lifetime: '9000h' }),
        ).rejects.toThrow()
      }
      const { certificate } = await root.sign(request, glooIssuer(), { identities: [ID] })
      expect(certificate.isCa).toBe(true)
    })

    const dns = (value: string): GeneralNameInput => ({ type: 'dns', value })
    const ip = (value: string): GeneralNameInput => ({ type: 'ip', value })
    test.each<[string, readonly string[], readonly (GeneralNameInput | string)[]]>([
      ['a workload', [ID], [ID]],
      [
        'istiod',
        ['istiod.istio-system.svc', 'istiod.istio-system'],
        [dns('istiod.istio-system.svc'), dns('istiod.istio-system')],
      ],
      ['addresses', ['10.0.0.1', '2001:db8::1'], [ip('10.0.0.1'), ip('2001:db8::1')]],
      ['all of them', [ID, 'a.b', '10.0.0.1'], [ID, dns('a.b'), ip('10.0.0.1')]],
    ])('sign %s as istioCa does', async (_, names, identities) => {
      const ca = await CertificateAuthority.from({
        certificate: made.certificate,
        signer: await importPrivateKey(made.key),
      })
      const ours = async (csr: string) => (await ca.sign(csr, istioCa(), { identities })).certificate
      // Theirs begins two minutes ago and ends a day from now.
      expect(fields(await ours(request))).toEqual(fields(sign(request, names, false)))
      const { csr } = await createCsr({
        key: 'P-256',
        subject: 'CN=anything,O=x',
        subjectAltNames: [{ type: 'uri', value: 'spiffe://evil/a' }],
      })
      expect(fields(await ours(csr.toPem()))).toEqual(fields(sign(csr.toPem(), names, false)))
    })

    test('sign a CA as the profile istiod-intermediate does', async () => {
      const ca = await CertificateAuthority.from({
        certificate: made.certificate,
        signer: await importPrivateKey(made.key),
      })
      const policy: IssuancePolicyInput = {
        name: 'forCA',
        profile: 'istiod-intermediate',
        subject: { from: 'policy', value: [] },
        request: { subjectAltNames: 'any' },
        keyIdentifier: 'sha256',
        lifetime: { max: '24h' },
      }
      // Theirs has no subject either; ours refuses that for a CA, unless its profile says so.
      await expect(ca.sign(request, policy, { identities: [ID] })).rejects.toMatchObject({
        code: 'ERR_POLICY_REFUSED',
      })
      const { csr } = await createCsr({ key: 'RSA-2048', subject: [{ CN: 'x' }] })
      const named: IssuancePolicyInput = {
        ...policy,
        subject: { from: 'policy', commonName: 'first-name-if-asked' },
      }
      const { certificate } = await ca.sign(csr, named, { identities: [ID] })
      expect(fields(certificate)).toEqual(fields(sign(csr.toPem(), [ID], true)))
    })

    test('cap a leaf to its signer, as we do', async () => {
      const ca = await CertificateAuthority.from({
        certificate: made.certificate,
        signer: await importPrivateKey(made.key),
      })
      const policy = { ...istioCa(), lifetime: { max: 'none' } }
      const { certificate } = await ca.sign(request, policy, { identities: [ID], lifetime: '4000d' })
      const theirs = sign(request, [ID], false, 4000 * DAY)
      expect(certificate.notAfter).toEqual(ca.certificate.notAfter)
      expect(theirs.notAfter).toEqual(ca.certificate.notAfter)
    })
  })
}
