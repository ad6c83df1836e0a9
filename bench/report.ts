/**
 * Prints rows, and remembers which did not hold.
 *
 * @module
 */

let missed = 0

/** A row: more is better. It holds when it is no more than 5 % under its figure; the machine is shared. */
export function row(job: string, measured: number, unit: string, goal: number): void {
  print(job, measured, unit, goal, measured >= goal * 0.95)
}

/** A row where less is better, with the same margin. */
export function rowAtMost(job: string, measured: number, unit: string, goal: number): void {
  print(job, measured, unit, goal, measured <= goal * 1.05)
}

function print(job: string, measured: number, unit: string, goal: number, holds: boolean): void {
  if (!holds) missed++
  console.log(
    `${holds ? 'holds ' : 'MISSED'}  ${job.padEnd(44)} ${measured.toFixed(2).padStart(8)} ${unit.padEnd(22)} goal ${goal}`,
  )
}

/** Costs by name, in one line. */
export function describe(micros: ReadonlyMap<string, number>): string {
  return [...micros].map(([name, value]) => `${name} ${value.toFixed(1)} µs`).join(', ')
}

/** The last line, and the exit code. */
export function summary(): number {
  console.log(missed === 0 ? '\nevery row holds' : `\n${missed} row(s) missed`)
  return missed === 0 ? 0 : 1
}
