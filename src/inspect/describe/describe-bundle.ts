/**
 * Describes bundles of trust domains.
 *
 * @module
 */

import { escapeText } from '../../internal/text.ts'
import type { BundleMap } from '../../spiffe/bundle-map.ts'
import type { SpiffeBundle } from '../../spiffe/spiffe-bundle.ts'
import { describeCertificate } from './describe-certificate.ts'
import { MAX_CHAIN } from './describe-chain.ts'
import type { DescribeTerms } from './describe-options.ts'
import { Lists, messageText } from './described-text.ts'
import type { BundleDescription, BundleMapDescription, CertificateDescription } from './description.ts'

/** Its authorities, each with what remains of its life. Anchors are not asked about: these are some. */
export async function describeBundle(bundle: SpiffeBundle, terms: DescribeTerms): Promise<BundleDescription> {
  const lists = new Lists()
  const { jwtAuthorities, sequence } = bundle
  const authorities: CertificateDescription[] = []
  for (const certificate of lists.take('x509Authorities', bundle.x509Authorities, (one) => one, MAX_CHAIN))
    authorities.push(await describeCertificate(certificate, { ...terms, anchors: undefined }))
  return {
    kind: 'bundle',
    at: terms.at,
    trustDomain: bundle.trustDomain.name,
    sequence: sequence === undefined ? undefined : String(sequence),
    refreshHintSeconds: bundle.refreshHint,
    x509Authorities: authorities,
    jwtAuthorities: {
      count: jwtAuthorities.length,
      keyIds: lists.take('keyIds', jwtAuthorities, ({ keyId }) => escapeText(keyId)),
    },
    skipped: lists.take('skipped', bundle.skipped, ({ message }) => messageText(message)),
    omitted: lists.omitted,
  }
}

/** Each of its bundles, up to as many certificates as one chain may have. */
export async function describeBundleMap(map: BundleMap, terms: DescribeTerms): Promise<BundleMapDescription> {
  const lists = new Lists()
  const bundles: BundleDescription[] = []
  let room = MAX_CHAIN
  for (const bundle of map) {
    room -= Math.max(1, bundle.x509Authorities.length)
    if (room < 0 && bundles.length > 0) lists.leaveOut('bundles', 1)
    else bundles.push(await describeBundle(bundle, terms))
  }
  const { sequence } = map
  return {
    kind: 'bundle-map',
    at: terms.at,
    sequence: sequence === undefined ? undefined : String(sequence),
    refreshHintSeconds: map.refreshHint,
    bundles,
    omitted: lists.omitted,
  }
}
