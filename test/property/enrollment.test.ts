import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readClusterName } from '../../src/ca/enrollment/cluster-name.ts'
import { addressKey, RateLimiter } from '../../src/ca/enrollment/rate-limiter.ts'
import {
  createEnrollmentToken,
  createTokenStore,
  type EnrollmentDialer,
  enroll,
  type TokenStore,
} from '../../src/ca/index.ts'
import { MeshPkiError } from '../../src/errors.ts'
import { manualClock } from '../../src/testing/index.ts'
import {
  bodyOf,
  CLUSTER,
  databaseRecords,
  handlerFixture,
  requestFor,
  root,
  SERVER,
  serverOf,
} from '../unit/ca/enrollment/support.ts'
import { NOW } from '../unit/verify/forge.ts'

const csr = await requestFor()
const body = bodyOf(csr)
const unlimited = { perClient: { requests: 1_000_000, per: '1s' }, total: { requests: 1_000_000, per: '1s' } }

describe('whatever is sent', () => {
  const sane = [400, 401, 403, 413, 415]
  const changed = fc
    .tuple(fc.nat(), fc.integer({ min: 0, max: 4 }), fc.string({ maxLength: 6, unit: 'binary' }))
    .map(([at, removed, added]) => {
      const index = at % body.length
      return body.slice(0, index) + added + body.slice(index + removed)
    })
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    changed.map((text) => new TextEncoder().encode(text)),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc
      .record({ version: fc.constant(1), csr: fc.string(), name: fc.string() })
      .map((value) => new TextEncoder().encode(JSON.stringify(value))),
  )
  const types = fc.constantFrom('application/json', 'application/pkcs10', 'text/plain')

  test('the answer is a refusal with code and message, or a certificate for what was asked, and one token gives one', async () => {
    const fixture = handlerFixture({ limits: unlimited })
    const { token } = await createEnrollmentToken({ store: fixture.tokens, clock: fixture.clock })
    let issued = 0
    await fc.assert(
      fc.asyncProperty(garbage, types, async (bytes, type) => {
        const { status, json } = await fixture.enroll(token, bytes, { headers: { 'content-type': type } })
        if (status === 200) {
          // A change that changes nothing, such as a blank.
          expect(json['name']).toBe(CLUSTER)
          issued++
          return
        }
        expect(sane).toContain(status)
        expect(Object.keys(json)).toEqual(['code', 'message'])
        expect(JSON.stringify(json)).not.toContain(token)
      }),
      { numRuns: 1500 },
    )
    expect(fixture.issued.length).toBe(issued)
    if (issued === 0) expect((await fixture.enroll(token, body)).status).toBe(200)
    expect((await fixture.enroll(token, body)).status).toBe(401)
  })

  test('headers and certificates of any kind are refused, too', async () => {
    const fixture = handlerFixture({ limits: unlimited })
    const header = fc.string().filter((text) => /^[\t\x20-\x7e]*$/.test(text))
    await fc.assert(
      fc.asyncProperty(
        header,
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }),
        async (text, peers) => {
          const headers = { authorization: text }
          expect((await fixture.enroll(undefined, body, { headers })).status).toBe(401)
          expect((await fixture.renew(peers, body)).status).toBe(403)
        },
      ),
      { numRuns: 300 },
    )
    expect(fixture.issued).toEqual([])
  })

  test('a client takes nothing that was not asked for from an authenticated server', async () => {
    const server = serverOf()
    const answered = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc
        .record({
          version: fc.constantFrom(1, 2),
          name: fc.constantFrom(CLUSTER, 'x'),
          certificate: fc.constantFrom('', root.certificate.toPem()),
          chain: fc.string(),
          anchors: fc.string(),
        })
        .map((value) => new TextEncoder().encode(JSON.stringify(value))),
    )
    await fc.assert(
      fc.asyncProperty(answered, fc.integer({ min: 100, max: 599 }), async (bytes, status) => {
        const dial: EnrollmentDialer = async ({ authenticate }) => {
          await authenticate([server.der])
          return {
            send: async () => ({
              status,
              headers: new Headers({ 'content-type': 'application/json' }),
              body: bytes,
            }),
            close: () => {},
          }
        }
        const error: unknown = await enroll({
          url: `https://${SERVER}/v1`,
          dial,
          anchors: root.certificate,
          token: 'mpe_token',
          name: CLUSTER,
          clock: manualClock(NOW),
        }).catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(MeshPkiError)
        expect(String(error)).not.toContain('mpe_token')
      }),
      { numRuns: 300 },
    )
  })
})

describe('a store that replicas share', () => {
  const step = fc.record({
    kind: fc.constantFrom('consume', 'commit', 'release', 'wait'),
    replica: fc.nat({ max: 2 }),
    lease: fc.nat({ max: 7 }),
  })

  test('counts no more uses than there are, in whatever order its reads and writes come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 30 }),
        async (scheduler, uses, steps) => {
          const clock = manualClock(NOW)
          const { rows, read, write } = databaseRecords()
          const records = { read: scheduler.scheduleFunction(read), write: scheduler.scheduleFunction(write) }
          const replicas: readonly TokenStore[] = [0, 1, 2].map(() => createTokenStore({ records, clock }))
          const made = createEnrollmentToken({
            store: createTokenStore({ records: { read, write }, clock }),
            clock,
            uses,
            expiresIn: '30d',
          })
          const { hash } = await made
          let committed = 0
          const held = new Set<number>()
          const run = async ({ kind, replica, lease }: { kind: string; replica: number; lease: number }) => {
            const store = replicas[replica] as TokenStore
            const id = `${replica}.${lease}`
            if (kind === 'consume') {
              const { ok } = await store.consume(hash, { name: CLUSTER, lease: id, leaseMs: 60_000 })
              if (ok) held.add(lease)
            } else if (kind === 'commit') committed += Number(await store.commit(hash, id))
            else if (kind === 'release') await store.release(hash, id)
            else clock.advance('31s')
          }
          await scheduler.waitFor(Promise.all(steps.map(run)))
          expect(committed).toBeLessThanOrEqual(uses)
          const row = JSON.parse([...rows.values()][0]?.text ?? '{}')
          expect(row.used).toBe(committed)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('a rate', () => {
  const call = fc.record({ key: fc.nat({ max: 30 }), after: fc.integer({ min: -5000, max: 5000 }) })

  test('is kept for every key, in bounded memory, whatever the clock does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(call, { maxLength: 200 }),
        (requests, seconds, calls) => {
          const perMs = seconds * 1000
          const limiter = new RateLimiter({ requests, perMs }, 1000)
          const granted = new Map<number, number>()
          let now = 1_000_000
          let forward = 0
          for (const { key, after } of calls) {
            now += after
            forward += Math.max(0, after)
            const wait = limiter.take(String(key), now)
            expect(Number.isInteger(wait) && wait >= 0).toBe(true)
            if (wait === 0) granted.set(key, (granted.get(key) ?? 0) + 1)
            // No more than a full bucket, and what time has brought since.
            expect(granted.get(key) ?? 0).toBeLessThanOrEqual(requests + (forward * requests) / perMs + 1e-6)
            if (wait > 0) {
              // The wait that is told is enough, and a millisecond less is not.
              const copy = new RateLimiter({ requests, perMs }, 1)
              for (let i = 0; i < requests; i++) expect(copy.take('', 0)).toBe(0)
              const full = copy.take('', 0)
              if (full > 1) expect(copy.take('', full - 1)).toBeGreaterThan(0)
              expect(copy.take('', full)).toBe(0)
            }
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('is not used up by a clock that is set back', () => {
    const limiter = new RateLimiter({ requests: 2, perMs: 1000 }, 10)
    expect([limiter.take('a', 1_000_000), limiter.take('a', 0), limiter.take('a', 0)]).toEqual([0, 0, 500])
    expect(limiter.take('a', 500)).toBe(0)
  })

  test('of many clients grows no memory', () => {
    const limiter = new RateLimiter({ requests: 1, perMs: 1000 }, 64)
    for (let i = 0; i < 10_000; i++) limiter.take(`192.0.2.${i}`, i)
    expect(limiter.size).toBe(64)
  })

  test('has one key for each address, and short ones', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (address) => {
        expect(addressKey(address).length).toBeLessThanOrEqual(64)
      }),
    )
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (a, b) => {
        expect(addressKey(a) === addressKey(b)).toBe(a === b)
      }),
    )
  })
})

test('a name of a cluster is what Kubernetes takes for a subdomain (RFC 1123), and no address', () => {
  // k8s.io/apimachinery/pkg/util/validation, with the length of a label of RFC 1035 §2.3.4.
  const label = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?'
  const subdomain = new RegExp(`^${label}(\\.${label})*$`)
  const text = fc.oneof(
    fc.string(),
    fc.domain(),
    fc.ipV4(),
    fc
      .array(fc.constantFrom('a', 'Z', '0', '-', '.', '_', '1', '*'), { maxLength: 70 })
      .map((all) => all.join('')),
  )
  fc.assert(
    fc.property(text, (name) => {
      const expected = subdomain.test(name) && name.length <= 253 && !/^\d+\.\d+\.\d+\.\d+$/.test(name)
      // An address with octets above 255 is a name.
      if (/^\d+(\.\d+){3}$/.test(name)) return
      const read = (): string => readClusterName(name, 'name')
      if (expected) expect(read()).toBe(name)
      else expect(read).toThrow(MeshPkiError)
    }),
    { numRuns: 3000, examples: [['cluster_1'], ['a'.repeat(63)], ['a'.repeat(64)], ['a\n']] },
  )
})
