/**
 * What can be told of a secret beside its certificates.
 *
 * @module
 */

import type { CertificateFile } from '../../ca/lint/certificate-file.ts'
import { type ChainNode, isRootNode } from '../../ca/lint/issuer-graph.ts'
import { type IstioVersion, refusesIncompleteSecret } from '../../ca/lint/istio-version.ts'
import { lintFinding, shellWord } from '../../ca/lint/lint-finding.ts'
import { quote } from '../../internal/text.ts'
import { DataKey, ISTIO_NAMESPACE, SecretName, SecretType } from '../objects/names.ts'
import type { LintedSecret } from './linted-secret.ts'

/** The label by which the agent of Gloo Mesh knows what is its own. */
const AGENT_LABEL = 'agent.certificates.mesh.gloo.solo.io'

/** A member of the metadata for a command. JSON may hold anything there, also what cannot be made a text. */
function metadataWord(value: unknown, usual: string): string {
  return shellWord(typeof value === 'string' ? value : usual)
}

/** What istiod does with an incomplete secret. */
export function istiodWithout(istio: IstioVersion | undefined): string {
  if (istio === undefined)
    return 'istiod 1.27 and later does not start with it; earlier ones sign with a CA of their own, silently'
  return refusesIncompleteSecret(istio)
    ? `istiod ${istio.text} does not start with it`
    : `istiod ${istio.text} signs with a CA of its own, silently`
}

/** Keys that must be there. `consequence`: what comes of it when one is not. */
export function addMissingKeys(
  secret: LintedSecret,
  keys: readonly string[],
  consequence: string | undefined,
): void {
  const missing = keys.filter((key) => !secret.has(key))
  if (missing.length === 0) return
  const { metadata } = secret.secret
  const name = metadataWord(metadata?.name, SecretName.cacerts)
  const namespace = metadataWord(metadata?.namespace, ISTIO_NAMESPACE)
  const files = keys.map((key) => `--from-file=${key}`).join(' ')
  secret.add(
    lintFinding('incomplete-secret', {
      at: { source: secret.sourceOf(missing[0] ?? '') },
      found: `present: ${secret.reader.list()}`,
      problem: `the secret is incomplete: missing ${missing.join(', ')}; present: ${secret.reader.list()}${consequence === undefined ? '' : `; ${consequence}`}`,
      remedy: 'Write all of its keys at once',
      command: `kubectl create secret generic ${name} -n ${namespace} ${files} --dry-run=client -o yaml | kubectl apply -f -`,
    }),
  )
}

/** More than one certificate where Istio reads the first. */
export function addExtraCertificates(
  secret: LintedSecret,
  key: string,
  { certificates }: CertificateFile,
): void {
  const [, second] = certificates
  if (second === undefined) return
  secret.add(
    lintFinding('extra-certificates', {
      at: second,
      found: `${certificates.length} certificates`,
      problem: `${key} holds ${certificates.length} certificates; Istio signs by the first and passes over the rest`,
      remedy: `Move the others to ${DataKey.certChain}`,
    }),
  )
}

/** What Istio passes over in its roots, without a word. */
export function addSkippedRoots(secret: LintedSecret, key: string, { findings }: CertificateFile): void {
  const skipped = findings.filter(
    ({ code }) => code !== 'text-outside-blocks' && code !== 'empty' && code !== 'lenient-encoding',
  )
  for (const { evidence } of skipped) {
    secret.add(
      lintFinding('root-skipped', {
        at: { source: evidence.source, line: evidence.line },
        found: evidence.found,
        problem: `Istio passes over what it cannot read in ${key}, without a word: whoever put it there believes that a root is trusted which is not`,
        remedy: 'Put the right certificate in its place, or take it out',
      }),
    )
  }
}

/** Only the first root counts for the expiry that istiod reports. */
export function addRootOrder(secret: LintedSecret, { certificates }: CertificateFile): void {
  const [first, ...others] = certificates
  const earlier = others.find(
    ({ certificate }) => first !== undefined && certificate.notAfter < first.certificate.notAfter,
  )
  if (earlier === undefined) return
  secret.add(
    lintFinding('root-order', {
      at: earlier,
      found: 'a root that expires before the first one',
      problem:
        'it expires before the first root of the bundle, and istiod reports the expiry of the first one only: the metric shows a later day',
      remedy: 'Put the root that expires first at the top, or watch each by itself',
    }),
  )
}

/** The key of a root where workloads run. */
export function addRootKey(secret: LintedSecret, signer: ChainNode | undefined): void {
  const isGenerated = secret.has(DataKey.istioGenerated)
  if (secret.isFilled(DataKey.key)) {
    secret.add(
      lintFinding('root-key-present', {
        at: { source: secret.sourceOf(DataKey.key) },
        found: 'a key beside that of the CA',
        problem: `${DataKey.key} is not empty: the key of a root does not belong into a workload cluster`,
        remedy: 'Delete its content, and replace the root if others could read it',
      }),
    )
  } else if (signer !== undefined && isRootNode(signer) && !isGenerated) {
    secret.add(
      lintFinding('root-key-present', {
        at: signer.at,
        found: 'a self-signed CA as the signing certificate',
        problem:
          'the CA that signs workloads is the root itself, so the key of the root is in the cluster: whoever reads the secret is the root, and no other cluster can share it safely',
        remedy: 'Issue an intermediate for this cluster, and keep the key of the root elsewhere',
        severity: 'warning',
      }),
    )
  }
}

/** `tls.crt` and `ca.crt` are joined as they are. */
export function addTlsForm(secret: LintedSecret): void {
  const text = secret.text(DataKey.tlsCert)
  if (text !== undefined && text.trim() !== '' && !text.endsWith('\n')) {
    secret.add(
      lintFinding('tls-final-newline', {
        at: { source: secret.sourceOf(DataKey.tlsCert) },
        found: 'no line end at the end',
        problem: `${DataKey.tlsCert} does not end in a line end; Istio joins it with ${DataKey.tlsCa} as it is, which breaks the chain`,
        remedy: 'End it in a line end',
        command: `{ cat ${DataKey.tlsCert}; echo; } > tls.new.crt`,
      }),
    )
  }
  if (secret.has(DataKey.caCert) || secret.has(DataKey.caKey)) {
    secret.add(
      lintFinding('two-layouts', {
        at: { source: secret.sourceOf(DataKey.caCert) },
        found: `${DataKey.tlsCert} and ${DataKey.caCert}`,
        problem: `${DataKey.tlsCert} and ${DataKey.caCert} stand side by side; Istio reads ${DataKey.tlsCert} and passes over the other`,
        remedy: 'Keep one form',
      }),
    )
  }
  if (secret.isFilled(DataKey.caCrl)) {
    secret.add(
      lintFinding('crl-ignored', {
        at: { source: secret.sourceOf(DataKey.caCrl) },
        found: `${DataKey.caCrl} beside ${DataKey.tlsCert}`,
        problem: `${DataKey.caCrl} stands beside ${DataKey.tlsCert}, where Istio does not look for it: nothing is revoked`,
        remedy: `Use the form with ${DataKey.caCert}`,
      }),
    )
  }
}

/** The agent of Gloo Mesh overwrites nothing that is not its own, and fails every time. */
export function addAgentLabel(secret: LintedSecret, gloo: boolean): void {
  const { metadata } = secret.secret
  const issued = [SecretType.glooIssued, SecretType.smhIssued].some((type) => type === secret.reader.type)
  if (!gloo && !issued) return
  const labels = metadata?.labels
  if (labels !== undefined && labels !== null && Object.hasOwn(labels, AGENT_LABEL)) return
  const name = metadataWord(metadata?.name, SecretName.cacerts)
  const namespace = metadataWord(metadata?.namespace, ISTIO_NAMESPACE)
  secret.add(
    lintFinding('agent-label-missing', {
      at: { source: secret.sourceOf('metadata.labels') },
      found: `no label ${quote(AGENT_LABEL)}`,
      problem: `it is not labelled for the agent of Gloo Mesh, which then fails in every pass and restarts istiod again and again`,
      remedy: 'Delete it, so that the agent makes its own, or label it, so that the agent may overwrite it',
      command: `kubectl label secret ${name} -n ${namespace} ${AGENT_LABEL}=gloo-mesh`,
    }),
  )
}
