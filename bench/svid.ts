/**
 * The rows about SVIDs and bundles: what SPIFFE costs on top of the path, and what reading a bundle costs.
 *
 * @module
 */

import { checkSvidSync, SpiffeBundle } from 'mesh-pki/spiffe'
import { TrustStore } from 'mesh-pki/verify'
import { compare } from './harness.js'
import { describe, row } from './report.js'
import { accepted, type Verification } from './verify.js'

/** Verification of an SVID next to that of its path, and a bundle next to its certificates. */
export async function svidRows(verification: Verification, rounds: number): Promise<void> {
  const { root, intermediate } = verification
  const store = new TrustStore({ anchors: root })
  const bundle = SpiffeBundle.of({ trustDomain: 'kind2', x509Authorities: root })
  const { micros, ratios } = await compare(
    [
      {
        name: 'checkSvidSync',
        run: () => {
          const result = checkSvidSync([verification.next(), intermediate], { bundles: bundle })
          if (!result.ok) throw result.error
          return result.svid
        },
      },
      {
        name: 'checkPathSync',
        run: () => accepted(verification.next(), { store, intermediates: [intermediate] }),
      },
    ],
    rounds,
  )
  console.log(`\nverify an SVID, issuers known: ${describe(micros)}`)
  row('verify an SVID, issuers known', ratios.get('checkPathSync') ?? 0, '× its path', 0.9)

  const document = new TextEncoder().encode(bundle.toJson())
  const read = await compare(
    [
      { name: 'SpiffeBundle.fromJson', run: () => SpiffeBundle.fromJson('kind2', document) },
      { name: 'JSON.parse', run: () => JSON.parse(new TextDecoder().decode(document)) },
    ],
    rounds,
  )
  console.log(`\nread a bundle of one authority: ${describe(read.micros)}`)
}
