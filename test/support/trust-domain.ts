/**
 * A trust domain with a CA, for tests that need SVIDs and keys of their own.
 */
import { CertificateAuthority, createRootCa } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { SpiffeBundle, SpiffeId } from '../../src/spiffe/index.ts'
import {
  type Certificate,
  exportPrivateKey,
  type GeneralNameInput,
  generateKeyPair,
} from '../../src/x509/index.ts'

export interface Svid {
  readonly id: SpiffeId
  /** Leaf first, without the root. */
  readonly chain: readonly Certificate[]
  readonly credentials: { readonly cert: string; readonly key: string }
}

export interface TrustDomainFixture {
  readonly name: string
  readonly root: Certificate
  readonly ca: CertificateAuthority
  readonly bundle: SpiffeBundle
  svid(path: string, options?: SvidFixtureOptions): Promise<Svid>
}

interface SvidFixtureOptions {
  readonly lifetime?: string
  readonly subjectAltNames?: readonly GeneralNameInput[]
}

interface TrustDomainOptions {
  readonly sequence?: bigint
  readonly refreshHint?: string
  readonly time?: Date
}

/** Makes a root, an intermediate and a bundle. Two of one name share nothing but the name. */
export async function trustDomainFixture(
  name: string,
  { sequence, refreshHint, time }: TrustDomainOptions = {},
): Promise<TrustDomainFixture> {
  const clock = time === undefined ? {} : { clock: { now: () => time } }
  const root = await createRootCa({ subject: `CN=Root,O=${name}`, lifetime: '3650d', ...clock })
  const { csr, signer } = await createCsr({ subject: `CN=Intermediate,O=${name}`, key: 'P-256' })
  const issued = await root.issueIntermediate(csr, {
    lifetime: '365d',
    subjectAltNames: [{ type: 'uri', value: `spiffe://${name}` }],
  })
  const ca = await CertificateAuthority.from({ ...issued, signer, ...clock })
  return {
    name,
    root: root.certificate,
    ca,
    bundle: SpiffeBundle.of({ trustDomain: name, x509Authorities: root.certificate, sequence, refreshHint }),
    svid: async (path, { lifetime = '24h', subjectAltNames } = {}) => {
      const id = SpiffeId.parse(`spiffe://${name}${path}`)
      const { privateKey } = await generateKeyPair('P-256', { extractable: true })
      const request = await createCsr({ key: privateKey })
      const { chain } = await ca.issueWorkload(request.csr, { id, lifetime, subjectAltNames })
      const presented = chain.slice(0, -1)
      return {
        id,
        chain: presented,
        credentials: {
          cert: presented.map(String).join(''),
          key: await exportPrivateKey(privateKey, { format: 'pkcs8' }),
        },
      }
    },
  }
}
