import { awsPrivateCaIssuer } from '../../../src/issuers/aws-private-ca/index.ts'
import { awsDouble, CA_ARN, SECRETS, shapeOf } from './aws-double.ts'
import { type IssuerWorld, issuerContract } from './issuer-contract.ts'

async function awsWorld(): Promise<IssuerWorld> {
  const double = await awsDouble()
  return {
    issuer: awsPrivateCaIssuer({
      client: double.client,
      certificateAuthorityArn: CA_ARN,
      signingAlgorithm: 'SHA256WITHECDSA',
    }),
    anchors: double.root.certificate.toPem(),
    received: () =>
      double.inputs.map((input) => ({
        csrPem: new TextDecoder().decode(input.Csr),
        lifetimeSeconds: input.Validity.Value - Math.floor(Date.now() / 1000),
        ...shapeOf(input),
      })),
    issued: double.issued,
    misbehave: double.misbehave,
    recover: double.recover,
    hung: double.hung,
    refusal: 'is not authorized to perform: acm-pca:IssueCertificate',
    secrets: SECRETS,
    close: async () => double.recover(),
  }
}

issuerContract('awsPrivateCaIssuer', awsWorld)
