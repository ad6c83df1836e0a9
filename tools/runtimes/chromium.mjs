// The suite in headless Chromium: a page of the loopback interface, which is a secure context, so that it has WebCrypto.
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { bundleSuite } from './bundle.mjs'
import { runProcess } from './run-process.mjs'

const PAGE = `<!doctype html><meta charset="utf-8"><title>mesh-pki</title>
<script>
  const tell = (text) => fetch('/results', { method: 'POST', body: String(text) })
  addEventListener('error', ({ message }) => tell(message))
  addEventListener('unhandledrejection', ({ reason }) => tell(reason))
</script>
<script type="module" src="/main.mjs"></script>
`

// Nothing of it may reach the network, ask a keyring or outlive the run; as root there is no sandbox.
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--no-first-run',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-breakpad',
  '--disable-sync',
  '--password-store=basic',
]

/**
 * Serves the page and its modules, and takes what the page sends.
 *
 * @param {string} out
 * @param {(results: string) => void} take
 */
function serve(out, take) {
  return createServer((request, response) => {
    const { method, url = '/' } = request
    if (method === 'POST' && url === '/results') {
      let body = ''
      request.setEncoding('utf8')
      request.on('data', (text) => {
        body += text
      })
      request.on('end', () => {
        response.end()
        take(body)
      })
      return
    }
    if (url === '/') response.setHeader('content-type', 'text/html').end(PAGE)
    else if (url.endsWith('.mjs') && !url.includes('..'))
      response.setHeader('content-type', 'text/javascript').end(readFileSync(join(out, url)))
    else response.writeHead(404).end()
  })
}

/**
 * @param {{ folder: string, command: string, timeLimit: number }} options
 * @returns {Promise<{ output: string, problem: string | undefined }>}
 */
export async function runChromium({ folder, command, timeLimit }) {
  const out = join(folder, 'chromium')
  await mkdir(out, { recursive: true })
  await bundleSuite(folder, 'hosts/browser.mjs', out)
  const profile = await mkdtemp(join(folder, 'profile-'))
  let results = ''
  /** @type {() => void} */
  let finish = () => {}
  /** @type {Promise<void>} */
  const until = new Promise((resolve) => {
    finish = resolve
  })
  const server = serve(out, (text) => {
    results ||= text
    finish()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  try {
    const args = [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`]
    const { output, problem } = await runProcess(command, args, { cwd: out, timeLimit, until })
    if (results === '') return { output, problem: problem ?? 'ended before the page did' }
    // What is no list is the message of an error in the page.
    return results.startsWith('[')
      ? { output: `results: ${results}\n`, problem: undefined }
      : { output, problem: `the page failed: ${results}` }
  } finally {
    server.close()
    server.closeAllConnections()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
