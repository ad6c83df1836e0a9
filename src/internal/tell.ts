/**
 * Functions of the caller that are told what happens. Their own failures must not end what they watch.
 *
 * @module
 */

/** Calls an observer. What it throws, at once or later, is ignored. */
export function tell<T extends readonly unknown[]>(
  observer: ((...args: T) => unknown) | undefined,
  ...args: T
): void {
  try {
    const answer = observer?.(...args)
    if (answer instanceof Promise) answer.catch(() => {})
  } catch {
    // See above.
  }
}
