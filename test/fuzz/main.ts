/**
 * `npm run fuzz -- --count 100000 --seed 1`: no mutated certificate may be accepted here and rejected by OpenSSL.
 */
import { MeshPkiError } from '../../dist/errors.js'
import { Certificate } from '../../dist/x509/certificate.js'
import { importVerificationKey } from '../../dist/x509/verification-key.js'
import { compare } from './compare.ts'
import { makeCorpus } from './corpus.ts'
import { opensslReads } from './oracle.ts'

const DEFAULT_COUNT = 100_000

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`)
  if (at === -1) return fallback
  const value = Number(process.argv[at + 1])
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} takes a whole number`)
  return value
}

/** Acceptance is `fromDer` and the import of the key; afterwards no getter may throw. */
async function accept(der: Uint8Array): Promise<string | undefined> {
  let certificate: Certificate
  try {
    certificate = Certificate.fromDer(der)
  } catch (error) {
    if (error instanceof MeshPkiError) return error.code
    throw error
  }
  for (const name of Object.getOwnPropertyNames(Certificate.prototype)) {
    void String(Reflect.get(certificate, name, certificate))
  }
  try {
    await importVerificationKey(certificate.publicKey)
    return undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return error.code
    throw error
  }
}

const count = option('count', DEFAULT_COUNT)
const seed = option('seed', Date.now() % 2 ** 31)
console.log(`seed ${seed}, ${count} mutants`)
const started = process.hrtime.bigint()
const result = await compare({
  corpus: makeCorpus(),
  seed,
  count,
  accept,
  oracle: opensslReads,
  concurrency: 8,
  progress: (mutants, accepted) => console.log(`${mutants} mutants, ${accepted} accepted`),
})
for (const [code, times] of [...result.refusals].sort((a, b) => b[1] - a[1])) console.log(`${code}: ${times}`)
for (const { kind, from, hex, detail } of result.disagreements) {
  console.error(`${kind} (seed ${seed}, from ${from}): ${detail}\n${hex}`)
}
const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000
console.log(
  `${result.mutants} mutants, ${result.accepted} accepted, ${result.disagreements.length} disagreements, ${seconds.toFixed(1)} s`,
)
process.exitCode = result.disagreements.length === 0 ? 0 : 1
