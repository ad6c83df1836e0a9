/**
 * OpenSSL as the judge of whole hierarchies.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from '../../src/x509/index.ts'
import { openssl, withTemporaryFolder } from '../support/openssl.ts'

/** `openssl verify -x509_strict`, its status and what it says. */
export const verify = (
  certificates: {
    readonly root: Certificate
    readonly intermediate: Certificate
    readonly workload: Certificate
  },
  instant: Date,
  ...more: readonly string[]
) =>
  withTemporaryFolder((folder) => {
    for (const name of ['root', 'intermediate', 'workload'] as const)
      writeFileSync(join(folder, name), certificates[name].toPem())
    const time = String(Math.floor(instant.getTime() / 1000))
    const trust = ['-CAfile', 'root', '-untrusted', 'intermediate']
    const result = openssl(['verify', '-x509_strict', '-attime', time, ...more, ...trust, 'workload'], {
      cwd: folder,
    })
    return { status: result.status, text: `${result.stdout}${result.stderr}` }
  })
