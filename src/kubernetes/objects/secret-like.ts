/**
 * Kubernetes objects by shape, so that those of any client fit.
 *
 * @module
 */

/** Metadata of an object. What is not named here is kept as it is. */
export interface ObjectMetaLike {
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly resourceVersion?: string | undefined
  /** Tells an object from an earlier one of the same name. */
  readonly uid?: string | undefined
  /** Grows with every change of the spec. */
  readonly generation?: number | undefined
  readonly finalizers?: readonly string[] | undefined
}

/** A Secret (`v1`). */
export interface SecretLike {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata?: ObjectMetaLike | undefined
  readonly type?: string | undefined
  readonly immutable?: boolean | undefined
  /** Base64 (RFC 4648 §4) by key. */
  readonly data?: Readonly<Record<string, string>> | undefined
  /** Plain text by key; where a key stands in both, this one counts, as in the API server. */
  readonly stringData?: Readonly<Record<string, string>> | undefined
}

/** A ConfigMap (`v1`). */
export interface ConfigMapLike {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata?: ObjectMetaLike | undefined
  readonly immutable?: boolean | undefined
  /** Plain text by key. */
  readonly data?: Readonly<Record<string, string>> | undefined
}
