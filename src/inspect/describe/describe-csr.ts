/**
 * Describes a request.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { verifyProofOfPossession } from '../../csr/proof-of-possession.ts'
import { MeshPkiError } from '../../errors.ts'
import { shortHex } from './describe-certificate.ts'
import type { DescribeTerms } from './describe-options.ts'
import { refusal } from './describe-trust.ts'
import { subjectParts } from './described-subject.ts'
import { Lists } from './described-text.ts'
import type { CsrDescription, DescribedVerdict } from './description.ts'

/** What it asks for, and whether who asks holds the key. */
export async function describeCsr(csr: Csr, { at }: DescribeTerms): Promise<CsrDescription> {
  const lists = new Lists()
  return {
    kind: 'csr',
    at,
    ...subjectParts(csr, lists, () => true),
    proofOfPossession: await proofOf(csr),
    attributes: lists.take('attributes', csr.attributeTypes, (oid) => shortHex(oid, 128)),
    omitted: lists.omitted,
  }
}

async function proofOf(csr: Csr): Promise<DescribedVerdict> {
  try {
    await verifyProofOfPossession(csr)
    return { ok: true }
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return refusal(error)
  }
}
