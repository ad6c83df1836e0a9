/**
 * A transport that writes down what it was asked for and what was answered.
 */
import type {
  KubeRequest,
  KubeResponse,
  KubeTransport,
  KubeWatchEvent,
  KubeWatchRequest,
} from '../../src/kubernetes/index.ts'

/** One request or watch. */
interface Recorded {
  readonly method: KubeRequest['method'] | 'WATCH'
  readonly path: string
  /** `undefined` where no answer came. A watch has the code of its refusal, or 200. */
  readonly status: number | undefined
}

export interface RecordedTransport extends KubeTransport {
  readonly log: readonly Recorded[]
  /** `PUT /api/…` of what the server did, in order. */
  written(): readonly string[]
  /** What was answered by one status. */
  answered(status: number): readonly Recorded[]
}

/** What a test does around a request. */
export interface Around {
  readonly before?: (request: KubeRequest) => void | Promise<void>
  readonly after?: (request: KubeRequest, answer: KubeResponse) => void | Promise<void>
}

/** Records what goes through a transport, and lets a test act before and after each request. */
export function recordedTransport(inner: KubeTransport, { before, after }: Around = {}): RecordedTransport {
  const log: Recorded[] = []
  return {
    log,
    written: () =>
      log
        .filter(({ method, status }) => method !== 'GET' && method !== 'WATCH' && (status ?? 500) < 300)
        .map(({ method, path }) => `${method} ${path}`),
    answered: (status) => log.filter((one) => one.status === status),
    async request(request) {
      await before?.(request)
      const { method, path } = request
      try {
        const answer = await inner.request(request)
        log.push({ method, path, status: answer.status })
        await after?.(request, answer)
        return answer
      } catch (error) {
        log.push({ method, path, status: undefined })
        throw error
      }
    },
    watch: (request) => recordWatch(inner, request, log),
  }
}

async function* recordWatch(
  inner: KubeTransport,
  request: KubeWatchRequest,
  log: Recorded[],
): AsyncGenerator<KubeWatchEvent, void, undefined> {
  let status = 200
  try {
    for await (const event of inner.watch(request)) {
      const code: unknown = event.type === 'ERROR' ? Reflect.get(Object(event.object), 'code') : undefined
      if (typeof code === 'number') status = code
      yield event
    }
  } finally {
    log.push({ method: 'WATCH', path: request.path, status })
  }
}
