/**
 * The one door to `@peculiar/*`.
 *
 * `@peculiar/x509` 2.x throws at import without a Reflect polyfill, so that comes first. The door is only
 * ever reached by a dynamic `import()` inside builders, or statically from `mesh-pki/peculiar`: whoever only
 * reads and verifies does not load it. `package.json` lists this file under `sideEffects`, because bundlers
 * otherwise drop the polyfill.
 *
 * @module
 */

import 'reflect-metadata'

export {
  AsnConvert,
  AsnProp,
  AsnPropTypes,
  AsnType,
  AsnTypeTypes,
  OctetString,
} from '@peculiar/asn1-schema'
export {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  X509Certificate as PeculiarCertificate,
} from '@peculiar/x509'
