/**
 * Certificates of any shape, also those that the library refuses to issue, read by the library.
 */
import { Certificate } from '../../../src/x509/index.ts'
import {
  basicConstraints,
  forgeDer,
  type Issuer,
  keyIdOf,
  keysOf,
  keyUsage,
  nameOf,
  type Recipe,
} from '../../fixtures/x509/forge-der.ts'

export {
  ALGORITHMS,
  type Algorithm,
  ANY_EKU,
  aki,
  basicConstraints,
  CLIENT_AUTH,
  directory,
  dns,
  EMAIL_PROTECTION,
  EMPTY_NAME,
  eku,
  email,
  ext,
  forgeDer,
  ip,
  type KeyChoice,
  type Keys,
  keyIdOf,
  keysOf,
  keyUsage,
  NOW,
  nameConstraints,
  otherName,
  type Recipe,
  registeredId,
  SERVER_AUTH,
  san,
  ski,
  uri,
  withBadSignature,
} from '../../fixtures/x509/forge-der.ts'

/** A certificate that was made, and what is needed to sign with it. */
export interface Forged extends Issuer {
  readonly der: Uint8Array
  readonly certificate: Certificate
  /** Its subject key identifier, if it were to have one: SHA-1 of the key. */
  readonly keyId: Uint8Array
}

/** A certificate that this library can read. */
export function forge(recipe: Recipe): Forged {
  const keys = recipe.keys ?? keysOf(String(recipe.subject))
  const der = forgeDer({ ...recipe, keys })
  return {
    der,
    certificate: Certificate.fromDer(der),
    name: nameOf(recipe.subject),
    keys,
    keyId: keyIdOf(keys),
  }
}

/** A CA: critical basic constraints with cA, key usage keyCertSign, and then what the recipe adds. */
export function forgeCa(recipe: Recipe & { readonly pathLength?: number }): Forged {
  return forge({
    ...recipe,
    extensions: [basicConstraints(true, recipe.pathLength), keyUsage(5), ...(recipe.extensions ?? [])],
  })
}
