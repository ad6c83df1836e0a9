/**
 * What somebody should look at in the trust of several clusters.
 *
 * @module
 */

import type { ReadCluster } from '../../ca/lint/federation-cluster.ts'
import type { TrustAuthority, TrustClusterView, TrustMap, TrustNote } from './trust-map.ts'
import { fitted } from './trust-measure.ts'
import { day, type Life } from './trust-words.ts'

/** Characters of a name in a note. */
const NAME = 40

const short = (name: string): string => fitted(name, NAME, (text) => text.length)

/** How notes call a CA: by its letter too, where it has one. */
const titleOf = ({ letter, name }: TrustAuthority): string =>
  letter === undefined ? `CA "${short(name)}"` : `root ${letter} "${short(name)}"`

/** Those that are bad first. */
export function trustNotes(
  { authorities, clusters, others }: Pick<TrustMap, 'authorities' | 'clusters' | 'others'>,
  read: readonly ReadCluster[],
  isCut: boolean,
): readonly TrustNote[] {
  const notes: readonly TrustNote[] = [
    ...clusters.flatMap((cluster, i) => clusterNotes(cluster, read[i], authorities)),
    ...authorities.flatMap(authorityNotes),
    ...(others === 0
      ? []
      : [
          {
            tone: 'warn',
            text: `${others} more trusted roots are not drawn: no chain leads to them`,
          } as const,
        ]),
    ...(isCut
      ? [
          {
            tone: 'bad',
            text: 'more than 1024 signatures would have to be checked: arrows may be missing',
          } as const,
        ]
      : []),
  ]
  return [...notes.filter(({ tone }) => tone === 'bad'), ...notes.filter(({ tone }) => tone === 'warn')]
}

function clusterNotes(
  { name, issuedBy, leadsTo, trusts, otherRoots, workloads }: TrustClusterView,
  read: ReadCluster | undefined,
  authorities: readonly TrustAuthority[],
): readonly TrustNote[] {
  const who = `cluster "${short(name)}"`
  const notes: TrustNote[] = []
  const bad = (text: string): number => notes.push({ tone: 'bad', text: `${who}: ${text}` })
  const codes = new Set(
    (read?.findings ?? []).filter(({ severity }) => severity === 'error').map(({ code }) => code),
  )
  if (codes.size > 0) bad(`checkFederation finds ${[...codes].join(', ')}`)
  if (trusts.length + otherRoots === 0) bad('it trusts no root')
  if (issuedBy.length === 0)
    bad(
      workloads.length > 0 ? 'nobody here signed its workloads' : 'it has no CA certificate that can be read',
    )
  else if (leadsTo.length === 0) bad('its chain leads to no root')
  else if (!leadsTo.some((root) => trusts.includes(root)))
    bad(
      `it does not trust ${leadsTo.map((root) => authorities[root]?.letter).join(', ')}, where its own chain leads`,
    )
  for (const one of workloads) notes.push(...lifeNotes(`${who}: workload "${short(one.name)}"`, one.life))
  return notes
}

function authorityNotes(authority: TrustAuthority): readonly TrustNote[] {
  const { letter, certificates, trustedBy, below, isCa } = authority
  const who = titleOf(authority)
  const notes: TrustNote[] = []
  if (!isCa) notes.push({ tone: 'bad', text: `${who} is no CA (RFC 5280 §4.2.1.9)` })
  for (const { life, isSelfSigned, issuerName } of certificates) {
    const by =
      certificates.length < 2 ? '' : isSelfSigned ? ', self-signed' : `, signed by "${short(issuerName)}"`
    notes.push(...lifeNotes(who + by, life))
  }
  if (letter !== undefined && trustedBy.length === 0)
    notes.push({ tone: below.length > 0 ? 'bad' : 'warn', text: `${who} is trusted by nobody` })
  if (letter !== undefined && below.length === 0)
    notes.push({ tone: 'warn', text: `${who}: no chain leads to it` })
  return notes
}

function lifeNotes(who: string, { validity, distance, notAfter, notBefore }: Life): readonly TrustNote[] {
  if (validity === 'expired')
    return [{ tone: 'bad', text: `${who} expired ${distance}, on ${day(notAfter)}` }]
  if (validity === 'soon') return [{ tone: 'warn', text: `${who} expires ${distance}, on ${day(notAfter)}` }]
  if (validity === 'not-yet')
    return [{ tone: 'bad', text: `${who} is not valid yet: it begins ${distance}, on ${day(notBefore)}` }]
  return []
}
