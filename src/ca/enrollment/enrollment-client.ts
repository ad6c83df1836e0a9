/**
 * The client's side of enrollment.
 *
 * @module
 */

import { createCsr } from '../../csr/create-csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { formatDuration } from '../../internal/duration.ts'
import { quote } from '../../internal/text.ts'
import { withinTime } from '../../internal/within-time.ts'
import { endpointLabel } from '../../spiffe/endpoint-url.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { PrivateKey } from '../../x509/private-key.ts'
import { isSigner, type Signer } from '../../x509/signer.ts'
import type { CheckedClientOptions } from './client-options.ts'
import { enrolledFault, withoutRoots } from './enrolled-certificate.ts'
import { badAnswer, type EnrollmentAnswer, readAnswer, readRefused } from './enrollment-answer.ts'
import { exchange } from './enrollment-dialer.ts'
import type { EnrollmentOperation } from './enrollment-options.ts'
import { mediaType, WIRE_VERSION } from './enrollment-request.ts'

/** What a cluster has after it has enrolled. */
export interface Enrollment {
  /** Verified: the key, the name alone, no CA, a path to the pinned anchors. */
  readonly certificate: Certificate
  /** What to present: the certificate, then its issuers without a root. All of it was verified. */
  readonly chain: readonly Certificate[]
  /**
   * What the server says to trust from now on. It comes from the server that was authenticated by the anchors pinned here,
   * and is as good as that server; nothing was verified by it.
   */
  readonly anchors: readonly Certificate[]
  /** What holds the key. */
  readonly signer: Signer
  /** The same, where it is a key of ours. */
  readonly privateKey: PrivateKey | undefined
}

/** What one request is about. */
export interface EnrollmentAsk {
  readonly operation: EnrollmentOperation
  readonly name: string
  /** For `enroll`. */
  readonly token: string | undefined
  /** Called with the new key before it is used. */
  readonly checkKey: (publicKey: Uint8Array) => void
}

/** Octets of an answer. The largest that makes sense, a chain of RSA-4096 and several roots, has a fifth of it. */
const MAX_ANSWER = 262_144

/**
 * Makes a key and a request, has the server authenticated, sends, and verifies what comes back.
 *
 * @throws `MeshPkiError` `ERR_ENROLLMENT_…`, `ERR_TLS_…`; the signal's reason.
 */
export async function askForCertificate(
  options: CheckedClientOptions,
  ask: EnrollmentAsk,
): Promise<Enrollment> {
  const { key, extractable, crypto, clock, timeoutMs, signal: outer } = options
  const url = `${options.url}/${ask.operation}`
  let isSigned = false
  const timedOut = (): Error => {
    const within = formatDuration(timeoutMs)
    return new MeshPkiError(
      'ERR_ENROLLMENT_TIMEOUT',
      isSigned
        ? `${endpointLabel(url)} did not answer within ${within}${ask.token === undefined ? '' : '. The token may have been used: if so, ask for another one'}`
        : `the request was not signed within ${within}, and nothing was sent. Does what holds the option "key" answer?`,
    )
  }
  const bound = { clock, milliseconds: timeoutMs, signal: outer, timedOut }
  return withinTime(bound, async (signal) => {
    const { csr, signer, privateKey } = await createCsr({
      subjectAltNames: [{ type: 'dns', value: ask.name }],
      key: endingWith(key, signal),
      extractable,
      crypto,
    })
    // Nobody waits any longer: a key that answers late must not have a token sent.
    if (signal.aborted) throw signal.reason
    isSigned = true
    ask.checkKey(csr.publicKey)
    const body = new TextEncoder().encode(
      JSON.stringify({ version: Number(WIRE_VERSION), name: ask.name, csr: csr.toPem() }),
    )
    const {
      status,
      headers,
      body: answered,
    } = await exchange({
      dial: options.dial,
      url,
      serverName: options.sni,
      signal,
      authenticate: (chain) => authenticate(chain, options, url),
      secret: ask.token,
      request: () => ({
        method: 'POST',
        target: new URL(url).pathname,
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          ...(ask.token === undefined ? {} : { authorization: `Bearer ${ask.token}` }),
        },
        body: body.slice(),
        maxBytes: MAX_ANSWER,
      }),
    })
    if (status !== 200) throw refusedBy(url, status, headers.get('retry-after'), answered, ask.token)
    if (mediaType(headers.get('content-type')) !== 'application/json')
      throw badAnswer('its content type is not application/json; is something else in the way?')
    const verified = await verifyAnswer(readAnswer(answered), csr.publicKey, ask.name, options)
    return { ...verified, signer: signerOf(key) ?? signer, privateKey }
  })
}

/** A signer of the caller's, if it is one. */
const signerOf = (key: CheckedClientOptions['key']): Signer | undefined =>
  isSigner(key) && !(key instanceof PrivateKey) ? key : undefined

/** The same key, told by the signal when nobody waits for its signature any longer. */
function endingWith(key: CheckedClientOptions['key'], signal: AbortSignal): CheckedClientOptions['key'] {
  const own = signerOf(key)
  if (own === undefined) return key
  const { publicKey, signatureAlgorithm } = own
  return { publicKey, signatureAlgorithm, sign: (tbs) => own.sign(tbs, { signal }) }
}

/** RFC 9525, RFC 5280 §6: a path for servers to a pinned anchor, and the name that was dialled. */
async function authenticate(
  [leaf, ...intermediates]: readonly Uint8Array[],
  { store, reference, clock, crls }: CheckedClientOptions,
  url: string,
): Promise<void> {
  if (leaf === undefined)
    throw new MeshPkiError(
      'ERR_ENROLLMENT_SERVER',
      `the server of ${endpointLabel(url)} presented no certificate, so nothing was sent to it`,
    )
  const result = await checkPath(leaf, {
    store,
    intermediates,
    purpose: 'serverAuth',
    ekuStrictness: 'leaf',
    name: reference,
    time: clock.now(),
    ...(crls === undefined ? {} : { crls, revocation: 'require' as const }),
  })
  if (result.ok) return
  throw new MeshPkiError(
    'ERR_ENROLLMENT_SERVER',
    `the server of ${endpointLabel(url)} is not trusted, and nothing was sent to it: ${result.error.message}`,
    { data: { expected: Object.values(reference)[0] }, cause: result.error },
  )
}

async function verifyAnswer(
  { name: said, certificate, chain, anchors }: EnrollmentAnswer,
  publicKey: Uint8Array,
  name: string,
  { clientStore, clock }: CheckedClientOptions,
): Promise<Pick<Enrollment, 'certificate' | 'chain' | 'anchors'>> {
  const fault =
    said === name
      ? enrolledFault(certificate, { publicKey, name })
      : `the answer is for the cluster ${quote(said)}, and ${quote(name)} was asked for`
  if (fault !== undefined) throw badCertificate(fault)
  const result = await checkPath(certificate, {
    store: clientStore,
    intermediates: chain,
    purpose: 'clientAuth',
    time: clock.now(),
  })
  if (!result.ok)
    throw badCertificate(
      `${result.error.message}. Is it issued below the CA in "clientAnchors", or in "anchors" where there are none?`,
      result.error,
    )
  const [leaf, ...above] = result.path.certificates
  return {
    certificate: leaf ?? certificate,
    chain: Object.freeze([leaf ?? certificate, ...(await withoutRoots(above))]),
    anchors: Object.freeze([...anchors]),
  }
}

function badCertificate(problem: string, cause?: unknown): MeshPkiError {
  return new MeshPkiError(
    'ERR_ENROLLMENT_CERTIFICATE',
    `the certificate that the enrollment server answered is not taken: ${problem}`,
    { cause },
  )
}

/** A refusal in the server's words, without the token, which they may repeat. */
function refusedBy(
  url: string,
  status: number,
  retryAfter: string | null,
  body: Uint8Array,
  token: string | undefined,
): MeshPkiError {
  if (status >= 300 && status < 400)
    return badAnswer(
      `it is a redirect (status ${status}), and no token is sent on to where it leads. Correct the URL`,
    )
  const refused = readRefused(body)
  if (refused === undefined || status < 400)
    return badAnswer(
      `status ${status} without code and message; is ${endpointLabel(url)} an enrollment server?`,
    )
  const hide = (text: string): string => (token === undefined ? text : text.replaceAll(token, '[token]'))
  const seconds = retryAfter !== null && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined
  return new MeshPkiError(
    'ERR_ENROLLMENT_REFUSED',
    `${endpointLabel(url)} refused with status ${status} (${quote(hide(refused.code), 64)}): ${quote(hide(refused.message))}${seconds === undefined ? '' : `; try again in ${seconds} s`}`,
    { data: { status, code: hide(refused.code).slice(0, 64), retryAfterSeconds: seconds } },
  )
}
