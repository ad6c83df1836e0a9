/**
 * The Secret in which Gloo Mesh's agent keeps a key while its request waits.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { DataKey, GlooLabel, SecretType } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { SealedPem } from './sealed-pem.ts'
import { findKeyFindings, type SecretFinding } from './secret-finding.ts'
import { endLine, SecretReader } from './secret-reader.ts'
import { chooseName, writeSecret } from './secret-writer.ts'

/** A key that waits. */
export interface AgentKey {
  readonly privateKey: SealedPem
  readonly findings: readonly SecretFinding[]
}

/** What {@link encodeAgentKey} writes. */
export interface AgentKeyInput {
  /** One PEM block `RSA PRIVATE KEY`: Gloo Mesh's agent reads no other. */
  readonly privateKey: SealedPem | string
  /** That of the IssuedCertificate. Needed unless the base has it. */
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  /** For the label of the agent. Default: the namespace of the secret. */
  readonly agentNamespace?: string | undefined
}

/** PKCS#1 is all that the agent's own reader takes (`ParsePKCS1PrivateKey`). */
const AGENT_LABEL = 'RSA PRIVATE KEY'

/**
 * Reads the key of an agent.
 *
 * Keys of other forms are read too, with a finding: Gloo Mesh's agent would not.
 *
 * @throws `MeshPkiError`: `ERR_KUBERNETES_INCOMPLETE_SECRET` without the key `private-key`,
 * `ERR_KUBERNETES_SECRET_LAYOUT` for a secret of another type; and the codes of `SealedPem.parse`.
 *
 * @example
 * ```ts
 * import { decodeAgentKey, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike
 * console.log(decodeAgentKey(secret).privateKey) // [sealed PRIVATE KEY]
 * ```
 */
export function decodeAgentKey(secret: SecretLike): AgentKey {
  const reader = new SecretReader(secret, 'decodeAgentKey')
  const { type } = reader
  // The API server gives a Secret without a type that of Opaque.
  if (type !== undefined && type !== SecretType.glooGeneratedKey && type !== SecretType.opaque)
    throw reader.wrongLayout(`its type is not that of an agent's key, ${SecretType.glooGeneratedKey}`)
  reader.require([DataKey.privateKey], 'The agent keeps its key there while the request waits')
  const privateKey = reader.privateKey(DataKey.privateKey)
  const findings: SecretFinding[] = [...findKeyFindings(privateKey, DataKey.privateKey)]
  if (findings.length === 0 && privateKey.label !== AGENT_LABEL)
    findings.push({
      code: 'key-label',
      key: DataKey.privateKey,
      message: `${DataKey.privateKey} is a block ${privateKey.label}; Gloo Mesh's agent reads ${AGENT_LABEL} alone. Write the key as PKCS#1`,
    })
  return Object.freeze({ privateKey, findings: Object.freeze(findings) })
}

/**
 * Makes the Secret of an agent's key, with the type and the label that Gloo Mesh's agent gives it, or a new version.
 *
 * **Warning**: a new key under an old name makes the request that waits for the old one useless. Read before you write.
 *
 * @throws `MeshPkiError` `ERR_PEM_LABEL` for a key that is no PKCS#1, and the codes of `SealedPem.parse`; `TypeError` for
 * an unknown or missing option.
 *
 * @example
 * ```ts
 * import { encodeAgentKey } from 'mesh-pki/kubernetes'
 * import { exportPrivateKey, generateKeyPair } from 'mesh-pki/x509'
 *
 * const { privateKey } = await generateKeyPair('RSA-4096', { extractable: true })
 * const secret = encodeAgentKey({
 *   privateKey: await exportPrivateKey(privateKey, { format: 'pkcs1' }),
 *   name: 'istiod-istio-system-cluster-1',
 *   namespace: 'gloo-mesh',
 * })
 * ```
 */
export function encodeAgentKey(input: AgentKeyInput, base?: SecretLike): SecretLike {
  checkOptionNames(input, ['privateKey', 'name', 'namespace', 'agentNamespace', 'findings'], 'encodeAgentKey')
  const name = chooseName('name', input.name, base, undefined)
  const namespace = chooseName('namespace', input.namespace, base, undefined)
  const { agentNamespace = namespace } = input
  if (typeof agentNamespace !== 'string' || agentNamespace === '')
    throw new TypeError('option "agentNamespace" must be a string that is not empty')
  const sealed = input.privateKey instanceof SealedPem ? input.privateKey : SealedPem.parse(input.privateKey)
  if (sealed.labels.length !== 1 || sealed.label !== AGENT_LABEL)
    throw new MeshPkiError(
      'ERR_PEM_LABEL',
      `private key: expected one PEM block ${AGENT_LABEL}, found ${sealed.labels.join(' and ')}; Gloo Mesh's agent reads PKCS#1 alone. Write it with exportPrivateKey(key, { format: 'pkcs1' }), or: openssl rsa -traditional -in old.pem -out new.pem`,
      { data: { expected: [AGENT_LABEL], found: sealed.labels } },
    )
  const secret = writeSecret(
    {
      name,
      namespace,
      type: SecretType.glooGeneratedKey,
      entries: { [DataKey.privateKey]: endLine(sealed.reveal()) },
    },
    base,
  )
  return {
    ...secret,
    metadata: {
      ...secret.metadata,
      labels: { ...secret.metadata?.labels, [GlooLabel.agent]: agentNamespace },
    },
  }
}
