/**
 * Says what a file holds: certificates, chains, requests and CRLs in PEM or DER, and what
 * `kubectl get secret cacerts -o json` prints.
 *
 *     node build/examples/inspect/main.js chain.pem --anchors east=east-roots.pem --anchors west=west-roots.pem
 *     kubectl -n istio-system get secret cacerts -o json | node build/examples/inspect/main.js
 *     openssl s_client -connect host:15006 -showcerts < /dev/null | node build/examples/inspect/main.js --json
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import process, { argv, stderr, stdin, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { MeshPkiError } from 'mesh-pki'
import { describe, printDescription } from 'mesh-pki/inspect'
import { describeCacerts, printCacerts } from 'mesh-pki/kubernetes'

const USAGE = `usage: main.js [file] [options]      without a file, or with -, standard input is read
  --anchors [name=]file   who may trust it: PEM; may stand more than once
  --intermediates file    certificates between it and the anchors, PEM
  --at instant            as of then, such as 2026-12-24T00:00:00Z
  --json                  the description as JSON
`

/** Of a Secret its own roots are asked too. */
const MAX_ANCHORS = 63

/** What whoever called can mend. Everything else is a fault of the program, and is shown with its stack. */
class UsageError extends Error {}

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  if (values.help === true) {
    stdout.write(USAGE)
    return 0
  }
  const [file = '-', ...more] = positionals
  if (more.length > 0) throw new UsageError(`one file at a time; got ${positionals.length}`)
  const input = await read(file)
  const anchors = await readAnchors(values.anchors ?? [])
  const time = values.at === undefined ? undefined : readInstant(values.at)
  const intermediates =
    values.intermediates === undefined ? undefined : (await read(values.intermediates)).toString('utf8')
  const object = readObject(input, file)
  if (object !== undefined) {
    if (intermediates !== undefined)
      throw new UsageError('--intermediates is of no use with a Secret or ConfigMap: its chain is in it')
    const description = await describeCacerts(object, { time, anchors })
    stdout.write(values.json === true ? json(description) : printCacerts(description))
    return description.entries.some(({ state }) => state === 'unreadable') ? 1 : 0
  }
  const description = await describe(new Uint8Array(input), { time, anchors, intermediates })
  stdout.write(values.json === true ? json(description) : printDescription(description))
  // Scripts should notice; people have read why.
  return description.parts.some(({ content }) => content.kind === 'unreadable') ? 1 : 0
}

function readArguments() {
  try {
    return parseArgs({
      args: argv.slice(2),
      allowPositionals: true,
      options: {
        anchors: { type: 'string', multiple: true },
        intermediates: { type: 'string' },
        at: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function read(file: string): Promise<Buffer> {
  if (file === '-') {
    if (stdin.isTTY) throw new UsageError('no file is given, and nothing comes from standard input')
    const chunks: Buffer[] = []
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  }
  try {
    return await readFile(file)
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function readAnchors(options: readonly string[]): Promise<Record<string, string> | undefined> {
  if (options.length === 0) return undefined
  if (options.length > MAX_ANCHORS)
    throw new UsageError(`--anchors: at most ${MAX_ANCHORS} of them; got ${options.length}`)
  const anchors = new Map<string, string>()
  for (const option of options) {
    const at = option.indexOf('=')
    const [name, file] = at < 0 ? [option, option] : [option.slice(0, at), option.slice(at + 1)]
    if (anchors.has(name)) throw new UsageError(`--anchors: the name ${name} stands twice`)
    anchors.set(name, (await read(file)).toString('utf8'))
  }
  return Object.fromEntries(anchors)
}

function readInstant(text: string): Date {
  const instant = new Date(text)
  if (Number.isNaN(instant.getTime()))
    throw new UsageError(`--at takes an instant such as 2026-12-24T00:00:00Z; got ${JSON.stringify(text)}`)
  return instant
}

/** A Kubernetes object in JSON. What is something else is left to the reader of PEM. */
function readObject(input: Buffer, file: string): object | undefined {
  const text = input.toString('utf8').trimStart()
  if (!text.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    const kind = typeof value === 'object' && value !== null ? Reflect.get(value, 'kind') : undefined
    if (typeof value === 'object' && value !== null && (kind === 'Secret' || kind === 'ConfigMap'))
      return value
  } catch {
    // Its message would quote the text, which may hold a key.
    throw new UsageError(`${file} begins as JSON and is none: was it cut off?`)
  }
  throw new UsageError(
    `${file} is JSON, and neither a Secret nor a ConfigMap: print one with kubectl get -o json`,
  )
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

try {
  process.exitCode = await main()
} catch (error) {
  if (error instanceof UsageError) stderr.write(`${error.message}\n\n${USAGE}`)
  else if (error instanceof MeshPkiError) stderr.write(`${error.code}: ${error.message}\n`)
  else throw error
  process.exitCode = 1
}
