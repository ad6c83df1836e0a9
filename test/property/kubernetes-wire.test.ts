/**
 * What goes over the wire to an API server and back: lines of a watch, and patches.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { linesOf } from '../../src/kubernetes/in-cluster/watch-lines.ts'
import { KubeResources, type KubeTransport } from '../../src/kubernetes/index.ts'
import { fakeKubeApi } from '../../src/kubernetes/testing/index.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((value) => value.replaceAll('\n', ''))

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : (sizes[i % sizes.length] ?? 1)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function collect(source: AsyncIterable<string>): Promise<string[]> {
  const lines: string[] = []
  for await (const line of source) lines.push(line)
  return lines
}

describe('lines of a watch', () => {
  test('are the same wherever the chunks end', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(fc.array(text), sizes, async (lines, sizes) => {
        const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''))
        // As the decoder reads what no UTF-8 can hold, lone surrogates for instance.
        const expected = lines.map((line) => new TextDecoder().decode(new TextEncoder().encode(line)))
        expect(await collect(linesOf(chunked(bytes, sizes), 1000))).toEqual(expected)
      }),
    )
  })

  test('are bounded, also where no end comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.boolean(), async (length, ends) => {
        const bytes = new TextEncoder().encode(`${'x'.repeat(length)}${ends ? '\n' : ''}`)
        const read = collect(linesOf(chunked(bytes, [3]), 20))
        if (length <= 20 && ends) expect(await read).toEqual(['x'.repeat(length)])
        else await expect(read).rejects.toThrow(MeshPkiError)
      }),
    )
  })
})

/** Any JSON in which no list stands in a list, as Kubernetes has it. */
const json = fc.jsonValue({ maxDepth: 3 })

/** RFC 7396 §2, as its pseudo-code has it, on maps in place of objects. */
function mergedByRfc(target: unknown, patch: unknown): unknown {
  if (!(patch instanceof Map)) return patch
  const result = target instanceof Map ? new Map(target) : new Map<unknown, unknown>()
  for (const [name, value] of patch) {
    if (value === null) result.delete(name)
    else result.set(name, mergedByRfc(result.get(name), value))
  }
  return result
}

const toMaps = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(toMaps)
  if (typeof value !== 'object' || value === null) return value
  return new Map(Object.entries(value).map(([name, member]) => [name, toMaps(member)]))
}

test('a merge patch of the in-memory server is RFC 7396’s', async () => {
  const resource = { group: 'example.com', version: 'v1', kind: 'Thing', plural: 'things', namespaced: false }
  const path = '/apis/example.com/v1/things'
  const send = async (transport: KubeTransport, method: 'POST' | 'PATCH', at: string, body: unknown) => {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    return transport.request({ method, path: at, body, contentType, signal: AbortSignal.timeout(10_000) })
  }
  await fc.assert(
    fc.asyncProperty(json, json, async (spec, patch) => {
      const transport = fakeKubeApi({ resources: [resource] }).transport()
      const object = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' }, spec }
      expect((await send(transport, 'POST', path, object)).status).toBe(201)
      const { status, body } = await send(transport, 'PATCH', `${path}/a`, { spec: patch })
      expect(status).toBe(200)
      const expected =
        patch === null
          ? undefined
          : mergedByRfc(toMaps(JSON.parse(JSON.stringify(spec))), toMaps(JSON.parse(JSON.stringify(patch))))
      expect(toMaps(Object(body).spec)).toEqual(expected)
    }),
  )
})

test('whatever is applied twice changes nothing the second time', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd')
  // An empty map is no content of a ConfigMap: who owns it is a question that the double answers once more at each apply.
  const data = fc.dictionary(key, fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 4 })
  const managers = fc.array(fc.tuple(fc.constantFrom('m1', 'm2', 'm3'), data), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(managers, async (steps) => {
      const api = fakeKubeApi()
      const transport = api.transport()
      /** What each manager wants: the model that the server is compared with. */
      const wanted = new Map<string, Readonly<Record<string, string>>>()
      for (const [fieldManager, data] of steps) {
        const request = {
          method: 'PATCH',
          path: '/api/v1/namespaces/n/configmaps/a',
          query: { fieldManager, force: true },
          contentType: 'application/apply-patch+yaml',
          body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data },
          signal: AbortSignal.timeout(10_000),
        } as const
        await transport.request(request)
        // Who is forced aside owns the field no longer.
        for (const [other, theirs] of wanted)
          wanted.set(
            other,
            Object.fromEntries(
              Object.entries(theirs).filter(([key, value]) => (data[key] ?? value) === value),
            ),
          )
        wanted.set(fieldManager, data)
        const found = api.read(KubeResources.configMaps, { name: 'a', namespace: 'n' })
        expect(found?.['data'] ?? {}).toEqual(Object.assign({}, ...wanted.values()))
        const version = api.resourceVersion
        await transport.request(request)
        expect(api.resourceVersion).toBe(version)
      }
    }),
  )
})
