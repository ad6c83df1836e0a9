/**
 * The chain in the output of `openssl s_client -showcerts`, and what is odd in it.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { escapeText } from '../../internal/text.ts'
import { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import { isPrintedAs } from './printed-name.ts'
import type { ShowCertsFinding, ShownCertificate } from './show-certs.ts'

/** Certificates that are read; TLS peers send a handful. */
const MAX_CERTIFICATES = 64

/** What OpenSSL writes when a handshake is over, before any data of the peer. */
const HANDSHAKE_OVER = 'SSL handshake has read '

/** Reads the blocks and the lines before each, up to the end of the handshake: what follows the peer may have sent as data. */
export function readShownChain(
  lines: readonly string[],
  findings: ShowCertsFinding[],
): readonly ShownCertificate[] {
  const chain: ShownCertificate[] = []
  const printed = new Map<string, string>()
  let number: number | undefined
  let block: string[] | undefined
  for (const line of lines) {
    if (block !== undefined) {
      block.push(line)
      if (!/^-----END [A-Z0-9 ]*CERTIFICATE-----\s*$/.test(line)) continue
      const index = number ?? (chain.at(-1)?.index ?? -1) + 1
      if (chain.length < MAX_CERTIFICATES) chain.push(shownAt(index, printed, block, findings))
      else if (chain.length === MAX_CERTIFICATES && findings.at(-1)?.code !== 'more-certificates')
        findings.push({
          code: 'more-certificates',
          index,
          message: `there are more than ${MAX_CERTIFICATES} certificates; the others are not read`,
        })
      block = undefined
      number = undefined
      printed.clear()
      continue
    }
    if (line.startsWith(HANDSHAKE_OVER)) break
    if (/^-----BEGIN [A-Z0-9 ]*CERTIFICATE-----\s*$/.test(line)) {
      block = [line]
      continue
    }
    const subject = /^\s*(\d{1,6}) s:(.*)$/.exec(line)
    if (subject !== null) {
      number = Number(subject[1])
      printed.clear()
      printed.set('s', subject[2] ?? '')
    }
    const issuer = /^\s+i:(.*)$/.exec(line)
    if (issuer !== null && number !== undefined) printed.set('i', issuer[1] ?? '')
  }
  return chain
}

function shownAt(
  index: number,
  printed: ReadonlyMap<string, string>,
  block: readonly string[],
  findings: ShowCertsFinding[],
): ShownCertificate {
  const certificate = readCertificate(index, block, findings)
  const [subject, issuer] = [printed.get('s'), printed.get('i')]
  if (certificate !== undefined) {
    const compare = (code: 'subject-differs' | 'issuer-differs', line: string | undefined): void => {
      if (line === undefined) return
      const name = code === 'subject-differs' ? certificate.subject : certificate.issuer
      const is = isPrintedAs(name, line)
      const which = code === 'subject-differs' ? 's:' : 'i:'
      if (is === false)
        findings.push({
          code,
          index,
          message: `certificate ${index}: the ${which} line says "${escapeText(line.trim(), 256)}", and the certificate "${escapeText(String(name), 256)}": one of the two was changed`,
        })
      if (is === undefined)
        findings.push({
          code: 'name-unreadable',
          index,
          message: `certificate ${index}: the ${which} line cannot be read as a name: "${escapeText(line.trim(), 128)}"`,
        })
    }
    compare('subject-differs', subject)
    compare('issuer-differs', issuer)
  }
  return { index, subject: subject?.trim(), issuer: issuer?.trim(), certificate }
}

function readCertificate(
  index: number,
  block: readonly string[],
  findings: ShowCertsFinding[],
): Certificate | undefined {
  try {
    return Certificate.fromPem(block.join('\n'))
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    findings.push({
      code: 'certificate-unreadable',
      index,
      message: `certificate ${index} cannot be read: ${error.message}`,
    })
    return undefined
  }
}

/** A sender sends each certificate once, each behind what it signed (RFC 8446 §4.4.2), and needs not send the root. */
export function judgeShownChain(chain: readonly ShownCertificate[], findings: ShowCertsFinding[]): void {
  const seen = new Map<string, number>()
  let before: Certificate | undefined
  for (const { index, certificate } of chain) {
    if (certificate === undefined) continue
    const print = certificate.fingerprint()
    const first = seen.get(print)
    if (first !== undefined)
      findings.push({
        code: 'twice',
        index,
        message: `certificate ${index} is certificate ${first} once more: ${certificateLabel(certificate)}. The sender has its root, or a CA, both in its chain and among its roots`,
      })
    else {
      seen.set(print, index)
      if (certificate.isSelfIssued && certificate.isCa)
        findings.push({
          code: 'root-presented',
          index,
          message: `certificate ${index} is a root: ${certificateLabel(certificate)}. That the peer sent it proves nothing: compare its SHA-256 ${print} with that of your own`,
        })
      else if (before !== undefined && !before.issuer.equals(certificate.subject))
        findings.push({
          code: 'order',
          index,
          message: `certificate ${index}, ${certificateLabel(certificate)}, did not issue the one before it, by its name`,
        })
    }
    before = certificate
  }
}
