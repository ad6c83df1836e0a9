/**
 * Certificates to mutate: made afresh by OpenSSL, so that every run starts from what somebody else writes.
 * Their keys are new each time, so a seed alone does not repeat a mutant: a report holds its bytes.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface CorpusCertificate {
  readonly name: string
  readonly der: Uint8Array
}

/** Every extension of RFC 5280 §4.2 that OpenSSL can write. */
const CONFIG = `
oid_section = oids
[oids]
policyA = 1.3.6.1.4.1.99999.1
policyB = 1.3.6.1.4.1.99999.2
[req]
distinguished_name = dn
[dn]
[workload]
subjectAltName = critical,URI:spiffe://example.org/ns/default/sa/web
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[names]
subjectAltName = DNS:a.example,DNS:*.b.example,email:x@a.example,IP:192.0.2.1,IP:2001:db8::1,URI:https://a.example/x,RID:1.2.3.4,otherName:1.2.3;UTF8:text,dirName:dir
issuerAltName = DNS:ca.example,URI:https://ca.example
authorityInfoAccess = OCSP;URI:http://ocsp.example,caIssuers;URI:http://ca.example/ca.cer
subjectInfoAccess = 1.3.6.1.5.5.7.48.5;URI:http://ca.example/repo
crlDistributionPoints = full,short
freshestCRL = URI:http://ca.example/delta.crl
certificatePolicies = 1.2.3.4,@policy
1.2.3.4.5 = ASN1:SEQUENCE:custom
[dir]
C = DE
O = Example
CN = directory
[full]
fullname = URI:http://ca.example/ca.crl
CRLissuer = dirName:dir
reasons = keyCompromise,CACompromise
[short]
relativename = relative
CRLissuer = dirName:dir
[relative]
CN = short
[policy]
policyIdentifier = 2.5.29.32.0
CPS.1 = http://ca.example/cps
userNotice.1 = @notice
[notice]
explicitText = UTF8:Nothing is promised
organization = Example
noticeNumbers = 1,2
[custom]
a = INTEGER:17
b = BOOLEAN:TRUE
c = OCTETSTRING:abc
d = BITSTRING:xyz
[ca]
basicConstraints = critical,CA:TRUE,pathlen:3
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer:always
nameConstraints = critical,permitted;DNS:a.example,permitted;IP:10.0.0.0/255.0.0.0,permitted;dirName:dir,excluded;email:b.example,excluded;URI:.c.example
policyConstraints = requireExplicitPolicy:1,inhibitPolicyMapping:0
policyMappings = policyA:policyB
inhibitAnyPolicy = 2
`

/** `genpkey` arguments, subject and section of extensions of each certificate. `req -x509` writes no v1: see {@link makeV1}. */
const RECIPES: readonly (readonly [
  name: string,
  key: readonly string[],
  subject: string,
  extensions: string,
])[] = [
  ['p256-workload', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], '/', 'workload'],
  ['p384-names', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], '/C=DE/O=Example/CN=names', 'names'],
  ['p521-ca', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-521'], '/DC=example/DC=org/CN=Root', 'ca'],
  ['ed25519-ca', ['ed25519'], '/O=Example/CN=a+OU=b+UID=c', 'ca'],
  ['ed25519-names', ['ed25519'], '/O=Straße Café/emailAddress=a@b.example/CN=Ünï', 'names'],
  ['rsa-workload', ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], '/O=Example/CN=rsa', 'workload'],
  ['p256-long', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], '/CN=until 9999', 'ca'],
]

function run(folder: string, args: readonly string[], input?: Uint8Array): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: folder, input: input ?? '' })
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr.toString()}`)
  return stdout
}

/** Makes the certificates. Needs `openssl` 3 on the PATH; leaves nothing behind. */
export function makeCorpus(): readonly CorpusCertificate[] {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-fuzz-'))
  try {
    writeFileSync(join(folder, 'c.cnf'), CONFIG)
    const corpus = RECIPES.map(([name, key, subject, extensions]) => {
      run(folder, ['genpkey', '-algorithm', ...key, '-out', `${name}.key`])
      const days = name.endsWith('long') ? ['-days', '2900000'] : ['-days', '3650']
      const signing = ['req', '-x509', '-new', '-utf8', '-config', 'c.cnf', '-multivalue-rdn']
      const args = [...signing, '-key', `${name}.key`, '-subj', subject, '-extensions', extensions]
      return { name, der: run(folder, [...args, ...days, '-outform', 'DER']) }
    })
    return [...corpus, { name: 'rsa-v1', der: makeV1(folder) }].map(({ name, der }) => ({
      name,
      der: new Uint8Array(der),
    }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A request that is signed by its own key without extensions becomes a v1 certificate. */
function makeV1(folder: string): Buffer {
  const subject = ['-subj', '/O=Example/CN=version 1', '-config', 'c.cnf']
  run(folder, ['req', '-new', '-key', 'rsa-workload.key', ...subject, '-out', 'v1.csr'])
  const signing = [
    'x509',
    '-req',
    '-in',
    'v1.csr',
    '-signkey',
    'rsa-workload.key',
    '-set_serial',
    '0xfedcba98',
  ]
  run(folder, [...signing, '-days', '365', '-outform', 'DER', '-out', 'v1.der'])
  return readFileSync(join(folder, 'v1.der'))
}
