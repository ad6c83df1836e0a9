/**
 * Lints the secret of a CA, or of the relay, as it stands in a cluster.
 *
 * @module
 */

import type { CertificateFile } from '../../ca/lint/certificate-file.ts'
import { orderFindings } from '../../ca/lint/chain-order.ts'
import { buildIssuerGraph, type ChainNode, isRootNode, SignatureOracle } from '../../ca/lint/issuer-graph.ts'
import { readIstioVersion } from '../../ca/lint/istio-version.ts'
import { readKeyFile } from '../../ca/lint/key-file.ts'
import { keyFindings } from '../../ca/lint/key-findings.ts'
import { type LintFinding, lintFinding, sortFindings } from '../../ca/lint/lint-finding.ts'
import { lintPlacedChain } from '../../ca/lint/placed-chain.ts'
import { checkOptionNames, readFlag, readInstant } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { DataKey, SecretName } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { ISTIO_KEYS, TLS_KEYS } from '../secrets/cacerts-layout.ts'
import { addCrlFindings } from './crl-rules.ts'
import { LintedSecret } from './linted-secret.ts'
import {
  addAgentLabel,
  addExtraCertificates,
  addMissingKeys,
  addRootKey,
  addRootOrder,
  addSkippedRoots,
  addTlsForm,
  istiodWithout,
} from './secret-rules.ts'
import { type SecretShape, secretShapeOf } from './secret-shape.ts'

/** Options of {@link lintCacerts}. */
export interface LintCacertsOptions {
  /** Default: now. */
  readonly time?: Date | undefined
  /** Whether trust domains and the SPIFFE IDs of CAs are judged. Default `true`. */
  readonly spiffe?: boolean | undefined
  /** The release of istiod, such as `1.28.7`, for what depends on it. */
  readonly istioVersion?: string | undefined
  /** Whether the agent of Gloo Mesh manages the secret. Default: where its type says so. */
  readonly gloo?: boolean | undefined
}

const OPTIONS = ['time', 'spiffe', 'istioVersion', 'gloo']

/** Which data keys hold what, and how the shape is read. */
interface Layout {
  readonly required: readonly string[]
  readonly signer: string | undefined
  readonly chain: string | undefined
  readonly roots: string
  readonly key: string
}

const ISTIO: Layout = {
  required: ISTIO_KEYS,
  signer: DataKey.caCert,
  chain: DataKey.certChain,
  roots: DataKey.rootCert,
  key: DataKey.caKey,
}
const TLS: Layout = {
  required: TLS_KEYS,
  signer: DataKey.tlsCert,
  chain: undefined,
  roots: DataKey.tlsCa,
  key: DataKey.tlsKey,
}
const LAYOUTS: Readonly<Partial<Record<SecretShape, Layout>>> = {
  cacerts: ISTIO,
  'istio-root': { ...ISTIO, required: [DataKey.caCert, DataKey.caKey] },
  'gloo-root': ISTIO,
  'gloo-legacy-root': {
    required: [DataKey.rootCert, DataKey.key],
    signer: DataKey.rootCert,
    chain: undefined,
    roots: DataKey.rootCert,
    key: DataKey.key,
  },
  tls: TLS,
  relay: TLS,
  roots: { ...TLS, required: [DataKey.tlsCa], signer: undefined },
}

/**
 * Finds what is wrong, risky or odd in a secret, and says how to mend it: worst first, `[]` for a sound one.
 *
 * It reads Istio's `cacerts` in both forms, `istio-ca-secret`, Gloo Mesh's roots, and the pairs of its relay, and tells them
 * apart by name, type and keys. Everything of `lintChain` is judged on its certificates, with `root-cert.pem` or `ca.crt`
 * as anchors; beyond that, how istiod reads the secret. Content never makes it throw, and no finding shows any of a key.
 * `docs/lint.md` lists every finding.
 *
 * @throws `TypeError` and `RangeError` for options, and for what is no object.
 *
 * @example
 * ```ts
 * import { lintCacerts, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike
 * const findings = await lintCacerts(secret, { istioVersion: '1.26.2' })
 * for (const { severity, code, message } of findings) console.log(severity, code, message)
 * ```
 */
export async function lintCacerts(
  secret: SecretLike,
  options: LintCacertsOptions = {},
): Promise<readonly LintFinding[]> {
  checkOptionNames(options, OPTIONS, 'lintCacerts')
  const now = readInstant(options.time ?? new Date(), 'time')
  const spiffe = readFlag(options.spiffe, 'spiffe', true)
  const gloo = readFlag(options.gloo, 'gloo', false)
  const istio = readIstioVersion(options.istioVersion)
  const other = otherKind(secret)
  if (other !== undefined) return [other]
  const linted = new LintedSecret(secret, 'lintCacerts')
  const shape = shapeOf(linted)
  const layout = shape === undefined ? undefined : LAYOUTS[shape]
  if (shape === undefined || layout === undefined) {
    if (shape === undefined) addUnknown(linted)
    return sortFindings(linted.findings)
  }
  const isPlugIn = shape === 'cacerts' || shape === 'tls'
  addMissingKeys(linted, layout.required, isPlugIn ? istiodWithout(istio) : WITHOUT[shape])
  const roots = rootsOf(linted, layout, shape === 'istio-root')
  const signers =
    layout.signer === undefined || layout.signer === layout.roots ? roots : linted.certificates(layout.signer)
  const above = layout.chain === undefined ? NO_FILE : linted.certificates(layout.chain, true)
  const [signer] = signers.certificates
  // The chain begins with the signing certificate once more; the tls form has all of tls.crt as chain.
  const copy = above.certificates.findIndex(
    ({ certificate }) => signer?.certificate.equals(certificate) === true,
  )
  const rest = above.certificates.filter((_, i) => i !== copy)
  const chain =
    layout.signer === undefined || signer === undefined
      ? rest
      : [signer, ...(layout === TLS ? signers.certificates.slice(1) : []), ...rest]
  const usesCrls = shape === 'cacerts' && linted.isFilled(DataKey.caCrl)
  const oracle = new SignatureOracle()
  const { nodes, findings } = await lintPlacedChain({
    chain,
    anchors: linted.has(layout.roots) ? roots.certificates : undefined,
    now,
    purpose: 'any',
    spiffe,
    istio,
    kind: 'stored',
    firstSigns: shape !== 'relay' && shape !== 'roots',
    needsCrlSign: usesCrls,
    oracle,
  })
  linted.findings.push(...findings)
  const node = nodes.find(({ certificate }) => signer?.certificate.equals(certificate) === true)
  if (layout.signer !== undefined && isPlugIn)
    await addSignerFindings(linted, layout, { node, signers, above, oracle })
  await addKeyFindings(linted, layout, [signers, above, roots])
  if (isPlugIn) {
    addSkippedRoots(linted, layout.roots, roots)
    addRootOrder(linted, roots)
    addAgentLabel(linted, gloo)
    addRootKey(linted, node)
  }
  if (shape === 'tls') addTlsForm(linted)
  if (shape === 'tls' || shape === 'relay') addCaCrtNotRoot(linted, nodes)
  if (shape === 'roots' && linted.isFilled(DataKey.tlsKey)) addRelayRootKey(linted)
  if (usesCrls) await addCrlFindings(linted, above.certificates, signer?.certificate, now, oracle)
  return sortFindings(linted.findings)
}

/** What comes of a secret in which a key is missing. */
const WITHOUT: Readonly<Partial<Record<SecretShape, string>>> = {
  'istio-root': 'istiod makes a new root',
  'gloo-root': 'Gloo Mesh reads all of them before it signs, and refuses',
  'gloo-legacy-root': 'Gloo Mesh cannot sign',
  relay: 'the relay does not start, or cannot verify the other side',
}

const NO_FILE: CertificateFile = { certificates: [], findings: [] }

/** What the keys leave open is told by the first certificate, where the name is not that of the plug-in CA. */
function shapeOf(linted: LintedSecret): SecretShape | undefined {
  const shape = secretShapeOf(linted.reader, linted.secret, (key) => linted.isFilled(key))
  const name = linted.secret.metadata?.name
  if (name === SecretName.cacerts) return shape
  const probe = (key: string) =>
    new LintedSecret(linted.secret, 'lintCacerts').certificates(key).certificates[0]?.certificate
  // A pair whose certificate is no CA's is that of a server or a client.
  if (shape === 'tls') return probe(DataKey.tlsCert)?.isCa === false ? 'relay' : 'tls'
  // A root in the four keys under another name is what Gloo Mesh signs intermediates with.
  const isRoot = shape === 'cacerts' && name !== undefined && probe(DataKey.caCert)?.isSelfIssued === true
  return isRoot ? 'gloo-root' : shape
}

/** The anchors. istiod's own secret may leave root-cert.pem empty: the CA is then its own root. */
function rootsOf(linted: LintedSecret, { roots, signer }: Layout, mayBeEmpty: boolean): CertificateFile {
  if (mayBeEmpty && signer !== undefined && !linted.isFilled(roots)) {
    const { certificates } = new LintedSecret(linted.secret, 'lintCacerts').certificates(signer)
    return { certificates, findings: [] }
  }
  return linted.certificates(roots)
}

interface SignerParts {
  readonly node: ChainNode | undefined
  readonly signers: CertificateFile
  readonly above: CertificateFile
  readonly oracle: SignatureOracle
}

async function addSignerFindings(
  linted: LintedSecret,
  layout: Layout,
  { node, signers, above, oracle }: SignerParts,
): Promise<void> {
  if (layout.chain === undefined) return
  addExtraCertificates(linted, layout.signer ?? '', signers)
  const { nodes } = await buildIssuerGraph(above.certificates, [], oracle)
  linted.findings.push(...orderFindings(nodes))
  if (node === undefined || isRootNode(node) || !linted.has(layout.chain)) return
  if (above.certificates.some(({ certificate }) => certificate.equals(node.certificate))) return
  linted.add(
    lintFinding('chain-without-signer', {
      at: { source: linted.sourceOf(layout.chain) },
      found: `${above.certificates.length} certificates, not that of ${DataKey.caCert}`,
      problem: `${layout.chain} does not hold the signing certificate; istiod appends that file to each workload certificate, so peers are not sent the CA and find no way to the root`,
      remedy: `Begin ${layout.chain} with ${DataKey.caCert}`,
      ...(node.certificate.isCa
        ? { command: `cat ${DataKey.caCert} ${layout.chain} > cert-chain.new.pem` }
        : {}),
    }),
  )
}

async function addKeyFindings(
  linted: LintedSecret,
  layout: Layout,
  files: readonly CertificateFile[],
): Promise<void> {
  const text = linted.text(layout.key)
  if (text === undefined) return
  const source = linted.sourceOf(layout.key)
  const [owner] = files[0]?.certificates ?? []
  const others = files.flatMap(({ certificates }) => certificates)
  linted.findings.push(...keyFindings(await readKeyFile(text, source, 'private'), owner, others, source))
}

function addCaCrtNotRoot(linted: LintedSecret, nodes: readonly ChainNode[]): void {
  const anchors = nodes.filter(({ isAnchor }) => isAnchor)
  const [first] = anchors
  if (first === undefined || anchors.some((node) => isRootNode(node) || node.isUnknown)) return
  linted.add(
    lintFinding('ca-crt-not-root', {
      at: first.at,
      found: 'no self-signed certificate in ca.crt',
      problem:
        'ca.crt holds no root: cert-manager writes there what its issuer calls CA, which may be an intermediate. Clusters below the same root then trust different things',
      remedy:
        'Distribute the root itself as ca.crt, such as by trust-manager, or use the form with root-cert.pem',
    }),
  )
}

function addRelayRootKey(linted: LintedSecret): void {
  linted.add(
    lintFinding('root-key-present', {
      at: { source: linted.sourceOf(DataKey.tlsKey) },
      found: 'the key of a root beside ca.crt',
      problem:
        'the key of the root stands beside it; verifying needs the certificate alone, and this secret is copied to every cluster',
      remedy: 'Delete tls.key here, and replace the root if others could read it',
    }),
  )
}

/** A ConfigMap holds text where a secret has base64: nothing that is said of its keys would be true. */
function otherKind(secret: SecretLike): LintFinding | undefined {
  const kind: unknown = secret?.kind
  if (typeof kind !== 'string' || kind === 'Secret') return undefined
  return lintFinding('unknown-secret', {
    found: `an object of kind ${quote(kind, 64)}`,
    problem: `this is of kind ${quote(kind, 64)}, not a Secret`,
    remedy:
      kind === 'ConfigMap'
        ? 'Lint the secret that istiod reads; the roots in a ConfigMap can be given to lintChain'
        : 'Give the secret that istiod reads',
  })
}

function addUnknown(linted: LintedSecret): void {
  linted.add(
    lintFinding('unknown-secret', {
      found: `keys: ${linted.reader.list()}`,
      problem: `this is none of the secrets that are known here; present: ${linted.reader.list()}`,
      remedy: `A plug-in CA has ${ISTIO_KEYS.join(', ')}, or ${TLS_KEYS.join(', ')}`,
    }),
  )
}
