/**
 * What an agent is told.
 *
 * @module
 */

import type { CertificateInput } from '../../x509/certificate-input.ts'
import type { ConditionInput } from '../objects/condition.ts'
import type { EventRecorder } from '../runner/event-recorder.ts'
import type { ForeignSecretRule } from './agent-decision.ts'
import type { FederationApi } from './federation-api.ts'
import type { InstalledCa } from './installed-ca.ts'

/** What an agent is told. */
export interface AgentStepOptions {
  /** Which kinds it serves. Default: our own. */
  readonly api?: FederationApi | undefined
  /** The namespace that the agent runs in: it stands in the labels of what is its own. */
  readonly agentNamespace: string
  /**
   * What is done about a `cacerts` that somebody else wrote and that is not what was ordered. `'refuse'` (default) leaves it
   * alone and says so. `'adopt'` takes over a CA that works and leads to the roots that were ordered, whatever its names, until another
   * authority or anything else is ordered: so comes a mesh that was made by hand into a rollover. `'replace'` keeps a copy beside it.
   */
  readonly foreign?: ForeignSecretRule | undefined
  /**
   * Whether an order may exchange the roots of a `cacerts` that works for others at once. `'refuse'` (default): roots are only added or taken
   * away, as a rollover does it; istiod ignores every other change.
   */
  readonly rootSwap?: 'refuse' | 'allow' | undefined
  /**
   * The only roots that may ever stand in a `cacerts` here. Whoever can write orders, or answers in Gloo's kind, decides else what this cluster
   * trusts. For a rollover the next root has to be here before it is published. Default: the order decides.
   */
  readonly pinnedRoots?: CertificateInput | readonly CertificateInput[] | undefined
  /**
   * Whether every verifier of the cluster has these roots: what a rollover waits for. Default: `rootsDistributed`, as soon as a
   * rollover numbers the bundle; where the agent may not look, they are not.
   */
  readonly isDistributed?: ((installed: InstalledCa) => Promise<boolean>) | undefined
  /**
   * The longest that istiod takes to sign with a CA that was installed, as `switchDelay` of `planRollover`. Default `'10m'`, as there.
   */
  readonly switchDelay?: string | undefined
  /** How often the status is written though nothing has changed: a rollover believes no older words. Default `'5m'`. */
  readonly heartbeat?: string | undefined
  /** Whether istiod signs with the CA that is installed. Default: `switchDelay` after it was. */
  readonly isTakenUp?: ((installed: InstalledCa) => Promise<boolean>) | undefined
  /**
   * Further conditions for the status of an order, of our own kind: such as `planRestarts(…).condition`, which lists who still serves the
   * chain of before. Default: none.
   */
  readonly conditions?: ((installed: InstalledCa) => Promise<readonly ConditionInput[]>) | undefined
  /** Tells what happened to an order as Events, for `kubectl describe`. */
  readonly recorder?: Pick<EventRecorder, 'record'> | undefined
  /** Is called before every write, and throws where this process must not write: `elector.assertLeading`. */
  readonly beforeWrite?: (() => void) | undefined
  /** What is noted on a `cacerts` that is written: which tenure of a Lease that was, `() => elector.fence`. */
  readonly fence?: (() => string | undefined) | undefined
}

/** The names of {@link AgentStepOptions}. */
export const AGENT_STEP_OPTIONS: readonly string[] = [
  'api',
  'agentNamespace',
  'foreign',
  'rootSwap',
  'pinnedRoots',
  'isDistributed',
  'isTakenUp',
  'switchDelay',
  'heartbeat',
  'conditions',
  'recorder',
  'beforeWrite',
  'fence',
]
