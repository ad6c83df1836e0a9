/**
 * CertificateSigningRequests and ClusterTrustBundles in the in-memory API server.
 *
 * @module
 */

import { Csr, verifyProofOfPossession } from '../../csr/index.ts'
import { Certificate } from '../../x509/index.ts'
import { isRecord, listAt, recordAt, textAt } from '../objects/kube-object.ts'
import { badRequest, type Causes, forbidden, invalid } from './api-refusal.ts'
import { looseBase64 } from './data-kinds.ts'
import type { KindRules, RuleContext } from './fake-kind.ts'
import { subdomainFault } from './meta-rules.ts'
import { isDnsLabel, pathSegmentFault } from './name-rules.ts'
import { isSameJson, type JsonMap, onlyMembers, type StoredObject, withMembers } from './stored-object.ts'

const GROUP = 'certificates.k8s.io'
const CSR = { group: GROUP, kind: 'CertificateSigningRequest' }
const CSRS = { ...CSR, version: 'v1', plural: 'certificatesigningrequests', namespaced: false }
const BUNDLES = {
  group: GROUP,
  version: 'v1beta1',
  kind: 'ClusterTrustBundle',
  plural: 'clustertrustbundles',
  namespaced: false,
}

/** `certificates/v1` KeyUsage. */
const USAGES: readonly string[] = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
]

const MAX_SIGNER_NAME = 571
/** Conditions that only the path `approval` may add. */
const VERDICTS: readonly string[] = ['Approved', 'Denied']
/** Conditions that stay for ever. */
const LASTING: readonly string[] = [...VERDICTS, 'Failed']

/** Rules of `certificates.k8s.io/v1` CertificateSigningRequest. */
export const CSR_RULES: KindRules = {
  nameFault: pathSegmentFault,
  examine: examineRequest,
  decode(object, { version }) {
    const spec = recordAt(object, 'spec')
    const status = recordAt(object, 'status')
    const seconds = version === '1.20' ? undefined : spec['expirationSeconds']
    return {
      ...onlyMembers(object, ['apiVersion', 'kind', 'metadata']),
      spec: withMembers(spec, { request: bytesAt(spec, 'request'), expirationSeconds: seconds }),
      status: withMembers(onlyMembers(status, ['conditions', 'certificate']), {
        certificate: bytesAt(status, 'certificate'),
      }),
    }
  },
  onCreate(object, { caller }) {
    const spec = withMembers(recordAt(object, 'spec'), {
      username: caller.name,
      uid: caller.uid === '' ? undefined : caller.uid,
      groups: caller.groups,
      extra: undefined,
    })
    return { ...object, spec, status: {} }
  },
  onUpdate(next, before, { part, now }) {
    if (part === undefined) return withMembers(next, { spec: before['spec'], status: before['status'] })
    const status = recordAt(next, 'status')
    const conditions = listAt(status, 'conditions').map((one) => timed(one, before, now))
    const certificate =
      part === 'approval' ? recordAt(before, 'status')['certificate'] : status['certificate']
    return withMembers(next, {
      spec: before['spec'],
      status: withMembers(status, {
        conditions: conditions.length === 0 ? undefined : conditions,
        certificate,
      }),
    })
  },
  validate(object, causes) {
    const spec = recordAt(object, 'spec')
    validateSignerName(textAt(spec, 'signerName') ?? '', causes)
    const usages = listAt(spec, 'usages')
    if (usages.length === 0) causes.required('spec.usages', 'usages must be provided')
    for (const [i, usage] of usages.entries()) {
      if (!USAGES.includes(String(usage))) causes.unsupported(`spec.usages[${i}]`, usage, USAGES)
      if (usages.indexOf(usage) < i) causes.duplicate(`spec.usages[${i}]`, String(usage))
    }
    const seconds = spec['expirationSeconds']
    if (typeof seconds === 'number' && seconds < 600)
      causes.invalid('spec.expirationSeconds', `${seconds}: may not specify a duration less than 600 seconds`)
    validateConditions(object, causes)
  },
  validateUpdate(next, before, causes, { part }) {
    const had = recordAt(before, 'status')
    const status = recordAt(next, 'status')
    const types = (value: unknown): readonly string[] =>
      listAt(value, 'conditions').map((one) => textAt(one, 'type') ?? '')
    for (const type of LASTING)
      if (types(had).includes(type) && !types(status).includes(type))
        causes.forbidden('status.conditions', `updates may not remove a condition of type "${type}"`)
    if (part === 'status') {
      for (const type of VERDICTS)
        if (!types(had).includes(type) && types(status).includes(type))
          causes.forbidden('status.conditions', `updates may not add a condition of type "${type}"`)
      if (had['certificate'] !== undefined && had['certificate'] !== status['certificate'])
        causes.forbidden('status.certificate', 'updates may not modify existing certificate content')
      const added = had['certificate'] === undefined ? status['certificate'] : undefined
      const fault = added === undefined ? undefined : certificateFault(String(added))
      if (fault !== undefined) causes.invalid('status.certificate', `"<certificate data>": ${fault}`)
    }
  },
  admit(next, before, context) {
    const signerName = textAt(recordAt(before ?? next, 'spec'), 'signerName') ?? ''
    if (before === undefined || context.part === undefined) return
    const target = { resource: CSRS, name: before.metadata.name }
    if (context.part === 'approval' && !maySign(context, 'approve', signerName))
      throw forbidden(target, `user not permitted to approve requests with signerName "${signerName}"`)
    const isSigning = ['certificate', 'conditions'].some(
      (part) => !isSameJson(recordAt(before, 'status')[part] ?? [], recordAt(next, 'status')[part] ?? []),
    )
    if (context.part === 'status' && isSigning && !maySign(context, 'sign', signerName))
      throw forbidden(target, `user not permitted to sign requests with signerName "${signerName}"`)
  },
}

/** The verbs of `signers` are asked for with the signer's name, and with its domain and an asterisk. */
function maySign({ caller }: RuleContext, verb: string, signerName: string): boolean {
  const [domain = ''] = signerName.split('/')
  return [signerName, `${domain}/*`].some((name) => caller.may(verb, GROUP, 'signers', name))
}

function bytesAt(map: JsonMap, member: string): string | undefined {
  const value = map[member]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string' || looseBase64(value) === undefined)
    throw badRequest(`${member}: decode base64: illegal base64 data`)
  return value
}

function textOf(value: unknown): string | undefined {
  const bytes = typeof value === 'string' ? looseBase64(value) : undefined
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

/** The request must be one block of PEM, and prove that its sender has the key. */
async function examineRequest(object: JsonMap): Promise<void> {
  const text = textOf(recordAt(object, 'spec')['request']) ?? ''
  const name = textAt(object['metadata'], 'name')
  const cause = { reason: 'FieldValueInvalid', field: 'spec.request' }
  if (!text.includes('-----BEGIN CERTIFICATE REQUEST-----'))
    throw invalid(CSR, name, [
      { ...cause, message: 'Invalid value: PEM block type must be CERTIFICATE REQUEST' },
    ])
  try {
    await verifyProofOfPossession(Csr.fromPem(text))
  } catch {
    throw invalid(CSR, name, [{ ...cause, message: 'Invalid value: the request cannot be verified' }])
  }
}

function validateSignerName(name: string, causes: Causes): void {
  const field = 'spec.signerName'
  if (name === '') causes.required(field, 'signerName must be provided')
  else for (const fault of signerNameFaults(name)) causes.invalid(field, fault)
  if (name.length > MAX_SIGNER_NAME) causes.tooLong(field, MAX_SIGNER_NAME)
}

function signerNameFaults(name: string): readonly string[] {
  const [domain = '', path, ...more] = name.split('/')
  if (path === undefined || more.length > 0)
    return [`"${name}": must be a fully qualified domain and path of the form 'example.com/signer-name'`]
  const labels = domain.split('.')
  if (labels.length < 2)
    return [`"${domain}": should be a domain with at least two segments separated by dots`]
  if (name === 'kubernetes.io/legacy-unknown')
    return [`"${name}": the legacy signerName is not allowed via this API version`]
  return [...labels, ...path.split('.')]
    .filter((label) => !isDnsLabel(label))
    .map((label) => `"${label}": not lower case letters, digits and "-"`)
}

function validateConditions(object: JsonMap, causes: Causes): void {
  const seen = new Set<string>()
  for (const [i, condition] of listAt(recordAt(object, 'status'), 'conditions').entries()) {
    const field = `status.conditions[${i}]`
    const type = textAt(condition, 'type') ?? ''
    const status = textAt(condition, 'status') ?? ''
    if (type === '') causes.required(`${field}.type`)
    if (status === '') causes.required(`${field}.status`)
    else if (LASTING.includes(type) && status !== 'True')
      causes.unsupported(`${field}.status`, status, ['True'])
    else if (!['True', 'False', 'Unknown'].includes(status))
      causes.unsupported(`${field}.status`, status, ['False', 'True', 'Unknown'])
    if (seen.has(type)) causes.duplicate(`${field}.type`, type)
    if (VERDICTS.includes(type) && VERDICTS.some((other) => other !== type && seen.has(other)))
      causes.invalid(`${field}.type`, `"${type}": Approved and Denied conditions are mutually exclusive`)
    seen.add(type)
  }
}

const HEADER = /^[^\n]*:/m
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/g

/** What the server wants of `status.certificate`: blocks of CERTIFICATE without headers, text around them or not. */
function certificateFault(value: string): string | undefined {
  const blocks = [...(textOf(value) ?? '').matchAll(BLOCK)]
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block'
  for (const [block, type, content = ''] of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found "${type}"`
    if (HEADER.test(content)) return 'no PEM block headers are permitted'
    if (readCertificate(block) === undefined) return 'x509: malformed certificate'
  }
  return undefined
}

function readCertificate(pem: string): Certificate | undefined {
  try {
    return Certificate.fromPem(pem)
  } catch {
    return undefined
  }
}

/** The server fills in when a condition changed. */
function timed(condition: unknown, before: StoredObject, now: string): unknown {
  if (!isRecord(condition)) return condition
  const old = listAt(recordAt(before, 'status'), 'conditions').find(
    (one) => textAt(one, 'type') === textAt(condition, 'type'),
  )
  const changed = textAt(old, 'status') === textAt(condition, 'status')
  const since = changed ? (textAt(old, 'lastTransitionTime') ?? now) : now
  return {
    ...condition,
    lastUpdateTime: condition['lastUpdateTime'] ?? now,
    lastTransitionTime: condition['lastTransitionTime'] ?? since,
  }
}

/** All certificates of a bundle together. */
const MAX_BUNDLE = 1_048_576

/** Rules of `certificates.k8s.io` ClusterTrustBundle. */
export const TRUST_BUNDLE_RULES: KindRules = {
  nameFault(name) {
    const [signer, version, last, ...more] = name.split(':')
    if (version === undefined) return subdomainFault(signer ?? '')
    return last === undefined || more.length > 0
      ? 'a ClusterTrustBundle with a signer has the name <domain>:<path>:<name>'
      : subdomainFault(last)
  },
  validate(object, causes) {
    const spec = recordAt(object, 'spec')
    const name = textAt(object['metadata'], 'name') ?? ''
    const signerName = textAt(spec, 'signerName') ?? ''
    const prefix = `${signerName.replaceAll('/', ':')}:`
    if (signerName === '' && name.includes(':'))
      causes.invalid(
        'metadata.name',
        `"${name}": ClusterTrustBundle without signer name must not have ":" in its name`,
      )
    if (signerName !== '' && !name.startsWith(prefix))
      causes.invalid('metadata.name', `"${name}": must begin with "${prefix}"`)
    if (signerName !== '') validateSignerName(signerName, causes)
    const bundle = textAt(spec, 'trustBundle') ?? ''
    if (bundle.length > MAX_BUNDLE) causes.tooLong('spec.trustBundle', MAX_BUNDLE)
    else for (const fault of bundleFaults(bundle)) causes.invalid('spec.trustBundle', fault)
  },
  validateUpdate(next, before, causes) {
    if (recordAt(next, 'spec')['signerName'] !== recordAt(before, 'spec')['signerName'])
      causes.invalid('spec.signerName', 'field is immutable')
  },
  admit(next, before, context) {
    const signerName = textAt(recordAt(next, 'spec'), 'signerName') ?? ''
    if (signerName === '' || (before !== undefined && isSameJson(before['spec'], next['spec']))) return
    if (maySign(context, 'attest', signerName)) return
    const name = textAt(next['metadata'], 'name')
    throw forbidden(
      { resource: BUNDLES, name },
      `user not permitted to attest for signerName "${signerName}"`,
    )
  },
}

function bundleFaults(text: string): readonly string[] {
  const blocks = [...text.matchAll(BLOCK)]
  if (blocks.length === 0) return ['at least one trust anchor must be specified']
  const seen = new Set<string>()
  return blocks.flatMap(([block, type, content = ''], i) => {
    const certificate = readCertificate(block)
    if (type !== 'CERTIFICATE') return [`entry ${i} has bad block type`]
    if (HEADER.test(content)) return [`entry ${i} has PEM block headers`]
    if (certificate === undefined) return [`entry ${i} does not parse`]
    if (!certificate.isCa) return [`entry ${i} is not a CA certificate`]
    if (seen.has(certificate.fingerprint())) return [`entry ${i} stands twice`]
    seen.add(certificate.fingerprint())
    return []
  })
}
