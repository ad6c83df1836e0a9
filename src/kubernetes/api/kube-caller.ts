/**
 * One request to the API server: its time limit, its error, and what is told of it.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import type { Clock } from '../../internal/clock.ts'
import { tell } from '../../internal/tell.ts'
import { withinTime } from '../../internal/within-time.ts'
import { type KubeCall, type KubeError, refusalOf, unreachable } from './kube-error.ts'
import type { KubeRuntimeEvent } from './kube-event.ts'
import type { KubeResource } from './kube-resource.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from './kube-transport.ts'

/** Clocks further apart than this make certificates that are not valid yet. */
const SKEW_MS = 60_000

/** Sends requests of a client. */
export class KubeCaller {
  readonly #transport: KubeTransport
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #onEvent: ((event: KubeRuntimeEvent) => void) | undefined
  #isSkewed = false

  constructor(
    transport: KubeTransport,
    clock: Clock,
    timeoutMs: number,
    onEvent: ((event: KubeRuntimeEvent) => void) | undefined,
  ) {
    this.#transport = transport
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#onEvent = onEvent
  }

  /** The body of a successful answer. @throws `KubeError`; the reason of the signal. */
  async send(
    call: KubeCall,
    resource: KubeResource,
    request: Omit<KubeRequest, 'signal'>,
    signal: AbortSignalLike | undefined,
  ): Promise<unknown> {
    const started = this.#clock.now().getTime()
    const answer = await this.#answerTo(call, request, signal)
    const failure = answer instanceof Error ? answer : isSuccess(answer) ? undefined : refusalOf(call, answer)
    const status = answer instanceof Error ? undefined : answer.status
    tell(this.#onEvent, {
      type: 'request',
      verb: call.verb,
      resource: resource.plural,
      durationMs: Math.max(0, this.#clock.now().getTime() - started),
      ...(status === undefined ? {} : { status }),
      ...(failure === undefined ? {} : { code: failure.code }),
    })
    if (failure !== undefined) throw failure
    return answer instanceof Error ? undefined : answer.body
  }

  async #answerTo(
    call: KubeCall,
    request: Omit<KubeRequest, 'signal'>,
    signal: AbortSignalLike | undefined,
  ): Promise<KubeResponse | KubeError> {
    try {
      const answer = await withinTime(
        { clock: this.#clock, milliseconds: this.#timeoutMs, signal, timedOut: () => new TimeoutError() },
        (own) => this.#transport.request({ ...request, signal: own }),
      )
      this.#compareClocks(answer.headers['date'])
      return answer
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason
      return unreachable(call, error)
    }
  }

  #compareClocks(date: string | undefined): void {
    const server = date === undefined ? Number.NaN : Date.parse(date)
    if (Number.isNaN(server)) return
    const skewMs = server - this.#clock.now().getTime()
    const isSkewed = Math.abs(skewMs) > SKEW_MS
    if (isSkewed && !this.#isSkewed) tell(this.#onEvent, { type: 'clock-skew', skewMs })
    this.#isSkewed = isSkewed
  }
}

const isSuccess = ({ status }: KubeResponse): boolean => status >= 200 && status < 300

class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}
