import { describe, expect, test } from 'vitest'
import { requestCertificate } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { awsPrivateCaIssuer } from '../../../src/issuers/aws-private-ca/index.ts'
import { type GeneralName, Name } from '../../../src/x509/index.ts'
import { awsDouble, CA_ARN } from './aws-double.ts'
import {
  BASE,
  CA_WISH,
  CERTIFICATE_ARN,
  handClock,
  inputOf,
  OPTIONS,
  refusalOfWish,
  signal,
  stubClient,
  type Wish,
  wishOf,
} from './aws-support.ts'

describe('the call of IssueCertificate', () => {
  test('says what was asked for, in seconds', async () => {
    const { input, request } = await inputOf(CA_WISH)
    expect(input).toEqual({
      CertificateAuthorityArn: CA_ARN,
      Csr: new TextEncoder().encode(request.csr.toPem()),
      SigningAlgorithm: 'SHA256WITHECDSA',
      TemplateArn: `${BASE}SubordinateCACertificate_PathLen0/V1`,
      Validity: { Type: 'ABSOLUTE', Value: 1_800_086_400 },
      ValidityNotBefore: { Type: 'ABSOLUTE', Value: 1_799_996_400 },
      IdempotencyToken: 'wish-1',
    })
  })

  test('begins as early as "backdate" says, and names templates of the partition', async () => {
    const client = stubClient({ CertificateArn: CERTIFICATE_ARN.replace('arn:aws:', 'arn:aws-us-gov:') })
    const issuer = awsPrivateCaIssuer({
      ...OPTIONS,
      client,
      backdate: '5m',
      certificateAuthorityArn: CA_ARN.replace('arn:aws:', 'arn:aws-us-gov:'),
      clock: handClock(),
    })
    await issuer.issue(await wishOf(CA_WISH), { signal })
    expect(client.issueCertificate.mock.calls[0]?.[0]).toMatchObject({
      TemplateArn: 'arn:aws-us-gov:acm-pca:::template/SubordinateCACertificate_PathLen0/V1',
      ValidityNotBefore: { Type: 'ABSOLUTE', Value: 1_799_999_700 },
    })
  })

  test('has a token of at most 36 characters, the same for the same request', async () => {
    const long = 'r'.repeat(37)
    const { input } = await inputOf({ ...CA_WISH, requestId: long })
    // printf 'r%.0s' {1..37} | sha256sum | cut -c1-32
    expect(input.IdempotencyToken).toBe('ffa8d75c3ed3f77480552565d45953f6')
    expect((await inputOf({ ...CA_WISH, requestId: 'r'.repeat(36) })).input.IdempotencyToken).toBe(
      'r'.repeat(36),
    )
  })
})

const SPIFFE = { type: 'uri', value: 'spiffe://cluster.local/ns/a/sa/b' } as const
const SERVER = '1.3.6.1.5.5.7.3.1'
const CLIENT = '1.3.6.1.5.5.7.3.2'

describe('the template', () => {
  test.each<[string, Wish, string]>([
    [
      'path length 3',
      { ...CA_WISH, intent: { ...CA_WISH.intent, pathLength: 3 } },
      'SubordinateCACertificate_PathLen3',
    ],
    ['a workload as in its CSR', { csrNames: [SPIFFE] }, 'EndEntityCertificate'],
    ['any purpose', { csrNames: [SPIFFE], intent: { extendedKeyUsage: [] } }, 'EndEntityCertificate'],
    [
      'a server',
      { csrNames: [SPIFFE], intent: { extendedKeyUsage: [SERVER] } },
      'EndEntityServerAuthCertificate',
    ],
    [
      'a client',
      { csrNames: [SPIFFE], intent: { extendedKeyUsage: [CLIENT] } },
      'EndEntityClientAuthCertificate',
    ],
  ])('%s: without passthrough', async (_, wish, template) => {
    const { input } = await inputOf(wish)
    expect(input.TemplateArn).toBe(`${BASE}${template}/V1`)
    expect(input.ApiPassthrough).toBeUndefined()
  })

  test('names that are not in the CSR are passed through, each in its form', async () => {
    const subjectAltNames: readonly GeneralName[] = [
      SPIFFE,
      { type: 'dns', value: 'web.example' },
      { type: 'ip', value: '10.0.0.1' },
      { type: 'email', value: 'a@example.com' },
      { type: 'registered-id', value: '1.2.3' },
      { type: 'directory', value: Name.parse('CN=web') },
    ]
    const { input } = await inputOf({ intent: { subjectAltNames } })
    expect(input.TemplateArn).toBe(`${BASE}EndEntityCertificate_APIPassthrough/V1`)
    expect(input.ApiPassthrough).toEqual({
      Extensions: {
        SubjectAlternativeNames: [
          { UniformResourceIdentifier: SPIFFE.value },
          { DnsName: 'web.example' },
          { IpAddress: '10.0.0.1' },
          { Rfc822Name: 'a@example.com' },
          { RegisteredId: '1.2.3' },
          { DirectoryName: { CustomAttributes: [{ ObjectIdentifier: '2.5.4.3', Value: 'web' }] } },
        ],
      },
    })
  })

  test('a subject that is not in the CSR is passed through in its order', async () => {
    const subject = Name.parse('CN=Other CA,OU=b,OU=a,O=Example')
    const { input } = await inputOf({ ...CA_WISH, intent: { ...CA_WISH.intent, subject } })
    expect(input.TemplateArn).toBe(`${BASE}SubordinateCACertificate_PathLen0_APIPassthrough/V1`)
    expect(input.ApiPassthrough).toEqual({
      Subject: {
        CustomAttributes: [
          { ObjectIdentifier: '2.5.4.10', Value: 'Example' },
          { ObjectIdentifier: '2.5.4.11', Value: 'a' },
          { ObjectIdentifier: '2.5.4.11', Value: 'b' },
          { ObjectIdentifier: '2.5.4.3', Value: 'Other CA' },
        ],
      },
    })
  })

  test('other usages need a blank template', async () => {
    const { input } = await inputOf({
      csrNames: [SPIFFE],
      intent: {
        keyUsage: ['digitalSignature', 'keyAgreement'],
        extendedKeyUsage: [SERVER, CLIENT, '1.2.3.4'],
      },
    })
    expect(input.TemplateArn).toBe(`${BASE}BlankEndEntityCertificate_APIPassthrough/V1`)
    expect(input.ApiPassthrough).toEqual({
      Extensions: {
        ExtendedKeyUsage: [
          { ExtendedKeyUsageType: 'SERVER_AUTH' },
          { ExtendedKeyUsageType: 'CLIENT_AUTH' },
          { ExtendedKeyUsageObjectIdentifier: '1.2.3.4' },
        ],
        // 03 02 03 88: bits 0 and 4, three unused (X.690 §8.6, §11.2.2).
        CustomExtensions: [{ ObjectIdentifier: '2.5.29.15', Value: 'AwIDiA==', Critical: true }],
      },
    })
  })

  test('bit 8 of a key usage has a byte of its own', async () => {
    const { input } = await inputOf({
      csrNames: [SPIFFE],
      intent: { keyUsage: ['digitalSignature', 'keyAgreement', 'decipherOnly'] },
    })
    // 03 03 07 88 80.
    expect(input.ApiPassthrough?.Extensions?.CustomExtensions?.[0]?.Value).toBe('AwMHiIA=')
  })

  test('name constraints go into a blank template as a custom extension', async () => {
    const nameConstraints = { permitted: [{ type: 'uri', value: 'a.example' }], excluded: [] } as const
    const { input } = await inputOf({ ...CA_WISH, intent: { ...CA_WISH.intent, nameConstraints } })
    expect(input.TemplateArn).toBe(`${BASE}BlankSubordinateCACertificate_PathLen0_APIPassthrough/V1`)
    expect(input.ApiPassthrough).toEqual({
      Extensions: {
        CustomExtensions: [
          // 03 02 01 06: keyCertSign and cRLSign.
          { ObjectIdentifier: '2.5.29.15', Value: 'AwIBBg==', Critical: true },
          // 30 0f a0 0d 30 0b 86 09 "a.example" (RFC 5280 §4.2.1.10).
          { ObjectIdentifier: '2.5.29.30', Value: 'MA+gDTALhglhLmV4YW1wbGU=', Critical: true },
        ],
      },
    })
  })

  test.each<[string, Wish, string]>([
    ['no path length', { ...CA_WISH, intent: { ...CA_WISH.intent, pathLength: 'none' } }, 'no limit'],
    [
      'path length 4',
      { ...CA_WISH, intent: { ...CA_WISH.intent, pathLength: 4 } },
      'from 0 to 3; asked for was 4',
    ],
    [
      'no subject in place of one',
      { csrSubject: 'CN=web', csrNames: [SPIFFE], intent: { subject: Name.parse('') } },
      'without a subject',
    ],
    [
      'no names in place of some',
      { csrSubject: 'CN=web', csrNames: [SPIFFE], intent: { subjectAltNames: [] } },
      'without alternative names',
    ],
    ['an RDN of two attributes', { intent: { subject: Name.parse('CN=a+OU=b') } }, 'several attributes'],
    [
      'a form that the call has no member for',
      {
        intent: {
          subjectAltNames: [{ type: 'other', form: 'other-name', oid: '1.2.3', value: Uint8Array.of(5, 0) }],
        },
      },
      'of the form "other-name"',
    ],
    [
      'constraints that are too long',
      {
        ...CA_WISH,
        intent: {
          ...CA_WISH.intent,
          nameConstraints: {
            permitted: Array.from({ length: 100 }, (_, i) => ({
              type: 'dns' as const,
              value: `${'a'.repeat(40)}${i}.example`,
            })),
            excluded: [],
          },
        },
      },
      'at most 4096 characters',
    ],
  ])('%s: refused, and nothing is sent', async (_, wish, problem) => {
    expect(await refusalOfWish(wish)).toContain(problem)
  })
})

describe('a certificate below the double', () => {
  test('with name constraints and a subject of its own verifies', async () => {
    const double = await awsDouble({ progress: 0 })
    const issuer = awsPrivateCaIssuer({ ...OPTIONS, client: double.client })
    const { csr } = await createCsr({ subject: 'CN=asked', key: 'P-256' })
    const { certificate } = await requestCertificate(issuer, {
      csr,
      subject: 'CN=Intermediate CA,O=Example',
      isCa: true,
      pathLength: 1,
      nameConstraints: { permitted: [{ type: 'uri', value: 'cluster.local' }] },
      lifetime: { max: '30d', min: '29d' },
      anchors: double.root.certificate,
    })
    expect(certificate.nameConstraints?.permitted).toContainEqual({ type: 'uri', value: 'cluster.local' })
    expect(certificate.subject.equals(Name.parse('CN=Intermediate CA,O=Example'))).toBe(true)
  })
})
