/**
 * Writes down what was planned and what happened, and draws both.
 *
 * @module
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renderTimeline } from 'mesh-pki/inspect'
import type { Played } from './live-rollover.js'

/** `<out>/<name>-{plan,trace}.json`, and `<name>.svg` and `<name>-trace.svg`. Answers their names. */
export async function writePlayed(
  out: string,
  name: string,
  { plan, trace }: Played,
): Promise<readonly string[]> {
  const files = {
    [`${name}-plan.json`]: `${JSON.stringify(plan, undefined, 2)}\n`,
    [`${name}-trace.json`]: `[\n${trace.events.map((event) => JSON.stringify(event)).join(',\n')}\n]\n`,
    [`${name}.svg`]: renderTimeline(plan, { format: 'svg' }),
    [`${name}-trace.svg`]: renderTimeline(trace.events, { format: 'svg' }),
  }
  await mkdir(out, { recursive: true })
  for (const [file, text] of Object.entries(files)) await writeFile(join(out, file), text)
  return Object.keys(files).map((file) => join(out, file))
}
