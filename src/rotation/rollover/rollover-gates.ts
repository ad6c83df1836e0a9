/**
 * What must be true before a rollover goes a step further: time and evidence.
 *
 * Every gate is one rule with the invariant that it protects. The suite deletes each in turn and shows that the invariant
 * breaks.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import { instantOf } from '../../internal/instant-text.ts'
import { endStage, stepKey } from './driver-terms.ts'
import {
  currentMembers,
  type Gate,
  missingBundle,
  needsDistribution,
  signersOf,
  sinceDraining,
  sinceOf,
  unionOf,
  until,
} from './rollover-gate.ts'

/** The gates, in the order in which they are told. */
export const ROLLOVER_GATES: readonly Gate[] = [
  {
    id: 'recovery',
    protects: ['I2', 'I4'],
    before: ['publish', 'distribute', 'activate', 'drain', 'taint', 'retire', 'prune'],
    check: ({ state }) => {
      const told = state.recovering?.told
      if (told === undefined) return []
      const silent = currentMembers(state).filter(([name]) => !told.includes(name))
      if (silent.length === 0)
        return [
          {
            gate: 'recovery',
            message:
              'the journal is older than what members have, and nobody can say what the bundle that they report holds: look at it, and force this gate to go on with what the journal has',
          },
        ]
      return silent.map(([member]) => ({
        gate: 'recovery',
        member,
        message: `the journal is older than what members have, so it was restored; ${member} has not reported since`,
      }))
    },
  },
  {
    id: 'evidence-age',
    protects: ['I2', 'I13'],
    before: ['publish', 'activate', 'taint', 'retire'],
    check: ({ driver, state, now, transition }) =>
      currentMembers(state).flatMap(([member, { evidence }]) => {
        // A journal from before everything has no reports at all; publication would bring back what was revoked.
        if (evidence === undefined)
          return transition.kind === 'publish'
            ? [{ gate: 'evidence-age' as const, member, message: `${member} has reported nothing yet` }]
            : []
        if (instantOf(evidence.at) + driver.evidenceMaxAge >= now) return []
        return [
          {
            gate: 'evidence-age' as const,
            member,
            message: `${member} reported at ${evidence.at}, more than ${formatDuration(driver.evidenceMaxAge)} ago: a journal from a backup would look like this`,
          },
        ]
      }),
  },
  {
    id: 'staged',
    protects: ['I4'],
    before: ['publish', 'activate'],
    check: ({ state, driver }) =>
      state.authorities[driver.incoming]?.fingerprint === undefined
        ? [
            {
              gate: 'staged',
              message: `${driver.incoming} has not been made: call stage() with its certificate once its key is stored`,
            },
          ]
        : [],
  },
  {
    id: 'plan-time',
    protects: ['I12'],
    before: ['publish', 'activate', 'taint', 'retire', 'prune'],
    perCluster: true,
    check: ({ driver, now, transition, state }) => {
      // On the way back the plan's instants mean nothing.
      if (state.direction === 'back') return []
      const { kind, authority, cluster } = transition
      const stage = {
        publish: 'PUBLISHED',
        distribute: 'DISTRIBUTED',
        activate: 'ACTIVE',
        drain: 'DRAINING',
        taint: 'TAINTED',
        retire: endStage(driver),
        prune: 'PRUNED',
      }[kind]
      return until(
        'plan-time',
        driver.planned.get(stepKey(stage, authority, cluster)),
        now,
        `the plan has ${stage} ${authority} at`,
      )
    },
  },
  {
    id: 'bundle-size',
    protects: ['I16'],
    before: ['publish'],
    check: ({ driver, state }) => {
      const size = unionOf(driver, state).length
      return size <= driver.terms.maxAuthorities
        ? []
        : [
            {
              gate: 'bundle-size',
              message: `the bundle would hold ${size} authorities; at most ${driver.terms.maxAuthorities} may be`,
            },
          ]
    },
  },
  {
    id: 'distribution-time',
    protects: ['I1', 'I12'],
    before: ['distribute', 'activate', 'retire'],
    check: ({ driver, state, now, transition }) => {
      if (!needsDistribution(driver, state, transition)) return []
      const published = sinceOf(state.authorities[driver.incoming], 'PUBLISHED')
      return until(
        'distribution-time',
        published === undefined ? Number.POSITIVE_INFINITY : published + driver.distribution,
        now,
        `${formatDuration(driver.distribution)} (D + 2S) after the publication of ${driver.incoming}, which is`,
      )
    },
  },
  {
    id: 'distribution-evidence',
    protects: ['I1', 'I11'],
    before: ['distribute', 'activate', 'retire'],
    check: ({ driver, state, transition }) =>
      needsDistribution(driver, state, transition)
        ? missingBundle(state, 'distribution-evidence', state.authorities[driver.incoming]?.publishedIn)
        : [],
  },
  {
    id: 'own-bundle',
    protects: ['I3'],
    before: ['activate'],
    perCluster: true,
    check: ({ driver, state, transition: { cluster = '' } }) => {
      const member = state.members[cluster]
      if (driver.terms.kind === 'issuing-ca' || member === undefined) return []
      return missingBundle(
        { ...state, members: { [cluster]: member } },
        'own-bundle',
        state.authorities[driver.incoming]?.publishedIn,
      )
    },
  },
  {
    id: 'incoming-valid',
    protects: ['I7', 'I14'],
    before: ['activate'],
    check: ({ driver, state, now }) => {
      const { notBefore, notAfter } = state.authorities[driver.incoming] ?? {}
      if (notBefore === undefined || notAfter === undefined) return []
      const { switchDelay, leafLifetime, clockSkew } = driver.terms
      const needs = switchDelay + leafLifetime + 2 * clockSkew
      if (instantOf(notAfter) < now + needs)
        return [
          {
            gate: 'incoming-valid',
            message: `${driver.incoming} ends at ${notAfter}, less than ${formatDuration(needs)} from now (Δsw + L + 2S): abort, and make a new one`,
          },
        ]
      return until(
        'incoming-valid',
        instantOf(notBefore) + 2 * clockSkew,
        now,
        `${driver.incoming} must be valid for the slowest clock (2S), which is`,
      )
    },
  },
  {
    id: 'switch-time',
    protects: ['I10'],
    before: ['taint'],
    check: ({ driver, state, now, transition }) =>
      until(
        'switch-time',
        sinceDraining(state, transition.authority) + driver.terms.switchDelay + 2 * driver.terms.clockSkew,
        now,
        'every issuer has left it (Δsw + 2S) at',
      ),
  },
  {
    id: 'switch-evidence',
    protects: ['I2', 'I10'],
    before: ['taint', 'retire'],
    check: ({ driver, state, transition: { authority } }) =>
      signersOf(driver, state, authority).flatMap(([member, { signer, evidence }]) => {
        const found = evidence?.signer
        if (found !== undefined && found === signer && found !== authority) return []
        return [
          {
            gate: 'switch-evidence' as const,
            member,
            message: `${member} has not reported that it signs with ${signer}; it reported ${found ?? 'no signer'}`,
          },
        ]
      }),
  },
  {
    id: 'retention-time',
    protects: ['I2'],
    before: ['retire'],
    check: ({ driver, state, now, transition }) => {
      const life = state.authorities[transition.authority]
      if (life?.everActive !== true) return []
      const from = sinceOf(life, 'TAINTED') ?? sinceDraining(state, transition.authority)
      return until(
        'retention-time',
        from + driver.retention,
        now,
        `${formatDuration(driver.retention)} after the last issuer left ${transition.authority}, which is`,
      )
    },
  },
  {
    id: 'ledger',
    protects: ['I2', 'I13'],
    before: ['retire'],
    check: ({ driver, state, now, transition }) => {
      const life = state.authorities[transition.authority]
      // In an emergency everything is issued again, and that is shown by evidence.
      if (life?.stage === 'TAINTED') return []
      const last = driver.terms.retention === 'renewals' ? life?.inUseUntil : life?.greatestNotAfter
      if (last === undefined) return []
      return until(
        'ledger',
        instantOf(last) + 4 * driver.terms.clockSkew,
        now,
        `the last certificate under ${transition.authority} is ${driver.terms.retention === 'renewals' ? 'replaced' : 'over'} for the slowest clock (4S) at`,
      )
    },
  },
  {
    id: 'presence',
    protects: ['I2', 'I10'],
    before: ['retire'],
    check: ({ driver, state, transition: { authority } }) => {
      const mustSay =
        driver.terms.retention === 'renewals' || state.authorities[authority]?.stage === 'TAINTED'
      return currentMembers(state).flatMap(([member, { signer, evidence }]) => {
        const presents = evidence?.presents
        if (presents === undefined ? !mustSay || signer === undefined : !presents.includes(authority))
          return []
        return [
          {
            gate: 'presence' as const,
            member,
            message:
              presents === undefined
                ? `${member} has not reported what its workloads present`
                : `${member} still presents certificates under ${authority}`,
          },
        ]
      })
    },
  },
  {
    id: 'withdrawal-time',
    protects: ['I6'],
    before: ['prune'],
    check: ({ driver, state, now, transition }) => {
      const life = state.authorities[transition.authority]
      const ended = sinceOf(life, 'REVOKED') ?? sinceOf(life, 'RETIRED') ?? Number.POSITIVE_INFINITY
      const wait = driver.distribution + driver.terms.pruneAfter
      return until(
        'withdrawal-time',
        ended + wait,
        now,
        `${formatDuration(wait)} after its withdrawal, which is`,
      )
    },
  },
  {
    id: 'withdrawal-evidence',
    protects: ['I6'],
    before: ['prune'],
    check: ({ driver, state, transition }) =>
      driver.terms.kind === 'issuing-ca'
        ? []
        : missingBundle(state, 'withdrawal-evidence', state.authorities[transition.authority]?.withdrawnIn),
  },
]
