/**
 * What `openssl verify` says of a path.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openssl, withTemporaryFolder } from '../../support/openssl.ts'
import { NOW } from './forge.ts'

export interface Question {
  readonly anchors: readonly Uint8Array[]
  readonly intermediates: readonly Uint8Array[]
  readonly leaf: Uint8Array
  readonly time?: Date
  /** Further arguments, such as `-x509_strict`. */
  readonly arguments?: readonly string[]
}

export interface OpensslVerdict {
  readonly ok: boolean
  /** `error 20 at 0 depth lookup: …`, or what else it printed. */
  readonly text: string
}

const pem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`

export function opensslVerdict(question: Question): Promise<OpensslVerdict> {
  return withTemporaryFolder((folder) => {
    const write = (name: string, list: readonly Uint8Array[]): void =>
      writeFileSync(join(folder, name), list.map(pem).join(''))
    write('anchors.pem', question.anchors)
    write('leaf.pem', [question.leaf])
    const untrusted = question.intermediates.length > 0
    if (untrusted) write('untrusted.pem', question.intermediates)
    const seconds = String(Math.floor((question.time ?? NOW).getTime() / 1000))
    const result = openssl(
      [
        ...['verify', '-no-CApath', '-no-CAstore', '-attime', seconds, ...(question.arguments ?? [])],
        ...['-CAfile', 'anchors.pem', ...(untrusted ? ['-untrusted', 'untrusted.pem'] : []), 'leaf.pem'],
      ],
      { cwd: folder },
    )
    return { ok: result.status === 0, text: result.stderr.toString().trim() }
  })
}
