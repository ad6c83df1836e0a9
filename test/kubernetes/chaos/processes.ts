/**
 * Several processes, of which some stand still, are cut off, or are killed.
 */
import { describe, expect, test } from 'vitest'
import {
  AuthorityLoader,
  decodeCacerts,
  entitlementOf,
  type FederationOptions,
  federationStep,
  IssuanceLedger,
  issuerController,
  LeaseElector,
  MESH_PKI_API,
  rootCaStep,
} from '../../../src/kubernetes/index.ts'
import { recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import { checkPath } from '../../../src/verify/index.ts'
import { install } from '../../support/kube-manifests.ts'
import { until, untilTrue } from '../../support/until.ts'
import { withProgram } from './child-process.ts'
import { type GetChaos, LEASES, MAPS, SECRETS } from './world.ts'

const LEASE = { name: 'lock', leaseDuration: '3s', renewDeadline: '2s', retryPeriod: '1s' }

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve())
  })

export function describeProcesses(getChaos: GetChaos): void {
  describe('a leader', () => {
    test('that stood still for longer than its Lease writes nothing when it wakes up', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const work = { namespace, name: 'work' }
      await chaos.admin.create(MAPS, { metadata: work, data: { by: 'nobody' } })
      const workedBy = async () => textAt(recordAt(await chaos.admin.get(MAPS, work), 'data'), 'by')
      const lease = { ...LEASE, namespace }
      await withProgram('contender.ts', async (start) => {
        const child = start({
          server: chaos.server.url,
          ca: chaos.server.caPem,
          ...chaos.credentials,
          lease,
          work,
        })
        await child.hears('decided')
        child.kill('SIGSTOP')
        const stop = new AbortController()
        const elector = new LeaseElector(chaos.client(), { ...lease, identity: 'the other' })
        let leads = false
        const running = elector.run(async (signal) => {
          elector.assertLeading()
          await chaos.client().change(MAPS, work, (found) => ({ ...found, data: { by: 'the other' } }))
          leads = true
          await untilAborted(signal)
        }, stop.signal)
        try {
          await untilTrue('the other leads', () => leads)
          expect(child.said.some((one) => Object.hasOwn(one, 'wrote'))).toBe(false)
          child.kill('SIGCONT')
          // Both lines of defence: what it read has changed since, and it knows that its time is over.
          expect(await child.hears('wrote')).toBe('ERR_KUBERNETES_CONFLICT')
          expect(await child.hears('asserted')).toBe('ERR_KUBERNETES_NOT_LEADER')
          expect(await child.hears('over')).toBe('LeaseLost')
          expect(await workedBy()).toBe('the other')
          expect(elector.isLeading).toBe(true)
          const { spec } = await chaos.admin.get(LEASES, { namespace, name: 'lock' })
          expect(Object(spec)).toMatchObject({ holderIdentity: 'the other', leaseTransitions: 1 })
        } finally {
          stop.abort()
          await running
        }
        // The other one gave the Lease up: the child leads again by itself, and its work is done.
        expect(await child.hears('wrote', 2)).toBe('done')
        expect(await child.hears('asserted', 2)).toBe('done')
        expect(await workedBy()).toBe('the child')
      })
    })

    test('that is cut off stops before another begins, though its request is never answered', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const proxy = await chaos.proxy()
      const log: string[] = []
      const lease = { ...LEASE, namespace }
      const elect = (identity: string, client: ReturnType<typeof chaos.client>) => {
        const stop = new AbortController()
        const elector = new LeaseElector(client, { ...lease, identity })
        const running = elector.run(async (signal) => {
          log.push(`${identity} leads`)
          await untilAborted(signal)
          log.push(`${identity} stops`)
        }, stop.signal)
        const end = (): Promise<void> => {
          stop.abort()
          return running
        }
        return { elector, end }
      }
      // The usual limit of a request is much longer than this Lease.
      const first = elect('a', chaos.client({ proxy, timeout: '10s' }))
      await untilTrue('a leads', () => log.includes('a leads'))
      const second = elect('b', chaos.client())
      proxy.freezeAll()
      try {
        await untilTrue('b leads', () => log.includes('b leads'))
        expect(log).toEqual(['a leads', 'a stops', 'b leads'])
        expect(first.elector.isLeading).toBe(false)
        proxy.thaw()
        await second.end()
        await untilTrue('a leads again', () => log.filter((one) => one === 'a leads').length === 2)
      } finally {
        proxy.thaw()
        await Promise.all([first.end(), second.end()])
      }
    })
  })

  describe('an agent', () => {
    test('that is killed after each of its writes ends with one CA, signed once', async () => {
      const chaos = getChaos()
      const { admin } = chaos
      await install(
        chaos.server.admin,
        [],
        [MESH_PKI_API.issuedCertificates, MESH_PKI_API.certificateRequests],
      )
      const [management, workload, istio] = [
        await chaos.namespace(),
        await chaos.namespace(),
        await chaos.namespace(),
      ]
      const order = { namespace: workload, name: 'istiod' }
      const target = { namespace: istio, name: 'cacerts' }
      const secret = { namespace: management, name: 'root-1.mesh-pki' }
      await rootCaStep(admin, secret, {
        subject: 'O=root-1',
        organization: 'root-1',
        lifetime: '3650d',
        keyAlgorithm: 'P-256',
        owner: 'policy.mesh-pki',
      })
      const ledger = new IssuanceLedger(admin, management)
      const federation: FederationOptions = {
        owner: 'policy.mesh-pki',
        signer: 'root-1',
        loader: new AuthorityLoader(admin),
        authorities: { 'root-1': { secret } },
        meshes: [
          {
            cluster: 'east',
            client: admin,
            order,
            spec: {
              hosts: ['spiffe://east.example/ns/istio-system/sa/istiod'],
              organization: 'Istio',
              lifetime: '365d',
              keyAlgorithm: 'P-256',
              gracePeriodRatio: 0.1,
              target,
              podBounceDirective: undefined,
              pathLength: 0,
              workloadLifetime: '24h',
              rotation: undefined,
            },
          },
        ],
      }
      await federationStep(federation)
      const stop = new AbortController()
      const issuer = issuerController(admin, {
        cluster: 'east',
        namespace: workload,
        ledger,
        entitlementOf: (wanted) => entitlementOf(federation, 'east', wanted),
      }).run(stop.signal)
      const stateOf = async () =>
        textAt(recordAt(await admin.get(MESH_PKI_API.issuedCertificates, order), 'status'), 'state')
      let deaths = 0
      try {
        await withProgram('agent-process.ts', async (start) => {
          while ((await stateOf()) !== 'FINISHED') {
            if (deaths > 20) throw new Error(`it goes round: ${await stateOf()}`)
            const agent = start({
              server: chaos.server.url,
              ca: chaos.server.caPem,
              ...chaos.credentials,
              agentNamespace: workload,
              namespace: workload,
              target,
            })
            const isOver = until(
              'finished',
              async () => ((await stateOf()) === 'FINISHED' ? true : undefined),
              60,
            )
            const end = await Promise.race([agent.ended, isOver])
            if (end === 'SIGKILL') deaths++
            else if (end !== true) throw new Error(`it ended with ${end}: ${JSON.stringify(agent.said)}`)
          }
        })
      } finally {
        stop.abort()
        await issuer
      }
      // A key, a request, what was answered, states: each was the last word of a process.
      expect(deaths).toBeGreaterThanOrEqual(4)
      const installed = decodeCacerts(await admin.get(SECRETS, target))
      const { items } = await admin.list(MAPS, {
        namespace: management,
        labelSelector: 'pki.mesh-pki.dev/ledger=issued',
      })
      expect(items.map((one) => textAt(recordAt(one, 'data'), 'certificate.pem'))).toEqual([
        installed.certificate.toPem(),
      ])
      const verdict = await checkPath(installed.certificate, {
        anchors: installed.roots,
        intermediates: installed.chain,
        purpose: 'any',
      })
      expect(verdict.ok).toBe(true)
    })
  })
}
