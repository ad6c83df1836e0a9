/**
 * Requests to bundle endpoints over TLS.
 *
 * @module
 */

import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { request as requestTls } from 'node:https'
import { checkOptionNames } from '../internal/options.ts'
import { type EndpointDialer, type FetchLike, tooLarge } from '../spiffe/bundle-endpoint.ts'
import { openTls } from './open-tls.ts'
import { presentedChain } from './presented-chain.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/**
 * What `FederationClient` takes as `dial`: opens a TLS connection, lets the client authenticate the server by
 * its SVID, and only then sends the request. No session is resumed, no redirect is followed.
 *
 * @example
 * ```ts
 * import { spiffeDialer } from 'mesh-pki/node'
 * import { FederationClient, type SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare const bootstrap: SpiffeBundle
 * const federation = new FederationClient({
 *   relationships: [
 *     {
 *       trustDomain: 'partner.example',
 *       url: 'https://partner.example:8443/bundle.json',
 *       profile: 'https_spiffe',
 *       endpointSpiffeId: 'spiffe://partner.example/bundle-endpoint',
 *       bootstrap,
 *     },
 *   ],
 *   staleAfter: '24h',
 *   dial: spiffeDialer(),
 * })
 * ```
 */
export function spiffeDialer(): EndpointDialer {
  return async ({ url, headers, maxBytes, signal, authenticate }) => {
    const { hostname, port, host, pathname, search } = new URL(url)
    const { socket } = await openTls(
      { host: unbracketed(hostname), port: port === '' ? 443 : Number(port) },
      (connected) => authenticate(presentedChain(connected)),
      signal,
    )
    const onAbort = (): void => void socket.destroy()
    signal.addEventListener('abort', onAbort)
    try {
      // It may have aborted between the verdict and the listener.
      if (signal.aborted) throw signal.reason
      const response = await respond(request, {
        createConnection: () => socket,
        path: pathname + search,
        headers: { ...headers, host, connection: 'close' },
      })
      return {
        status: response.statusCode ?? 0,
        headers: headersOf(response),
        body: response.statusCode === 200 ? await readAll(response, maxBytes, url) : new Uint8Array(),
      }
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
    }
  }
}

/** Options of {@link webFetch}. */
export interface WebFetchOptions {
  /**
   * PEM of the CAs that may certify web servers, in place of the public ones. Roots only: of two that were issued by
   * each other Node would look for the end of the chain for ever.
   */
  readonly ca: string | Buffer
}

/**
 * What `FederationClient` takes as `fetch` where the servers of `https_web` endpoints have certificates of a
 * private CA. The host is compared with the certificate as for any web site (RFC 6125).
 *
 * @example
 * ```ts
 * import { webFetch } from 'mesh-pki/node'
 * import { FederationClient } from 'mesh-pki/spiffe'
 *
 * declare const privateCaPem: string
 * const federation = new FederationClient({ staleAfter: '24h', fetch: webFetch({ ca: privateCaPem }) })
 * ```
 */
export function webFetch(options: WebFetchOptions): FetchLike {
  checkOptionNames(options, ['ca'], 'webFetch')
  const { ca } = options
  if (!String(ca).includes('-----BEGIN CERTIFICATE-----'))
    throw new TypeError(
      'option "ca" must be PEM, and not the name of a file; for public CAs leave out "fetch"',
    )
  return async (url, { headers, signal }) => {
    const { hostname, port, pathname, search } = new URL(url)
    const response = await respond(requestTls, {
      ...TLS_SETTINGS,
      ca,
      // Said here, so that no variable of the environment can say otherwise.
      rejectUnauthorized: true,
      agent: false,
      hostname: unbracketed(hostname),
      port: port === '' ? 443 : Number(port),
      path: pathname + search,
      headers,
      signal,
    })
    const chunks: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]()
    return {
      status: response.statusCode ?? 0,
      headers: headersOf(response),
      body: {
        getReader: () => ({
          read: async () => {
            const { done, value } = await chunks.next()
            return done === true ? { done: true } : { done: false, value }
          },
          cancel: async () => void response.destroy(),
        }),
      },
    }
  }
}

function respond<T extends RequestOptions>(
  start: (options: T, answered: (response: IncomingMessage) => void) => ReturnType<typeof request>,
  options: T,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = start(options, resolve)
    asked.once('error', reject)
    const refuse = (): void => {
      asked.destroy()
      reject(new Error('the server answered with no response to the request'))
    }
    // Without a listener of its own, 101 ends in nothing but `close`.
    asked.once('upgrade', refuse).once('close', refuse)
    asked.end()
  })
}

async function readAll(response: IncomingMessage, maxBytes: number, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) throw tooLarge(url, maxBytes)
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function headersOf({ headers }: IncomingMessage): { get(name: string): string | null } {
  return {
    get: (name) => {
      const value = headers[name.toLowerCase()]
      return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value
    },
  }
}

const unbracketed = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')
