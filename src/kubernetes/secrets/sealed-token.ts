/**
 * Bootstrap tokens on their way through, which no log shall show.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { typeName } from '../../internal/options.ts'

/** What Node's `util.inspect` and `console.log` call. */
const INSPECT: unique symbol = /* @__PURE__ */ Symbol.for('nodejs.util.inspect.custom')

const SEALED = '[sealed token]'

/** No header carries a longer one, and no human makes one. */
const MAX_TOKEN = 65_536

/** What `TextDecoder` puts in place of bytes that are no UTF-8: such a token cannot be written back. */
const REPLACEMENT = '\ufffd'

/**
 * One token, which only {@link reveal} gives out: printed, logged or turned into JSON it is `[sealed token]`.
 *
 * @example
 * ```ts
 * import { SealedToken } from 'mesh-pki/kubernetes'
 *
 * declare const presented: string
 * const token = SealedToken.parse('a secret that both sides hold')
 * console.log(token, token.matches(presented)) // [sealed token] false
 * ```
 */
export class SealedToken {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
    Object.freeze(this)
  }

  /**
   * Seals a token, as it is: a line end at its end counts, since the relay compares bytes.
   *
   * @throws `MeshPkiError` `ERR_KUBERNETES_SECRET_DATA` for one that is empty, longer than 65,536 characters or not UTF-8;
   * `TypeError` for anything but a string. No error shows any of it.
   */
  static parse(text: string): SealedToken {
    if (typeof text !== 'string') throw new TypeError(`a token must be text; got ${typeName(text)}`)
    const problem =
      text.trim() === ''
        ? 'it is empty'
        : text.length > MAX_TOKEN
          ? `it has ${text.length} characters; at most ${MAX_TOKEN} are read`
          : text.includes(REPLACEMENT)
            ? 'it is not UTF-8'
            : undefined
    if (problem === undefined) return new SealedToken(text)
    throw new MeshPkiError('ERR_KUBERNETES_SECRET_DATA', `token: ${problem}. Write a new one`)
  }

  /** The token. Whoever calls this takes care of it. */
  reveal(): string {
    return this.#text
  }

  /** Whether a text is this token, in a time that does not tell how much of it is right. */
  matches(presented: string): boolean {
    if (typeof presented !== 'string') return false
    const expected = this.#text
    let difference = expected.length ^ presented.length
    for (let i = 0; i < expected.length; i++)
      difference |= expected.charCodeAt(i) ^ (presented.charCodeAt(i % (presented.length || 1)) || 0)
    return difference === 0
  }

  /** `[sealed token]`. */
  toString(): string {
    return SEALED
  }

  /** `[sealed token]`. */
  toJSON(): string {
    return SEALED
  }

  /** @internal */
  [INSPECT](): string {
    return SEALED
  }
}
