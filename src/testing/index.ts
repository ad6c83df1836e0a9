/**
 * `mesh-pki/testing`: clocks, randomness and throw-away hierarchies for tests.
 *
 * @module
 */

export { type ManualClock, manualClock } from './manual-clock.ts'
export { seededRandom } from './seeded-random.ts'
export {
  type BrokenVariants,
  createTestHierarchy,
  type TestHierarchy,
  type TestHierarchyOptions,
} from './test-hierarchy.ts'
