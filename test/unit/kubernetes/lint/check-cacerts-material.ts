/**
 * Certificates and files of which the matrix for istiod is made.
 */
import { sign } from 'node:crypto'
import { hex, seq, text, tlv } from '../../../fixtures/x509/der.ts'
import { caBelow, privatePem, rootOf } from '../../ca/lint/support.ts'
import { ALGORITHMS, ext, type Forged } from '../../verify/forge.ts'

export { NOW as CASES_TIME } from '../../verify/forge.ts'

export const root = rootOf('Matrix Root')
export const middle = caBelow(root, 'Matrix Middle', { pathLength: 1 })
export const ca = caBelow(root, 'Matrix CA')
export const below = caBelow(middle, 'Matrix CA')
export const stranger = rootOf('Matrix Stranger')
export const KEY = privatePem('Matrix CA')

/** The four files. */
export const four = (
  signer: string,
  chain: string,
  roots: string,
  key: string = KEY,
  rest: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> => ({
  'ca-cert.pem': signer,
  'ca-key.pem': key,
  'cert-chain.pem': chain,
  'root-cert.pem': roots,
  ...rest,
})

/** A CRL that somebody signed; empty. */
export function crlOf({ name, keys }: Pick<Forged, 'name' | 'keys'>): string {
  const { identifier } = ALGORITHMS['ecdsa-sha256']
  const number = tlv(0xa0, seq(ext(20, tlv(2, hex('01')))))
  const tbs = seq(
    tlv(2, hex('01')),
    identifier,
    name,
    text(0x17, '260101000000Z'),
    text(0x17, '270101000000Z'),
    number,
  )
  const der = seq(tbs, identifier, tlv(3, hex('00'), sign('sha256', tbs, keys.privateKey)))
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`
}
