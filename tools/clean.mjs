// Removes generated folders, on every platform alike.
import { rmSync } from 'node:fs'
import { resolve, sep } from 'node:path'

for (const folder of process.argv.slice(2)) {
  const target = resolve(folder)
  // A slip in a script must not delete what is not generated.
  if (!target.startsWith(process.cwd() + sep)) throw new Error(`${folder} is outside this folder`)
  rmSync(target, { recursive: true, force: true })
}
