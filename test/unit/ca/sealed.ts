/**
 * CA certificates of any structure with a real signature: what no issuing function of ours would make.
 */
import { Certificate, type Signer } from '../../../src/x509/index.ts'
import {
  type CertificateParts,
  certificateOf,
  commonName,
  concat,
  hex,
  tlv,
} from '../../fixtures/x509/der.ts'

/** The TBSCertificate of a certificate with outer lengths in at most three octets. */
function tbsOf(der: Uint8Array): Uint8Array {
  const header = (at: number): number => 2 + ((der[at + 1] ?? 0) < 0x80 ? 0 : (der[at + 1] ?? 0) & 0x7f)
  const start = header(0)
  const size = header(start)
  let length = der[start + 1] ?? 0
  if (size > 2) length = der.subarray(start + 2, start + size).reduce((sum, octet) => sum * 256 + octet, 0)
  return der.subarray(start, start + size + length)
}

/** A CA of Ed25519, from 2025 to 2035, self-signed unless an issuer is given. */
export async function signedCertificate(
  subjectKey: Signer,
  parts: CertificateParts,
  issuer: Signer = subjectKey,
): Promise<Certificate> {
  const whole: CertificateParts = {
    issuer: commonName('Sealed'),
    subject: commonName('Sealed'),
    notBefore: tlv(0x17, Buffer.from('250101000000Z')),
    notAfter: tlv(0x17, Buffer.from('350101000000Z')),
    algorithm: hex('300506032b6570'),
    publicKey: subjectKey.publicKey,
    extensions: [{ id: '2.5.29.19', critical: true, value: hex('30030101ff') }],
    ...parts,
  }
  const signature = await issuer.sign(tbsOf(certificateOf(whole)))
  return Certificate.fromDer(certificateOf({ ...whole, signature: tlv(3, concat(hex('00'), signature)) }))
}
