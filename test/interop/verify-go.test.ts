/**
 * Random hierarchies with random defects, and certificates beside the path that lead nowhere: our verdict is
 * that of Go's crypto/x509, which comes back from dead ends as we do.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkPathSync } from '../../src/verify/index.ts'
import {
  buildHierarchy,
  type HierarchySpec,
  hierarchySpec,
  isExplainedForGo,
} from '../fixtures/verify/random-hierarchy.ts'
import { NOW } from '../fixtures/x509/forge-der.ts'
import { goAvailable, openGo } from '../support/go.ts'
import { requirement } from '../support/require.ts'

const COUNT = 2000

if (requirement('go', goAvailable)) {
  test(`${COUNT} hierarchies`, () => {
    const specs: readonly HierarchySpec[] = fc.sample(hierarchySpec, { numRuns: COUNT, seed: 20260602 })
    const built = specs.map((spec) => buildHierarchy(spec, true))
    const go = openGo()
    try {
      const answers = go.ask(
        built.map(({ anchor, intermediates, leaf }) => ({
          leaf,
          intermediates,
          roots: [anchor],
          time: NOW,
          usage: 'serverAuth',
        })),
      )
      const tally = { accepted: 0, refused: 0, explained: 0 }
      for (const [i, { anchor, intermediates, leaf }] of built.entries()) {
        const ours = checkPathSync(leaf, { anchors: anchor, intermediates, time: NOW, purpose: 'serverAuth' })
        const spec = specs[i]
        if (spec !== undefined && ours.ok !== answers[i]?.ok && ours.ok && isExplainedForGo(spec)) {
          tally.explained++
          continue
        }
        tally[ours.ok ? 'accepted' : 'refused']++
        const said = ours.ok ? 'accepted' : ours.error.message
        expect({ spec, ok: ours.ok, said, theirs: answers[i] }).toMatchObject({ ok: answers[i]?.ok })
      }
      expect(tally.accepted).toBeGreaterThan(400)
      expect(tally.refused).toBeGreaterThan(400)
      expect(tally.explained).toBeLessThan(100)
    } finally {
      go.close()
    }
  })
}
