// The suite in a process: Node, Bun, Deno.
import { lacks, name } from '../host.mjs'
import { runCases } from '../suite.mjs'

const load = (/** @type {string} */ subpath) => import(subpath)
console.log(`results: ${JSON.stringify(await runCases({ name, lacks: new Set(lacks), load }))}`)
