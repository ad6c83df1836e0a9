/**
 * Reflector, client, controller and elector over a network and servers that fail, through our own transport. No waiting here is
 * an assertion: what is asserted are reasons, codes, orders and what there is at the end.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import { kubernetesAvailable } from '../support/kube-server.ts'
import { requirement } from '../support/require.ts'
import { expectNothingUnhandled } from '../support/unhandled.ts'
import { describeAccess } from './chaos/access.ts'
import { describeOutages } from './chaos/outages.ts'
import { describeProcesses } from './chaos/processes.ts'
import { describeWatches } from './chaos/watches.ts'
import { ChaosWorld } from './chaos/world.ts'
import { describeWrites } from './chaos/writes.ts'

if (requirement('kubernetes', kubernetesAvailable)) {
  describe('a real API server that fails', () => {
    let world: ChaosWorld | undefined
    const getChaos = (): ChaosWorld => {
      if (world === undefined) throw new Error('the server was not started')
      return world
    }
    expectNothingUnhandled()
    beforeAll(async () => {
      world = await ChaosWorld.start()
    })
    afterAll(() => world?.stop())

    describeWatches(getChaos)
    describeWrites(getChaos)
    describeAccess(getChaos)
    describeOutages(getChaos)
    describeProcesses(getChaos)
  })
}
