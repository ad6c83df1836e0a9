/**
 * The in-memory API server keeps the contract that a real one is held to in `test/kubernetes/contract.test.ts`.
 */
import { systemClock } from '../../../../src/internal/clock.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { describeKubeApi } from '../../../contract/kubernetes-api.ts'

describeKubeApi('the API server in memory', async () => {
  const api = fakeKubeApi({ version: '1.20', namespaces: 'explicit', clock: systemClock })
  return {
    api: {
      admin: api.transport(),
      uncached: api.transport(),
      as: async (user, groups, rules) => {
        api.setUser(user, { groups, rules })
        return api.transport({ user })
      },
      stranger: async () => api.transport({ user: 'stranger' }),
      compact: async () => api.compact(),
    },
    stop: async () => {},
  }
})
