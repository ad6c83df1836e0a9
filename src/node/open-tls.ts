/**
 * Connects by TLS and hands over nothing before somebody has judged the peer.
 *
 * @module
 */

import { isIP } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { MeshPkiError } from '../errors.ts'
import { type AbortSignalLike, orAborted } from '../internal/abort.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/** A connection whose peer was judged. */
export interface OpenedTls<T> {
  readonly socket: TLSSocket
  readonly verdict: T
  /** The newest session ticket that the server sent. */
  readonly session: () => Buffer | undefined
}

/**
 * Opens a connection whose peer is judged by `judge` alone: OpenSSL's own check is off, since it knows neither
 * SPIFFE nor which trust domain counts. The socket is answered after the verdict, with nothing written. A judge that
 * never answers is left behind when the signal aborts.
 *
 * @throws what `judge` throws, the connection being closed; the signal's reason; errors of the network.
 */
export async function openTls<T>(
  options: ConnectionOptions,
  judge: (socket: TLSSocket) => Promise<T>,
  signal: AbortSignalLike | undefined,
): Promise<OpenedTls<T>> {
  if (isAborted(signal)) throw signal?.reason
  const host = options.host ?? ''
  const socket = connect({
    ...TLS_SETTINGS,
    ...(host === '' || isIP(host) !== 0 ? {} : { servername: host }),
    ...options,
    // No roots: a chain that OpenSSL likes is emptied by newer versions of Node (seen in 24.21).
    ca: [],
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  })
  const onAbort = (): void => void socket.destroy(toError(signal?.reason))
  signal?.addEventListener('abort', onAbort)
  let newest: Buffer | undefined
  socket.on('session', (ticket: Buffer) => {
    newest = ticket
  })
  // Until the caller has the socket, nobody else listens: an error without listener ends the process.
  let failure: Error | undefined
  const onError = (error: Error): void => {
    failure ??= error
  }
  socket.on('error', onError)
  try {
    await handshake(socket)
    const verdict = await orAborted(judge(socket), signal)
    if (isAborted(signal)) throw signal?.reason
    if (failure !== undefined) throw failure
    if (socket.destroyed) throw closed()
    return { socket, verdict, session: () => newest }
  } catch (error) {
    socket.destroy()
    throw isAborted(signal) ? signal?.reason : error
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!socket.destroyed) socket.off('error', onError)
  }
}

function handshake(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      socket.off('secureConnect', onSecure).off('error', onError).off('close', onClose)
    }
    const onSecure = (): void => {
      leave()
      resolve()
    }
    const onError = (error: Error): void => {
      leave()
      // Node reports a peer that hangs up as an error of the network.
      reject('code' in error && error.code === 'ECONNRESET' ? closed(error) : error)
    }
    const onClose = (): void => onError(closed())
    socket.once('secureConnect', onSecure).once('error', onError).once('close', onClose)
  })
}

/** A function, since the compiler takes a signal that was looked at once for one that does not change. */
const isAborted = (signal: AbortSignalLike | undefined): boolean => signal?.aborted === true

function closed(cause?: Error): MeshPkiError {
  return new MeshPkiError(
    'ERR_TLS_CLOSED',
    'the peer closed the connection before it was known. Did it refuse us? It knows why',
    { cause },
  )
}

const toError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))
