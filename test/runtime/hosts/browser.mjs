// The suite in a page, which sends what came out to whoever served it.
import { lacks, name } from '../host.mjs'
import { runCases } from '../suite.mjs'

/** @param {string} subpath */
async function load(subpath) {
  const file = `/${subpath}.mjs`
  // A module that is not there does not load either, which would look like one that may not.
  return (await fetch(file)).ok ? import(file) : {}
}

const body = JSON.stringify(await runCases({ name, lacks: new Set(lacks), load }))
await fetch('/results', { method: 'POST', body })
