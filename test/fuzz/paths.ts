/**
 * Random hierarchies: what we say of a path, and what OpenSSL and Go say.
 */
import fc from 'fast-check'
import { checkPathSync } from '../../dist/verify/index.js'
import {
  buildHierarchy,
  type HierarchySpec,
  hierarchySpec,
  isExplainedForGo,
  isExplainedForOpenssl,
  type RandomHierarchy,
} from '../fixtures/verify/random-hierarchy.ts'
import { NOW } from '../fixtures/x509/forge-der.ts'
import { goAvailable, openGo } from '../support/go.ts'
import { opensslRefusesPath } from './oracle.ts'

export interface PathComparison {
  readonly count: number
  readonly seed: number
  readonly folder: string
  readonly concurrency: number
  readonly progress: (done: number) => void
}

export interface PathFigures {
  readonly peers: readonly string[]
  readonly accepted: number
  readonly explained: number
  /** What differs, with all that is needed to see it again. */
  readonly disagreements: readonly string[]
}

/** Go has no process to start for each path, so it sees those with certificates that lead nowhere too. */
const BATCH = 2000

/** Compares verdicts over random hierarchies. */
export async function comparePaths(options: PathComparison): Promise<PathFigures> {
  const specs: readonly HierarchySpec[] = fc.sample(hierarchySpec, {
    numRuns: options.count,
    seed: options.seed,
  })
  const openssl = await compareWithOpenssl(specs, options)
  const go = goAvailable() === true ? compareWithGo(specs) : undefined
  return {
    peers: go === undefined ? ['openssl'] : ['openssl', 'go'],
    accepted: openssl.accepted + (go?.accepted ?? 0),
    explained: openssl.explained + (go?.explained ?? 0),
    disagreements: [...openssl.disagreements, ...(go?.disagreements ?? [])],
  }
}

interface Tally {
  accepted: number
  explained: number
  readonly disagreements: string[]
}

const weAccept = ({ anchor, intermediates, leaf }: RandomHierarchy): boolean =>
  checkPathSync(leaf, { anchors: anchor, intermediates, time: NOW, purpose: 'serverAuth' }).ok

async function compareWithOpenssl(specs: readonly HierarchySpec[], options: PathComparison): Promise<Tally> {
  const tally: Tally = { accepted: 0, explained: 0, disagreements: [] }
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < specs.length; i = next++) {
      const spec = specs[i]
      if (spec === undefined) return
      const built = buildHierarchy(spec, false)
      const ours = weAccept(built)
      const said = await opensslRefusesPath(built, NOW, options.folder, i)
      judge(
        tally,
        spec,
        ours,
        said,
        ours && said !== undefined && isExplainedForOpenssl(spec, said),
        'openssl',
      )
      if (i % 1000 === 999) options.progress(i + 1)
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, work))
  return tally
}

function compareWithGo(specs: readonly HierarchySpec[]): Tally {
  const tally: Tally = { accepted: 0, explained: 0, disagreements: [] }
  const go = openGo()
  try {
    for (let from = 0; from < specs.length; from += BATCH) {
      const batch = specs.slice(from, from + BATCH)
      const built = batch.map((spec) => buildHierarchy(spec, true))
      const answers = go.ask(
        built.map(({ anchor, intermediates, leaf }) => ({
          leaf,
          intermediates,
          roots: [anchor],
          time: NOW,
          usage: 'serverAuth',
        })),
      )
      for (const [i, spec] of batch.entries()) {
        const one = built[i]
        const answer = answers[i]
        if (one === undefined || answer === undefined) throw new Error('Go answered less than it was asked')
        const ours = weAccept(one)
        judge(tally, spec, ours, answer.ok ? undefined : answer.error, ours && isExplainedForGo(spec), 'go')
      }
    }
  } finally {
    go.close()
  }
  return tally
}

function judge(
  tally: Tally,
  spec: HierarchySpec,
  ours: boolean,
  refusal: string | undefined,
  explained: boolean,
  peer: string,
): void {
  if (ours) tally.accepted++
  if (ours === (refusal === undefined)) return
  if (explained) tally.explained++
  else
    tally.disagreements.push(
      `${peer} says ${refusal ?? 'ok'}, we ${ours ? 'accept' : 'refuse'}: ${JSON.stringify(spec)}`,
    )
}
