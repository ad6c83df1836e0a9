/**
 * Random small hierarchies with random defects: our verdict is that of `openssl verify -x509_strict`.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkPathSync } from '../../src/verify/index.ts'
import { buildHierarchy, hierarchySpec, isExplainedForOpenssl } from '../fixtures/verify/random-hierarchy.ts'
import { NOW } from '../fixtures/x509/forge-der.ts'
import { opensslAvailable } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { opensslVerdict } from '../unit/verify/openssl-verdict.ts'

if (requirement('openssl', opensslAvailable)) {
  // OpenSSL does not come back from a candidate that leads nowhere, so there is nothing beside the path.
  test('150 hierarchies', async () => {
    const tally = { accepted: 0, refused: 0, explained: 0 }
    await fc.assert(
      fc.asyncProperty(hierarchySpec, async (spec) => {
        const { anchor, intermediates, leaf } = buildHierarchy(spec, false)
        const ours = checkPathSync(leaf, { anchors: anchor, intermediates, time: NOW, purpose: 'serverAuth' })
        const theirs = await opensslVerdict({
          anchors: [anchor],
          intermediates,
          leaf,
          arguments: ['-x509_strict', '-purpose', 'sslserver'],
        })
        if (ours.ok && !theirs.ok && isExplainedForOpenssl(spec, theirs.text)) {
          tally.explained++
          return
        }
        tally[ours.ok ? 'accepted' : 'refused']++
        const said = ours.ok ? 'accepted' : ours.error.message
        expect({ ok: ours.ok, said, theirs: theirs.text }).toMatchObject({ ok: theirs.ok })
      }),
      { numRuns: 150, seed: 20260601 },
    )
    // Neither verdict is rare, or the comparison would say nothing.
    expect(tally.accepted).toBeGreaterThan(25)
    expect(tally.refused).toBeGreaterThan(25)
    expect(tally.explained).toBeLessThan(20)
  })
}
