/**
 * Trust as text.
 *
 * @module
 */

import { lifeLine } from './trust-card-lines.ts'
import type { TrustAuthority, TrustCertificate, TrustClusterView, TrustMap } from './trust-map.ts'
import { columnsOf, fitted, padded, wrapped } from './trust-measure.ts'
import { pairsOf, refusalsOf, toldOf } from './trust-refusals.ts'
import { figures } from './trust-svg.ts'

/** Lines of one paragraph. */
const MAX_LINES = 6
/** Columns of the name of a cluster before the matrix. */
const MAX_NAME = 28

/** Writes it in lines of at most `width` columns. */
export function trustText(map: TrustMap, width: number): string {
  const lines: string[] = []
  const add = (text: string, indent = 0, hang = indent): void => {
    const [first = '', ...rest] = wrapped(text, width - hang, columnsOf, MAX_LINES)
    lines.push(' '.repeat(indent) + first, ...rest.map((line) => ' '.repeat(hang) + line))
  }
  add(map.title)
  add(figures(map))
  lines.push('', 'Roots')
  const idOf = idsOf(map)
  const tag = (id: string): string => `  ${id.padEnd(4)}`
  for (const authority of map.authorities.filter(({ letter }) => letter !== undefined)) {
    lines.push(fitted(tag(idOf(authority.index)) + authority.wholeName, width, columnsOf))
    for (const fact of factsOf(authority, idOf)) add(fact, 6, 8)
    add(`trusted by ${namesOf(map, authority.trustedBy) || 'nobody'}`, 6, 8)
    if (authority.below.length === 0) add('no chain leads to it', 6)
  }
  if (map.others > 0) add(`and ${map.others} more, to which no chain leads`, 2)
  const cas = map.authorities.filter(({ letter }) => letter === undefined)
  if (cas.length > 0) lines.push('', 'CAs below them')
  for (const authority of cas) {
    lines.push(fitted(tag(idOf(authority.index)) + authority.wholeName, width, columnsOf))
    for (const fact of factsOf(authority, idOf)) add(fact, 6, 8)
    for (const { name, why } of authority.strangers) add(`names "${name}" as its issuer: ${why}`, 6, 8)
  }
  lines.push('', 'Clusters')
  for (const cluster of map.clusters) {
    const domain = cluster.trustDomain === undefined ? '' : ` (spiffe://${cluster.trustDomain})`
    lines.push(fitted(tag(String(cluster.index + 1)) + cluster.name + domain, width, columnsOf))
    for (const fact of clusterFacts(cluster, idOf)) add(fact, 6, 8)
  }
  lines.push('', 'Who verifies whom: the row shows its certificate, the column checks it;')
  lines.push('a letter is the root that it leads to, a number the reason of a refusal')
  lines.push(...matrixOf(map, width))
  const refusals = refusalsOf(map)
  if (refusals.length > 0) lines.push('', 'Refused')
  for (const refusal of refusals) {
    const { number, words, remedy, cells } = refusal
    add(`${String(number).padEnd(4)}${words}: ${pairsOf(map, cells, 6)}`, 2, 6)
    // What goes on stands further in: the verifier quotes names, which may say "To pass" themselves.
    add(toldOf(refusal), 6, 8)
    if (remedy !== '') add(`To pass: ${remedy}`, 6, 8)
  }
  if (map.notes.length > 0) lines.push('', 'Look at')
  for (const { tone, text } of map.notes) add(`${tone === 'bad' ? '!!' : '! '}  ${text}`, 2, 6)
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

/** `A` for roots, `c1` for other CAs. */
function idsOf({ authorities }: TrustMap): (authority: number) => string {
  let count = 0
  const ids = authorities.map(({ letter }) => letter ?? `c${++count}`)
  return (authority) => ids[authority] ?? '?'
}

const namesOf = ({ clusters }: TrustMap, some: readonly number[]): string =>
  some.length > 1 && some.length === clusters.length
    ? `all ${clusters.length} clusters`
    : some.map((i) => clusters[i]?.name ?? '').join(', ')

function factsOf(
  { key, certificates, isCa, letter }: TrustAuthority,
  idOf: (authority: number) => string,
): readonly string[] {
  const signer = ({ isSelfSigned, issuer, issuerName }: TrustCertificate): string =>
    isSelfSigned ? 'self-signed' : `signed by ${issuer === undefined ? `"${issuerName}"` : idOf(issuer)}`
  const shown = certificates.map((one) => {
    const isPlain =
      certificates.length === 1 && (letter === undefined ? one.issuer === undefined : one.isSelfSigned)
    return `${isPlain ? '' : `${signer(one)}, `}${lifeLine(one.life).texts[0] ?? ''}`
  })
  return [`${key}, ${shown.slice(0, 8).join('; ')}`, ...(isCa ? [] : ['is no CA'])]
}

function clusterFacts(
  { issuedBy, strangers, workloads, trusts, otherRoots, leadsTo }: TrustClusterView,
  idOf: (authority: number) => string,
): readonly string[] {
  const list = (some: readonly number[]): string => some.map(idOf).join(', ')
  const more = otherRoots === 0 ? '' : `${trusts.length > 0 ? ' and ' : ''}${otherRoots} more`
  return [
    ...(issuedBy.length === 0 ? [] : [`issued by ${list(issuedBy)}, leads to ${list(leadsTo) || 'no root'}`]),
    ...strangers.map(({ name, why }) => `names "${name}" as its issuer: ${why}`),
    ...workloads.map(({ name, life }) => `workload ${name}, ${lifeLine(life).texts[0] ?? ''}`),
    `trusts ${list(trusts) + more || 'no root'}`,
  ]
}

/** From here on cells are letters and numbers alone. */
const MANY = 8

/** Columns are numbered: names would not fit. */
function matrixOf(map: TrustMap, width: number): readonly string[] {
  const refusals = refusalsOf(map)
  const { clusters, authorities, cells } = map
  const isDense = clusters.length > MANY
  const shown = cells.map((row) =>
    row.map(({ ok, by, words, code }) => {
      const letters = by
        .slice(0, 2)
        .map((i) => authorities[i]?.letter ?? '')
        .join(',')
      const number = refusals.find((one) => one.words === words && one.code === code)?.number ?? '?'
      if (isDense) return ok ? letters || 'ok' : String(number)
      return ok ? `ok ${letters}` : `no ${number}`
    }),
  )
  const cell = Math.max(2, ...shown.flat().map((text) => text.length)) + (isDense ? 1 : 2)
  const room = Math.min(MAX_NAME, width - 8 - cell * clusters.length)
  const names = Math.min(room, Math.max(...clusters.map(({ name }) => columnsOf(name))))
  const row = (id: string, name: string, texts: readonly string[]): string =>
    `  ${id.padEnd(4)}${padded(name, names)}  ${texts.map((text) => text.padEnd(cell)).join('')}`
  return [
    row(
      '',
      '',
      clusters.map(({ index }) => String(index + 1)),
    ),
    ...clusters.map(({ index, name }) =>
      row(String(index + 1), fitted(name, names, columnsOf), shown[index] ?? []),
    ),
  ]
}
