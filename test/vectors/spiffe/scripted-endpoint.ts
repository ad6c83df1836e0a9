/**
 * A bundle endpoint that answers what a script says, over no network.
 */
import type { EndpointDialer, FetchLike } from '../../../src/spiffe/index.ts'

export interface ScriptedAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** What the TLS server presents, base64 DER, leaf first. */
  readonly serverChain?: readonly string[]
}

export interface ScriptedEndpoint {
  readonly fetch: FetchLike
  readonly dial: EndpointDialer
  /** The URLs that were asked, in order. */
  readonly requests: readonly string[]
}

export function scriptedEndpoint(answers: readonly ScriptedAnswer[]): ScriptedEndpoint {
  const requests: string[] = []
  const next = (url: string): ScriptedAnswer => {
    const answer = answers[requests.length]
    requests.push(url)
    if (answer === undefined) throw new Error(`nothing is scripted for request ${requests.length}, ${url}`)
    return answer
  }
  return {
    requests,
    fetch: async (url) => {
      const { status, headers, body = '' } = next(url)
      return new Response(status === 204 || status === 304 ? null : body, { status, headers: { ...headers } })
    },
    dial: async ({ url, authenticate }) => {
      const { status, headers, body = '', serverChain = [] } = next(url)
      await authenticate(serverChain.map((der) => new Uint8Array(Buffer.from(der, 'base64'))))
      return {
        status,
        headers: new Headers({ ...headers }),
        body: new TextEncoder().encode(body),
      }
    },
  }
}
