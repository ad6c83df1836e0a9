/**
 * Whether planned CAs and workloads fit together, before anything is signed.
 *
 * @module
 */

import { readDuration } from '../internal/duration.ts'
import { checkOptionNames, readCount, typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { type CertificateInput, toCertificates } from '../x509/certificate-input.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import type { GeneralNameInput } from '../x509/general-name.ts'
import { encodeGeneralNames } from '../x509/general-name-encoder.ts'
import { type Name, type NameInput, readNameOption } from '../x509/name.ts'
import { CertificateTemplate } from './certificate-template.ts'
import { type HierarchyFinding, judgePlanned, type Level, type Sample } from './judge-planned.ts'
import { encodeNameConstraints, type NameConstraintsInput } from './name-constraints-input.ts'
import { type IdentityInput, readIdentities } from './policy/names-of.ts'
import { type CertificateProfileName, PROFILES } from './profiles/profiles.ts'
import { unsignedCertificate } from './sign-certificate.ts'

/** A CA that is planned. */
export interface PlannedCa {
  readonly subject: NameInput
  /** How many CAs may follow below it. Default `'none'`, no limit. */
  readonly pathLength?: number | 'none' | undefined
  readonly nameConstraints?: NameConstraintsInput | undefined
  /** Its own alternative names: the constraints above it hold for them too. */
  readonly subjectAltNames?: readonly IdentityInput[] | undefined
  readonly lifetime?: string | undefined
}

/** A certificate for an end entity that the last CA shall sign. */
export interface PlannedWorkload {
  /** A text is a SPIFFE ID. */
  readonly names: readonly IdentityInput[]
  readonly subject?: NameInput | undefined
  readonly lifetime?: string | undefined
}

/** A hierarchy that is planned. */
export interface HierarchyPlan {
  /** CAs that exist already, the issuer of the first planned one first, root last. */
  readonly chain?: CertificateInput | readonly CertificateInput[] | undefined
  /** From the top: without `chain` the first is the root. */
  readonly cas: readonly PlannedCa[]
  readonly workloads: readonly PlannedWorkload[]
}

const NO_IDENTIFIER: Uint8Array = /* @__PURE__ */ new Uint8Array(20)

/** Ed25519 (RFC 8410 §4), a key that nobody holds: what is planned is never signed. */
const NO_KEY: Uint8Array = /* @__PURE__ */ Uint8Array.of(
  ...[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0],
  ...new Array<number>(32).fill(1),
)

/**
 * Checks a plan: whether every planned CA and workload would verify below those above it, by path length
 * (RFC 5280 §4.2.1.9), name constraints (§4.2.1.10) and names. An empty answer means that it fits.
 *
 * **Warning**: it knows nothing about keys, signatures and time; the dry runs of issuance do.
 *
 * @throws `MeshPkiError` for names and constraints that cannot be written; `TypeError` and `RangeError` for the plan.
 *
 * @example
 * ```ts
 * import { checkHierarchy } from 'mesh-pki/ca'
 *
 * const findings = await checkHierarchy({
 *   cas: [
 *     { subject: 'CN=Root', pathLength: 1 },
 *     { subject: 'CN=East', pathLength: 0, nameConstraints: { permitted: [{ type: 'uri', value: 'east' }] } },
 *   ],
 *   workloads: [{ names: ['spiffe://east/ns/shop/sa/cart'] }, { names: ['spiffe://west/ns/shop/sa/cart'] }],
 * })
 * for (const { message } of findings) console.log(message) // the second workload has no place below CN=East
 * ```
 */
export async function checkHierarchy(plan: HierarchyPlan): Promise<readonly HierarchyFinding[]> {
  checkOptionNames(plan, ['chain', 'cas', 'workloads'], 'checkHierarchy')
  const { cas, workloads } = plan
  for (const [name, list] of Object.entries({ cas, workloads }))
    if (!Array.isArray(list)) throw new TypeError(`option "${name}" must be an array; got ${typeName(list)}`)
  const levels: Level[] = readChain(plan.chain ?? [])
  const findings: HierarchyFinding[] = []
  for (const [i, ca] of cas.entries()) {
    const level = await planCa(ca, `cas[${i}]`, levels[levels.length - 1])
    findings.push(...judgePlanned(level, levels, true))
    levels.push(level)
  }
  if (levels.length === 0) throw new TypeError('checkHierarchy needs at least one CA, in "chain" or "cas"')
  for (const [i, workload] of workloads.entries())
    findings.push(
      ...judgePlanned(
        await planWorkload(workload, `workloads[${i}]`, levels[levels.length - 1]),
        levels,
        false,
      ),
    )
  return Object.freeze(findings)
}

async function samplesOf(ca: PlannedCa, option: string): Promise<readonly Sample[]> {
  const names = (ca.nameConstraints?.permitted ?? []).flatMap(sampleOf)
  return Promise.all(
    names.map(async (name) => ({
      name,
      leaf: (await planWorkload({ names: [name] }, `${option}.nameConstraints`, undefined)).certificate,
    })),
  )
}

/** A name within a subtree. */
function sampleOf(subtree: GeneralNameInput): GeneralNameInput[] {
  if (typeof subtree.value !== 'string') return []
  const host = subtree.value.startsWith('.') ? `a${subtree.value}` : subtree.value
  switch (subtree.type) {
    case 'uri':
      return [{ type: 'uri', value: `spiffe://${host}/a` }]
    case 'dns':
      return [{ type: 'dns', value: host }]
    case 'email':
      return [{ type: 'email', value: host.includes('@') ? host : `a@${host}` }]
    case 'ip':
      return [{ type: 'ip', value: subtree.value.slice(0, subtree.value.indexOf('/')) }]
    default:
      return []
  }
}

/** CAs that exist, top first. @throws `RangeError` for another order than that of issuers. */
function readChain(input: NonNullable<HierarchyPlan['chain']>): Level[] {
  const chain = toCertificates(input, 'chain')
  for (const [i, certificate] of chain.entries()) {
    const next = chain[i + 1]
    if (next !== undefined && !certificate.issuer.equals(next.subject))
      throw new RangeError(
        `option "chain" must hold each CA before its issuer, as CertificateAuthority.chain does; ${certificateLabel(next)} is not that of ${certificateLabel(certificate)}`,
      )
  }
  return chain
    .map((certificate) => ({
      certificate,
      label: certificateLabel(certificate),
      lifetime: certificate.notAfter.getTime() - certificate.notBefore.getTime(),
      samples: [],
    }))
    .reverse()
}

async function planCa(ca: PlannedCa, option: string, issuer: Level | undefined): Promise<Level> {
  checkOptionNames(
    ca,
    ['subject', 'pathLength', 'nameConstraints', 'subjectAltNames', 'lifetime'],
    `option "${option}"`,
  )
  const { pathLength = 'none', nameConstraints } = ca
  const level = await draft({
    profile: issuer === undefined ? 'mesh-root' : 'mesh-intermediate',
    option,
    issuer,
    subject: readNameOption(ca.subject, `${option}.subject`),
    names: ca.subjectAltNames ?? [],
    lifetime: ca.lifetime,
    pathLength: pathLength === 'none' ? undefined : readCount(pathLength, `${option}.pathLength`, 0, 255),
    nameConstraints,
  })
  return { ...level, samples: await samplesOf(ca, option) }
}

async function planWorkload(
  workload: PlannedWorkload,
  option: string,
  issuer: Level | undefined,
): Promise<Level> {
  checkOptionNames(workload, ['names', 'subject', 'lifetime'], `option "${option}"`)
  return draft({
    profile: 'mesh-workload',
    option,
    issuer,
    subject: readNameOption(workload.subject ?? [], `${option}.subject`),
    names: workload.names,
    lifetime: workload.lifetime,
    pathLength: undefined,
    nameConstraints: undefined,
  })
}

interface Draft {
  readonly profile: CertificateProfileName
  readonly option: string
  readonly issuer: Level | undefined
  readonly subject: Name
  readonly names: readonly IdentityInput[]
  readonly lifetime: string | undefined
  readonly pathLength: number | undefined
  readonly nameConstraints: NameConstraintsInput | undefined
}

/** A certificate without key and signature, by the same template as a real one: the real rules judge it. */
async function draft(of: Draft): Promise<Level> {
  const { option, subject } = of
  const names = readIdentities(of.names, `${option}.names`)
  const template = await CertificateTemplate.compile({
    profile: PROFILES[of.profile],
    issuer: (of.issuer?.certificate.subject ?? subject).der,
    algorithm: 'ed25519',
    pathLength: of.pathLength,
    authorityKeyId: of.issuer === undefined ? undefined : NO_IDENTIFIER,
    enciphers: false,
  })
  const tbs = template.build({
    serialNumber: Uint8Array.of(1),
    notBefore: 0,
    notAfter: 1000,
    subject: subject.der,
    publicKey: NO_KEY,
    subjectKeyId: NO_IDENTIFIER,
    subjectAltNames: names.length === 0 ? undefined : encodeGeneralNames(names, `${option}.names`),
    nameConstraints: of.nameConstraints === undefined ? undefined : encodeNameConstraints(of.nameConstraints),
  })
  const certificate = unsignedCertificate(tbs, {
    publicKey: NO_KEY,
    signatureAlgorithm: 'ed25519',
    sign: () => new Uint8Array(),
  })
  const [name] = names
  const label = subject.isEmpty
    ? name === undefined
      ? option
      : quote(String(name.value), 160)
    : quote(String(subject), 160)
  const lifetime = of.lifetime === undefined ? undefined : readDuration(of.lifetime, `${option}.lifetime`)
  return { certificate, label, lifetime, samples: [] }
}
