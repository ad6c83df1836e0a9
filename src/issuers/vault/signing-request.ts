/**
 * What a wish is in the fields of Vault's PKI engine.
 *
 * @module
 */

import type { CertificateIntent, IssuerRequest } from '../../ca/external/external-issuer.ts'
import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { equalBytes } from '../../internal/bytes.ts'
import type { NameConstraints } from '../../x509/extensions/name-constraints.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import { generalNameKey } from '../../x509/general-name-key.ts'
import type { Name } from '../../x509/name.ts'
import type { SigningPath } from './vault-path.ts'

/** What is sent. */
type Fields = Readonly<Record<string, string | number | boolean>>

/**
 * The fields for a wish.
 *
 * @throws `IssuerFailure` for a wish that Vault cannot be told: a certificate that is not what was asked for is not even made.
 */
export function signingFields(
  { kind }: SigningPath,
  { csr, intent }: IssuerRequest,
  backdateSeconds: number | undefined,
): Fields {
  if (intent.isCa !== (kind === 'ca'))
    throw cannot(
      intent.isCa
        ? 'its path is that of a role, and roles make no CAs; a CA needs a path that ends in sign-intermediate'
        : 'its path makes CAs; a workload needs a path that ends in sign/<role>',
    )
  const common = { csr: csr.toPem(), ttl: `${Math.floor(intent.lifetimeMs / 1000)}s`, format: 'pem' }
  const commonName = commonNameOf(intent.subject)
  const named = {
    ...(commonName === undefined ? {} : { common_name: commonName }),
    exclude_cn_from_sans: true,
  }
  return kind === 'ca'
    ? { ...common, ...named, ...caFields(csr, intent, backdateSeconds) }
    : { ...common, ...named, ...nameFields(intent.subjectAltNames) }
}

/** Sign intermediate: without `use_csr_values` the subject would be put together anew, in Vault's own order. */
function caFields(
  csr: IssuerRequest['csr'],
  { subject, subjectAltNames, pathLength, nameConstraints }: CertificateIntent,
  backdateSeconds: number | undefined,
): Fields {
  if (!equalBytes(subject.der, csr.subject.der) || !isSameNames(subjectAltNames, csr.subjectAltNames))
    throw cannot(
      'it takes the subject and names of a CA from the request, and others are asked for; make the request with those',
    )
  return {
    use_csr_values: true,
    max_path_length: pathLength === 'none' ? -1 : pathLength,
    ...(backdateSeconds === undefined ? {} : { not_before_duration: `${backdateSeconds}s` }),
    ...(nameConstraints === undefined ? {} : constraintFields(nameConstraints)),
  }
}

const isSameNames = (a: readonly GeneralName[], b: readonly GeneralName[]): boolean =>
  a.map(generalNameKey).sort().join('\n') === b.map(generalNameKey).sort().join('\n')

/** Sign certificate: lists with commas. A role with `use_csr_sans`, the default, takes the names of the request instead. */
function nameFields(names: readonly GeneralName[]): Fields {
  const lists = { alt_names: ['dns', 'email'], ip_sans: ['ip'], uri_sans: ['uri'] } as const
  const types: readonly string[] = Object.values(lists).flat()
  const foreign = names.find(({ type }) => !types.includes(type))
  if (foreign !== undefined) throw cannot(`it cannot be told the name ${formatGeneralName(foreign)}`)
  return Object.fromEntries(
    Object.entries(lists).flatMap(([field, of]) => {
      const list = names.filter(({ type }) => (of as readonly string[]).includes(type)).map(textOf)
      return list.length === 0 ? [] : [[field, list.join(',')]]
    }),
  )
}

/** Where Vault's lists of subtrees are. Before Vault 1.19, and in OpenBao, there is only the first. */
const CONSTRAINT_FIELDS: Readonly<Record<string, string>> = {
  dns: 'dns_domains',
  ip: 'ip_ranges',
  email: 'email_addresses',
  uri: 'uri_domains',
}

function constraintFields({ permitted, excluded }: NameConstraints): Fields {
  const fields: Record<string, string> = {}
  for (const [prefix, names] of [
    ['permitted', permitted],
    ['excluded', excluded],
  ] as const)
    for (const name of names) {
      const suffix = CONSTRAINT_FIELDS[name.type]
      if (suffix === undefined) throw cannot(`it cannot be told to constrain ${formatGeneralName(name)}`)
      const field = `${prefix}_${suffix}`
      const before = fields[field]
      fields[field] = before === undefined ? textOf(name) : `${before},${textOf(name)}`
    }
  return fields
}

function textOf(name: GeneralName): string {
  if (typeof name.value !== 'string') throw cannot(`it cannot be told the name ${formatGeneralName(name)}`)
  if (/[,\s]/.test(name.value) || name.value === '')
    throw cannot(
      `its lists cannot hold the name ${formatGeneralName(name)}, which is empty or has a comma or blank`,
    )
  return name.value
}

function commonNameOf({ rdns }: Name): string | undefined {
  const names = rdns.flat().filter(({ type }) => type === '2.5.4.3')
  return names.length === 1 ? names[0]?.value : undefined
}

const cannot = (why: string): IssuerFailure =>
  new IssuerFailure(`Vault was not asked: ${why}`, { retryable: false, outcome: 'failed' })
