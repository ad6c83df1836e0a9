/**
 * A double of AWS Private CA, by the shape of `ACMPCA` of `@aws-sdk/client-acm-pca`.
 *
 * Written after the API reference (IssueCertificate, GetCertificate, Validity, ApiPassthrough, CommonErrors) and the user
 * guide ("template definitions", "template order of operations"). What it does as they say:
 *
 * - IssueCertificate answers an ARN below that of the CA; the certificate is made afterwards, and until then GetCertificate
 *   throws RequestInProgressException (HTTP status 400).
 * - The same IdempotencyToken within five minutes is the same certificate, whatever else the call says.
 * - Validity and ValidityNotBefore of Type ABSOLUTE are seconds since 1970.
 * - Subject and alternative names come from the CSR, but for what an APIPassthrough template is given.
 *
 * Not as they say: certificates are those of this library's own CA, and so have its extensions.
 */
import { type CertificateAuthority, createRootCa } from '../../../src/ca/index.ts'
import { Csr, createCsr } from '../../../src/csr/index.ts'
import { DerCursor } from '../../../src/internal/der.ts'
import type {
  AwsGeneralName,
  AwsIssueCertificateInput,
  AwsPrivateCaClient,
} from '../../../src/issuers/aws-private-ca/index.ts'
import { readNameConstraints } from '../../../src/x509/extensions/name-constraints.ts'
import type { GeneralNameInput } from '../../../src/x509/index.ts'
import { deferred } from '../node/support.ts'
import type { Misbehaviour } from './issuer-contract.ts'

export const CA_ARN =
  'arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/12345678-1234-1234-1234-123456789012'

/** What no error may show. The key id is the one of AWS's own examples. */
export const SECRETS = [
  'AKIAIOSFODNN7EXAMPLE',
  'FwoGZXIvYXdzEBYaDHqa0AP1hnZCpYqGZyLIAZvqLmZCq0kQd9G4m2d7Vg==',
  'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
] as const
const [KEY_ID, TOKEN] = SECRETS

/** An error as the SDK throws it for what a service answered. */
export function awsError(name: string, httpStatusCode: number, message: string, attempts = 1): Error {
  const error = Object.assign(new Error(message), {
    $fault: httpStatusCode < 500 ? 'client' : 'server',
    $metadata: {
      httpStatusCode,
      requestId: 'b25f48e8-84fd-11e6-80d9-574e0c4664cb',
      attempts,
      totalRetryDelay: 0,
    },
  })
  error.name = name
  return error
}

const denied = (): Error =>
  awsError(
    'AccessDeniedException',
    400,
    `User: arn:aws:sts::123456789012:assumed-role/mesh/${KEY_ID} is not authorized to perform: acm-pca:IssueCertificate on resource: ${CA_ARN} because no identity-based policy allows the acm-pca:IssueCertificate action`,
  )
const expired = (): Error =>
  awsError('ExpiredTokenException', 400, `The security token included in the request is expired: ${TOKEN}`)
const unavailable = (): Error => awsError('ServiceUnavailable', 503, `Service unavailable for ${KEY_ID}`)

interface Made {
  readonly pem: string
  readonly chain: string
  /** Calls of GetCertificate until it is there. */
  progress: number
}

/** The double. */
export interface AwsDouble {
  readonly client: AwsPrivateCaClient
  readonly root: CertificateAuthority
  /** Every call of IssueCertificate, in order. */
  readonly inputs: readonly AwsIssueCertificateInput[]
  issued(): number
  misbehave(how: Misbehaviour): void
  recover(): void
  hung(): Promise<void>
}

export interface AwsDoubleOptions {
  readonly now?: () => number
  /** How often GetCertificate says that the request is in progress. Default 1. */
  readonly progress?: number
}

export async function awsDouble({ now = Date.now, progress = 1 }: AwsDoubleOptions = {}): Promise<AwsDouble> {
  const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key: 'P-256' })
  const foreign = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key: 'P-256' })
  const inputs: AwsIssueCertificateInput[] = []
  const made = new Map<string, Made>()
  const tokens = new Map<string, { readonly arn: string; readonly at: number }>()
  let how: Misbehaviour | undefined
  let hung = deferred<void>()
  let released = deferred<void>()

  const make = async (input: AwsIssueCertificateInput, now: Misbehaviour | undefined): Promise<Made> => {
    const ca = now === 'other-root' ? foreign : root
    const other = { subject: 'CN=other', key: 'P-256' } as const
    const csr =
      now === 'other-request'
        ? (await createCsr(other)).csr
        : Csr.fromPem(new TextDecoder().decode(input.Csr))
    const { certificate } = await issueBy(ca, csr, input, now)
    return { pem: certificate.toPem(), chain: ca.certificate.toPem(), progress }
  }

  return {
    root,
    inputs,
    issued: () => made.size,
    misbehave: (next) => {
      how = next
    },
    recover: () => {
      how = undefined
      released.resolve()
      hung = deferred()
      released = deferred()
    },
    hung: () => hung.promise,
    client: {
      issueCertificate: async (input, { abortSignal }) => {
        inputs.push(input)
        const current = how
        if (
          current !== 'unavailable' &&
          current !== 'refused' &&
          current !== 'hangs' &&
          current !== 'credentials-expired'
        )
          how = undefined
        if (current === 'unavailable' || current === 'unavailable-once') throw unavailable()
        if (current === 'refused') throw denied()
        if (current === 'credentials-expired') throw expired()
        if (current === 'throttled-once') throw awsError('ThrottlingException', 400, 'Rate exceeded')
        if (current === 'garbage') return { CertificateArn: 'garbage' }
        if (current === 'hangs') {
          hung.resolve()
          await Promise.race([released.promise, aborted(abortSignal)])
        }
        const known = tokens.get(input.IdempotencyToken)
        if (known !== undefined && now() - known.at < 300_000) return { CertificateArn: known.arn }
        const arn = `${CA_ARN}/certificate/${(tokens.size + 1).toString(16).padStart(32, '0')}`
        tokens.set(input.IdempotencyToken, { arn, at: now() })
        made.set(arn, await make(input, current))
        if (current === 'answer-lost') throw new Error(`socket hang up of ${TOKEN}`)
        return { CertificateArn: arn }
      },
      getCertificate: async ({ CertificateArn }) => {
        if (how === 'unavailable') throw unavailable()
        const certificate = made.get(CertificateArn)
        if (certificate === undefined)
          throw awsError('ResourceNotFoundException', 400, `Could not find certificate ${CertificateArn}.`)
        if (certificate.progress-- > 0)
          throw awsError('RequestInProgressException', 400, 'The certificate is being created.')
        return { Certificate: certificate.pem, CertificateChain: certificate.chain }
      },
    },
  }
}

const aborted = (
  signal: Parameters<AwsPrivateCaClient['issueCertificate']>[1]['abortSignal'],
): Promise<never> =>
  new Promise((_resolve, reject) => {
    const abort = (): void => reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
  })

/** Whether a template makes CAs, and of which path length. */
export function shapeOf({ TemplateArn }: AwsIssueCertificateInput): {
  readonly isCa: boolean
  readonly pathLength: number | undefined
} {
  const found = /SubordinateCACertificate_PathLen([0-3])/.exec(TemplateArn)
  return found === null
    ? { isCa: false, pathLength: undefined }
    : { isCa: true, pathLength: Number(found[1]) }
}

async function issueBy(
  ca: CertificateAuthority,
  csr: Csr,
  input: AwsIssueCertificateInput,
  how: Misbehaviour | undefined,
): ReturnType<CertificateAuthority['issueWorkload']> {
  const { Subject, Extensions = {} } = input.TemplateArn.includes('_APIPassthrough')
    ? (input.ApiPassthrough ?? {})
    : {}
  const subject = Subject?.CustomAttributes.map(({ ObjectIdentifier, Value }) => ({
    [ObjectIdentifier]: Value,
  }))
  const given = Extensions.SubjectAlternativeNames?.map(nameOf)
  const names = given ?? (csr.subjectAltNames as readonly GeneralNameInput[])
  const { isCa, pathLength } = shapeOf(input)
  const options = {
    lifetime: how === 'longer-lifetime' ? '60d' : `${input.Validity.Value - Math.floor(Date.now() / 1000)}s`,
    backdate: `${Math.max(0, Math.floor(Date.now() / 1000) - input.ValidityNotBefore.Value)}s`,
    ...(subject === undefined ? {} : { subject }),
  }
  if (how === 'ca-for-leaf') return ca.issueIntermediate(csr, { ...options, subject: 'CN=no leaf' })
  if (isCa) {
    const constraints = Extensions.CustomExtensions?.find(
      ({ ObjectIdentifier }) => ObjectIdentifier === '2.5.29.30',
    )
    return ca.issueIntermediate(csr, {
      ...options,
      pathLength: pathLength ?? 0,
      subjectAltNames: names,
      nameConstraints: constraints === undefined ? undefined : constraintsOf(constraints.Value),
    })
  }
  const id = names.find(({ type }) => type === 'uri')
  const others = names.filter((name) => name !== id)
  return ca.issueWorkload(csr, {
    ...options,
    id: how === 'other-request' ? 'spiffe://cluster.local/ns/other/sa/other' : String(id?.value),
    subjectAltNames: others,
  })
}

function constraintsOf(
  base64: string,
): Parameters<CertificateAuthority['issueIntermediate']>[1]['nameConstraints'] {
  const { permitted, excluded } = readNameConstraints(
    new DerCursor(new Uint8Array(Buffer.from(base64, 'base64'))),
  )
  return {
    permitted: permitted as readonly GeneralNameInput[],
    excluded: excluded as readonly GeneralNameInput[],
    otherForms: 'allow',
  }
}

function nameOf(name: AwsGeneralName): GeneralNameInput {
  if (name.UniformResourceIdentifier !== undefined)
    return { type: 'uri', value: name.UniformResourceIdentifier }
  if (name.DnsName !== undefined) return { type: 'dns', value: name.DnsName }
  if (name.IpAddress !== undefined) return { type: 'ip', value: name.IpAddress }
  throw new Error(`the double has no name ${JSON.stringify(name)}`)
}
