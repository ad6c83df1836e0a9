/**
 * Waiting for what real servers do in their own time.
 */

/** Looks again and again until there is something, and says what did not come to be. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  seconds = 60,
): Promise<T> {
  const end = performance.now() + seconds * 1000
  let last: unknown
  do {
    try {
      const found = await look()
      if (found !== undefined) return found
      last = undefined
    } catch (error) {
      last = error
    }
    await pause(50)
  } while (performance.now() < end)
  throw new Error(`${what}: did not come to be within ${seconds} s`, { cause: last })
}

/** {@link until} for what is true or false. */
export async function untilTrue(
  what: string,
  look: () => boolean | Promise<boolean>,
  seconds?: number,
): Promise<void> {
  await until(what, async () => ((await look()) ? true : undefined), seconds)
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))
