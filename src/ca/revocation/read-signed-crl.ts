/**
 * Reads a signed CRL back and compares it with what was meant.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { equalBytes, toHex } from '../../internal/bytes.ts'
import { nameLabel } from '../../x509/certificate-label.ts'
import { CertificateList } from '../../x509/certificate-list.ts'
import type { CrlValues } from './crl-writer.ts'
import type { ListedEntry } from './listed-entries.ts'

/** The CRL of signed bytes. @throws `MeshPkiError` `ERR_CA_SELF_CHECK` where it does not say what was meant. */
export function readSignedCrl(der: Uint8Array, meant: CrlValues): CertificateList {
  let crl: CertificateList
  try {
    crl = CertificateList.fromDer(der)
  } catch (cause) {
    if (!(cause instanceof MeshPkiError)) throw cause
    // More entries than anybody reads are no fault of ours.
    if (cause.code === 'ERR_DER_LIMIT') throw cause
    throw new MeshPkiError(
      'ERR_CA_SELF_CHECK',
      `the CRL ${meant.number} is not released: it cannot be read, ${cause.message}. Please report this`,
      { cause },
    )
  }
  const wrong = differenceOf(crl, meant)
  if (wrong === undefined) return crl
  throw new MeshPkiError(
    'ERR_CA_SELF_CHECK',
    `the CRL ${meant.number} of ${nameLabel(crl.issuer)} is not released: its ${wrong} is not what it was meant to be. Please report this`,
  )
}

function differenceOf(crl: CertificateList, meant: CrlValues): string | undefined {
  const { number, baseNumber, scope, freshestCrl } = meant
  const scopeFound = CertificateList.scopeOf(crl)
  const extensions = 2 + [baseNumber, scope, freshestCrl].filter((value) => value !== undefined).length
  const checks: readonly (readonly [string, boolean])[] = [
    ['version', crl.version === 2],
    ['signature algorithm', crl.signatureAlgorithm === meant.algorithm],
    ['issuer', equalBytes(crl.issuer.der, meant.issuer)],
    ['thisUpdate', crl.thisUpdate.getTime() === meant.thisUpdate],
    ['nextUpdate', crl.nextUpdate?.getTime() === meant.nextUpdate],
    ['authority key identifier', crl.authorityKeyIdentifier === toHex(meant.authorityKeyId)],
    ['number', crl.crlNumber === number],
    ['base number', crl.baseCrlNumber === baseNumber],
    [
      'issuing distribution point',
      scope === undefined || scopeFound === undefined ? scope === scopeFound : equalBytes(scope, scopeFound),
    ],
    ['freshest CRL', (crl.freshestCrl === undefined) === (freshestCrl === undefined)],
    ['list of extensions', crl.extensions.length === extensions],
    ['number of entries', crl.size === meant.entries.length],
  ]
  const wrong = checks.find(([, holds]) => !holds)
  return wrong === undefined ? differentEntry(crl, meant.entries) : wrong[0]
}

function differentEntry(crl: CertificateList, entries: readonly ListedEntry[]): string | undefined {
  let at = 0
  for (const found of crl) {
    const wanted = entries[at]
    const reason = wanted?.reason === 'unspecified' ? undefined : wanted?.reason
    if (
      found.serialNumber !== wanted?.serialNumber ||
      found.revocationDate.getTime() !== wanted.date ||
      found.reason !== reason ||
      found.invalidityDate?.getTime() !== wanted.invalidityDate
    )
      return `entry ${at}`
    at++
  }
  return undefined
}
