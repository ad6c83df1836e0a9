/**
 * A double of Google's Certificate Authority Service and Cloud KMS: an HTTP server on loopback, written from their published API
 * documents. It is not Google. It shows that what we send is what the documents ask for, and that what they say is answered is
 * read; not that Google does what they say.
 *
 * The documents, cited where a field is read or written:
 *
 * - CAS: google/cloud/security/privateca/v1/{service,resources}.proto, and "REST Resource: projects.locations.caPools.certificates",
 *   "Method: certificates.create", "Method: certificates.get" of the CA Service reference
 * - KMS: "Method: cryptoKeyVersions.asymmetricSign", "Method: cryptoKeyVersions.getPublicKey", "CryptoKeyVersionAlgorithm" of the
 *   Cloud KMS reference; in google-kms-double.ts
 * - RPC: google/rpc/{status,code,error_details}.proto and AIP-193: the form of errors, and which HTTP status a code has
 *
 * What no document says is marked "our guess".
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type CertificateAuthority, createRootCa } from '../../../src/ca/index.ts'
import { Csr, createCsr } from '../../../src/csr/index.ts'
import type { IssuerFetch } from '../../../src/issuers/google-cas/index.ts'
import { type GeneralName, type GeneralNameInput, Name } from '../../../src/x509/index.ts'
import { deferred } from '../node/support.ts'
import { ofAltNames, ofConstraints, ofFields, ofSequence, reordered } from './google-config.ts'
import { GoogleKms } from './google-kms-double.ts'
import { type Json, memberOf, objectOf, Refused, textOf } from './google-messages.ts'
import type { Misbehaviour, ReceivedRequest } from './issuer-contract.ts'

/** An access token; the issuer never sees it. */
export const TOKEN = 'ya29.a0AfB_a-secret-of-the-tests'

export const LOCATION = 'projects/mesh-example/locations/europe-west1'
export const POOL = `${LOCATION}/caPools/mesh`

/** A `fetch` that adds an access token. */
export const authorized =
  (token: string): IssuerFetch =>
  (url, init) =>
    fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } })

/** What was asked for, as it came. */
export interface Heard {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly contentType: string | undefined
  readonly body: Json
}

/** CaPool.IssuancePolicy: what of it is doubled. */
export interface PoolPolicy {
  /** IssuanceModes.allow_csr_based_issuance, .allow_config_based_issuance */
  allowCsrBasedIssuance: boolean
  allowConfigBasedIssuance: boolean
  /** CertificateIdentityConstraints.allow_subject_passthrough: otherwise the requested subject is discarded. */
  allowSubjectPassthrough: boolean
  /** CertificateIdentityConstraints.allow_subject_alt_names_passthrough: otherwise the requested names are discarded. */
  allowSubjectAltNamesPassthrough: boolean
}

const LASTING: readonly (Misbehaviour | undefined)[] = [
  'unavailable',
  'refused',
  'credentials-expired',
  'hangs',
]

const MAX_INT32 = 0x7fff_ffff

/** What a certificate shall say, whichever way it was asked for. */
interface Wanted {
  readonly csr: Csr
  readonly subject: Name
  readonly names: readonly GeneralName[] | readonly GeneralNameInput[]
  readonly isCa: boolean
  readonly pathLength: number | undefined
  readonly constraints: Json | undefined
}

/** The server and what it holds. */
export class GoogleDouble {
  readonly heard: Heard[] = []
  readonly received: ReceivedRequest[] = []
  /** Certificate resources of the Enterprise tier, by name. */
  readonly stored = new Map<string, Json>()
  /** CertificateTemplate.predefined_values.ca_options, by the template's name. */
  readonly templates = new Map<string, { readonly isCa: boolean; readonly maxIssuerPathLength?: number }>()
  readonly kms = new GoogleKms()
  readonly policy: PoolPolicy = {
    allowCsrBasedIssuance: true,
    allowConfigBasedIssuance: true,
    allowSubjectPassthrough: true,
    allowSubjectAltNamesPassthrough: true,
  }
  /** Answers instead of what is written here. */
  intercept: ((heard: Heard, response: ServerResponse) => boolean) | undefined
  issued = 0
  how: Misbehaviour | undefined
  hung = deferred<void>()
  readonly #tier: 'ENTERPRISE' | 'DEVOPS'
  readonly #root: CertificateAuthority
  readonly #foreign: CertificateAuthority
  readonly #server: Server
  /** "The server will guarantee that for at least 60 minutes"; here for as long as it lives. */
  readonly #byRequestId = new Map<string, Json>()

  private constructor(
    tier: 'ENTERPRISE' | 'DEVOPS',
    root: CertificateAuthority,
    foreign: CertificateAuthority,
  ) {
    this.#tier = tier
    this.#root = root
    this.#foreign = foreign
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        const refused = error instanceof Refused ? error : new Refused(500, 'INTERNAL', String(error))
        reply(response, refused.status, refused.body)
      })
    })
  }

  static async start(tier: 'ENTERPRISE' | 'DEVOPS' = 'ENTERPRISE'): Promise<GoogleDouble> {
    const root = (cn: string): Promise<CertificateAuthority> =>
      createRootCa({ subject: `CN=${cn},O=Example`, lifetime: '3650d', key: 'P-256' })
    const double = new GoogleDouble(tier, await root('Google Root'), await root('Google Root'))
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve))
    return double
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get anchors(): string {
    return this.#root.certificate.toPem()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await text(request)
    const url = new URL(request.url ?? '', 'http://double')
    const heard: Heard = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      contentType: request.headers['content-type'],
      body: content === '' ? {} : objectOf(JSON.parse(content), 'body'),
    }
    this.heard.push(heard)
    if (this.intercept?.(heard, response) === true) return
    const now = this.how
    // code.proto: UNAUTHENTICATED is HTTP 401, PERMISSION_DENIED 403, UNAVAILABLE 503.
    if (request.headers.authorization !== `Bearer ${TOKEN}` || now === 'credentials-expired')
      throw new Refused(
        401,
        'UNAUTHENTICATED',
        `Request had invalid authentication credentials: ${request.headers.authorization}`,
        [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'ACCESS_TOKEN_EXPIRED' }],
      )
    if (now === 'unavailable') throw new Refused(503, 'UNAVAILABLE', 'The service is currently unavailable.')
    if (now === 'hangs') {
      this.hung.resolve()
      return
    }
    const isCreation = heard.method === 'POST' && heard.path === `/v1/${POOL}/certificates`
    if (isCreation) {
      if (!LASTING.includes(now)) this.how = undefined
      const answer = await this.#create(heard, now)
      if (now === 'answer-lost') response.destroy()
      else if (now === 'garbage') response.end('<html>502 Bad Gateway</html>')
      else reply(response, 200, answer)
      return
    }
    const name = heard.path.slice('/v1/'.length)
    // Method: certificates.get. DevOps pools do not support "describing" certificates; how they say so is our guess.
    if (heard.method === 'GET' && name.startsWith(`${POOL}/certificates/`)) {
      const found = this.stored.get(name)
      if (found === undefined) throw new Refused(404, 'NOT_FOUND', `Resource '${name}' was not found`)
      return reply(response, 200, found)
    }
    reply(response, 200, this.kms.answer(heard.method, name, heard.body))
  }

  /** Method: certificates.create. */
  async #create({ body, query }: Heard, now: Misbehaviour | undefined): Promise<Json> {
    const certificateId = query.get('certificateId') ?? ''
    // CreateCertificateRequest.certificate_id: "required when using a CertificateAuthority in the Enterprise tier, but is optional
    // and its value is ignored otherwise"; it matches [a-zA-Z0-9_-]{1,63}.
    const isEnterprise = this.#tier === 'ENTERPRISE'
    if (isEnterprise && !/^[a-zA-Z0-9_-]{1,63}$/.test(certificateId))
      throw new Refused(400, 'INVALID_ARGUMENT', 'certificate_id is required')
    const requestId = query.get('requestId')
    const isTrial = query.get('validateOnly') === 'true'
    if (requestId !== null) checkUuid(requestId)
    const wanted = this.#wanted(body)
    // Certificate.lifetime: Duration, "a duration in seconds with up to nine fractional digits, ending with 's'".
    const seconds = Number(/^(\d+)s$/.exec(textOf(body, 'lifetime'))?.[1])
    this.received.push({
      csrPem: wanted.csr.toPem(),
      lifetimeSeconds: seconds,
      isCa: wanted.isCa,
      pathLength: wanted.pathLength,
    })
    if (now === 'throttled-once')
      throw new Refused(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded for quota metric "Certificates"')
    if (now === 'unavailable-once')
      throw new Refused(503, 'UNAVAILABLE', 'The service is currently unavailable.')
    if (now === 'refused')
      throw new Refused(
        400,
        'FAILED_PRECONDITION',
        `The CEL expression of the issuance policy is false \u001b[31m\u202e Bearer ${TOKEN} ${'x'.repeat(5000)}`,
        [{ '@type': 'type.googleapis.com/google.rpc.PreconditionFailure', violations: [] }],
      )
    const known = requestId === null ? undefined : this.#byRequestId.get(requestId)
    if (known !== undefined) return known
    const name = isEnterprise ? `${POOL}/certificates/${certificateId}` : ''
    if (this.stored.has(name)) throw new Refused(409, 'ALREADY_EXISTS', `Resource '${name}' already exists`)
    // CreateCertificateRequest.validate_only: nothing is kept, and pem_certificate is not answered.
    if (isTrial) return { name, lifetime: `${seconds}s` }
    if (now === 'garbage') return {}
    const answer = await this.#make(name, wanted, now === 'longer-lifetime' ? 2 * seconds : seconds, now)
    this.issued++
    if (isEnterprise) this.stored.set(name, answer)
    if (requestId !== null) this.#byRequestId.set(requestId, answer)
    return answer
  }

  /** Certificate.certificate_config is one of pem_csr and config. */
  #wanted(body: Json): Wanted {
    const mode = body['subjectMode'] ?? 'DEFAULT'
    const wanted =
      'pemCsr' in body
        ? this.#ofCsr(textOf(body, 'pemCsr'), mode)
        : this.#ofConfig(memberOf(body, 'config'), mode)
    // Certificate.certificate_template; CertificateTemplate.predefined_values overwrite conflicting ones of the request.
    const template = body['certificateTemplate']
    const values = template === undefined ? undefined : this.templates.get(String(template))
    if (template !== undefined && values === undefined)
      throw new Refused(404, 'NOT_FOUND', `Resource '${String(template)}' was not found`)
    const policy = this.policy
    return {
      ...wanted,
      ...(values === undefined ? {} : { isCa: values.isCa, pathLength: values.maxIssuerPathLength }),
      ...(policy.allowSubjectPassthrough ? {} : { subject: Name.parse('CN=discarded') }),
      ...(policy.allowSubjectAltNamesPassthrough
        ? {}
        : { names: [{ type: 'uri', value: 'spiffe://cluster.local/discarded' }] }),
    }
  }

  /** Extensions of the CSR other than its names are not read here: a template says what is a CA. */
  #ofCsr(pem: string, mode: unknown): Wanted {
    // The code of a mode that is not allowed is our guess.
    if (!this.policy.allowCsrBasedIssuance)
      throw new Refused(
        400,
        'FAILED_PRECONDITION',
        'CSR-based issuance is not allowed by the issuance policy',
      )
    const csr = Csr.fromPem(pem)
    // SubjectRequestMode.RDN_SEQUENCE "will maintain the sequence of RDNs found in the CSR's subject"; DEFAULT does not say so. Which
    // order it has is our guess: that of Go's pkix.Name.
    const subject = mode === 'RDN_SEQUENCE' ? csr.subject : reordered(csr.subject)
    return {
      csr,
      subject,
      names: csr.subjectAltNames,
      isCa: false,
      pathLength: undefined,
      constraints: undefined,
    }
  }

  #ofConfig(config: Json, mode: unknown): Wanted {
    if (!this.policy.allowConfigBasedIssuance)
      throw new Refused(
        400,
        'FAILED_PRECONDITION',
        'Config-based issuance is not allowed by the issuance policy',
      )
    // CertificateConfig: subject_config, x509_config, public_key. PublicKey: format PEM; key (bytes, in base64) may be a CSR.
    const key = memberOf(config, 'publicKey')
    if (key['format'] !== 'PEM') throw new Refused(400, 'INVALID_ARGUMENT', 'public_key.format')
    const csr = Csr.fromPem(Buffer.from(textOf(key, 'key'), 'base64').toString('utf8'))
    const named = memberOf(config, 'subjectConfig')
    const subject = memberOf(named, 'subject')
    const x509 = memberOf(config, 'x509Config')
    // X509Parameters.CaOptions: is_ca; max_issuer_path_length (int32), missing for no limit. KeyUsage.base_key_usage.
    const ca = memberOf(x509, 'caOptions')
    const isCa = ca['isCa'] === true
    const usage = memberOf(memberOf(x509, 'keyUsage'), 'baseKeyUsage')
    if (isCa !== (usage['certSign'] === true))
      throw new Refused(400, 'INVALID_ARGUMENT', 'base_key_usage.cert_sign')
    const length = ca['maxIssuerPathLength']
    if (
      length !== undefined &&
      (!Number.isInteger(length) || Number(length) < 0 || Number(length) > MAX_INT32)
    )
      throw new Refused(400, 'INVALID_ARGUMENT', 'ca_options.max_issuer_path_length')
    // That rdn_sequence goes with RDN_SEQUENCE alone is our guess.
    if ('rdnSequence' in subject !== (mode === 'RDN_SEQUENCE'))
      throw new Refused(400, 'INVALID_ARGUMENT', 'subject.rdn_sequence and subject_mode')
    return {
      csr,
      subject: 'rdnSequence' in subject ? ofSequence(subject['rdnSequence']) : ofFields(subject),
      names: ofAltNames('subjectAltName' in named ? memberOf(named, 'subjectAltName') : {}),
      isCa,
      pathLength: length === undefined ? undefined : Number(length),
      constraints: 'nameConstraints' in x509 ? memberOf(x509, 'nameConstraints') : undefined,
    }
  }

  /** The Certificate as it is answered: pem_certificate; pem_certificate_chain "in issuer-to-root order". */
  async #make(name: string, wanted: Wanted, seconds: number, now: Misbehaviour | undefined): Promise<Json> {
    const csr =
      now === 'other-request' ? (await createCsr({ key: 'P-256', subject: 'CN=other' })).csr : wanted.csr
    const ca = now === 'other-root' ? this.#foreign : this.#root
    // SubjectDescription.not_after_time: "'not_before_time' + 'lifetime' - 1 second".
    const times = { lifetime: `${seconds - 1}s` }
    const { subject, pathLength = 'none' } = wanted
    const id = wanted.names.find(({ type }) => type === 'uri')
    const others = wanted.names.filter((other) => other !== id) as readonly GeneralNameInput[]
    const { certificate } =
      wanted.isCa || now === 'ca-for-leaf'
        ? await ca.issueIntermediate(csr, {
            ...times,
            subject: subject.isEmpty ? 'CN=no leaf' : subject,
            subjectAltNames: wanted.names as readonly GeneralNameInput[],
            pathLength,
            ...(wanted.constraints === undefined
              ? {}
              : { nameConstraints: { ...ofConstraints(wanted.constraints), otherForms: 'allow' as const } }),
          })
        : await ca.issueWorkload(csr, {
            ...times,
            subject,
            id: id?.type === 'uri' ? id.value : '',
            subjectAltNames: others,
          })
    return {
      name,
      issuerCertificateAuthority: `${POOL}/certificateAuthorities/root`,
      lifetime: `${seconds}s`,
      pemCertificate: certificate.toPem(),
      pemCertificateChain: [ca.certificate.toPem()],
      createTime: '2026-01-01T00:00:00.123456789Z',
    }
  }
}

/** CreateCertificateRequest.request_id: "a valid UUID with the exception that zero UUID is not supported". */
function checkUuid(text: string): void {
  const isUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)
  if (!isUuid || /^[0-]+$/.test(text)) throw new Refused(400, 'INVALID_ARGUMENT', 'request_id must be a UUID')
}

function reply(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' })
  response.end(JSON.stringify(body))
}
