// Copies one file, making its folder.
//
//   node tools/copy.mjs <from> <to>
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { argv, exit } from 'node:process'

const [from, to] = argv.slice(2)
if (from === undefined || to === undefined) {
  console.error('usage: copy <from> <to>')
  exit(2)
}
mkdirSync(dirname(to), { recursive: true })
copyFileSync(from, to)
