/**
 * Which private keys istiod reads.
 *
 * @module
 */

/** The labels of PEM blocks that Istio reads as a key (`ParsePemEncodedKey`). */
export const ISTIO_KEY_LABELS: readonly string[] = ['PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY']
