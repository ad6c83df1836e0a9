/**
 * Reads what `openssl s_client -showcerts` prints.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'
import { judgeShownChain, readShownChain } from './read-shown-chain.ts'
import type { ShowCerts, ShowCertsFinding, ShownCertificate } from './show-certs.ts'

/** Issuers of client certificates that are read. */
const MAX_ISSUERS = 64
/** Characters of a text that is read. A chain of ten certificates has some 30,000. */
const MAX_TEXT = 4_194_304

/**
 * Reads what `openssl s_client -showcerts` printed, standard output and error together or output alone: what became of the connection, the chain as
 * it was presented, and what is odd in it. The `s:` and `i:` lines are compared with the certificates, since texts are edited.
 *
 * What the peer sent over the connection stands in such a text too, as it came. So certificates count up to the end of the handshake
 * alone, and the first `Verify return code` that is a refusal counts whatever follows it.
 *
 * Where there is no TLS, OpenSSL ends with `Verify return code: 0 (ok)` all the same; that is no verification here.
 *
 * **Warning**: it reads and verifies nothing itself. `checkPath` and `checkSvid` do, with what `chain` holds.
 *
 * @throws `TypeError` for what is no text, `RangeError` for one of more than 4 MiB. Whatever else it is, it is read.
 *
 * @example
 * ```ts
 * import { parseShowCerts } from 'mesh-pki/inspect'
 *
 * declare const output: string
 * const { verdict, message, chain, findings } = parseShowCerts(output)
 * console.log(verdict, message)
 * for (const { certificate } of chain) console.log(String(certificate?.subject))
 * for (const finding of findings) console.log(finding.message)
 * ```
 */
export function parseShowCerts(text: string): ShowCerts {
  if (typeof text !== 'string') throw new TypeError(`parseShowCerts takes a text; got ${typeName(text)}`)
  if (text.length > MAX_TEXT)
    throw new RangeError(`parseShowCerts reads ${MAX_TEXT} characters at most; got ${text.length}`)
  const lines = text.split(/\r\n|\n|\r/)
  const findings: ShowCertsFinding[] = []
  const chain = readShownChain(lines, findings)
  judgeShownChain(chain, findings)
  const verification = readVerification(lines)
  const protocol = readProtocol(lines)
  const clientCertificate = readClientRequest(lines)
  return { ...judge(lines, chain, verification), verification, chain, protocol, clientCertificate, findings }
}

function readVerification(
  lines: readonly string[],
): { readonly code: number; readonly words: string } | undefined {
  const matches = lines.flatMap((line) => {
    const match = /^\s*Verify return code: (\d{1,6}) \((.*)\)\s*$/.exec(line)
    return match === null ? [] : [match]
  })
  // After a renegotiation and with each ticket it is said again; and what the peer sends stands behind it as it came, which may say
  // it too. So a refusal stays one, whatever follows.
  const found = matches.find((match) => Number(match[1]) !== 0) ?? matches[0]
  return found === undefined ? undefined : { code: Number(found[1]), words: escapeText(found[2] ?? '', 160) }
}

function readClientRequest(lines: readonly string[]): ShowCerts['clientCertificate'] {
  const start = lines.findIndex((line) => /^Acceptable client certificate CA names/.test(line))
  const requested = start >= 0 || lines.some((line) => /^Requested Signature Algorithms: /.test(line))
  if (start < 0) return { requested, issuers: [] }
  const rest = lines.slice(start + 1, start + 1 + MAX_ISSUERS)
  const end = rest.findIndex((line) => !/^(?:\/|[A-Za-z][A-Za-z0-9.]* ?=|\d+(?:\.\d+)+ ?=)/.test(line))
  return {
    requested,
    issuers: rest.slice(0, end < 0 ? rest.length : end).map((line) => escapeText(line, 256)),
  }
}

function readProtocol(lines: readonly string[]): string | undefined {
  const found = lines
    .map((line) => /^(?:New|Reused), (\S+), Cipher is \S+/.exec(line)?.[1])
    .find((m) => m !== undefined)
  return found === undefined || found === '(NONE)' ? undefined : escapeText(found, 32)
}

/** What OpenSSL says where what answers is no TLS. */
const PLAINTEXT =
  /wrong version number|packet length too long|http request|unknown protocol|record layer failure/
/** Where the peer broke off: its words, or those of the system. */
const REFUSED =
  /connect:errno|[Cc]onnection refused|BIO_connect|connect: |alert (?:certificate required|handshake failure|bad certificate|unknown ca|access denied|certificate unknown|protocol version|internal error|unrecognized name)|alert number \d+|(?:read|write):errno=\d+|unexpected eof/

function judge(
  lines: readonly string[],
  chain: readonly ShownCertificate[],
  verification: ShowCerts['verification'],
): Pick<ShowCerts, 'verdict' | 'message'> {
  const said = (pattern: RegExp): string | undefined => lines.find((line) => pattern.test(line))
  const refusal = said(REFUSED)
  const words = (line: string): string => escapeText(line.trim(), 200)
  if (chain.length === 0) {
    const plain = said(PLAINTEXT)
    if (plain !== undefined)
      return {
        verdict: 'plaintext',
        message: `what answers there does not speak TLS (${words(plain)}). In a mesh: the port is plaintext, mutual TLS is off for it, or the request did not go through the sidecar`,
      }
    if (refusal !== undefined)
      return { verdict: 'refused', message: `no handshake was begun or finished: ${words(refusal)}` }
    return lines.some((line) => line.includes('no peer certificate available'))
      ? {
          verdict: 'plaintext',
          message:
            'the connection was made and no certificate came: the port is plaintext, or the peer closed it before it said anything',
        }
      : {
          verdict: 'unknown',
          message: 'there is neither a certificate nor a reason for its absence in the text',
        }
  }
  if (refusal !== undefined)
    return {
      verdict: 'refused',
      message: `the peer presented its chain, and broke off: ${words(refusal)}. It wants a client certificate that it trusts (-cert, -key), or another name (-servername)`,
    }
  if (verification === undefined)
    return {
      verdict: 'presented',
      message: 'a chain was presented; whether OpenSSL verified it the text does not say',
    }
  if (verification.code === 0)
    return {
      verdict: 'verified',
      message:
        'OpenSSL found a path to a CA that it was given. Whose workload it is, it has not checked: verifySvid does',
    }
  return {
    verdict: 'unverified',
    message: `OpenSSL found no path to a CA that it was given: ${verification.code} (${verification.words}). Give it the root by -CAfile, or verify the chain with checkPath`,
  }
}
