/**
 * Explains what `openssl s_client -showcerts` printed inside an Istio sidecar in April 2020.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import { checkPath } from 'mesh-pki/verify'
import { Certificate } from 'mesh-pki/x509'
import type { Report } from './report.js'

/** Reads the sample, explains both certificates, and verifies them at a moment when they were valid. */
export async function explainShowcerts(path: string, report: Report): Promise<void> {
  const [leaf, root] = Certificate.listFromPem(await readFile(path, 'utf8'))
  if (leaf === undefined || root === undefined) throw new Error(`${path} should hold two certificates`)
  report.chain([leaf, root])
  report.line()
  report.line(
    `  The leaf has ${leaf.subject.isEmpty ? 'an empty subject' : 'a subject'} and names its workload by a SPIFFE ID.`,
  )
  report.line(
    `  It carries ${leaf.authorityKeyIdentifier === undefined ? 'no' : 'an'} authority key identifier: its issuer is found by name and proven by signature.`,
  )
  const time = new Date('2020-04-23T13:00:00Z')
  const identity = 'spiffe://cluster.local/ns/default/sa/bookinfo-ratings'
  const then = await checkPath(leaf, {
    anchors: [root],
    purpose: 'serverAuth',
    time,
    name: { uri: identity },
  })
  report.expect(
    then.ok,
    `verifies at ${time.toISOString()} as ${identity}`,
    then.ok ? '' : then.error.message,
  )
  const later = await checkPath(leaf, {
    anchors: [root],
    purpose: 'serverAuth',
    time: new Date('2020-04-24T13:00:00Z'),
  })
  report.expect(
    !later.ok && later.error.code === 'ERR_PATH_EXPIRED',
    'is refused a day later',
    later.ok ? '' : later.error.message,
  )
}
