/**
 * Mutates, asks both sides, and keeps what must not be: a certificate that we accept and OpenSSL rejects.
 */
import type { CorpusCertificate } from './corpus.ts'
import { donorsOf, mutate, SeededRandom } from './mutate.ts'

export interface Comparison {
  readonly corpus: readonly CorpusCertificate[]
  readonly seed: number
  /** Ends after so many mutants. */
  readonly count: number
  /** Ends earlier, after so many that we accept. */
  readonly acceptedCount?: number
  /** Answers `undefined` for acceptance, or a code; throws where it finds a fault of ours. */
  readonly accept: (der: Uint8Array, from: string) => Promise<string | undefined>
  /** Changes a mutant before it is judged. */
  readonly finish?: (der: Uint8Array, from: string) => Promise<Uint8Array>
  /** Answers `undefined` when OpenSSL accepts too, else what it says. */
  readonly oracle: (der: Uint8Array, from: string) => Promise<string | undefined>
  /** Questions to the oracle at the same time. */
  readonly concurrency: number
  readonly progress?: (mutants: number, accepted: number) => void
}

interface Disagreement {
  /** `oracle`: we accept, OpenSSL rejects. `crash`: we throw what is no refusal, or a getter throws. */
  readonly kind: 'oracle' | 'crash'
  readonly from: string
  readonly hex: string
  readonly detail: string
}

export interface ComparisonResult {
  readonly mutants: number
  readonly accepted: number
  /** How often each code refused. */
  readonly refusals: ReadonlyMap<string, number>
  readonly disagreements: readonly Disagreement[]
}

export async function compare(comparison: Comparison): Promise<ComparisonResult> {
  const { corpus, accept, oracle, concurrency } = comparison
  const random = new SeededRandom(comparison.seed)
  const donors = donorsOf(corpus.map(({ der }) => der))
  const refusals = new Map<string, number>()
  const disagreements: Disagreement[] = []
  const open = new Set<Promise<void>>()
  let mutants = 0
  let accepted = 0
  while (mutants < comparison.count && accepted < (comparison.acceptedCount ?? Number.POSITIVE_INFINITY)) {
    const original = random.pick(corpus)
    const mutant = mutate(original.der, random, donors)
    const der = (await comparison.finish?.(mutant, original.name)) ?? mutant
    mutants++
    const report = (kind: Disagreement['kind'], detail: string) =>
      disagreements.push({ kind, from: original.name, hex: Buffer.from(der).toString('hex'), detail })
    let code: string | undefined
    try {
      code = await accept(der, original.name)
    } catch (error) {
      report('crash', error instanceof Error ? `${error.name}: ${error.message}` : String(error))
      continue
    }
    if (code !== undefined) {
      refusals.set(code, (refusals.get(code) ?? 0) + 1)
      continue
    }
    accepted++
    const question = oracle(der, original.name).then((refusal) => {
      if (refusal !== undefined) report('oracle', `accepted here, rejected by OpenSSL: ${refusal}`)
    })
    open.add(question)
    question.finally(() => open.delete(question)).catch(() => {})
    if (open.size >= concurrency) await Promise.race(open)
    if (accepted % 1000 === 0) comparison.progress?.(mutants, accepted)
  }
  await Promise.all(open)
  return { mutants, accepted, refusals, disagreements }
}
