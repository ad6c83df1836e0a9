/**
 * The double of Vault's PKI engine: what the fields of its API documents mean.
 */
import type { CertificateAuthority } from '../../../src/ca/index.ts'
import type { Csr } from '../../../src/csr/index.ts'
import type { Certificate, GeneralNameInput } from '../../../src/x509/index.ts'
import { field, type Json, Refused } from './vault-double-json.ts'

/** PKI API, Create/update role: what of a role is doubled. */
export interface DoubleRole {
  /** Default true: the names of a CSR are used instead of the fields. */
  readonly use_csr_sans?: boolean
  readonly allowed_uri_sans?: readonly string[]
}

/** Lists with commas, as the documents write all lists of names. */
const listOf = (body: Json, name: string): readonly string[] =>
  body[name] === undefined ? [] : field(body, name).split(',')

/** Sign intermediate: `use_csr_values`, `common_name`, `max_path_length`, `not_before_duration`, `permitted_…`, `excluded_…`. */
export async function signIntermediate(
  ca: CertificateAuthority,
  csr: Csr,
  body: Json,
  seconds: number,
  pathLength: number | undefined,
): Promise<Certificate> {
  const subtrees = (prefix: string): readonly GeneralNameInput[] =>
    (['dns_domains', 'ip_ranges', 'email_addresses', 'uri_domains'] as const).flatMap((suffix) =>
      listOf(body, `${prefix}_${suffix}`).map((value) => ({
        type: (
          { dns_domains: 'dns', ip_ranges: 'ip', email_addresses: 'email', uri_domains: 'uri' } as const
        )[suffix],
        value,
      })),
    )
  const [permitted, excluded] = [subtrees('permitted'), subtrees('excluded')]
  const { certificate } = await ca.issueIntermediate(csr, {
    lifetime: `${seconds}s`,
    // (duration: "30s")
    backdate: String(body['not_before_duration'] ?? '30s'),
    pathLength: pathLength ?? 'none',
    ...(body['use_csr_values'] === true
      ? { subject: csr.subject, subjectAltNames: csr.subjectAltNames }
      : { subject: `CN=${String(body['common_name'] ?? 'none')}` }),
    ...(permitted.length + excluded.length === 0
      ? {}
      : { nameConstraints: { permitted, excluded, otherForms: 'allow' } }),
  })
  return certificate
}

/** Sign certificate: `common_name`, `alt_names`, `ip_sans`, `uri_sans`, `exclude_cn_from_sans`, `ttl`. */
export async function signByRole(
  ca: CertificateAuthority,
  csr: Csr,
  key: Csr,
  body: Json,
  seconds: number,
  { use_csr_sans = true, allowed_uri_sans }: DoubleRole,
): Promise<Certificate> {
  const named: readonly GeneralNameInput[] = [
    ...listOf(body, 'uri_sans').map((value) => ({ type: 'uri' as const, value })),
    ...listOf(body, 'alt_names').map((value) => ({
      type: value.includes('@') ? ('email' as const) : ('dns' as const),
      value,
    })),
    ...listOf(body, 'ip_sans').map((value) => ({ type: 'ip' as const, value })),
  ]
  const names = use_csr_sans ? csr.subjectAltNames : named
  const id = names.find(({ type }) => type === 'uri')
  const uri = id?.type === 'uri' ? id.value : ''
  if (allowed_uri_sans?.includes(uri) === false)
    throw new Refused(400, `URI Subject Alternative Name ${uri} not allowed by this role`)
  const cn = body['common_name']
  const { certificate } = await ca.issueWorkload(key, {
    id: uri,
    subjectAltNames: names.filter((name) => name !== id) as GeneralNameInput[],
    lifetime: `${seconds}s`,
    backdate: '30s',
    ...(typeof cn === 'string' ? { subject: `CN=${cn}` } : {}),
  })
  return certificate
}
