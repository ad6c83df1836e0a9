/**
 * The way through an API server by `@kubernetes/client-node`, as a program of its own: for a major that this Node cannot load.
 * Started with the folder of the package, a kubeconfig and a namespace; writes what came of it as JSON.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { argv, stdout } from 'node:process'
import { pathToFileURL } from 'node:url'
import { clientNodeTransport } from '../../../src/kubernetes/client-node/index.ts'
import { runThrough } from './run-through.ts'

const [, , home = '', kubeconfig = '', namespace = ''] = argv
const entry = createRequire(join(home, 'package.json')).resolve('@kubernetes/client-node')
const library = await import(pathToFileURL(entry).href)
const config = new library.KubeConfig()
config.loadFromFile(kubeconfig)
stdout.write(JSON.stringify(await runThrough(clientNodeTransport({ library, config }), namespace)))
