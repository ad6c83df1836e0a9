import { vaultAuth, vaultIssuer } from '../../../src/issuers/vault/index.ts'
import { deferred } from '../node/support.ts'
import { type IssuerWorld, issuerContract, type WorldOptions } from './issuer-contract.ts'
import { VaultDouble } from './vault-double.ts'

const TOKEN = 'hvs.CAESIJ-a-secret-of-the-tests'
const JWT = 'eyJhbGciOiJSUzI1NiJ9.a-secret-of-the-cluster.c2lnbmF0dXJl'

async function vaultWorld(
  { kind }: WorldOptions,
  options: { readonly lookup?: boolean; readonly kubernetes?: boolean; readonly issuer?: string } = {},
): Promise<IssuerWorld> {
  const vault = await VaultDouble.start()
  vault.tokens.add(TOKEN)
  vault.roles.set('mesh', { use_csr_sans: false })
  vault.logins.set(`auth/kubernetes/login ${JWT}`, { role: 'mesh-ca', lease: 3600, renewable: true })
  const auth = vaultAuth({
    server: vault.url,
    ...(options.kubernetes === true
      ? { kubernetes: { role: 'mesh-ca', jwt: async () => JWT } }
      : { token: TOKEN }),
  })
  const below = options.issuer === undefined ? '' : `/issuer/${options.issuer}`
  const path =
    kind === 'workload' ? `pki${below}/sign/mesh` : `pki${below === '' ? '/root' : below}/sign-intermediate`
  return {
    issuer: vaultIssuer({ auth, path, ...(options.lookup === true ? { lookup: true } : {}) }),
    anchors: vault.anchors,
    received: () => vault.received,
    issued: () => vault.issued,
    misbehave: (how) => {
      vault.how = how
    },
    recover: () => {
      vault.how = undefined
      vault.hung = deferred()
    },
    hung: () => vault.hung.promise,
    refusal: 'names not allowed by this role',
    secrets: [TOKEN, JWT, 'hvs.login-1', 'hvs.login-2', 'hvs.login-3'],
    close: () => vault.close(),
  }
}

issuerContract('vaultIssuer', vaultWorld)
issuerContract('vaultIssuer with lookup', (world) => vaultWorld(world, { lookup: true }))
issuerContract('vaultIssuer by a login of Kubernetes, at a named issuer', (world) =>
  vaultWorld(world, { kubernetes: true, issuer: 'mesh-2026' }),
)
