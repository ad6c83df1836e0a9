/**
 * What the cards of a picture of trust say, line by line.
 *
 * @module
 */

import type { TrustAuthority, TrustCertificate, TrustClusterView, TrustMap } from './trust-map.ts'
import type { TrustCard } from './trust-rows.ts'
import { day, type Life } from './trust-words.ts'

/** How a line looks: `bad` and `warn` have a mark before them. */
type LineTone = 'ink' | 'soft' | 'bad' | 'warn'

/** A line of a card. */
export interface CardLine {
  /** From long to short: the first that fits is drawn. */
  readonly texts: readonly string[]
  readonly tone: LineTone
  /** Authorities whose letters stand behind the text. */
  readonly letters?: readonly number[] | undefined
}

/** A card, with all that is seen when a pointer rests on it. */
export interface CardText {
  readonly title: string
  readonly lines: readonly CardLine[]
  readonly hover: string
}

/** Certificates of one CA that have a line. */
const MAX_CERTIFICATES = 3

/** What a card says. */
export function cardText(card: TrustCard, map: TrustMap): CardText {
  const { authorities, clusters, others } = map
  if (card.kind === 'stranger') {
    const { name, why } = card.stranger
    return {
      title: name,
      lines: [
        { texts: ['not known here'], tone: 'bad' },
        { texts: [why], tone: 'soft' },
      ],
      hover: `${name}: ${why}`,
    }
  }
  const authority = card.kind === 'authority' ? authorities[card.authority] : undefined
  if (authority !== undefined) return authorityText(authority, map)
  const cluster = card.kind === 'cluster' ? clusters[card.cluster] : undefined
  if (cluster !== undefined) return clusterText(cluster, map)
  return {
    title: `${others} more roots`,
    lines: [{ texts: ['trusted; no chain leads to them', 'no chain leads here', 'unused'], tone: 'warn' }],
    hover: `${others} more roots are trusted, and no chain leads to them`,
  }
}

function authorityText(authority: TrustAuthority, { authorities, clusters }: TrustMap): CardText {
  const { letter, name, wholeName, key, isCa, certificates, trustedBy, below } = authority
  const lines: CardLine[] = [{ texts: [key, key.split(' ').slice(0, 3).join(' ')], tone: 'soft' }]
  for (const one of certificates.slice(0, MAX_CERTIFICATES))
    lines.push(
      certificateLine(
        one,
        certificates.length > 1 || one.isSelfSigned === (letter === undefined),
        authorities,
      ),
    )
  const rest = certificates.length - MAX_CERTIFICATES
  if (rest > 0) lines.push({ texts: [`${rest} more certificates`], tone: 'soft' })
  if (!isCa) lines.push({ texts: ['is no CA'], tone: 'bad' })
  const names = trustedBy.map((i) => clusters[i]?.name ?? '').join(', ')
  if (letter !== undefined) {
    const count = `trusted by ${trustedBy.length} of ${clusters.length}`
    lines.push(
      trustedBy.length === 0
        ? { texts: ['trusted by nobody'], tone: below.length > 0 ? 'bad' : 'warn' }
        : { texts: [`trusted by ${names}`, `${count} clusters`, count], tone: 'ink' },
    )
    if (below.length === 0) lines.push({ texts: ['no chain leads here', 'unused'], tone: 'warn' })
  }
  const hover = [
    letter === undefined ? wholeName : `${letter}: ${wholeName}`,
    `key ${key}`,
    ...certificates.map(({ life, isSelfSigned, issuerName }) =>
      [
        isSelfSigned ? 'self-signed' : `signed by ${issuerName}`,
        `valid ${day(life.notBefore)} to ${day(life.notAfter)}`,
      ].join(', '),
    ),
    ...(letter === undefined ? [] : [`trusted by ${names === '' ? 'nobody' : names}`]),
  ]
  return { title: name, lines, hover: hover.join('; ') }
}

function certificateLine(
  { life, isSelfSigned, issuer, issuerName }: TrustCertificate,
  isTold: boolean,
  authorities: readonly TrustAuthority[],
): CardLine {
  const line = lifeLine(life)
  const above = issuer === undefined ? undefined : authorities[issuer]
  if (!isTold || (!isSelfSigned && above?.letter === undefined)) return line
  const by = isSelfSigned ? 'self-signed' : `signed by ${above?.letter ?? issuerName}`
  return { ...line, texts: [...line.texts.map((text) => `${by}, ${text}`), ...line.texts] }
}

/** When a certificate ends. */
export function lifeLine({ validity, notBefore, notAfter, distance }: Life): CardLine {
  if (validity === 'not-yet')
    return {
      texts: [`begins ${day(notBefore)}, ${distance}`, `begins ${distance}`, 'not valid yet'],
      tone: 'bad',
    }
  const verb = validity === 'expired' ? 'expired' : 'expires'
  const texts = [`${verb} ${day(notAfter)}, ${distance}`, `${verb} ${distance}`, `${verb} ${day(notAfter)}`]
  if (validity === 'expired') return { texts: [...texts, 'expired'], tone: 'bad' }
  if (validity === 'soon') return { texts: [...texts, `ends ${distance}`, 'ends soon'], tone: 'warn' }
  return { texts: [...texts, `to ${day(notAfter)}`, day(notAfter)], tone: 'ink' }
}

function clusterText(cluster: TrustClusterView, { authorities }: TrustMap): CardText {
  const { name, trustDomain, workloads, issuedBy, strangers, trusts, otherRoots, leadsTo } = cluster
  const lines: CardLine[] = []
  if (trustDomain !== undefined) lines.push({ texts: [`spiffe://${trustDomain}`, trustDomain], tone: 'soft' })
  const [first] = workloads
  if (first !== undefined) {
    const path = first.name.replace(/^spiffe:\/\/[^/]*/, '')
    const more = workloads.length > 1 ? ` +${workloads.length - 1}` : ''
    lines.push({
      texts: [`workload ${trustDomain === undefined ? first.name : path}${more}`, path + more],
      tone: 'soft',
    })
    lines.push(
      lifeLine([...workloads].sort((a, b) => a.life.notAfter - b.life.notAfter)[0]?.life ?? first.life),
    )
  }
  if (issuedBy.length + strangers.length === 0)
    lines.push({ texts: ['no CA certificate', 'no CA'], tone: 'bad' })
  const none = trusts.length + otherRoots === 0
  lines.push(
    none
      ? { texts: ['trusts no root'], tone: 'bad' }
      : {
          texts: [otherRoots > 0 ? `trusts ${otherRoots} more and` : 'trusts', 'trusts'],
          tone: 'ink',
          letters: trusts,
        },
  )
  const letters = (some: readonly number[]): string =>
    some.length === 0 ? 'nothing' : some.map((i) => authorities[i]?.letter ?? '').join(', ')
  const hover = [
    name,
    ...(trustDomain === undefined ? [] : [`trust domain ${trustDomain}`]),
    ...workloads.map((one) => `${one.name}, valid ${day(one.life.notBefore)} to ${day(one.life.notAfter)}`),
    `its chain leads to ${letters(leadsTo)}`,
    `it trusts ${letters(trusts)}${otherRoots > 0 ? ` and ${otherRoots} more` : ''}`,
  ]
  return { title: name, lines, hover: hover.join('; ') }
}
