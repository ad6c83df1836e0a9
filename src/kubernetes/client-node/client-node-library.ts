/**
 * What is used of `@kubernetes/client-node`, by its shape: both majors that are supported have it.
 *
 * @module
 */

import type { WebAbortSignal } from '../../internal/web-types.ts'

/** `RequestContext`. */
export interface ClientNodeRequest {
  setQueryParam(name: string, value: string): void
  setHeaderParam(key: string, value: string): void
  setBody(body: string): void
  setSignal(signal: WebAbortSignal): void
}

/** `ResponseContext`. */
export interface ClientNodeResponse {
  readonly httpStatusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: { text(): Promise<string> }
}

/** `KubeConfig`. */
export interface ClientNodeConfig<Request> {
  getCurrentCluster(): { readonly server: string } | null
  /** Sets headers and TLS: tokens, client certificates, exec plug-ins, proxies. */
  applySecurityAuthentication(context: Request): Promise<void>
}

/** `Watch`. */
export interface ClientNodeWatch {
  watch(
    path: string,
    query: Record<string, string | number | boolean | undefined>,
    onEvent: (type: string, object: unknown) => void,
    onDone: (error: unknown) => void,
  ): Promise<{ abort(): void }>
}

/** The module: `import * as k8s from '@kubernetes/client-node'`. */
export interface ClientNodeLibrary<Request, Method, Config> {
  readonly RequestContext: new (url: string, method: Method) => Request
  readonly HttpMethod: Readonly<Record<'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', Method>>
  readonly IsomorphicFetchHttpLibrary: new () => {
    send(request: Request): { toPromise(): Promise<ClientNodeResponse> }
  }
  readonly Watch: new (config: Config) => ClientNodeWatch
}
