import { KubeClient, KubeResources, type KubeTransport } from '../../../../src/kubernetes/index.ts'

export const KIND = KubeResources.configMaps
export const NS = 'mesh'

export const clientOf = (transport: KubeTransport): KubeClient =>
  new KubeClient(transport, { fieldManager: 'test' })

export const map = (name: string, data: Readonly<Record<string, string>> = {}) => ({
  metadata: { name, namespace: NS },
  data,
})

/** Every event that a watch gives, as it comes; stops when the signal aborts. */
export function record(
  transport: KubeTransport,
  signal: AbortSignal,
  query: Readonly<Record<string, string | number | boolean>> = {},
): { readonly seen: string[]; readonly done: Promise<void> } {
  const seen: string[] = []
  const done = (async () => {
    const path = `/api/v1/namespaces/${NS}/configmaps`
    for await (const { type, object } of transport.watch({ path, query, signal })) {
      const { metadata = {}, code } = Object(object)
      seen.push([type, metadata.name ?? code ?? metadata.resourceVersion].join(' '))
    }
  })()
  return { seen, done }
}

/** Lets everything that waits for nothing but a turn of the event loop go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** What a call fails with, as code and outcome. */
export async function failure(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    const { code, outcome, name } = Object(error)
    return [typeof code === 'string' ? code : name, outcome].filter((word) => word !== undefined).join(' ')
  }
  return 'none'
}
