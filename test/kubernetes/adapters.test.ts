/**
 * Every adapter against a real API server, as a user who has the rules of `examples/kubernetes/rbac` and no others.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import { kubernetesAvailable } from '../support/kube-server.ts'
import { requirement } from '../support/require.ts'
import { describeCertManager } from './adapters/cert-manager.ts'
import { describeCsrs } from './adapters/csr.ts'
import { describeRestarts } from './adapters/restarts.ts'
import { describeTrust } from './adapters/trust.ts'
import { startWorld, type World } from './adapters/world.ts'

if (requirement('kubernetes', kubernetesAvailable)) {
  describe('adapters on a real API server', () => {
    let world: World | undefined
    const getWorld = (): World => {
      if (world === undefined) throw new Error('the server was not started')
      return world
    }
    beforeAll(async () => {
      world = await startWorld()
    })
    afterAll(() => world?.stop())

    describeCsrs(getWorld)
    describeCertManager(getWorld)
    describeTrust(getWorld)
    describeRestarts(getWorld)
  })
}
