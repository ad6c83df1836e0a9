/**
 * TLS as every connection here uses it.
 *
 * @module
 */

import { constants } from 'node:crypto'

/**
 * Mozilla's "intermediate" configuration (SPIFFE Federation §5): TLS 1.2 with forward secrecy and AEAD, TLS 1.3.
 * No renegotiation: it would put another peer in the place of the one that was judged.
 */
export const TLS_SETTINGS: {
  readonly minVersion: 'TLSv1.2'
  readonly ciphers: string
  readonly secureOptions: number
} = {
  minVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'DHE-RSA-AES128-GCM-SHA256',
    'DHE-RSA-AES256-GCM-SHA384',
    'DHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
}
