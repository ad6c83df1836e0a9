import { test } from 'vitest'

const required = (process.env['MESH_PKI_REQUIRE'] ?? '').split(',').map((name) => name.trim())

/** Whether MESH_PKI_REQUIRE lists a name. */
export const isRequired = (name: string): boolean => required.includes(name)

/**
 * Whether a suite that needs something from outside (a program, a folder of cases) may register.
 *
 * Where the thing is absent, one line says so and the suite is not registered. Where the environment
 * variable MESH_PKI_REQUIRE lists its name, absence is a failing test instead.
 *
 * @param name what is needed, as MESH_PKI_REQUIRE spells it
 * @param available `true`, or the reason why not
 *
 * @example
 * ```ts
 * if (requirement('openssl', opensslAvailable)) {
 *   describe('openssl reads what we write', () => {})
 * }
 * ```
 */
export function requirement(name: string, available: () => true | string): boolean {
  const reason = available()
  if (reason === true) return true
  if (isRequired(name)) {
    test(`${name} is present, as MESH_PKI_REQUIRE demands`, () => {
      throw new Error(`${name}: ${reason}`)
    })
  } else {
    process.stderr.write(`suite ${name}: not run, ${reason.replaceAll('\n', ' ')}\n`)
  }
  return false
}
