/**
 * Every finding of `checkFederation`, with its neighbour that is none.
 */
import { checkFederation, type FederationCluster } from '../../../../src/ca/index.ts'
import {
  ANY_EKU,
  aki,
  basicConstraints,
  CLIENT_AUTH,
  eku,
  keysOf,
  SERVER_AUTH,
  san,
  ski,
  uri,
} from '../../verify/forge.ts'
import {
  at,
  caBelow,
  type LintCase,
  leafBelow,
  otherCa,
  otherRoot,
  pem,
  root,
  rootOf,
  usage,
} from './support.ts'

/** The root with its key, and a key identifier that another method made. */
export const renumbered = rootOf('Lint Root', {
  only: [basicConstraints(true), usage(5, 6), ski(Uint8Array.of(1, 2, 3, 4))],
})
export const eastCa = caBelow(root, 'East CA')
const westCa = caBelow(root, 'West CA')
export const east: FederationCluster = {
  name: 'east',
  trustDomain: 'east.example',
  roots: pem(root),
  chain: pem(eastCa, root),
  leaves: pem(leafBelow(eastCa, { id: 'spiffe://east.example/ns/shop/sa/cart' })),
}
export const west: FederationCluster = {
  name: 'west',
  trustDomain: 'west.example',
  roots: pem(root),
  chain: pem(westCa, root),
}
/** A cluster with a root of its own. */
export const island: FederationCluster = {
  name: 'island',
  trustDomain: 'island.example',
  roots: pem(otherRoot),
  chain: pem(otherCa),
}
const reissued = rootOf('Lint Root', { notAfter: '2035-01-01T00:00:00Z' })

/** `east` with a workload that has other extensions. */
const withLeaf = (...others: readonly Uint8Array[]): FederationCluster => {
  const id = san([uri('spiffe://east.example/ns/shop/sa/cart')])
  return {
    ...east,
    leaves: pem(leafBelow(eastCa, { only: [basicConstraints(false), ...others, aki(eastCa.keyId), id] })),
  }
}

const check = async (...clusters: readonly FederationCluster[]) =>
  (await checkFederation({ root: root.certificate, clusters, time: at })).findings
const freely = async (...clusters: readonly FederationCluster[]) =>
  (await checkFederation({ clusters, time: at })).findings
const sound = () => check(east, west)

export const FEDERATION_CASES: readonly LintCase[] = [
  { code: 'cross-cluster-refused', found: () => freely(east, island), absent: sound },
  {
    code: 'key-reused',
    found: () => check(east, { ...west, chain: pem(caBelow(root, 'West CA', { keys: keysOf('East CA') })) }),
    absent: sound,
  },
  {
    code: 'own-cluster-refused',
    found: () => freely({ ...east, roots: pem(otherRoot) }),
    absent: () => freely(east),
  },
  {
    code: 'root-not-shared',
    found: () => check(east, island),
    absent: () => check(east, { ...island, roots: pem(otherRoot, root) }),
  },
  { code: 'root-reissued', found: () => check(east, { ...west, roots: pem(reissued) }), absent: sound },
  {
    code: 'same-intermediate',
    found: () => check(east, { ...west, chain: east.chain }),
    absent: sound,
  },
  {
    code: 'same-subject',
    found: () => check(east, { ...west, chain: pem(caBelow(root, 'East CA', { keys: keysOf('West CA') })) }),
    absent: sound,
  },
  {
    code: 'same-trust-domain',
    found: () => check(east, { ...west, trustDomain: 'east.example' }),
    // One trust domain without a common root is two.
    absent: () => freely(east, { ...island, trustDomain: 'east.example' }),
  },
  // OpenSSL needs -partial_chain (error 2).
  {
    code: 'anchor-not-self-signed',
    found: () => freely({ ...east, roots: pem(eastCa) }),
    absent: () => freely({ ...east, roots: pem(root) }),
  },
  // mTLS of Node with OpenSSL: INVALID_PURPOSE.
  {
    code: 'leaf-extended-key-usage',
    found: () => check(withLeaf(usage(0), eku(ANY_EKU)), west),
    absent: () => check(withLeaf(usage(0), eku(SERVER_AUTH, CLIENT_AUTH)), west),
  },
  {
    code: 'leaf-key-usage',
    found: () => check(withLeaf(usage(2), eku(SERVER_AUTH, CLIENT_AUTH)), west),
    absent: () => check(withLeaf(usage(0, 2), eku(SERVER_AUTH, CLIENT_AUTH)), west),
  },
  { code: 'no-common-root', found: () => freely(east, island), absent: sound },
  {
    code: 'leaf-trust-domain',
    found: () => check({ ...east, trustDomain: 'cluster.local' }, west),
    absent: sound,
  },
  // Of a chain of the wrong order no other mistake is made up.
  { code: 'chain-reversed', found: () => check(east, { ...west, chain: pem(root, westCa) }), absent: sound },
  {
    code: 'not-a-ca',
    found: () => check(east, { ...west, chain: pem(leafBelow(westCa, {}), westCa, root) }),
    absent: sound,
  },
]
