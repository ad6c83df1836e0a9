/**
 * What a request got under a policy, and why.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { formatDuration } from '../../internal/duration.ts'
import { escapeText } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import { purposeLabel } from '../../x509/extensions/extended-key-usage.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import type { CappedValidity } from '../issuance-rules.ts'
import type { CertificatePlan } from './certificate-plan.ts'
import type { IssuancePolicy } from './issuance-policy.ts'

/** One field of a certificate. Texts are escaped and fit to be printed. */
export interface DecidedField {
  readonly field:
    | 'key'
    | 'subject'
    | 'names'
    | 'lifetime'
    | 'key usage'
    | 'extended key usage'
    | 'basic constraints'
    | 'other extensions'
  /** What the request asks for; `undefined` where it does not. */
  readonly asked: string | undefined
  /** What the certificate has. */
  readonly granted: string
  /** Who decided. */
  readonly from: 'request' | 'identities' | 'identities and request' | 'caller' | 'policy' | 'issuer'
}

/** A decision, field by field. */
export interface PolicyDecision {
  /** The name of the policy. */
  readonly policy: string
  readonly fields: readonly DecidedField[]
}

const KNOWN = ['2.5.29.14', '2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.37']

/** Writes the decision down. Without `validity` the issuer's chain was not asked. */
export function decisionOf(
  policy: IssuancePolicy,
  csr: Csr,
  { subject, names, lifetime }: CertificatePlan,
  certificate: Pick<Certificate, 'keyUsage' | 'extendedKeyUsage'>,
  validity?: Pick<CappedValidity, 'cappedBy' | 'notAfter'> & { readonly now: number },
): PolicyDecision {
  const others = csr.extensions.filter(({ oid }) => !KNOWN.includes(oid)).map(({ oid }) => oid)
  const askedCa = csr.isCa ? 'a CA' : undefined
  const fields: DecidedField[] = [
    { field: 'key', asked: csr.publicKeyType, granted: csr.publicKeyType, from: 'request' },
    {
      field: 'subject',
      asked: csr.subject.isEmpty ? undefined : escapeText(String(csr.subject)),
      granted: subject.isEmpty ? 'empty' : escapeText(String(subject)),
      from: policy.subject.from,
    },
    {
      field: 'names',
      asked: csr.subjectAltNames.length === 0 ? undefined : list(csr.subjectAltNames),
      granted: names.length === 0 ? 'none' : list(names),
      from: policy.namesFrom === 'both' ? 'identities and request' : policy.namesFrom,
    },
    lifetimeField(lifetime, validity),
    {
      field: 'key usage',
      asked: csr.keyUsage?.join(', '),
      granted: certificate.keyUsage?.join(', ') ?? 'no extension',
      from: 'policy',
    },
    {
      field: 'extended key usage',
      asked: csr.extendedKeyUsage?.map(purposeLabel).join(', '),
      granted: certificate.extendedKeyUsage?.map(purposeLabel).join(', ') ?? 'no extension',
      from: 'policy',
    },
    {
      field: 'basic constraints',
      asked: askedCa,
      granted: policy.isCa ? `a CA, path length ${policy.pathLength ?? 'none'}` : 'no CA',
      from: 'policy',
    },
  ]
  if (others.length > 0)
    fields.push({
      field: 'other extensions',
      asked: others.slice(0, 8).join(', '),
      granted: 'none',
      from: 'policy',
    })
  return Object.freeze({
    policy: policy.name,
    fields: Object.freeze(fields.map((field) => Object.freeze(field))),
  })
}

function lifetimeField(
  { asked, granted }: CertificatePlan['lifetime'],
  validity: Parameters<typeof decisionOf>[4],
): DecidedField {
  const shown = asked === undefined ? undefined : formatDuration(asked)
  if (validity?.cappedBy !== undefined)
    return {
      field: 'lifetime',
      asked: shown,
      granted: `${formatDuration(validity.notAfter - validity.now)}, the end of ${certificateLabel(validity.cappedBy)}`,
      from: 'issuer',
    }
  return {
    field: 'lifetime',
    asked: shown,
    granted: formatDuration(granted),
    from: asked === granted ? 'caller' : 'policy',
  }
}

const list = (names: readonly GeneralName[]): string =>
  names
    .slice(0, 8)
    .map((name) => escapeText(formatGeneralName(name)))
    .join(', ') + (names.length > 8 ? `, and ${names.length - 8} more` : '')
