/**
 * `mesh-pki/rotation`: when certificates are due, and how authorities give way to others without an outage.
 *
 * @module
 */

export {
  type CaGraceParameters,
  type CheckedGrace,
  checkGrace,
  type GraceFinding,
  type GraceParameters,
  type GraceResult,
  verifyGrace,
} from './check-grace.ts'
export type { ExpiryRole } from './expiry-impact.ts'
export {
  type CertificateExpiry,
  type ExpiryEntry,
  ExpiryReport,
  type ExpiryReportOptions,
  expiryReport,
  type UnreadableExpiry,
} from './expiry-report.ts'
export type { CertificatesInput, ExpiryPlace, ExpirySecret, ExpirySource } from './expiry-source.ts'
export type { GraceInequality } from './grace-inequalities.ts'
export {
  checkIstioRoots,
  type IstioRootsOptions,
  type IstioRootsVerdict,
} from './istio/check-istio-roots.ts'
export {
  type IstioPhase,
  type IstioRollover,
  type IstioRolloverOptions,
  type IstioSwitch,
  istioRollover,
} from './istio/istio-rollover.ts'
export { RENEWAL_PRESETS, type RenewalPresets } from './renewal-presets.ts'
export {
  type RenewalState,
  type RenewalStatus,
  type RenewalStatusOptions,
  renewalStatus,
} from './renewal-status.ts'
export { type RenewalJitter, type RenewalPolicy, renewalTime } from './renewal-time.ts'
export {
  type NextRetryOptions,
  nextRetry,
  type RetryScheduleOptions,
  retrySchedule,
} from './retry-schedule.ts'
export type { DesiredAuthority, DesiredState } from './rollover/desired-state.ts'
export type { RolloverEdit } from './rollover/feasible-edits.ts'
export type { InequalityId } from './rollover/inequalities.ts'
export {
  acceptBundle,
  type BundleVerdict,
  type SequencedBundle,
  type SigningSituation,
  whyNotSign,
} from './rollover/member-guards.ts'
export type { IssuedUnder, MemberReport } from './rollover/member-report.ts'
export { planRollover, RolloverInfeasibleError } from './rollover/plan-rollover.ts'
export { Rollover, type RolloverOptions } from './rollover/rollover.ts'
export type { StagedAuthority } from './rollover/rollover-changes.ts'
export type { GateId, ShutGate, Transition } from './rollover/rollover-gate.ts'
export { type JournalRecord, memoryJournal, type RolloverJournal } from './rollover/rollover-journal.ts'
export type {
  IncomingAuthority,
  OutgoingAuthority,
  RolloverAudience,
  RolloverCluster,
  RolloverKind,
  RolloverParameters,
} from './rollover/rollover-parameters.ts'
export type {
  AuthorityStage,
  PlannedAuthority,
  PlannedCross,
  PlannedInequality,
  PlannedMember,
  PlannedStep,
  PlanParameters,
  RolloverPlan,
} from './rollover/rollover-plan.ts'
export {
  type AuthorityLife,
  bundleDigest,
  type ForcedGate,
  type JournalEntry,
  type MemberEvidence,
  type MemberState,
  type PublishedBundle,
  type RolloverState,
} from './rollover/rollover-state.ts'
export type { RolloverStatus, WaitingStep } from './rollover/rollover-status.ts'
export { checkPlan, PlanError, type PlanFinding, verifyPlan } from './rollover/verify-plan.ts'
export type { RotationRate } from './scheduler/rate-limit.ts'
export type { RotationCause, RotationEvent } from './scheduler/rotation-event.ts'
export { RotationScheduler } from './scheduler/rotation-scheduler.ts'
export type {
  FailedAttempt,
  ForcedRotationOptions,
  RotationAnswer,
  RotationAttempt,
  RotationEntryOptions,
  RotationSchedulerOptions,
} from './scheduler/scheduler-options.ts'
export { findOutages, type Outage } from './simulation/find-outages.ts'
export { simulateRollover } from './simulation/simulate-rollover.ts'
export type { ActualMesh, SimulatedIncident, SimulationOptions } from './simulation/simulation-options.ts'
export type { SimulationResult } from './simulation/simulation-run.ts'
export { type BeginTraceOptions, beginTrace } from './trace/begin-trace.ts'
export { checkTrace, type TraceViolation } from './trace/check-trace.ts'
export type { InvariantId } from './trace/invariants.ts'
export type { TraceEvent, TraceEventOf, TraceMember, TraceTerms } from './trace/trace-event.ts'
