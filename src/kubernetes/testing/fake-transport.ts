/**
 * One user's way to an in-memory API server, and one process: it can crash between two writes.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import type { Clock } from '../../internal/clock.ts'
import { checkOneOf, checkOptionNames, readCount } from '../../internal/options.ts'
import type {
  KubeRequest,
  KubeResponse,
  KubeTransport,
  KubeWatchEvent,
  KubeWatchRequest,
} from '../api/kube-transport.ts'
import { ApiRefusal, badRequest } from './api-refusal.ts'
import type { ApiRequest } from './api-request.ts'
import type { ApiServer } from './api-server.ts'
import { FakeConnectionError, faultAnswer, type KubeFaults, type RequestFate } from './kube-faults.ts'
import { untilAborted } from './standing-clock.ts'
import { wireCopy } from './stored-object.ts'
import type { FakeWatch, WatchHub } from './watch-hub.ts'

/** How {@link FakeKubeTransport.crashAfterWrite} ends the last request. */
export interface CrashOptions {
  /** Whether the answer to the last write still comes. Default `'delivered'`. */
  readonly answer?: 'lost' | 'delivered' | undefined
}

/** What a transport is made of. */
export interface TransportParts {
  readonly user: string
  readonly server: ApiServer
  readonly faults: KubeFaults
  readonly hub: WatchHub
  readonly clock: Clock
  /** Is told of every request. */
  log(read: ApiRequest | undefined, request: KubeRequest, status: number, changed: boolean): void
}

/**
 * A {@link KubeTransport} of one user to a {@link FakeKubeApi}, which stands for one process: after
 * {@link crashAfterWrite} all its requests fail, and a test starts a new one with another transport.
 */
export class FakeKubeTransport implements KubeTransport {
  readonly #parts: TransportParts
  readonly #crash = new AbortController()
  readonly #watches = new Set<FakeWatch>()
  #writes = 0
  #crashAt = Number.POSITIVE_INFINITY
  #losesAnswer = false

  /** @internal */
  constructor(parts: TransportParts) {
    this.#parts = parts
  }

  /** How many requests of this transport have changed something. */
  get writes(): number {
    return this.#writes
  }

  /** Whether it has crashed. */
  get crashed(): boolean {
    return this.#crash.signal.aborted
  }

  /** Aborts when it crashes: for who runs a controller on it. */
  get crashSignal(): AbortSignal {
    return this.#crash.signal
  }

  /**
   * Crashes after the n-th write of this transport, counted from its beginning: that write is done, and every later
   * request rejects. 0 crashes at once. Its watches break.
   *
   * To try every crash point, run once without a crash and read {@link writes}; then run again for 0 to that number.
   *
   * @example
   * ```ts
   * import { fakeKubeApi } from 'mesh-pki/kubernetes/testing'
   *
   * declare function reconcile(transport: object): Promise<void>
   * for (let n = 0, total = 1; n <= total; n++) {
   *   const api = fakeKubeApi()
   *   const first = api.transport()
   *   first.crashAfterWrite(n)
   *   await reconcile(first).catch(() => {})
   *   const second = api.transport()
   *   await reconcile(second)
   *   total = Math.max(total, first.writes + second.writes)
   * }
   * ```
   */
  crashAfterWrite(n: number, options: CrashOptions = {}): void {
    checkOptionNames(options, ['answer'], 'crashAfterWrite()')
    this.#crashAt = readCount(n, 'n', 0, Number.MAX_SAFE_INTEGER)
    this.#losesAnswer = checkOneOf(options.answer ?? 'delivered', ['lost', 'delivered'], 'answer') === 'lost'
    this.#crashIfDue()
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    const { server, user, log } = this.#parts
    const { signal } = request
    this.#check(signal)
    const read = readOrRefuse(server, request, false)
    if (read instanceof ApiRefusal) {
      log(undefined, request, read.status, false)
      return server.refusal(read)
    }
    const fate = this.#fateOf(read)
    const early = await this.#before(fate, signal)
    if (early !== undefined) {
      log(read, request, early.status, false)
      return server.refusal(early)
    }
    const { response, changed } = await server.answer(user, request)
    log(read, request, response.status, changed)
    if (changed) this.#writes++
    if (changed && this.#crashIfDue() && this.#losesAnswer) throw new FakeConnectionError()
    if (response.status >= 300 || fate.fault === undefined) return response
    if (fate.fault.kind === 'hang-after') return untilAborted(signal)
    return server.refusal(faultAnswer(fate.fault.outcome))
  }

  async *watch(request: KubeWatchRequest): AsyncGenerator<KubeWatchEvent, void, undefined> {
    const { server, user, log, hub } = this.#parts
    const { signal } = request
    if (signal.aborted) return
    this.#check(signal)
    const asked: KubeRequest = { method: 'GET', ...request }
    const read = readOrRefuse(server, asked, true)
    const opened = read instanceof ApiRefusal ? read : await this.#open(read, user, signal)
    if (opened === undefined) return
    log(
      read instanceof ApiRefusal ? undefined : read,
      asked,
      opened instanceof ApiRefusal ? opened.status : 200,
      false,
    )
    if (opened instanceof ApiRefusal) {
      yield { type: 'ERROR', object: wireCopy(opened.body) }
      return
    }
    this.#watches.add(opened)
    const over = new AbortController()
    if (read !== undefined && !(read instanceof ApiRefusal)) this.#endInTime(opened, read, over.signal)
    try {
      for (;;) {
        const event = await opened.next(signal)
        if (event === undefined) return
        const { type, object } = event
        yield { type, object: wireCopy(object) }
      }
    } finally {
      over.abort()
      hub.close(opened)
      this.#watches.delete(opened)
    }
  }

  async #open(
    read: ApiRequest | undefined,
    user: string,
    signal: AbortSignalLike,
  ): Promise<FakeWatch | ApiRefusal | undefined> {
    try {
      if (read === undefined || read.verb !== 'watch') throw badRequest('only collections are watched')
      const refused = await this.#before(this.#fateOf(read), signal)
      return refused ?? this.#parts.server.watch(user, read)
    } catch (error) {
      if (signal.aborted) return undefined
      if (error instanceof ApiRefusal) return error
      throw error
    }
  }

  #endInTime(watch: FakeWatch, { query }: ApiRequest, over: AbortSignal): void {
    const seconds = Number(query.get('timeoutSeconds') ?? '0')
    if (!(seconds > 0)) return
    this.#parts.clock.sleep(seconds * 1000, over).then(
      () => {
        watch.bookmark()
        watch.end()
      },
      () => {},
    )
  }

  #fateOf(read: ApiRequest | undefined): RequestFate {
    const { faults, user } = this.#parts
    if (read === undefined) return { delayMs: 0, fault: undefined }
    const { verb, group, plural, part, namespace, name } = read
    return faults.fateOf({ user, verb, group, resource: plural, part, namespace, name })
  }

  /** What happens before a request is done. Answers how it is refused. @throws `FakeConnectionError`. */
  async #before({ delayMs, fault }: RequestFate, signal: AbortSignalLike): Promise<ApiRefusal | undefined> {
    if (delayMs > 0) await this.#parts.clock.sleep(delayMs, signal)
    if (fault?.kind === 'hang') return untilAborted(signal)
    if (fault?.kind === 'before') return faultAnswer(fault.outcome)
    this.#check(signal)
    return undefined
  }

  #check(signal: AbortSignalLike): void {
    if (this.crashed) throw new FakeConnectionError('this transport has crashed')
    if (signal.aborted) throw signal.reason
  }

  #crashIfDue(): boolean {
    if (this.#writes < this.#crashAt || this.crashed) return this.crashed
    const error = new FakeConnectionError('this transport has crashed')
    this.#crash.abort(error)
    for (const watch of this.#watches) watch.end(error)
    return true
  }
}

function readOrRefuse(
  server: ApiServer,
  request: KubeRequest,
  watches: boolean,
): ApiRequest | ApiRefusal | undefined {
  try {
    return server.read(request, watches)
  } catch (error) {
    if (error instanceof ApiRefusal) return error
    throw error
  }
}
