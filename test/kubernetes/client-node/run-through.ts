/**
 * One way through an API server by the calls of a controller, and what came of each step.
 */
import { KubeClient, KubeError, KubeResources, type KubeTransport } from '../../../src/kubernetes/index.ts'

/** What came of a call: a value, or the code and the outcome of its failure. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call
  } catch (error) {
    if (error instanceof KubeError) return `${error.code} ${error.status} ${error.outcome}`
    return error instanceof Error ? error.name : 'a thrown value'
  }
}

/** Runs the way in a namespace that exists and is empty. */
export async function runThrough(
  transport: KubeTransport,
  namespace: string,
): Promise<Record<string, unknown>> {
  const client = new KubeClient(transport, { fieldManager: 'run-through' })
  const kind = KubeResources.configMaps
  const ref = (name: string) => ({ name, namespace })
  const map = (name: string, data: object) => ({ metadata: { name, namespace }, data })
  const steps: Record<string, unknown> = {}

  const made = await client.create(kind, map('a', { x: 'ä€😀' }))
  steps['create'] = made['data']
  steps['create again'] = await outcome(client.create(kind, map('a', {})))
  steps['get what is not there'] = await outcome(client.get(kind, ref('none')))
  steps['find what is not there'] = await outcome(client.find(kind, ref('none')))
  const replaced = await client.replace(kind, { ...made, data: { x: '2' } })
  steps['replace'] = replaced['data']
  steps['replace what is old'] = await outcome(client.replace(kind, { ...made, data: { x: '3' } }))
  const { resourceVersion } = replaced.metadata
  const merged = await client.merge(kind, { metadata: { ...ref('a'), resourceVersion }, data: { y: '1' } })
  steps['merge'] = merged['data']
  steps['apply'] = (await client.apply(kind, map('a', { z: '1' })))['data']
  const invalid = { ...map('s', {}), data: { 'a/b': '' } }
  steps['invalid'] = await outcome(client.create(KubeResources.secrets, invalid))
  steps['serves'] = [await client.serves(kind), await client.serves(KubeResources.certManagerRequests)]

  const all = await client.list(kind, { namespace, fieldSelector: 'metadata.name=a' })
  steps['list'] = all.items.map(({ metadata }) => metadata.name)
  steps['watch'] = await watched(client, namespace, all.resourceVersion)
  steps['watch that ends'] = await ended(client, namespace, all.resourceVersion)
  steps['watch what is not served'] = await outcome(refusedWatch(client))
  steps['watch that is aborted'] = await aborted(transport, namespace, all.resourceVersion)
  steps['remove'] = await client.remove(kind, await client.get(kind, ref('a')))
  steps['remove what is gone'] = await client.remove(kind, made)
  const stopped = AbortSignal.abort(new DOMException('stopped', 'AbortError'))
  steps['aborted'] = await outcome(client.get(kind, ref('a'), { signal: stopped }))
  return steps
}

async function watched(client: KubeClient, namespace: string, resourceVersion: string): Promise<unknown> {
  const stop = AbortSignal.timeout(20_000)
  const selection = { namespace, resourceVersion, timeoutSeconds: 60, labelSelector: 'app=x' }
  const seen: string[] = []
  const metadata = { name: 'w', namespace, labels: { app: 'x' } }
  const writing = (async () => {
    const made = await client.create(KubeResources.configMaps, {
      metadata,
      data: { x: 'ä€😀'.repeat(20_000) },
    })
    await client.remove(KubeResources.configMaps, made)
  })()
  for await (const { type, object } of client.watch(KubeResources.configMaps, selection, { signal: stop })) {
    seen.push(`${type} ${object.metadata.name} ${String(Object(object['data'])['x']).length}`)
    if (seen.length === 2) break
  }
  await writing
  return seen
}

async function ended(client: KubeClient, namespace: string, resourceVersion: string): Promise<unknown> {
  const selection = { namespace, resourceVersion, timeoutSeconds: 1, labelSelector: 'app=none' }
  const seen: string[] = []
  const signal = AbortSignal.timeout(20_000)
  for await (const { type } of client.watch(KubeResources.configMaps, selection, { signal })) seen.push(type)
  return seen
}

async function refusedWatch(client: KubeClient): Promise<void> {
  const selection = { resourceVersion: '1', timeoutSeconds: 1 }
  const signal = AbortSignal.timeout(20_000)
  for await (const _ of client.watch(KubeResources.certManagerRequests, selection, { signal })) return
}

async function aborted(
  transport: KubeTransport,
  namespace: string,
  resourceVersion: string,
): Promise<unknown> {
  const stop = new AbortController()
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  const query = { resourceVersion, labelSelector: 'app=none', timeoutSeconds: 60 }
  setTimeout(() => stop.abort(), 200)
  const seen: string[] = []
  for await (const { type } of transport.watch({ path, query, signal: stop.signal })) seen.push(type)
  return seen
}
