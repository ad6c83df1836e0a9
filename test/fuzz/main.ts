/**
 * No mutated certificate may be accepted here and rejected by OpenSSL.
 *
 *     npm run fuzz -- --count 100000 --seed 1            as mutated: read, and the key imported
 *     npm run fuzz -- --count 100000 --seed 1 --signed   signed again after mutation: the path verified
 *     npm run fuzz -- --count 10000 --seed 1 --paths     random hierarchies: our verdict is OpenSSL's and Go's
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acceptCertificate, acceptPath } from './accept.ts'
import { type Comparison, compare } from './compare.ts'
import { makeCorpus } from './corpus.ts'
import { type Hierarchy, type Member, makeHierarchy, signAgain } from './hierarchy.ts'
import { opensslReads, opensslRefusal, toPem } from './oracle.ts'
import { comparePaths } from './paths.ts'

const DEFAULT_COUNT = 100_000

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`)
  if (at === -1) return fallback
  const value = Number(process.argv[at + 1])
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} takes a whole number`)
  return value
}

function readingMutants(): Pick<Comparison, 'corpus' | 'accept' | 'oracle'> {
  return { corpus: makeCorpus(), accept: acceptCertificate, oracle: opensslReads }
}

function verifyingMutants(
  hierarchy: Hierarchy,
  folder: string,
): Pick<Comparison, 'corpus' | 'accept' | 'oracle' | 'finish'> {
  // No date that a mutation copies is this second: to OpenSSL `notAfter` itself is too late, to RFC 5280 §4.1.2.5 it is not.
  const time = new Date(Date.now() + 3_607_000)
  const members = new Map(hierarchy.members.map((member) => [member.name, member]))
  const memberOf = (name: string): Member => {
    const member = members.get(name)
    if (member === undefined) throw new RangeError(`no member ${name}`)
    return member
  }
  let id = 0
  return {
    corpus: hierarchy.members,
    finish: (mutant, from) => signAgain(mutant, memberOf(from).issuer),
    accept: (der, from) => acceptPath(der, memberOf(from), hierarchy, time),
    oracle: (der, from) => {
      const { role, other } = memberOf(from)
      const pem = toPem(der)
      const [leaf, intermediate] = role === 'leaf' ? [pem, other.toPem()] : [other.toPem(), pem]
      return opensslRefusal({ root: hierarchy.root.toPem(), intermediate, leaf }, time, folder, id++)
    },
  }
}

/** Compares verdicts over random hierarchies; answers whether they agree. */
async function fuzzPaths(count: number, seed: number, folder: string): Promise<boolean> {
  const progress = (done: number): void => console.log(`${done} hierarchies`)
  const figures = await comparePaths({ count, seed, folder, concurrency: 8, progress })
  const { peers, accepted, explained, disagreements } = figures
  for (const disagreement of disagreements) console.error(disagreement)
  console.log(
    `${count} hierarchies, each against ${peers.join(' and ')}: ${accepted} times accepted, ${explained} explained, ${disagreements.length} disagreements`,
  )
  return disagreements.length === 0
}

/** Compares verdicts over mutants; answers whether none is accepted that OpenSSL rejects. */
async function fuzzMutants(): Promise<boolean> {
  const result = await compare({
    ...(signed ? verifyingMutants(await makeHierarchy(), folder) : readingMutants()),
    seed,
    count,
    concurrency: 8,
    progress: (mutants, accepted) => console.log(`${mutants} mutants, ${accepted} accepted`),
  })
  for (const [code, times] of [...result.refusals].sort((a, b) => b[1] - a[1]))
    console.log(`${code}: ${times}`)
  for (const { kind, from, hex, detail } of result.disagreements) {
    console.error(`${kind} (seed ${seed}, from ${from}): ${detail}\n${hex}`)
  }
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000
  const { mutants, accepted, disagreements } = result
  console.log(
    `${mutants} mutants, ${accepted} accepted, ${disagreements.length} disagreements, ${seconds.toFixed(1)} s`,
  )
  return disagreements.length === 0
}

const signed = process.argv.includes('--signed')
const paths = process.argv.includes('--paths')
const count = option('count', DEFAULT_COUNT)
const seed = option('seed', Date.now() % 2 ** 31)
console.log(`seed ${seed}, ${count} ${paths ? 'hierarchies' : `mutants${signed ? ', signed again' : ''}`}`)
const started = process.hrtime.bigint()
const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-fuzz-'))
try {
  if (paths) process.exitCode = (await fuzzPaths(count, seed, folder)) ? 0 : 1
  else process.exitCode = (await fuzzMutants()) ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
