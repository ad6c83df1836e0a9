/**
 * What can be told of a certificate and its issuer together.
 *
 * @module
 */

import { equalBytes } from '../../internal/bytes.ts'
import { groupBy } from '../../internal/group-by.ts'
import { iso } from '../../verify/finding.ts'
import { isExempt } from '../../verify/path-length.ts'
import { Certificate } from '../../x509/certificate.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'
import { type ChainNode, isRootNode, pathUp, reachableFrom } from './issuer-graph.ts'
import { capsLeafLifetime, type IstioVersion } from './istio-version.ts'
import { issuerMismatch } from './key-identifiers.ts'
import { type LintFinding, lintFinding, shellWord } from './lint-finding.ts'
import { keepKeyIdentifierCommand } from './repair-commands.ts'
import { canReissue } from './root-repair.ts'

/** Where the way to a root ends too early. `hasAnchors`: whether the roots are known, so that a missing one is told. */
export function gapFindings(leaf: ChainNode, hasAnchors: boolean): readonly LintFinding[] {
  const findings: LintFinding[] = []
  for (const node of reachableFrom(leaf)) {
    if (node.issuers.length > 0 || node.isAnchor) continue
    const { at, certificate, namesakes } = node
    const issuer = nameLabel(certificate.issuer)
    const [namesake] = namesakes
    if (namesake !== undefined) {
      findings.push(
        lintFinding('signature-mismatch', {
          at,
          found: `${certificateLabel(namesake.certificate)} bears the issuer's name, but its key did not sign it`,
          problem: `it names ${issuer} as its issuer, and a certificate of that name is here, but its signature is not by that key: another CA of the same name, or a CA with a new key`,
          remedy: 'Put the certificate here that was the issuer, with the key of that time',
          clause: 'RFC 5280 §6.1.3 (a)(1)',
        }),
      )
      continue
    }
    // Without anchors the top of what is presented may well be signed by a root that peers have.
    if (node.isUnknown || (!hasAnchors && certificate.isCa)) continue
    findings.push(
      lintFinding('issuer-missing', {
        at,
        found: `issuer ${issuer}`,
        problem: `the certificate of its issuer ${issuer} is missing, so the way to a root is broken off here`,
        remedy: hasAnchors
          ? 'Add the certificate of the issuer to the chain, or its root to the anchors'
          : 'Add the certificate of the issuer after it; only a root that every peer has may be left out',
        clause: 'RFC 8446 §4.4.2',
        ...(hasAnchors ? {} : { severity: 'warning' as const }),
      }),
    )
  }
  return findings
}

/** Certificates that live longer than every one that issued them. */
export function lifetimeFindings(leaf: ChainNode, istio: IstioVersion | undefined): readonly LintFinding[] {
  const findings: LintFinding[] = []
  for (const node of reachableFrom(leaf)) {
    const others = node.issuers.filter((issuer) => issuer !== node)
    if (others.length === 0) continue
    const end = Math.max(...others.map(({ certificate }) => certificate.notAfter.getTime()))
    const own = node.certificate.notAfter.getTime()
    if (own <= end) continue
    const release =
      node.certificate.isCa || (istio !== undefined && capsLeafLifetime(istio))
        ? ''
        : istio === undefined
          ? '. istiod before 1.28.7 and 1.29.3 issues such certificates'
          : `. istiod ${istio.text} does not cap them: 1.28.7, 1.29.3 and 1.30.0 do`
    findings.push(
      lintFinding('outlives-issuer', {
        at: node.at,
        found: `valid to ${iso(own)}, its issuer to ${iso(end)}`,
        problem: `it is valid to ${iso(own)}, but its issuer only to ${iso(end)}: from then on it is refused, whatever it says itself${release}`,
        remedy: 'Renew the issuer before that, or issue it with a shorter life',
        clause: 'RFC 5280 §6.1.3 (a)(2)',
      }),
    )
  }
  return findings
}

/** Path lengths that leave no room for a workload. A CA at the lower end is meant to sign workloads. */
export function pathLengthFindings(leaf: ChainNode): readonly LintFinding[] {
  const path = pathUp(leaf)
  const cas = leaf.certificate.isCa ? path : path.slice(1)
  return cas.flatMap(({ at, certificate }, i) => {
    const below = cas.slice(0, i).filter((each) => !isExempt(each.certificate)).length
    const { pathLength } = certificate
    if (pathLength === undefined || below <= pathLength) return []
    return [
      lintFinding('path-length', {
        at,
        found: `path length ${pathLength}, CAs below it: ${below}`,
        problem: `its path length allows ${pathLength} CAs below it, but there are ${below}: no workload certificate from there ever verifies, though istiod accepts the CA`,
        remedy: `Have it issued again with path length ${below} or more, or without; or issue the CA below it from a CA that has room`,
        clause: 'RFC 5280 §4.2.1.9, §6.1.4 (l)',
      }),
    ]
  })
}

/** What names the issuer of a certificate and does not lead to it. */
export function keyIdentifierFindings(nodes: readonly ChainNode[]): readonly LintFinding[] {
  return nodes.flatMap((node) => {
    const [issuer] = node.issuers
    const [mismatch, ...others] = node.issuers.map((each) =>
      issuerMismatch(node.certificate, each.certificate),
    )
    // With both roots in the bundle one fits.
    if (issuer === undefined || mismatch === undefined || others.includes(undefined)) return []
    const { by, named, found } = mismatch
    const keyIdentifier = node.certificate.authorityKeyIdentifier
    const why =
      by === 'key'
        ? 'The issuer was renewed with its key, and got another identifier, as istiod does from 1.29 on'
        : 'The issuer was renewed, and each of its certificates has a serial number of its own'
    const remedy =
      by === 'serial'
        ? 'Let the certificate be issued again, with the key identifier of its issuer alone; OpenSSL: authorityKeyIdentifier=keyid'
        : isRootNode(issuer)
          ? 'Issue the root again for the same key with the old identifier (with mesh-pki: { renews, sameKey: "keep" } when it is renewed), or keep the old root beside it in every bundle'
          : 'Have the issuer issued again with the old identifier, or let the certificate be issued again'
    const repair =
      by === 'key' && isRootNode(issuer) && keyIdentifier !== undefined && canReissue(issuer.at)
        ? {
            command: keepKeyIdentifierCommand(
              shellWord(issuer.at.source ?? ''),
              issuer.certificate,
              keyIdentifier,
            ),
          }
        : {}
    return [
      lintFinding('key-identifier-mismatch', {
        at: node.at,
        found: `${named}, the issuer's ${found}`,
        problem: `its ${named} is not the ${found} of ${certificateLabel(issuer.certificate)}, whose key signed it. ${why}: Go accepts that, OpenSSL finds no issuer (error 20)`,
        remedy,
        ...repair,
        clause: 'RFC 5280 §4.2.1.1',
      }),
    ]
  })
}

/** Several CAs with one name and different keys. */
export function sameSubjectFindings(nodes: readonly ChainNode[]): readonly LintFinding[] {
  const cas = nodes.filter(({ certificate }) => certificate.isCa)
  const bySubject = groupBy(cas, ({ certificate }) => Certificate.namesOf(certificate).subject)
  return [...bySubject.values()].flatMap((group) => {
    const [first, ...others] = group
    if (first === undefined) return []
    const second = others.find(
      ({ certificate }) => !equalBytes(certificate.publicKey, first.certificate.publicKey),
    )
    if (second === undefined) return []
    const name = nameLabel(first.certificate.subject)
    return [
      lintFinding('same-subject', {
        at: second.at,
        found: `${group.length} CAs named ${name}`,
        problem: `several CAs with different keys bear the same subject ${name}: verifiers that go by names try the wrong one, istiod keeps one CRL for all of them, and Node's checkIssued() says yes to each`,
        remedy: 'Give each CA a subject of its own, such as one with the name of its cluster',
        clause: 'RFC 5280 §4.1.2.6',
      }),
    ]
  })
}

/** Anchors that are not self-signed. */
export function anchorFindings(nodes: readonly ChainNode[]): readonly LintFinding[] {
  return nodes
    .filter((node) => node.isAnchor && !isRootNode(node) && !node.isUnknown)
    .map(({ at, certificate }) =>
      lintFinding('anchor-not-self-signed', {
        at,
        found: `issued by ${nameLabel(certificate.issuer)}`,
        problem: `it is trusted as a root, but ${nameLabel(certificate.issuer)} issued it: Go and Istio accept that, OpenSSL needs -partial_chain, and other clusters below the same root do not share it`,
        remedy: 'Put the self-signed root here, unless this CA alone shall be trusted',
      }),
    )
}
