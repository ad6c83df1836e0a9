import { readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

/** The source file of every subpath export; the trailing `!` marks what is shipped. */
const entries = Object.values(manifest.exports)
  .filter((target) => typeof target === 'object')
  .map((target) => `${target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')}!`)

/** @type {import('knip').KnipConfig} */
export default {
  entry: [
    ...entries,
    'examples/*/main.ts',
    'bench/main.ts',
    'test/**/*.test.ts',
    'test/**/*.test-d.ts',
    'test/fuzz/main.ts',
    'test/runtime/{smoke,hosts/*,vectors/generate}.mjs',
    'test/kubernetes/client-node/peer.ts',
    'test/kubernetes/chaos/{agent-process,contender}.ts',
    'test/vectors/**/*.mjs',
    'tools/*.mjs',
  ],
  project: ['src/**/*.ts!', 'examples/**/*.ts', 'bench/**/*.ts', 'test/**/*.{ts,mjs}', 'tools/**/*.mjs'],
  ignoreDependencies: [
    // Started by tools/check.mjs, where knip does not see a command line.
    ...['@arethetypeswrong/cli', 'publint'],
    // Imported by programs in docs, which the suite runs.
    ...['@grpc/grpc-js', 'pino', 'prom-client', 'undici'],
    // Installed apart.
    ...['node-webcrypto-p11', '@aws-sdk/client-acm-pca', '@aws-sdk/client-kms'],
  ],
  ignoreBinaries: ['openssl', 'go', 'mkfifo', 'softhsm2-util', 'ssh-keygen'],
}
