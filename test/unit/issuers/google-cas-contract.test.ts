import { type GoogleCasIssuerOptions, googleCasIssuer } from '../../../src/issuers/google-cas/index.ts'
import { deferred } from '../node/support.ts'
import { authorized, GoogleDouble, LOCATION, POOL, TOKEN } from './google-double.ts'
import { type IssuerWorld, issuerContract } from './issuer-contract.ts'

async function googleWorld(
  tier: 'enterprise' | 'devops',
  request: 'config' | 'csr' = 'config',
): Promise<IssuerWorld> {
  const google = await GoogleDouble.start(tier === 'enterprise' ? 'ENTERPRISE' : 'DEVOPS')
  const template = (length: number): string => `${LOCATION}/certificateTemplates/subordinate-${length}`
  for (const length of [0, 1])
    google.templates.set(template(length), { isCa: true, maxIssuerPathLength: length })
  // A CSR says nothing of path lengths: a template for each does.
  const chosen: Pick<GoogleCasIssuerOptions, 'certificateTemplate'> =
    request === 'csr'
      ? { certificateTemplate: ({ isCa, pathLength }) => (isCa ? template(Number(pathLength)) : undefined) }
      : {}
  return {
    issuer: googleCasIssuer({
      caPool: POOL,
      fetch: authorized(TOKEN),
      tier,
      request,
      endpoint: google.url,
      insecure: true,
      ...chosen,
    }),
    anchors: google.anchors,
    received: () => google.received,
    issued: () => google.issued,
    misbehave: (how) => {
      google.how = how
    },
    recover: () => {
      google.how = undefined
      google.hung = deferred()
    },
    hung: () => google.hung.promise,
    refusal: 'The CEL expression of the issuance policy is false',
    secrets: [TOKEN],
    close: () => google.close(),
  }
}

issuerContract('googleCasIssuer', () => googleWorld('enterprise'))
issuerContract('googleCasIssuer by CSR and templates', () => googleWorld('enterprise', 'csr'))
issuerContract('googleCasIssuer of a DevOps pool', () => googleWorld('devops'))
