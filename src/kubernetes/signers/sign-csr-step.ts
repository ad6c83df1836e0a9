/**
 * Signs one CertificateSigningRequest.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { asciiBytes } from '../../internal/bytes.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readFunction } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { setCondition } from '../objects/condition.ts'
import { type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import { conditionsIn, decideCsr } from './csr-decision.ts'
import { readSignerName } from './signer-name.ts'
import {
  runSigning,
  SIGNING_STEP_OPTIONS,
  type SigningFlow,
  type SigningStepOptions,
} from './signing-flow.ts'
import { kubeTime } from './signing-request.ts'

/** Options of {@link signCsrStep}. */
export interface SignCsrOptions extends SigningStepOptions {
  /** Whose requests are signed: `<domain>/<path>`. */
  readonly signerName: string
  /** Requests that are older are refused. Default `'24h'`. */
  readonly maxAge?: string | undefined
}

/**
 * Takes one CertificateSigningRequest a step further: signs it, refuses it, or leaves it alone.
 *
 * It is read anew right before it is signed, and the certificate is written with that version into `/status`: a denial in
 * between makes the write fail, and the certificate is dropped, which `onEvent` of the signer tells with its serial number.
 * Conditions of others are kept. `status.certificate` is the certificate and the CAs above it, without the root.
 *
 * Failures that may pass are thrown, and nothing is written.
 *
 * **Warning**: Kubernetes deletes a request one hour after its approval, and consumers must fetch the certificate by then. This
 * step approves nothing; see `decideApproval`.
 *
 * @throws `KubeError`; what the signer throws; `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { type KubeClient, type RequestSigner, signCsrStep } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signer: RequestSigner
 * const { message } = await signCsrStep(client, 'istiod-x7k2', { signer, signerName: 'example.com/mesh' })
 * ```
 */
export async function signCsrStep(
  client: KubeClient,
  name: string,
  options: SignCsrOptions,
): Promise<StepResult> {
  checkOptionNames(options, [...SIGNING_STEP_OPTIONS, 'signerName', 'maxAge'], 'signCsrStep')
  readFunction(options.maySign, 'maySign')
  const { signer, maxAge } = options
  const signerName = readSignerName(options.signerName)
  if (maxAge !== undefined) readDuration(maxAge, 'maxAge')
  const flow: SigningFlow = {
    resource: KubeResources.certificateSigningRequests,
    kind: 'CertificateSigningRequest',
    decide: (csr) => decideCsr({ csr, signerName, policy: signer.policy, maxAge, now: client.clock.now() }),
    withCertificate: (csr, { pem }) => ({
      ...csr,
      status: { ...recordAt(csr, 'status'), certificate: encodeBase64(asciiBytes(pem)) },
    }),
    withRefusal: (csr, { reason, message }) =>
      withCondition(csr, { type: 'Failed', reason, message }, client.clock.now()),
    certificateOf,
  }
  return runSigning(client, { name }, flow, options)
}

/** A request with one more condition of its own kind, which also says when it was updated. */
export function withCondition(
  csr: KubeObject,
  { type, reason, message }: { readonly type: string; readonly reason: string; readonly message: string },
  now: Date,
): KubeObject {
  const conditions = setCondition(conditionsIn(csr), { type, status: 'True', reason, message }, now).map(
    (one) => (textAt(one, 'type') === type ? { ...Object(one), lastUpdateTime: kubeTime(now) } : one),
  )
  return { ...csr, status: { ...recordAt(csr, 'status'), conditions } }
}

/** The PEM in `status.certificate`. */
function certificateOf(csr: KubeObject): string | undefined {
  const text = textAt(recordAt(csr, 'status'), 'certificate')
  const bytes = text === undefined ? undefined : decodeBase64(text)
  return bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : undefined
}
