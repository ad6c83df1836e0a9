/**
 * `mesh-pki/peculiar`: the bridge to `@peculiar/x509`. Importing it loads that library.
 *
 * @module
 */

export { fromPeculiarCertificate, fromPeculiarCsr, toPeculiarCertificate, toPeculiarCsr } from './bridge.ts'
