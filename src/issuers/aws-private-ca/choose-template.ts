/**
 * Which certificate template of AWS Private CA makes what is asked for, and what must go with the call.
 *
 * A template has the last word; then comes what the call passes through, then the CSR. Those without passthrough take
 * subject and alternative names from the CSR and nothing else.
 *
 * @module
 */

import type { CertificateIntent, IssuerRequest } from '../../ca/external/external-issuer.ts'
import { encodeNameConstraints } from '../../ca/name-constraints-input.ts'
import { encodeBase64 } from '../../internal/base64.ts'
import { DerCursor, Tag } from '../../internal/der.ts'
import { derValue } from '../../internal/der-writer.ts'
import { ExtendedKeyUsage } from '../../x509/extensions/extended-key-usage.ts'
import { KEY_USAGE_NAMES, type KeyUsageName } from '../../x509/extensions/key-usage.ts'
import type { NameConstraints } from '../../x509/extensions/name-constraints.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import { sameGeneralNames } from '../../x509/general-name-key.ts'
import type { AwsApiPassthrough } from './aws-private-ca-client.ts'
import { refusal, toAwsGeneralName, toAwsSubject } from './passthrough-names.ts'

/** A template, and what it takes from the call. */
export interface ChosenTemplate {
  /** As it stands in the ARN, without the version. */
  readonly template: string
  readonly apiPassthrough: AwsApiPassthrough | undefined
}

/** There are templates for these path lengths alone. */
const MAX_PATH_LENGTH = 3

/** What the templates for CAs and for workloads write. */
const CA_USAGE: readonly KeyUsageName[] = ['digitalSignature', 'keyCertSign', 'cRLSign']
const LEAF_USAGE: readonly KeyUsageName[] = ['digitalSignature', 'keyEncipherment']

/** Of a value of `CustomExtensions`, in base64. */
const MAX_EXTENSION = 4096

/**
 * The plainest template that will do, so that a policy may allow as few as possible.
 *
 * @throws `IssuerFailure` where none will.
 */
export function chooseTemplate({ csr, intent }: Pick<IssuerRequest, 'csr' | 'intent'>): ChosenTemplate {
  const takesSubject = intent.subject.equals(csr.subject)
  const takesNames = sameGeneralNames(intent.subjectAltNames, csr.subjectAltNames)
  const base = intent.isCa ? caTemplate(intent) : leafTemplate(intent)
  if (takesSubject && takesNames && !base.startsWith('Blank'))
    return { template: base, apiPassthrough: undefined }
  // What the call does not say is taken from the CSR.
  if (!takesSubject && intent.subject.isEmpty)
    throw refusal('without a subject it takes that of the CSR; make the CSR without one')
  if (!takesNames && intent.subjectAltNames.length === 0)
    throw refusal('without alternative names it takes those of the CSR; make the CSR without them')
  const extensions = {
    ...(takesNames ? {} : { SubjectAlternativeNames: intent.subjectAltNames.map(toAwsGeneralName) }),
    ...(base.startsWith('Blank') ? blankExtensions(intent) : {}),
  }
  return {
    template: `${base}_APIPassthrough`,
    apiPassthrough: {
      ...(takesSubject ? {} : { Subject: toAwsSubject(intent.subject) }),
      ...(Object.keys(extensions).length === 0 ? {} : { Extensions: extensions }),
    },
  }
}

function caTemplate({ pathLength, keyUsage, nameConstraints }: CertificateIntent): string {
  if (pathLength === 'none' || pathLength > MAX_PATH_LENGTH)
    throw refusal(
      `its templates for CAs have a path length from 0 to ${MAX_PATH_LENGTH}; asked for was ${pathLength === 'none' ? 'no limit' : pathLength}`,
    )
  const isPlain = nameConstraints === undefined && isWithin(keyUsage, CA_USAGE)
  return `${isPlain ? '' : 'Blank'}SubordinateCACertificate_PathLen${pathLength}`
}

function leafTemplate({ extendedKeyUsage, keyUsage }: CertificateIntent): string {
  const { serverAuth, clientAuth } = ExtendedKeyUsage
  const others = extendedKeyUsage.some((oid) => oid !== serverAuth && oid !== clientAuth)
  if (others || !isWithin(keyUsage, LEAF_USAGE)) return 'BlankEndEntityCertificate'
  const isServer = extendedKeyUsage.includes(serverAuth)
  const isClient = extendedKeyUsage.includes(clientAuth)
  // Without any, whatever comes will do.
  if (isServer === isClient) return 'EndEntityCertificate'
  return isServer ? 'EndEntityServerAuthCertificate' : 'EndEntityClientAuthCertificate'
}

/** A blank template writes basic constraints and key identifiers alone. */
function blankExtensions(intent: CertificateIntent): NonNullable<AwsApiPassthrough['Extensions']> {
  const { isCa, keyUsage, extendedKeyUsage, nameConstraints } = intent
  const usage: readonly KeyUsageName[] = isCa ? [...keyUsage, 'keyCertSign', 'cRLSign'] : keyUsage
  const custom = [
    // Not the member KeyUsage: nothing says that it is written as critical, which X509-SVID §4.3 asks for.
    ...(usage.length === 0 ? [] : [{ oid: '2.5.29.15', value: encodeKeyUsage(usage) }]),
    ...(nameConstraints === undefined
      ? []
      : [{ oid: '2.5.29.30', value: encodeConstraints(nameConstraints) }]),
  ].map(({ oid, value }) => ({ ObjectIdentifier: oid, Value: encodeBase64(value), Critical: true }))
  const long = custom.find(({ Value }) => Value.length > MAX_EXTENSION)
  if (long !== undefined)
    throw refusal(
      `its extensions have at most ${MAX_EXTENSION} characters of base64; ${long.ObjectIdentifier} would have ${long.Value.length}`,
    )
  return {
    ...(extendedKeyUsage.length === 0 ? {} : { ExtendedKeyUsage: extendedKeyUsage.map(toAwsPurpose) }),
    ...(custom.length === 0 ? {} : { CustomExtensions: custom }),
  }
}

function toAwsPurpose(
  oid: string,
): NonNullable<NonNullable<AwsApiPassthrough['Extensions']>['ExtendedKeyUsage']>[number] {
  if (oid === ExtendedKeyUsage.serverAuth) return { ExtendedKeyUsageType: 'SERVER_AUTH' }
  if (oid === ExtendedKeyUsage.clientAuth) return { ExtendedKeyUsageType: 'CLIENT_AUTH' }
  return { ExtendedKeyUsageObjectIdentifier: oid }
}

const isWithin = (usage: readonly KeyUsageName[], given: readonly KeyUsageName[]): boolean =>
  usage.every((name) => given.includes(name))

/** A named bit list: no zero bits at its end (X.690 §11.2.2). */
function encodeKeyUsage(usage: readonly KeyUsageName[]): Uint8Array {
  const bits = usage.map((name) => KEY_USAGE_NAMES.indexOf(name))
  const last = Math.max(...bits)
  const bytes = new Uint8Array(2 + (last >> 3))
  bytes[0] = 7 - (last & 7)
  for (const bit of bits) bytes[1 + (bit >> 3)] = (bytes[1 + (bit >> 3)] ?? 0) | (0x80 >> (bit & 7))
  return derValue(Tag.BIT_STRING, bytes)
}

/** The subtrees as they are: those that close other forms are among them. */
function encodeConstraints({ permitted, excluded }: NameConstraints): Uint8Array {
  const extension = encodeNameConstraints({
    permitted: permitted.filter(isWritable),
    excluded: excluded.filter(isWritable),
    otherForms: 'allow',
  })
  const cursor = new DerCursor(extension)
  cursor.enter(Tag.SEQUENCE, 'Extension')
  cursor.objectIdentifier('Extension')
  cursor.skipAny('critical')
  const start = cursor.octetString('Extension')
  return cursor.bytes.slice(start, cursor.offset)
}

/** None is of the type "other": they were made of an option that has no such type. */
const isWritable = (name: GeneralName): name is Exclude<GeneralName, { type: 'other' }> =>
  name.type !== 'other'
