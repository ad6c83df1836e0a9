import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { pack, root, unpackConsumer } from '../../tools/pack.mjs'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder outside the repository that has the packed package installed. */
    readonly consumer: string
    /** The package itself in there. */
    readonly installed: string
  }
}

/** Builds, packs and installs once for all package tests. */
export function setup(project: TestProject): () => void {
  const { folder, installed, remove } = unpackConsumer(pack(join(root, 'build', 'pack')))
  project.provide('consumer', folder)
  project.provide('installed', installed)
  return remove
}
