/**
 * What Gloo Mesh calls a mesh, and so its IssuedCertificate.
 *
 * @module
 */

import { md5 } from '@noble/hashes/legacy.js'
import { toHex } from '../../internal/bytes.ts'

/** A label of DNS (RFC 1123 §2.1). */
const MAX_NAME = 63
/** How much of a longer name is kept before its digest. */
const KEPT = 31

/**
 * `<istiod deployment>-<namespace>-<cluster>`, made fit for a name: dashes in place of `* / . : _` and blanks, no quotes,
 * brackets and line ends, lower case. A longer one than 63 is cut to 31, a dash and its MD5, as Gloo Mesh does, so that
 * the objects of both have the same name. Nobody relies on the digest for more than that.
 */
export function meshName(deployment: string, namespace: string, cluster: string): string {
  const name = `${deployment}-${namespace}-${cluster}`.replace(/[*/.:_ ]/g, '-').replace(/[[\]\n"']/g, '')
  const bytes = new TextEncoder().encode(name)
  const fitting =
    bytes.length > MAX_NAME ? `${name.slice(0, KEPT)}-${toHex(md5(bytes))}`.slice(0, MAX_NAME) : name
  return fitting.toLowerCase()
}
