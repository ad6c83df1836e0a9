/**
 * The rows "64 in flight" and "a burst of 2,000", on the wall clock: they are about what passes meanwhile.
 *
 * @module
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { CertificateAuthority } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { checkPath, TrustStore } from 'mesh-pki/verify'
import { compare } from './harness.js'
import { describe, row, rowAtMost } from './report.js'
import { accepted, type Verification } from './verify.js'

const IN_FLIGHT = 64
const BURST = 2000
const BURSTS = 5

/** What a burst did: how many a second, and how long the event loop waited in its slowest percent. */
interface BurstFigures {
  readonly rate: number
  readonly p99: number
}

/** Verification and issuing, many at the same time. */
export async function concurrencyRows(
  verification: Verification,
  ca: CertificateAuthority,
  rounds: number,
): Promise<void> {
  const { intermediate } = verification
  const store = new TrustStore({ anchors: verification.root })
  const asked = { store, intermediates: [intermediate] }
  const verifyOne = async (): Promise<void> => {
    const result = await checkPath(verification.next(), { ...asked, purpose: 'clientAuth' })
    if (!result.ok) throw result.error
  }
  const each = (run: () => unknown) => async (): Promise<void> => {
    for (let i = 0; i < IN_FLIGHT; i++) await run()
  }
  const { micros, ratios } = await compare(
    [
      { name: '64 in flight', run: () => Promise.all(Array.from({ length: IN_FLIGHT }, verifyOne)) },
      {
        name: 'synchronous',
        run: () => {
          for (let i = 0; i < IN_FLIGHT; i++) accepted(verification.next(), asked)
        },
      },
      { name: 'one at a time', run: each(verifyOne) },
    ],
    rounds,
    'wall',
  )
  console.log(`\nverify ${IN_FLIGHT} paths, wall clock: ${describe(micros)}`)
  const synchronous = ratios.get('synchronous') ?? 0
  row('64 in flight', synchronous, '× synchronous', 1.4)
  row('one at a time', synchronous / (ratios.get('one at a time') ?? 1), '× synchronous', 0.95)

  const { csr } = await createCsr({ key: 'P-256' })
  const { der } = csr
  const issueOne = (): Promise<unknown> =>
    ca.issueWorkload(der, { id: 'spiffe://kind2/ns/default/sa/w', lifetime: '24h' })
  await burstRows('verify', verifyOne)
  await burstRows('issue', issueOne)
}

async function burstRows(job: string, run: () => Promise<unknown>): Promise<void> {
  const bursts: BurstFigures[] = []
  const sequential: number[] = []
  for (let i = 0; i < BURSTS; i++) {
    sequential.push(await sequentialRate(run))
    bursts.push(await burst(run))
  }
  const rate = middle(bursts.map((figures) => figures.rate))
  console.log(`\n${job}, a burst of ${BURST}, wall clock: ${rate.toFixed(0)} a second`)
  rowAtMost(`${job}: the event loop's p99 delay`, middle(bursts.map(({ p99 }) => p99)), 'ms', 15)
  row(`${job}: rate of a burst`, rate / middle(sequential), '× one at a time', 0.9)
}

async function sequentialRate(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  for (let i = 0; i < BURST; i++) await run()
  return (BURST * 1000) / (performance.now() - started)
}

async function burst(run: () => Promise<unknown>): Promise<BurstFigures> {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  await new Promise((resolve) => setTimeout(resolve, 20))
  delays.reset()
  const started = performance.now()
  await Promise.all(Array.from({ length: BURST }, run))
  const elapsed = performance.now() - started
  await new Promise((resolve) => setTimeout(resolve, 5))
  delays.disable()
  return { rate: (BURST * 1000) / elapsed, p99: delays.percentile(99) / 1e6 }
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}
