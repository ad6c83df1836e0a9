// A request, signed under a policy, and the chain judged: once to accept, and once for each reason to refuse.
import { CertificateAuthority, createRootCa, memoryRevocationStore } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { fromPeculiarCertificate, toPeculiarCertificate } from 'mesh-pki/peculiar'
import { createTestHierarchy } from 'mesh-pki/testing'
import { checkPath, checkPathSync, explain } from 'mesh-pki/verify'
import { accepted, equal, fails, ok, refused } from './assert.mjs'

const ID = 'spiffe://prod.example/ns/shop/sa/cart'
const POLICY = {
  name: 'shop',
  names: { spiffe: { allow: ['spiffe://prod.example/ns/shop/**'] } },
  lifetime: { max: '24h' },
}
const serverAuth = { purpose: /** @type {const} */ ('serverAuth') }

/** A root, a constrained intermediate below it, and its store of revocations. @param {object} [options] */
async function makeAuthority(options = {}) {
  const root = await createRootCa({ subject: 'CN=Root,O=Example', lifetime: '3650d' })
  const { csr, signer } = await createCsr({ subject: 'CN=CA,O=Example', key: 'P-256' })
  const issued = await root.issueIntermediate(csr, { lifetime: '365d', pathLength: 0, ...options })
  const { certificate, chain } = issued
  const revocations = memoryRevocationStore()
  return { root, ca: await CertificateAuthority.from({ certificate, chain, signer, revocations }) }
}

/**
 * @param {CertificateAuthority} ca
 * @param {object} [policy]
 */
async function signOne(ca, policy = {}) {
  const { csr } = await createCsr({ key: 'P-256' })
  return ca.sign(csr, { ...POLICY, ...policy }, { identities: [ID] })
}

/** @type {import('./assert.mjs').Case[]} */
export const signingCases = [
  {
    name: 'a request is signed under a policy, and its chain is accepted',
    async run() {
      const { root, ca } = await makeAuthority()
      const { certificate, chain } = await signOne(ca)
      equal(chain.length, 3, 'certificates in the chain')
      equal(certificate.subjectAltNames, [{ type: 'uri', value: ID }], 'names')
      const options = { anchors: root.certificate, intermediates: chain.slice(1), ...serverAuth }
      const result = await checkPath(certificate, { ...options, name: { uri: ID } })
      accepted(result, 'the chain')
    },
  },
  {
    name: 'a request that its policy forbids is refused with every rule it breaks',
    async run() {
      const { ca } = await makeAuthority()
      const { csr } = await createCsr({ key: 'P-384' })
      const policy = { ...POLICY, keys: { allow: [/** @type {const} */ ('P-256')] } }
      const identities = ['spiffe://prod.example/ns/bank/sa/vault']
      /** @type {{ violations?: readonly unknown[] }} */
      let refusal = {}
      const sign = () =>
        ca.sign(csr, policy, { identities }).catch((error) => {
          refusal = error
          throw error
        })
      await fails(sign, 'ERR_POLICY_REFUSED', 'a foreign name under a foreign key')
      equal(refusal.violations?.length, 2, 'broken rules')
    },
  },
  {
    name: 'what is wrong with a chain is refused for that reason',
    async run() {
      const { root, workload, chain, broken } = await createTestHierarchy({ trustDomain: 'prod.example' })
      const anchors = root.certificate
      const sound = await checkPath(workload, { anchors, intermediates: chain.slice(1), ...serverAuth })
      accepted(sound, 'the sound chain')
      const variants = await broken()
      const codes = {
        expired: 'ERR_PATH_EXPIRED',
        notYetValid: 'ERR_PATH_NOT_YET_VALID',
        badSignature: 'ERR_PATH_SIGNATURE',
        foreignRoot: 'ERR_PATH_NO_ISSUER',
        notCa: 'ERR_PATH_NOT_CA',
        missingIntermediate: 'ERR_PATH_NO_ISSUER',
      }
      for (const [variant, code] of Object.entries(codes)) {
        const [leaf = workload, ...intermediates] = Reflect.get(variants, variant)
        const result = await checkPath(leaf, { anchors, intermediates, ...serverAuth })
        refused(result, code, variant)
        if (!result.ok) ok(explain(result).includes(code), `an explanation with ${code}`)
      }
    },
  },
  {
    name: 'a name outside of the constraints of its CA is not signed',
    async run() {
      const permitted = [{ type: /** @type {const} */ ('uri'), value: 'prod.example' }]
      const { root, ca } = await makeAuthority({ nameConstraints: { permitted } })
      const { chain, certificate } = await signOne(ca)
      const options = { anchors: root.certificate, intermediates: chain.slice(1), ...serverAuth }
      accepted(await checkPath(certificate, options), 'a name inside')
      const { csr } = await createCsr({ key: 'P-256' })
      const sign = () => ca.issueWorkload(csr, { id: 'spiffe://other.example/a', lifetime: '1h' })
      await fails(sign, 'ERR_CA_NAME_CONSTRAINTS', 'a name outside')
    },
  },
  {
    name: 'a leaf without the purpose is refused for it, and accepted for its own',
    async run() {
      const { root, ca } = await makeAuthority()
      const usage = { extendedKeyUsage: { impose: ['clientAuth'] } }
      const { certificate, chain } = await signOne(ca, { usage })
      const options = { anchors: root.certificate, intermediates: chain.slice(1) }
      const asServer = await checkPath(certificate, { ...options, purpose: 'serverAuth' })
      refused(asServer, 'ERR_PATH_EXTENDED_KEY_USAGE', 'as a server')
      accepted(await checkPath(certificate, { ...options, purpose: 'clientAuth' }), 'as a client')
    },
  },
  {
    name: 'checkPathSync judges the same, or is refused with a type, as declared',
    async run({ lacks }) {
      const { root, workload, chain, broken } = await createTestHierarchy()
      const options = { anchors: root.certificate, intermediates: chain.slice(1), ...serverAuth }
      if (lacks.has('checkPathSync')) {
        await fails(() => checkPathSync(workload, options), 'ERR_SYNC_UNAVAILABLE', 'without node:crypto')
        return
      }
      accepted(checkPathSync(workload, options), 'the sound chain')
      const [leaf = workload] = (await broken()).badSignature
      refused(checkPathSync(leaf, options), 'ERR_PATH_SIGNATURE', 'another signature')
    },
  },
  {
    name: 'a certificate is revoked by a CRL, and its neighbour is not',
    async run() {
      const { root, ca } = await makeAuthority()
      const stolen = await signOne(ca)
      const kept = await signOne(ca)
      await ca.revoke(stolen.certificate, { reason: 'keyCompromise' })
      const { crl, number } = await ca.issueCrl({ nextUpdate: '7d' })
      equal([number, crl.size], [1n, 1], 'number and entries')
      const intermediates = kept.chain.slice(1)
      const revocation = /** @type {const} */ ('if-present')
      const options = { anchors: root.certificate, intermediates, crls: crl, revocation, ...serverAuth }
      refused(await checkPath(stolen.certificate, options), 'ERR_PATH_REVOKED', 'the revoked one')
      accepted(await checkPath(kept.certificate, options), 'the other')
      const required = { ...options, revocation: /** @type {const} */ ('require') }
      const unknown = await checkPath(kept.certificate, required)
      refused(unknown, 'ERR_PATH_REVOCATION_UNKNOWN', 'where the CA itself has no CRL')
    },
  },
  {
    name: '@peculiar/x509 reads what is issued, and gives it back',
    async run() {
      const { root } = await makeAuthority()
      const foreign = toPeculiarCertificate(root.certificate)
      equal(foreign.subject, 'O=Example, CN=Root', 'the subject')
      ok(await foreign.verify({ signatureOnly: true }), 'the signature to verify there')
      ok(fromPeculiarCertificate(foreign).equals(root.certificate), 'the same bytes')
    },
  },
]
