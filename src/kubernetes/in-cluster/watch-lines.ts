/**
 * The stream of a watch: one JSON document a line.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { KubeWatchEvent } from '../api/kube-transport.ts'
import { isRecord, textAt } from '../objects/kube-object.ts'

const NEW_LINE = 0x0a

const TYPES: readonly KubeWatchEvent['type'][] = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']

/**
 * Lines of a stream, without their ends. Bytes are put together before they are decoded, so that no character is torn
 * where a chunk ends. What stands behind the last line end is no line: the stream broke in the middle of it.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_ANSWER` for a line longer than `maxBytes`, and for a stream that ends in one.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEW_LINE); end >= 0; end = chunk.indexOf(NEW_LINE, start)) {
      parts.push(chunk.subarray(start, end))
      length += end - start
      checkLength(length, maxBytes)
      yield decode(parts, length)
      parts = []
      length = 0
      start = end + 1
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start))
      length += chunk.length - start
      checkLength(length, maxBytes)
    }
  }
  if (length > 0) throw new MeshPkiError('ERR_KUBERNETES_ANSWER', 'the watch ended in the middle of an event')
}

function checkLength(length: number, maxBytes: number): void {
  if (length <= maxBytes) return
  throw new MeshPkiError('ERR_KUBERNETES_ANSWER', `an event of the watch is longer than ${maxBytes} bytes`)
}

function decode(parts: readonly Uint8Array[], length: number): string {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return new TextDecoder().decode(first)
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return new TextDecoder().decode(bytes)
}

/** The event of one line; `undefined` for an empty one. @throws `MeshPkiError` `ERR_KUBERNETES_ANSWER`. */
export function watchEventOf(line: string): KubeWatchEvent | undefined {
  if (line.trim() === '') return undefined
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    // The parser's words quote the line, which may hold a key.
    throw new MeshPkiError('ERR_KUBERNETES_ANSWER', 'an event of the watch is not JSON')
  }
  const type = TYPES.find((one) => one === textAt(value, 'type'))
  if (type === undefined || !isRecord(value))
    throw new MeshPkiError('ERR_KUBERNETES_ANSWER', 'an event of the watch has no known type')
  return { type, object: value['object'] }
}
