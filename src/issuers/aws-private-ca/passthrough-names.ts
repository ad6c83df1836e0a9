/**
 * Names as `ApiPassthrough` of AWS Private CA takes them.
 *
 * @module
 */

import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { quote } from '../../internal/text.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import type { Name } from '../../x509/name.ts'
import type { AwsGeneralName, AwsSubject } from './aws-private-ca-client.ts'

/**
 * A name, attribute by attribute. As custom attributes, since the standard ones keep no order and take one value each.
 *
 * @throws `IssuerFailure` for RDNs of several attributes, and values that are no text.
 */
export function toAwsSubject(name: Name): AwsSubject {
  return {
    CustomAttributes: name.rdns.map((rdn) => {
      const [attribute] = rdn
      if (attribute === undefined || rdn.length > 1)
        throw refusal('it writes no RDN of several attributes; put them into the CSR and ask for its subject')
      const { type, value } = attribute
      if (value === undefined) throw refusal(`it writes no attribute ${type} whose value is not text`)
      return { ObjectIdentifier: type, Value: value }
    }),
  }
}

/** @throws `IssuerFailure` for forms that the call has no member for. */
export function toAwsGeneralName(name: GeneralName): AwsGeneralName {
  switch (name.type) {
    case 'dns':
      return { DnsName: name.value }
    case 'email':
      return { Rfc822Name: name.value }
    case 'uri':
      return { UniformResourceIdentifier: name.value }
    case 'ip':
      return { IpAddress: name.value }
    case 'registered-id':
      return { RegisteredId: name.value }
    case 'directory':
      return { DirectoryName: toAwsSubject(name.value) }
    case 'other':
      throw refusal(`it writes no alternative name of the form ${quote(name.form)} as the caller has it`)
  }
}

/** What AWS Private CA cannot do: nothing was sent. */
export function refusal(problem: string): IssuerFailure {
  return new IssuerFailure(`AWS Private CA cannot make this certificate: ${problem}`, {
    retryable: false,
    outcome: 'failed',
  })
}
