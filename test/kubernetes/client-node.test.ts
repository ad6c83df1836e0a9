/**
 * Both majors of `@kubernetes/client-node` are transports: the first on this Node, the second on Node 22.
 */
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientNodeTransport } from '../../src/kubernetes/client-node/index.ts'
import { peersAt, peersAvailable } from '../../tools/kubernetes.mjs'
import { type KubeServer, kubernetesAvailable, startKubeServer } from '../support/kube-server.ts'
import { withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { runThrough } from './client-node/run-through.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const [first, second, node] = peersAt

/** What comes of the way, whatever it is gone by. */
const EXPECTED = {
  create: { x: 'ä€😀' },
  'create again': 'ERR_KUBERNETES_ALREADY_EXISTS 409 refused',
  'get what is not there': 'ERR_KUBERNETES_NOT_FOUND 404 refused',
  replace: { x: '2' },
  'replace what is old': 'ERR_KUBERNETES_CONFLICT 409 refused',
  merge: { x: '2', y: '1' },
  apply: { x: '2', y: '1', z: '1' },
  invalid: 'ERR_KUBERNETES_INVALID 422 refused',
  serves: [true, false],
  list: ['a'],
  watch: ['ADDED w 80000', 'DELETED w 80000'],
  'watch that ends': [],
  'watch what is not served': 'ERR_KUBERNETES_NOT_SERVED 404 refused',
  'watch that is aborted': [],
  remove: true,
  'remove what is gone': false,
  aborted: 'AbortError',
}

/** A program's output; what it wrote to stderr where it failed. */
async function outputOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  const [out, err] = await Promise.all(
    [child.stdout, child.stderr].map(async (stream) => {
      let text = ''
      for await (const chunk of stream) text += String(chunk)
      return text
    }),
  )
  const status = child.exitCode ?? (await new Promise((resolve) => child.once('close', resolve)))
  if (status !== 0) throw new Error(`ended with ${status}: ${err}`)
  return out ?? ''
}

if (
  requirement('kubernetes', kubernetesAvailable) &&
  requirement('kubernetes', peersAvailable) &&
  first !== undefined &&
  second !== undefined &&
  node !== undefined
) {
  const newer = join(node.package, 'bin', 'node')

  describe('a transport over @kubernetes/client-node', () => {
    let server: KubeServer
    let count = 0
    const namespace = async (): Promise<string> => {
      const name = `peer-${++count}`
      const signal = AbortSignal.timeout(10_000)
      const body = { metadata: { name } }
      await server.admin.request({ method: 'POST', path: '/api/v1/namespaces', body, signal })
      return name
    }

    /** A kubeconfig with a certificate of ours, or what else a user has. */
    const kubeconfig = async (folder: string, credentials?: object): Promise<string> => {
      const { certificate, key } = await server.certificateFor('admin', ['system:masters'])
      const data = (text: string) => Buffer.from(text).toString('base64')
      const own = { 'client-certificate-data': data(certificate), 'client-key-data': data(key) }
      const file = join(folder, 'kubeconfig')
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
        clusters: [
          { name: 'k', cluster: { server: server.url, 'certificate-authority-data': data(server.caPem) } },
        ],
        users: [{ name: 'u', user: credentials ?? own }],
      }
      writeFileSync(file, JSON.stringify(config))
      return file
    }
    const through = async (home: string, credentials?: object): Promise<unknown> =>
      withTemporaryFolder(async (folder) => {
        const args = [
          join(here, 'client-node', 'peer.ts'),
          home,
          await kubeconfig(folder, credentials),
          await namespace(),
        ]
        // That it strips types is worth a warning to it.
        return JSON.parse(await outputOf(newer, ['--no-warnings', ...args]))
      })

    beforeAll(async () => {
      server = await startKubeServer({ tokens: { 'a-token': { user: 'admin', groups: ['system:masters'] } } })
    })
    afterAll(() => server?.stop())

    test('our own transport goes the same way', async () => {
      expect(await runThrough(server.admin, await namespace())).toEqual(EXPECTED)
    })

    test.each([
      ['1.4', first],
      ['2.0', second],
    ])('version %s on Node 22', async (_version, peer) => {
      expect(await through(peer.folder)).toEqual(EXPECTED)
    })

    test.each([
      ['1.4', first],
      ['2.0', second],
    ])('version %s with a token', async (_version, peer) => {
      expect(await through(peer.folder, { token: 'a-token' })).toEqual(EXPECTED)
    })

    test('version 1.4 on this Node', async () => {
      const entry = createRequire(join(first.folder, 'package.json')).resolve('@kubernetes/client-node')
      const library = await import(/* @vite-ignore */ entry)
      const steps = await withTemporaryFolder(async (folder) => {
        const config = new library.KubeConfig()
        config.loadFromFile(await kubeconfig(folder))
        return runThrough(clientNodeTransport({ library, config }), await namespace())
      })
      expect(steps).toEqual(EXPECTED)
    })

    test.each([
      ['1.4', first],
      ['2.0', second],
    ])('version %s fits by its types', (_version, peer) => {
      const source = fileURLToPath(new URL('../../src/kubernetes/client-node/index.ts', import.meta.url))
      const program = (result: string) => `
        import * as k8s from '@kubernetes/client-node'
        import { clientNodeTransport } from ${JSON.stringify(source)}
        export const transport${result} = clientNodeTransport({ library: k8s, config: new k8s.KubeConfig() })
      `
      const compile = (text: string): number | null => {
        const file = join(peer.folder, 'typed.mts')
        writeFileSync(file, text)
        const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
        const types = fileURLToPath(new URL('../../node_modules/@types', import.meta.url))
        const flags = [
          '--ignoreConfig',
          '--noEmit',
          '--strict',
          '--skipLibCheck',
          '--allowImportingTsExtensions',
        ]
        const target = ['--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--typeRoots', types]
        return spawnSync(execPath, [tsc, ...flags, ...target, file], { cwd: peer.folder }).status
      }
      expect(compile(program(''))).toBe(0)
      expect(compile(program(': number'))).not.toBe(0)
    })
  })
}
