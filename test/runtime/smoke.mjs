// One small program for every bundler (the runtimes have the cases beside it): a root, an intermediate, a workload, a verified path, and
// one that must not verify. It ends with an exception, so with a non-zero status, when anything is off.
import { CertificateAuthority, createRootCa } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { SpiffeId } from 'mesh-pki/spiffe'
import { verifyPath } from 'mesh-pki/verify'

/**
 * @param {boolean} condition
 * @param {string} what
 */
function check(condition, what) {
  if (!condition) throw new Error(`smoke test: ${what}`)
}

const root = await createRootCa({ subject: 'O=Example,CN=Root', lifetime: '3650d' })
const request = await createCsr({ key: 'P-256' })
const issued = await root.issueIntermediate(request.csr, {
  subject: 'O=Example,CN=kind2',
  lifetime: '365d',
  pathLength: 0,
})
const ca = await CertificateAuthority.from({
  certificate: issued.certificate,
  chain: issued.chain,
  signer: request.privateKey,
})
const id = SpiffeId.parse('spiffe://td/ns/a/sa/b')
const workload = await ca.issueWorkload((await createCsr({ key: 'P-256' })).csr, { id, lifetime: '24h' })
const intermediates = workload.chain.slice(1)

const path = await verifyPath(workload.certificate, {
  anchors: [root.certificate],
  intermediates,
  purpose: 'serverAuth',
})
check(path.certificates.length === 3, `a path of three certificates, got ${path.certificates.length}`)
check(
  workload.certificate.subjectAltNames.some(({ type, value }) => type === 'uri' && value === String(id)),
  'the certificate carries the identity',
)

const foreign = await createRootCa({ subject: 'O=Elsewhere,CN=Root', lifetime: '3650d' })
const refusal = await verifyPath(workload.certificate, {
  anchors: [foreign.certificate],
  intermediates,
  purpose: 'serverAuth',
}).then(
  () => undefined,
  (error) => error,
)
check(refusal?.code === 'ERR_PATH_NO_ISSUER', `a foreign root is refused, got ${refusal?.code ?? refusal}`)
