/**
 * `mesh-pki/rotation`: when certificates are due.
 *
 * @module
 */

export { type RenewalPolicy, renewalTime } from './renewal-time.ts'
