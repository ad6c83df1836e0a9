/**
 * `node:crypto` where the runtime has it, without importing it: synchronous, and several times faster
 * than WebCrypto for short operations.
 *
 * @module
 */

/** A key that OpenSSL holds. */
export interface NodeKeyObject {
  readonly type: string
  readonly asymmetricKeyType?: string
  export(options: { readonly format: 'der'; readonly type: 'spki' | 'pkcs8' }): Uint8Array
}

/** A key to verify with: alone, or with the parameters of RSASSA-PSS. */
export type NodeVerifyKey =
  | NodeKeyObject
  | { readonly key: NodeKeyObject; readonly padding: number; readonly saltLength: number }

/** A public key as JSON Web Key; reading this form avoids OpenSSL's slow SPKI decoder. */
interface PublicJwk {
  readonly kty: 'EC' | 'OKP'
  readonly crv: string
  readonly x: string
  readonly y?: string
}

/** The parts of `node:crypto` that are used. */
export interface NodeCrypto {
  createPublicKey(
    input:
      | { readonly key: PublicJwk; readonly format: 'jwk' }
      | { readonly key: Uint8Array; readonly format: 'der'; readonly type: 'spki' | 'pkcs1' },
  ): NodeKeyObject
  createPublicKey(key: NodeKeyObject): NodeKeyObject
  createPrivateKey(input: {
    readonly key: Uint8Array
    readonly format: 'der'
    readonly type: 'pkcs8' | 'pkcs1' | 'sec1'
  }): NodeKeyObject
  generateKeyPairSync(
    type: string,
    options: object,
  ): { readonly publicKey: NodeKeyObject; readonly privateKey: NodeKeyObject }
  generateKeyPair(
    type: string,
    options: object,
    callback: (error: Error | null, publicKey: NodeKeyObject, privateKey: NodeKeyObject) => void,
  ): void
  sign(digest: string | null, data: Uint8Array, key: NodeKeyObject): Uint8Array
  sign(
    digest: string | null,
    data: Uint8Array,
    key: NodeKeyObject,
    callback: (error: Error | null, signature: Uint8Array) => void,
  ): void
  verify(digest: string | null, data: Uint8Array, key: NodeVerifyKey, signature: Uint8Array): boolean
  verify(
    digest: string | null,
    data: Uint8Array,
    key: NodeVerifyKey,
    signature: Uint8Array,
    callback: (error: Error | null, valid: boolean) => void,
  ): void
}

/** `node:crypto`; `undefined` in runtimes without `process.getBuiltinModule` (Node from 20.16, Bun, Deno have it). */
export function nodeCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  const module = process?.getBuiltinModule?.('node:crypto')
  return isNodeCrypto(module) ? module : undefined
}

function isNodeCrypto(module: unknown): module is NodeCrypto {
  return (
    typeof module === 'object' &&
    module !== null &&
    'createPublicKey' in module &&
    'createPrivateKey' in module &&
    'generateKeyPairSync' in module &&
    'sign' in module &&
    'verify' in module
  )
}
