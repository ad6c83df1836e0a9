// The suite as a test of `workerd test`. What is for Node is a module apart: it may not link here.
import { lacks, name } from '../host.mjs'
import { runCases } from '../suite.mjs'

/** @param {string} subpath */
function load(subpath) {
  // By a variable: a bundler takes a template for a pattern of files that it shall bundle.
  const file = `./${subpath}.mjs`
  return import(file)
}

// biome-ignore lint/style/noDefaultExport: workerd takes its handlers from there
export default {
  async test() {
    console.log(`results: ${JSON.stringify(await runCases({ name, lacks: new Set(lacks), load }))}`)
  },
}
