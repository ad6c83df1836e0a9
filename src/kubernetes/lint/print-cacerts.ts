/**
 * Prints what `describeCacerts` answers.
 *
 * @module
 */

import type { FileDescription } from '../../inspect/describe/description.ts'
import { Page } from '../../inspect/describe/description-page.ts'
import { printFindings } from '../../inspect/describe/print-certificate.ts'
import { printAny } from '../../inspect/describe/print-description.ts'
import type { CacertsDescription } from './cacerts-description.ts'

const LAYOUTS: Readonly<Record<CacertsDescription['layout'], string>> = {
  istio: 'plug-in CA of istiod, four keys',
  'istio-legacy': 'plug-in CA of istiod, with an empty key.pem as old releases write it',
  tls: 'plug-in CA of istiod, kubernetes.io/tls with ca.crt',
  'istio-root': "istiod's own root",
  'gloo-root': 'root of Gloo Mesh, four keys',
  'gloo-legacy-root': 'root of Gloo Mesh, two keys',
  relay: 'a pair for TLS with ca.crt',
  roots: 'ca.crt alone',
  token: 'a token, no certificate',
  'agent-key': "an agent's key, no certificate",
  'config-map': 'ConfigMap',
  unknown: 'none that is known here',
}

/**
 * Prints a description of `describeCacerts`: first the object, istiod's verdict and the findings, then each data key. Lines have at most
 * 100 characters. The text is for people: its wording may change in any release.
 *
 * @throws `TypeError` for what is no such description.
 *
 * @example
 * ```ts
 * import { describeCacerts, printCacerts, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike
 * console.log(printCacerts(await describeCacerts(secret)))
 * ```
 */
export function printCacerts(description: CacertsDescription): string {
  if (description?.kind !== 'cacerts') throw new TypeError('printCacerts takes what describeCacerts answers')
  const page = new Page()
  const { entries, istiod, missing, findings, omitted } = description
  page.title(description.object)
  page.field('layout', `${description.layout}: ${LAYOUTS[description.layout]}`)
  for (const { key, holds, state, problem } of entries)
    page.field(
      holds === 'signing certificate' ? 'signer' : holds,
      `${key}, ${problem === undefined ? state : `${state}: ${problem}`}`,
    )
  if (omitted !== undefined) page.field('', `and ${omitted} more data keys`)
  if (missing.length > 0) page.field('missing', missing.join(', '))
  if (istiod !== undefined)
    page.field(
      'istiod',
      istiod.ok ? 'takes it' : `refuses it, step ${istiod.step ?? '?'}: ${istiod.message ?? ''}`,
    )
  if (description.layout !== 'config-map') printFindings(page, findings)
  const printed = new Map<string, string>()
  for (const { key, content } of entries) {
    if (content === undefined) continue
    page.title(`== ${key}`)
    const print = onlyCertificateOf(content)
    const before = print === undefined ? undefined : printed.get(print)
    if (before !== undefined) page.line(`the same certificate as in ${before}`)
    else printAny(page, content)
    if (print !== undefined && before === undefined) printed.set(print, key)
  }
  return page.toString()
}

/** The fingerprint, where a file holds nothing else. */
function onlyCertificateOf({ parts }: FileDescription): string | undefined {
  const [part] = parts
  return parts.length === 1 && part?.content.kind === 'certificate' ? part.content.fingerprint : undefined
}
