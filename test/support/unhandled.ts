import { afterAll, beforeAll, expect } from 'vitest'

/** Fails the suite where a rejection of it is left to nobody. */
export function expectNothingUnhandled(): void {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
  beforeAll(() => void process.on('unhandledRejection', onUnhandled))
  afterAll(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', onUnhandled)
    expect(unhandled).toEqual([])
  })
}
