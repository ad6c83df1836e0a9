/**
 * A hierarchy whose members are mutated and then signed again, so that only what they say is wrong.
 */
import { CertificateAuthority, createRootCa } from '../../dist/ca/index.js'
import { createCsr } from '../../dist/csr/index.js'
import { encodeSignatureAlgorithm } from '../../dist/x509/algorithm-identifier.js'
import type { Certificate } from '../../dist/x509/certificate.js'
import type { Signer } from '../../dist/x509/index.js'

/** A member of the hierarchy that mutants are made of. */
export interface Member {
  readonly name: string
  readonly role: 'leaf' | 'intermediate'
  readonly der: Uint8Array
  /** Who signed it and signs its mutants. */
  readonly issuer: Signer
  /** The rest of the path: the leaf below it, or the intermediate above. */
  readonly other: Certificate
}

export interface Hierarchy {
  readonly root: Certificate
  readonly members: readonly Member[]
}

const CONSTRAINTS = {
  permitted: [
    { type: 'uri', value: 'kind2' },
    { type: 'dns', value: 'example.com' },
    { type: 'ip', value: '10.0.0.0/8' },
    { type: 'email', value: 'example.com' },
    { type: 'directory', value: 'O=Istio' },
  ],
  excluded: [{ type: 'dns', value: 'secret.example.com' }],
} as const

const NAMES = [
  { type: 'dns', value: 'a.example.com' },
  { type: 'ip', value: '10.1.2.3' },
  { type: 'email', value: 'a@example.com' },
] as const

/** A root, intermediates of every profile with and without constraints, a leaf below each. */
export async function makeHierarchy(): Promise<Hierarchy> {
  const root = await createRootCa({ subject: 'CN=Root CA,O=Istio', lifetime: '3650d' })
  const members: Member[] = []
  for (const profile of ['mesh', 'istio', 'gloo'] as const) {
    for (const constrained of [false, true]) {
      const subject = `L=${profile}${constrained},CN=Intermediate CA,O=Istio`
      const { csr, signer } = await createCsr({ subject, key: 'P-256' })
      const intermediate = await root.issueIntermediate(csr, {
        lifetime: '365d',
        profile,
        subjectAltNames: [{ type: 'dns', value: 'istiod.istio-system.svc' }],
        nameConstraints: constrained ? CONSTRAINTS : undefined,
      })
      const ca = await CertificateAuthority.from({ ...intermediate, signer, profile })
      const request = await createCsr({ key: 'P-256' })
      const { certificate } = await ca.issueWorkload(request.csr, {
        id: 'spiffe://kind2/ns/default/sa/a',
        lifetime: '24h',
        subjectAltNames: NAMES,
        subject: constrained ? 'CN=a,O=Istio' : undefined,
      })
      const name = `${profile}${constrained ? ', constrained' : ''}`
      members.push(
        {
          name: `leaf, ${name}`,
          role: 'leaf',
          der: certificate.der,
          issuer: signer,
          other: intermediate.certificate,
        },
        {
          name: `intermediate, ${name}`,
          role: 'intermediate',
          der: intermediate.certificate.der,
          issuer: root.signer,
          other: certificate,
        },
      )
    }
  }
  return { root: root.certificate, members }
}

/** The mutated certificate with its TBSCertificate, whatever it says, signed again; as it is where it has none. */
export async function signAgain(mutant: Uint8Array, issuer: Signer): Promise<Uint8Array> {
  const outer = valueAt(mutant, 0)
  const tbs = outer === undefined ? undefined : valueAt(mutant, outer.content)
  if (tbs === undefined || tbs.end > mutant.length) return mutant
  const signed = mutant.slice(outer?.content, tbs.end)
  const signature = await issuer.sign(signed)
  const bits = wrap(3, Uint8Array.of(0, ...signature))
  return wrap(0x30, Uint8Array.of(...signed, ...encodeSignatureAlgorithm(issuer.signatureAlgorithm), ...bits))
}

function valueAt(bytes: Uint8Array, at: number): { content: number; end: number } | undefined {
  const first = bytes[at + 1]
  if (first === undefined || first > 0x84) return undefined
  let content = at + 2
  let length = first
  if (first >= 0x80) {
    length = 0
    for (let i = 0; i < (first & 0x7f); i++) length = length * 256 + (bytes[content++] ?? 0)
  }
  return { content, end: content + length }
}

function wrap(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Uint8Array.of(tag, ...size, ...content)
}
