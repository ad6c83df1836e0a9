/**
 * An API server in memory, for tests: `mesh-pki/kubernetes/testing`.
 *
 * @module
 */

export type { FakeKubeRule, FakeKubeUser } from './access-rules.ts'
export type { RefusalCause } from './api-refusal.ts'
export type { FakeKubeVerb } from './api-request.ts'
export type { FakeKubeVersion } from './fake-kind.ts'
export {
  FakeKubeApi,
  type FakeKubeLogEntry,
  type FakeKubeOptions,
  type FakeKubeResource,
  fakeKubeApi,
} from './fake-kube-api.ts'
export type { CrashOptions, FakeKubeTransport } from './fake-transport.ts'
export {
  type EventMatch,
  FakeConnectionError,
  type FakeKubeCall,
  type FaultHandle,
  type FaultMatch,
  type FaultOutcome,
  type KubeFaults,
} from './kube-faults.ts'
