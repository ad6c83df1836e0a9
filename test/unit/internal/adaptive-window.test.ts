import { describe, expect, test, vi } from 'vitest'
import { AdaptiveWindow } from '../../../src/internal/adaptive-window.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** An operation that ends when told to. */
function pending(): {
  readonly operation: () => Promise<void>
  readonly started: () => boolean
  end(): void
} {
  let begun = false
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const operation = (): Promise<void> => {
    begun = true
    return ended
  }
  return { operation, started: () => begun, end: () => end() }
}

/** Keeps the event loop busy. */
function work(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

describe('how many at the same time', () => {
  test('one or three are not crowded, four are', async () => {
    for (const [count, crowded] of [
      [1, false],
      [3, false],
      [4, true],
      [64, true],
    ] as const) {
      const window = new AdaptiveWindow()
      const answers = await Promise.all(
        Array.from({ length: count }, () => window.run(async (isCrowded) => isCrowded())),
      )
      expect([count, answers[0]]).toEqual([count, crowded])
    }
  })

  test('one after the other is never crowded', async () => {
    const window = new AdaptiveWindow()
    for (let i = 0; i < 50; i++) expect(await window.run(async (isCrowded) => isCrowded())).toBe(false)
  })

  test('sixteen run, the others wait in their order', async () => {
    const window = new AdaptiveWindow()
    const operations = Array.from({ length: 20 }, pending)
    const runs = operations.map(({ operation }) => window.run(operation))
    await turn()
    expect(operations.map(({ started }) => started())).toEqual(operations.map((_, i) => i < 16))
    operations[7]?.end()
    await turn()
    expect(operations.map(({ started }) => started())).toEqual(operations.map((_, i) => i < 17))
    for (const { end } of operations) end()
    await Promise.all(runs)
    expect(operations.every(({ started }) => started())).toBe(true)
  })
})

describe('nothing is lost', () => {
  test('a failure frees its place, and is the failure of its own operation only', async () => {
    const window = new AdaptiveWindow()
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) =>
        window.run(async () => {
          if (i % 2 === 0) throw new Error(`${i}`)
          return i
        }),
      ),
    )
    expect(results.map(({ status }) => status)).toEqual(
      Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 'rejected' : 'fulfilled')),
    )
    const after = Array.from({ length: 16 }, pending)
    const runs = after.map(({ operation }) => window.run(operation))
    await turn()
    expect(after.every(({ started }) => started())).toBe(true)
    for (const { end } of after) end()
    await Promise.all(runs)
  })

  test('an operation that throws before it waits', async () => {
    const window = new AdaptiveWindow()
    const thrown = window.run(() => {
      throw new Error('at once')
    })
    await expect(thrown).rejects.toThrow('at once')
    expect(await window.run(async () => 1)).toBe(1)
  })
})

describe('the event loop gets its turn', () => {
  test('in the middle of a burst of work, and of one call after the other', async () => {
    for (const count of [1, 3]) {
      const window = new AdaptiveWindow()
      let turns = 0
      let done = false
      const count10 = async (): Promise<void> => {
        while (!done) {
          await turn()
          turns++
        }
      }
      const counting = count10()
      for (let i = 0; i < 12; i++)
        await Promise.all(
          Array.from({ length: count }, () =>
            window.run(async () => {
              work(3)
            }),
          ),
        )
      const during = turns
      done = true
      await counting
      expect(during).toBeGreaterThan(3)
    }
  })
})

// Whoever tests with fake timers awaits verifications too.
test('fake timers do not stop it', async () => {
  vi.useFakeTimers({ toFake: ['setImmediate'] })
  try {
    const window = new AdaptiveWindow()
    for (let i = 0; i < 5; i++)
      await window.run(async () => {
        work(3)
      })
    expect(await window.run(async () => 'still here')).toBe('still here')
  } finally {
    vi.useRealTimers()
  }
})
