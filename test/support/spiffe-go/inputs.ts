/**
 * What go-spiffe and we are asked about identities and bundles: vectors and random texts.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { isVector, type Vector } from '../../vectors/spiffe/judge.ts'

const document: unknown = JSON.parse(
  readFileSync(new URL('../../vectors/spiffe/vectors.json', import.meta.url), 'utf8'),
)

/** The vectors of one kind. */
export function vectorsOf(kind: string): readonly Vector[] {
  if (typeof document !== 'object' || document === null || !('vectors' in document)) return []
  return Array.isArray(document.vectors) ? document.vectors.filter(isVector).filter(is(kind)) : []
}

const is = (kind: string) => (vector: Vector) => vector.kind === kind

/** The texts of the vectors of one kind. */
export const textsOf = (kind: string): readonly string[] =>
  vectorsOf(kind).map(({ input }) => String(input['text']))

export const bytes = (base64: unknown): Uint8Array => new Uint8Array(Buffer.from(String(base64), 'base64'))

/** The document of a `bundle` vector. */
export const documentOf = ({ input }: Vector): string | Uint8Array =>
  typeof input['base64'] === 'string' ? bytes(input['base64']) : String(input['json'])

/** Every element of `keys` among documents, each once, under the name of its first document and its place there. */
export function elementsOf(vectors: readonly Vector[]): ReadonlyMap<string, string> {
  const known = new Set<string>()
  const elements = new Map<string, string>()
  for (const { id, input, verdict } of vectors) {
    if (verdict === 'reject' || typeof input['json'] !== 'string') continue
    const { keys }: { keys: readonly unknown[] } = JSON.parse(input['json'])
    for (const [index, key] of keys.entries()) {
      const json = JSON.stringify(key)
      if (!known.has(json)) elements.set(`${id} ${index}`, json)
      known.add(json)
    }
  }
  return elements
}

const charsOf = (chars: string, maxLength: number, minLength = 1) =>
  fc.array(fc.constantFrom(...chars), { minLength, maxLength }).map((list) => list.join(''))

const LOWER = 'abyz09.-_'
const trustDomain = fc.oneof(
  { weight: 20, arbitrary: charsOf(LOWER, 8) },
  // Around the limit of 255.
  { weight: 1, arbitrary: charsOf(LOWER, 258, 252) },
)
const segment = charsOf(`${LOWER}ABYZ`, 6)
const path = fc.oneof(
  { weight: 20, arbitrary: fc.array(segment, { maxLength: 4 }) },
  // Around the limit of 2048.
  { weight: 1, arbitrary: charsOf(`${LOWER}A`, 2048, 2020).map((text) => [text]) },
)
const validId = fc
  .tuple(trustDomain, path)
  .map(([name, segments]) => ['spiffe:/', name, ...segments].join('/'))

/** Characters that parsers trip over, escapes, and any other character. */
const stray = fc.oneof(
  fc.constantFrom(...'/.:@%?#[]\\~ \n\0\u001b\u202eA&;=+$!*', '%2F', '%61', '%00', '/./', '//'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)

/** A text with up to three characters changed, put in or taken out. */
export const mutated = (text: fc.Arbitrary<string>, chars: fc.Arbitrary<string> = stray) =>
  fc
    .tuple(
      text,
      fc.array(fc.tuple(fc.nat(), fc.constantFrom('replace', 'insert', 'delete'), chars), { maxLength: 3 }),
    )
    .map(([original, changes]) =>
      changes.reduce((mutant, [seed, change, char]) => {
        const at = seed % (mutant.length + 1)
        const rest = mutant.slice(change === 'insert' ? at : at + 1)
        return mutant.slice(0, at) + (change === 'delete' ? '' : char) + rest
      }, original),
    )
    // Half a surrogate pair would be another character to Go.
    .map((text) => Buffer.from(text).toString())

export const randomIds = (count: number): readonly string[] =>
  fc.sample(mutated(validId), { numRuns: count, seed: 20260601 })

export const randomTrustDomains = (count: number): readonly string[] =>
  fc.sample(fc.oneof(mutated(trustDomain), mutated(validId)), { numRuns: count, seed: 20260602 })
