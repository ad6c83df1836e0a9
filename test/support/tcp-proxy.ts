/**
 * A network that can be broken: forwards TCP on loopback, and does harm to it when it is told to.
 */
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Connections that are open now. */
  readonly open: number
  /** Connections that were taken so far. */
  readonly accepted: number
  /** Ends all connections with RST. */
  cut(): void
  /** Ends all connections with FIN, after what is on its way. */
  finish(): void
  /** Half-open: nothing passes on connections that are open now, in neither direction, and no end is told. New ones work. */
  freeze(): void
  /** As {@link freeze}, for new ones too. */
  freezeAll(): void
  /** Lets through what was held back, and all that follows. */
  thaw(): void
  /** Takes no new connections (RST), until {@link accept}. */
  refuse(): void
  accept(): void
  /** Holds back what comes from the server for so long. */
  delay(milliseconds: number): void
  /** What the server sends next is lost, with RST to the client: the server has done what it was asked for. */
  loseNextAnswer(): void
  close(): Promise<void>
}

/** One connection: two sockets, and what was held back between them. */
class Pair {
  readonly client: Socket
  readonly server: Socket
  isFrozen: boolean
  #held: (() => void)[] = []
  #due = 0

  constructor(client: Socket, server: Socket, isFrozen: boolean) {
    this.client = client
    this.server = server
    this.isFrozen = isFrozen
  }

  get isOpen(): boolean {
    return !this.client.destroyed && !this.server.destroyed
  }

  get isGone(): boolean {
    return this.client.destroyed && this.server.destroyed
  }

  pass(act: () => void): void {
    if (this.isFrozen) this.#held.push(act)
    else act()
  }

  /** In order, also where the delay becomes shorter. */
  passLater(act: () => void, delayMs: number): void {
    const now = performance.now()
    this.#due = Math.max(this.#due, now + delayMs)
    if (this.#due <= now) this.pass(act)
    else setTimeout(() => this.pass(act), this.#due - now)
  }

  thaw(): void {
    this.isFrozen = false
    for (const act of this.#held.splice(0)) act()
  }

  reset(): void {
    this.client.resetAndDestroy()
    this.server.resetAndDestroy()
  }
}

/** Starts a proxy in front of a port of this machine. */
export async function tcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  let accepted = 0
  let freezes = false
  let refuses = false
  let delayMs = 0
  let losesAnswer = false

  const join = (client: Socket): void => {
    client.on('error', () => {})
    accepted++
    if (refuses) {
      client.resetAndDestroy()
      return
    }
    const server = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true })
    server.on('error', () => {})
    const pair = new Pair(client, server, freezes)
    pairs.add(pair)
    client.on('data', (bytes) => pair.pass(() => void server.write(bytes)))
    client.on('end', () => pair.pass(() => void server.end()))
    server.on('data', (bytes) => {
      if (!losesAnswer) {
        pair.passLater(() => void client.write(bytes), delayMs)
        return
      }
      losesAnswer = false
      pair.reset()
    })
    server.on('end', () => pair.passLater(() => void client.end(), delayMs))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('close', () => {
        if (pair.isGone) pairs.delete(pair)
        // Over a network that is dead nobody learns that the other end is gone.
        else pair.passLater(() => void other.destroy(), one === server ? delayMs : 0)
      })
  }

  const listener = createServer({ allowHalfOpen: true }, join)
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', resolve)
  })
  const address = listener.address()
  const each = (act: (pair: Pair) => void): void => {
    for (const pair of [...pairs]) act(pair)
  }
  const freeze = (): void =>
    each((pair) => {
      pair.isFrozen = true
    })
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get open() {
      return [...pairs].filter((pair) => pair.isOpen).length
    },
    get accepted() {
      return accepted
    },
    cut: () => each((pair) => pair.reset()),
    finish: () =>
      each(({ client, server }) => {
        client.end()
        server.end()
      }),
    freeze,
    freezeAll: () => {
      freezes = true
      freeze()
    },
    thaw: () => {
      freezes = false
      each((pair) => pair.thaw())
    },
    refuse: () => {
      refuses = true
    },
    accept: () => {
      refuses = false
    },
    delay: (milliseconds) => {
      delayMs = milliseconds
    },
    loseNextAnswer: () => {
      losesAnswer = true
    },
    close: async () => {
      each((pair) => pair.reset())
      await new Promise<void>((resolve) => listener.close(() => resolve()))
    },
  }
}
