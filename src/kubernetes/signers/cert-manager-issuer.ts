/**
 * cert-manager as an external issuer: our requests, its certificates.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import type {
  CertificateIntent,
  ExternalIssuer,
  IssuerAnswer,
  IssuerRequest,
} from '../../ca/external/external-issuer.ts'
import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { asciiBytes, toHex } from '../../internal/bytes.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { Certificate } from '../../x509/certificate.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError, KubeError, type KubeErrorCode } from '../api/kube-error.ts'
import { isObjectName, KubeResources } from '../api/kube-resource.ts'
import { MESH_PKI_GROUP } from '../objects/api-group.ts'
import { conditionOf, isConditionTrue } from '../objects/condition.ts'
import { type KubeObject, listAt, recordAt } from '../objects/kube-object.ts'
import { hasCondition } from './csr-decision.ts'
import { formatGoDuration, readGoDuration } from './go-duration.ts'
import { usagesOf } from './usages.ts'

/** Options of {@link certManagerIssuer}. */
export interface CertManagerIssuerOptions {
  readonly client: KubeClient
  /** Where the CertificateRequests are made; for an `Issuer`, its namespace. */
  readonly namespace: string
  /** Who signs. `group` is `'cert-manager.io'` and `kind` `'Issuer'` by default. */
  readonly issuerRef: {
    readonly name: string
    readonly kind?: string | undefined
    readonly group?: string | undefined
  }
  /** Beginning of the requests' names. Default `'mesh-pki'`. */
  readonly namePrefix?: string | undefined
  /** Annotations for approvers and issuers; none of the domain `cert-manager.io`. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** Where a request keeps the name of the wish that it stands for. */
const REQUEST_ID = `${MESH_PKI_GROUP}/request-id`

/** Failures of the API that may pass. */
const PASSING: readonly KubeErrorCode[] = [
  'ERR_KUBERNETES_CONFLICT',
  'ERR_KUBERNETES_EXPIRED',
  'ERR_KUBERNETES_THROTTLED',
  'ERR_KUBERNETES_UNAUTHORIZED',
  'ERR_KUBERNETES_UNAVAILABLE',
]

/**
 * Makes an {@link ExternalIssuer} of cert-manager: it makes a CertificateRequest for each wish, and answers what becomes of it.
 *
 * The object's name is made of the wish's name (`requestId`), so that asking again finds the same object; it is adopted
 * where it holds the same request for the same issuer, and is nobody's otherwise. A request that was denied, has failed or
 * is invalid stays so: ask by another `requestId`, or delete it. `ca.crt` of the answer is not taken for a root: the chain
 * must lead to the anchors that the caller of `requestCertificate` gives.
 *
 * **Warning**: cert-manager has no members for path length and name constraints. What an issuer makes of them is found
 * out by `requestCertificate`, after the certificate was made.
 *
 * @throws `TypeError` for options.
 *
 * @example
 * ```ts
 * import { requestCertificate } from 'mesh-pki/ca'
 * import { createCsr } from 'mesh-pki/csr'
 * import { certManagerIssuer, type KubeClient } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const rootPem: string
 * const { csr } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Example', key: 'P-256' })
 * const issued = await requestCertificate(
 *   certManagerIssuer({ client, namespace: 'istio-system', issuerRef: { kind: 'ClusterIssuer', name: 'corporate' } }),
 *   { csr, isCa: true, pathLength: 'none', lifetime: { max: '90d' }, anchors: rootPem },
 * )
 * ```
 */
export function certManagerIssuer(options: CertManagerIssuerOptions): ExternalIssuer {
  checkOptionNames(
    options,
    ['client', 'namespace', 'issuerRef', 'namePrefix', 'annotations'],
    'certManagerIssuer',
  )
  const { client, namespace, namePrefix = 'mesh-pki', annotations = {} } = options
  if (typeof client?.find !== 'function')
    throw new TypeError(`option "client" must be a KubeClient; got ${typeName(client)}`)
  if (!isObjectName(namespace)) throw new TypeError('option "namespace" must be the name of a namespace')
  if (typeof namePrefix !== 'string' || !/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(namePrefix))
    throw new TypeError('option "namePrefix" must be 1 to 63 lower-case letters, digits and "-"')
  for (const key of Object.keys(annotations))
    if (key === REQUEST_ID || /^(?:[^/]*\.)?cert-manager\.io\//.test(key))
      throw new TypeError(`option "annotations" must not hold ${quote(key, 128)}`)
  const issuerRef = readIssuerRef(options.issuerRef)
  const resource = KubeResources.certManagerRequests
  const refOf = (requestId: string) => ({ namespace, name: `${namePrefix}-${suffixOf(requestId)}` })

  return {
    name: `cert-manager ${issuerRef.kind} ${issuerRef.name}`,
    idempotent: true,
    issue: async (request, { signal }) => {
      const { requestId } = request
      const ref = refOf(requestId)
      const spec = specOf(request, issuerRef)
      let object: KubeObject | undefined
      try {
        object = await client.create(
          resource,
          { metadata: { ...ref, annotations: { ...annotations, [REQUEST_ID]: requestId } }, spec },
          { signal },
        )
      } catch (error) {
        if (!isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')) throw failureOf(error)
        object = await client.find(resource, ref, { signal }).catch((cause: unknown) => {
          throw failureOf(cause, 'unknown')
        })
        // Deleted between the two: the next attempt makes another.
        if (object === undefined)
          throw new IssuerFailure('the CertificateRequest was deleted meanwhile', {
            retryable: true,
            outcome: 'failed',
          })
      }
      const foreign = differenceFrom(object, spec, requestId)
      if (foreign !== undefined)
        throw refusal(
          `the CertificateRequest ${namespace}/${ref.name} exists and is of another wish: ${foreign}`,
        )
      return outcomeOf(object)
    },
    lookup: async (requestId, { signal }) => {
      const object = await client.find(resource, refOf(requestId), { signal }).catch((cause: unknown) => {
        throw failureOf(cause, 'unknown')
      })
      if (object === undefined) return undefined
      if (object.metadata.annotations?.[REQUEST_ID] !== requestId || !isSameIssuer(object, issuerRef))
        throw refusal(`the CertificateRequest ${namespace}/${object.metadata.name} is of another wish`)
      return outcomeOf(object)
    },
  }
}

interface IssuerRef {
  readonly group: string
  readonly kind: string
  readonly name: string
}

function readIssuerRef(value: CertManagerIssuerOptions['issuerRef']): IssuerRef {
  checkOptionNames(value, ['name', 'kind', 'group'], 'option "issuerRef"')
  const { name, kind = 'Issuer', group = 'cert-manager.io' } = value
  if (!isObjectName(name)) throw new TypeError('option "issuerRef.name" must be the name of an issuer')
  if (typeof kind !== 'string' || !/^[A-Z][A-Za-z0-9]{0,62}$/.test(kind))
    throw new TypeError('option "issuerRef.kind" must be a kind, such as "ClusterIssuer"')
  if (!isObjectName(group)) throw new TypeError('option "issuerRef.group" must be an API group')
  return { group, kind, name }
}

/** A wish's name as the end of an object's. What no object may be named is hashed. */
function suffixOf(requestId: string): string {
  return /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(requestId)
    ? requestId
    : toHex(sha256(new TextEncoder().encode(requestId)), 0, 16)
}

function specOf({ csr, intent }: IssuerRequest, issuerRef: IssuerRef): Readonly<Record<string, unknown>> {
  const { usages, unnamed } = usagesOf(bitsOf(csr, intent))
  if (unnamed.length > 0) throw refusal(`cert-manager has no word for the purposes ${unnamed.join(', ')}`)
  return {
    request: encodeBase64(asciiBytes(csr.toPem())),
    issuerRef,
    duration: formatGoDuration(intent.lifetimeMs),
    isCA: intent.isCa,
    usages,
  }
}

/** cert-manager refuses usages that differ from extensions of the request, so those come first. */
function bitsOf(
  csr: Csr,
  { isCa, keyUsage, extendedKeyUsage }: CertificateIntent,
): Parameters<typeof usagesOf>[0] {
  const wanted = isCa ? [...new Set([...keyUsage, 'keyCertSign', 'cRLSign'] as const)] : keyUsage
  return { keyUsage: csr.keyUsage ?? wanted, extendedKeyUsage: csr.extendedKeyUsage ?? extendedKeyUsage }
}

/** What an object that exists does not have in common with a wish. */
function differenceFrom(
  object: KubeObject,
  spec: Readonly<Record<string, unknown>>,
  requestId: string,
): string | undefined {
  const found = recordAt(object, 'spec')
  const issuerRef = recordAt(spec, 'issuerRef')
  if (object.metadata.annotations?.[REQUEST_ID] !== requestId) return 'it does not bear the name of this one'
  if (csrIn(found['request']) !== csrIn(spec['request'])) return 'it holds another request'
  if (!isSameIssuer(object, issuerRef)) return 'it is for another issuer'
  if ((found['isCA'] === true) !== spec['isCA']) return 'isCA differs'
  if (readGoDuration(found['duration']) !== readGoDuration(spec['duration'])) return 'the duration differs'
  const words = (list: readonly unknown[]): string => JSON.stringify([...list].sort())
  return words(listAt(found, 'usages')) === words(listAt(spec, 'usages')) ? undefined : 'the usages differ'
}

function isSameIssuer(object: KubeObject, issuerRef: Readonly<Record<string, unknown>> | IssuerRef): boolean {
  const found = recordAt(recordAt(object, 'spec'), 'issuerRef')
  const { group, kind, name } = issuerRef
  return found['group'] === group && found['kind'] === kind && found['name'] === name
}

/** The fingerprint of a request in base64; `undefined` for what is none. */
function csrIn(value: unknown): string | undefined {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  try {
    return bytes instanceof Uint8Array ? Csr.fromPem(bytes).fingerprint() : undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}

/** What has become of a request. @throws `IssuerFailure` for one that will never have a certificate, or has one that cannot be read. */
function outcomeOf(object: KubeObject): IssuerAnswer | 'pending' {
  const ready = conditionOf(object, 'Ready')
  const { namespace = '', name = '' } = object.metadata
  const label = `the CertificateRequest ${namespace}/${name}`
  const again = 'To try again, ask by another requestId, or delete it'
  if (hasCondition(object, 'Denied') || ready?.reason === 'Denied')
    throw refusal(`${label} was denied: ${saying(conditionOf(object, 'Denied') ?? ready)}. ${again}`)
  if (isConditionTrue(object, 'InvalidRequest'))
    throw refusal(`${label} is invalid: ${saying(conditionOf(object, 'InvalidRequest'))}. ${again}`)
  if (ready?.reason === 'Failed') throw refusal(`${label} has failed: ${saying(ready)}. ${again}`)
  if (ready?.status !== 'True') return 'pending'
  const status = recordAt(object, 'status')
  const [certificate, ...chain] = certificatesIn(status['certificate'])
  if (certificate === undefined)
    throw new IssuerFailure(`${label} is ready and holds no certificate that can be read`, {
      retryable: false,
      outcome: 'unknown',
    })
  // Not as a root: some issuers put the CA above theirs there.
  return { certificate, chain: [...chain, ...certificatesIn(status['ca'])] }
}

function certificatesIn(value: unknown): readonly Certificate[] {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) return []
  try {
    return Certificate.listFromPem(bytes)
  } catch (error) {
    if (error instanceof MeshPkiError) return []
    throw error
  }
}

const saying = (condition: { readonly message: string } | undefined): string =>
  quote(
    condition?.message === undefined || condition.message === '' ? 'no reason was given' : condition.message,
  )

const refusal = (message: string): IssuerFailure =>
  new IssuerFailure(escapeText(message, 1024), { retryable: false, outcome: 'failed' })

function failureOf(error: unknown, outcome?: 'unknown'): unknown {
  if (!(error instanceof KubeError)) return error
  return new IssuerFailure(error.message, {
    retryable: PASSING.includes(error.code),
    outcome: outcome ?? (error.outcome === 'unknown' ? 'unknown' : 'failed'),
    cause: error,
  })
}
