/**
 * The stream of a watch: one JSON document a line.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { KubeWatchEvent } from '../api/kube-transport.ts'
import { isRecord, textAt } from '../objects/kube-object.ts'
import { GrowingBytes } from './growing-bytes.ts'

const NEW_LINE = 0x0a

const TYPES: readonly KubeWatchEvent['type'][] = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']

/**
 * Lines of a stream, without their ends. Bytes are put together before they are decoded, so that no character is torn
 * where a chunk ends. What stands behind the last line end is no line: the stream broke in the middle of it.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_ANSWER` for a line longer than `maxBytes` or not in UTF-8, and for a
 * stream that ends in one.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string, void, undefined> {
  const line = new GrowingBytes()
  const append = (piece: Uint8Array): void => {
    if (line.length + piece.length > maxBytes)
      throw new MeshPkiError(
        'ERR_KUBERNETES_ANSWER',
        `an event of the watch is longer than ${maxBytes} bytes`,
      )
    line.append(piece)
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEW_LINE); end >= 0; end = chunk.indexOf(NEW_LINE, start)) {
      append(chunk.subarray(start, end))
      const text = line.take()
      // What stood there is lost, and must not be written back otherwise.
      if (text === undefined)
        throw new MeshPkiError('ERR_KUBERNETES_ANSWER', 'an event of the watch is not UTF-8')
      yield text
      start = end + 1
    }
    append(chunk.subarray(start))
  }
  if (line.length > 0)
    throw new MeshPkiError('ERR_KUBERNETES_ANSWER', 'the watch ended in the middle of an event')
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
