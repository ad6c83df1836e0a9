/**
 * The checks of istiod on its plug-in CA, in its order and with its words.
 *
 * @module
 */

import { SignatureOracle } from '../../ca/lint/issuer-graph.ts'
import { ISTIO_KEY_LABELS } from '../../ca/lint/istio-key-labels.ts'
import { type IstioVersion, refusesIncompleteSecret } from '../../ca/lint/istio-version.ts'
import { MeshPkiError } from '../../errors.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { escapeText } from '../../internal/text.ts'
import { Certificate } from '../../x509/certificate.ts'
import { CertificateList } from '../../x509/certificate-list.ts'
import { ALL_LENIENCIES } from '../../x509/certificate-walker.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import { writePem } from '../../x509/pem.ts'
import { type PublicKeyInfo, readPublicKeyInfo } from '../../x509/public-key-info.ts'
import { firstGoPemBlock, type GoPemBlock, goPemBlocks } from './go-pem.ts'
import { verifyAsGo } from './go-verify.ts'

/** The files that istiod reads. */
export interface IstiodFiles {
  readonly signer: string
  readonly key: string
  readonly chain: string
  readonly roots: string
  /** `undefined` where there is none, and in the form of `tls.crt`. */
  readonly crls: string | undefined
}

/** Which check refused: those of `Verify` by number, 6 that of the start. */
export type IstiodStep = 1 | 2 | 3 | 4 | 5 | 6

/** A refusal. */
export interface IstiodRefusal {
  readonly step: IstiodStep
  readonly message: string
}

/** When istiod looks. */
export interface IstiodMoment {
  /** Milliseconds, whole seconds. */
  readonly now: number
  readonly startup: boolean
  readonly istio: IstioVersion | undefined
}

/** Labels that may be named: in a damaged file anything may stand after `BEGIN`, a piece of a key too. */
const KNOWN_LABELS: readonly string[] = [
  'EC PARAMETERS',
  'ENCRYPTED PRIVATE KEY',
  'DSA PRIVATE KEY',
  'OPENSSH PRIVATE KEY',
  'CERTIFICATE',
  'CERTIFICATE REQUEST',
  'PUBLIC KEY',
  'X509 CRL',
]

/** Runs the checks. `undefined`: istiod takes it. */
export async function istiodVerdict(
  files: IstiodFiles,
  { now, startup, istio }: IstiodMoment,
): Promise<IstiodRefusal | undefined> {
  const refuse = (step: IstiodStep, message: string): IstiodRefusal => ({ step, message })
  const block = firstGoPemBlock(files.signer)
  if (block === undefined) return refuse(1, 'failed to parse cert PEM: invalid PEM encoded certificate')
  const signer = readCertificate(block)
  if (signer === undefined) return refuse(1, 'failed to parse cert PEM: failed to parse X.509 certificate')
  const unverified = await verifyAsGo(signer, {
    roots: poolOf(files.roots),
    intermediates: poolOf(files.chain),
    now,
  })
  if (unverified !== undefined)
    return refuse(
      2,
      `cannot verify the cert with the provided root chain and cert pool with error: ${unverified}`,
    )
  const key = await readKey(files.key)
  if (typeof key === 'string') return refuse(3, `failed to parse private key PEM: ${key}`)
  const mismatch = keyMismatch(files.signer, key)
  if (mismatch !== undefined) return refuse(4, `the cert does not match the key: ${mismatch}`)
  const readsCrls = istio === undefined || istio.minor >= 27
  if (readsCrls && files.crls !== undefined && files.crls !== '') {
    const problem = await crlProblem(files.chain, files.crls)
    if (problem !== undefined) return refuse(5, problem)
  }
  if (!startup) return undefined
  if (!signer.isCa) return refuse(6, 'certificate is not authorized to sign other certificates')
  const chainProblem = chainLifeProblem(files.chain, now)
  return chainProblem === undefined ? undefined : refuse(6, chainProblem)
}

/** Why the files are not even read; `undefined` where they are. `has`: whether a key of the secret is there. */
export function incompleteProblem(
  has: (key: string) => boolean,
  keys: readonly string[],
  keyFile: string,
  istio: IstioVersion | undefined,
): string | undefined {
  const missing = keys.filter((key) => !has(key))
  if (missing.length === 0) return undefined
  const isEmpty = missing.length === keys.length
  const isOld = istio !== undefined && !refusesIncompleteSecret(istio)
  if (isEmpty || (isOld && missing.includes(keyFile)))
    return `no signing CA bundle (missing: ${missing.join(', ')}); istiod signs with a CA of its own, without a word`
  return isOld
    ? `failed to create an istiod CA: open ./etc/cacerts/${missing[0] ?? ''}: no such file or directory`
    : 'failed to create an istiod CA: incomplete signing CA bundle detected'
}

/** As `x509.ParseCertificate` takes it, whatever the label is. */
function readCertificate({ bytes }: GoPemBlock): Certificate | undefined {
  try {
    return Certificate.fromDer(bytes, { leniency: ALL_LENIENCIES })
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}

/** As `CertPool.AppendCertsFromPEM`: other blocks, blocks with headers and those that do not parse are passed over. */
function poolOf(text: string): readonly Certificate[] {
  return goPemBlocks(text).flatMap((block): readonly Certificate[] => {
    if (block.label !== 'CERTIFICATE' || block.hasHeaders) return []
    const certificate = readCertificate(block)
    return certificate === undefined ? [] : [certificate]
  })
}

/** The public half of the key; or Istio's words for why it is none. */
async function readKey(text: string): Promise<Uint8Array | string> {
  const block = firstGoPemBlock(text)
  if (block === undefined) return 'invalid PEM-encoded key'
  const { label, bytes } = block
  if (!ISTIO_KEY_LABELS.includes(label)) {
    const shown = KNOWN_LABELS.includes(label) ? label : `(a label of ${label.length} characters, not shown)`
    return `unsupported PEM block type for a private key: ${shown}`
  }
  const kind = label === 'EC PRIVATE KEY' ? 'ECDSA' : label === 'RSA PRIVATE KEY' ? 'RSA' : 'PKCS8'
  try {
    // Written anew, so that text around it and headers count for nothing, as in Go.
    const { publicKey } = await importPrivateKey(writePem(label, bytes), { extractable: false })
    return publicKey
  } catch (error) {
    // The message of the reader may quote the text, so only its code is used.
    if (!(error instanceof MeshPkiError)) throw error
    // Go reads it, and no certificate of a key this weak comes so far.
    if (error.code === 'ERR_KEY_WEAK') return new Uint8Array()
    return `failed to parse the ${kind} private key`
  }
}

/** As `tls.X509KeyPair`: the first block CERTIFICATE counts, whatever stands before it. */
function keyMismatch(signerText: string, publicKey: Uint8Array): string | undefined {
  const blocks = goPemBlocks(signerText)
  const first = blocks.find(({ label }) => label === 'CERTIFICATE')
  if (first === undefined)
    return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${blocks.map(({ label }) => (KNOWN_LABELS.includes(label) ? label : '(not shown)')).join(' ')}]`
  const certificate = readCertificate(first)
  if (certificate === undefined) return 'x509: malformed certificate'
  if (publicKey.length === 0) return 'tls: private key does not match public key'
  const spki = certificate.publicKey
  const own = readPublicKeyInfo(spki)
  const theirs = readPublicKeyInfo(publicKey)
  if (familyOf(own) !== familyOf(theirs)) return 'tls: private key type does not match public key type'
  const isSame =
    own.kind === theirs.kind &&
    equalBytes(spki.subarray(own.keyStart, own.keyEnd), publicKey.subarray(theirs.keyStart, theirs.keyEnd))
  return isSame ? undefined : 'tls: private key does not match public key'
}

/** Go has one type for all curves of ECDSA. */
const familyOf = ({ kind }: PublicKeyInfo): string | undefined => (kind?.startsWith('P-') ? 'ECDSA' : kind)

/**
 * Envoy wants a CRL of every CA of a chain, once there is one. Certificates are kept by the text of their subject, so that
 * of two with one name only the last is asked about.
 */
async function crlProblem(chainText: string, crlText: string): Promise<string | undefined> {
  const missing = new Map<string, Certificate>()
  for (const block of goPemBlocks(chainText)) {
    const certificate = readCertificate(block)
    if (certificate === undefined) return 'failed to parse cert chain: x509: malformed certificate'
    missing.set(String(certificate.subject), certificate)
  }
  const lists: CertificateList[] = []
  for (const { bytes } of goPemBlocks(crlText)) {
    try {
      lists.push(CertificateList.fromDer(bytes))
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      return 'failed to parse CRL PEM: x509: malformed crl'
    }
  }
  const oracle = new SignatureOracle()
  for (const list of lists) {
    for (const [subject, certificate] of missing)
      if (maySignCrls(certificate) && (await oracle.isSignedBy(list, certificate)) === true)
        missing.delete(subject)
    if (missing.size === 0) break
  }
  if (missing.size === 0) return undefined
  const names = [...missing.keys()].sort().map((name) => escapeText(name, 128))
  return `missing CRL signed by certificates: [${names.join(' ')}]`
}

/** `RevocationList.CheckSignatureFrom`: cRLSign, if there is key usage at all; a CA, if it can say so. */
function maySignCrls({ version, isCa, keyUsage }: Certificate): boolean {
  return (version < 3 || isCa) && (keyUsage === undefined || keyUsage.includes('cRLSign'))
}

/** The lifetime of workload certificates is taken from the first block of the chain, which must not be over. */
function chainLifeProblem(chainText: string, now: number): string | undefined {
  if (chainText === '') return undefined
  const block = firstGoPemBlock(chainText)
  const certificate = block === undefined ? undefined : readCertificate(block)
  if (certificate === undefined)
    return `failed to get cert chain TTL failed to extract cert expiration timestamp: failed to parse the cert: ${
      block === undefined ? 'invalid PEM encoded certificate' : 'failed to parse X.509 certificate'
    }`
  return certificate.notAfter.getTime() <= now ? 'cert chain has expired' : undefined
}
