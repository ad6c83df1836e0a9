// Every subpath loads, and has what it is for. Those for Node load where Node's modules are.
import * as all from 'mesh-pki'
import * as ca from 'mesh-pki/ca'
import * as csr from 'mesh-pki/csr'
import * as inspect from 'mesh-pki/inspect'
import * as awsPrivateCa from 'mesh-pki/issuers/aws-private-ca'
import * as googleCas from 'mesh-pki/issuers/google-cas'
import * as vault from 'mesh-pki/issuers/vault'
import * as kubernetes from 'mesh-pki/kubernetes'
import * as clientNode from 'mesh-pki/kubernetes/client-node'
import * as kubernetesTesting from 'mesh-pki/kubernetes/testing'
import * as otel from 'mesh-pki/otel'
import * as peculiar from 'mesh-pki/peculiar'
import * as rotation from 'mesh-pki/rotation'
import * as spiffe from 'mesh-pki/spiffe'
import * as jwt from 'mesh-pki/spiffe/jwt'
import * as testing from 'mesh-pki/testing'
import * as verify from 'mesh-pki/verify'
import * as x509 from 'mesh-pki/x509'
import { equal } from './assert.mjs'

/** @type {readonly [subpath: string, module: object, member: string][]} */
const PURE = [
  ['mesh-pki', all, 'verifyPath'],
  ['mesh-pki/x509', x509, 'Certificate'],
  ['mesh-pki/verify', verify, 'checkPath'],
  ['mesh-pki/spiffe', spiffe, 'verifySvid'],
  ['mesh-pki/spiffe/jwt', jwt, 'verifyJwtSvid'],
  ['mesh-pki/csr', csr, 'createCsr'],
  ['mesh-pki/ca', ca, 'createRootCa'],
  ['mesh-pki/rotation', rotation, 'RotationScheduler'],
  ['mesh-pki/inspect', inspect, 'renderTimeline'],
  ['mesh-pki/testing', testing, 'createTestHierarchy'],
  ['mesh-pki/issuers/vault', vault, 'vaultIssuer'],
  ['mesh-pki/issuers/aws-private-ca', awsPrivateCa, 'awsPrivateCaIssuer'],
  ['mesh-pki/issuers/google-cas', googleCas, 'googleCasIssuer'],
  ['mesh-pki/otel', otel, 'openTelemetry'],
  ['mesh-pki/peculiar', peculiar, 'toPeculiarCertificate'],
  ['mesh-pki/kubernetes', kubernetes, 'KubeClient'],
  ['mesh-pki/kubernetes/client-node', clientNode, 'clientNodeTransport'],
  ['mesh-pki/kubernetes/testing', kubernetesTesting, 'fakeKubeApi'],
]

/** @type {readonly [subpath: string, member: string][]} */
const FOR_NODE = [
  ['mesh-pki/node', 'connectSvid'],
  ['mesh-pki/kubernetes/in-cluster', 'inClusterTransport'],
]

/** @param {object} module @param {string} member */
const kindOf = (module, member) => typeof Reflect.get(module, member)

/** @type {import('./assert.mjs').Case[]} */
export const importCases = [
  ...PURE.map(([subpath, module, member]) => ({
    name: `import of ${subpath}`,
    run: () => equal(kindOf(module, member), 'function', member),
  })),
  ...FOR_NODE.map(([subpath, member]) => ({
    name: `import of ${subpath}, or not, as declared`,
    run: async (/** @type {import('./assert.mjs').Host} */ { load, lacks }) => {
      const kind = await load(subpath).then(
        (module) => kindOf(module, member),
        () => 'not loaded',
      )
      equal(kind, lacks.has(subpath) ? 'not loaded' : 'function', member)
    },
  })),
]
