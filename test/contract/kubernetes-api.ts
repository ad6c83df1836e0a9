/**
 * What an API server of version 1.20 does, as assertions over the wire: they hold a real kube-apiserver and the
 * in-memory one to the same.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import { describeAccess } from './kubernetes/access.ts'
import { describeApply } from './kubernetes/apply.ts'
import { describeControl } from './kubernetes/control.ts'
import { describeCustom } from './kubernetes/custom.ts'
import { describeData } from './kubernetes/data.ts'
import { describeObjects } from './kubernetes/objects.ts'
import { describePatches } from './kubernetes/patches.ts'
import { describeReads } from './kubernetes/reads.ts'
import { describeSigning } from './kubernetes/signing.ts'
import type { ContractApi } from './kubernetes/support.ts'

/** A server for the suite, and how it is stopped. */
export interface StartedApi {
  readonly api: ContractApi
  stop(): Promise<void>
}

/** Runs the contract against a server. */
export function describeKubeApi(name: string, start: () => Promise<StartedApi>): void {
  describe(name, () => {
    let started: StartedApi | undefined
    const getApi = (): ContractApi => {
      if (started === undefined) throw new Error('the server was not started')
      return started.api
    }
    beforeAll(async () => {
      started = await start()
    })
    afterAll(() => started?.stop())

    describe('objects', () => describeObjects(getApi))
    describe('patches', () => describePatches(getApi))
    describe('data', () => describeData(getApi))
    describe('control', () => describeControl(getApi))
    describe('apply', () => describeApply(getApi))
    describe('reads', () => describeReads(getApi))
    describe('signing', () => describeSigning(getApi))
    describe('custom', () => describeCustom(getApi))
    describe('access', () => describeAccess(getApi))
  })
}
