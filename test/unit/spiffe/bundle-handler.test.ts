import { describe, expect, test } from 'vitest'
import { createBundleHandler, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { forgeCa } from '../verify/forge.ts'

const bundle = SpiffeBundle.of({
  trustDomain: 'td',
  x509Authorities: forgeCa({ subject: 'root' }).certificate,
  sequence: 1n,
  refreshHint: '1m',
})
const get = (headers: Record<string, string> = {}, method = 'GET') =>
  new Request('https://td.example/', { method, headers })

describe('the ETag', () => {
  test('saves a client the document that it has', async () => {
    const handler = createBundleHandler({ bundle })
    const first = await handler(get())
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/)
    for (const header of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await handler(get({ 'if-none-match': header }))
      expect(again.status).toBe(304)
      expect(again.headers.get('etag')).toBe(etag)
      expect(again.headers.get('cache-control')).toBe('public, max-age=6, must-revalidate')
      expect(await again.text()).toBe('')
    }
    for (const header of ['"x"', etag.slice(1, -1), ''])
      expect((await handler(get({ 'if-none-match': header }))).status).toBe(200)
  })

  test('follows the document, sequence and hint included', async () => {
    let current = bundle
    const handler = createBundleHandler({ bundle: () => current })
    const etags = new Set<string | null>()
    for (const next of [bundle, bundle.with({ sequence: 2n }), bundle.with({ refreshHint: '2m' })]) {
      current = next
      etags.add((await handler(get())).headers.get('etag'))
    }
    expect(etags.size).toBe(3)
  })
})

test('HEAD says the length and sends nothing', async () => {
  const handler = createBundleHandler({ bundle })
  const head = await handler(get({}, 'HEAD'))
  expect(await head.text()).toBe('')
  expect(Number(head.headers.get('content-length'))).toBe(new TextEncoder().encode(bundle.toJson()).length)
})

test('a source that fails is told to the owner, and not to the client', async () => {
  const failures: unknown[] = []
  const handler = createBundleHandler({
    bundle: () => Promise.reject(new Error('password=hunter2')),
    onError: (error) => failures.push(error),
  })
  const response = await handler(get())
  expect(response.status).toBe(503)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(await response.text()).toBe('')
  expect(failures).toMatchObject([{ message: 'password=hunter2' }])
  const wrong = createBundleHandler({
    bundle: () => ({ keys: [] }) as never,
    onError: (error) => failures.push(error),
  })
  expect((await wrong(get())).status).toBe(503)
  expect(String(failures[1])).toContain('no SpiffeBundle')
})

test('wrong options are named', () => {
  // @ts-expect-error a bundle is needed
  expect(() => createBundleHandler({})).toThrow('bundle')
  // @ts-expect-error there is no such option
  expect(() => createBundleHandler({ bundle, maxAge: 5 })).toThrow('maxAge')
})
