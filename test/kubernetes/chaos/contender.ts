/**
 * A program that wants to lead. Whenever it does it reads an object, says so, waits, and writes what it had decided.
 */
import { argv, stdout } from 'node:process'
import { kubeHttpsTransport } from '../../../src/kubernetes/in-cluster/index.ts'
import { KubeClient, KubeResources, LeaseElector } from '../../../src/kubernetes/index.ts'

const { server, ca, certificate, key, lease, work } = JSON.parse(argv[2] ?? '')
const say = (what: object): void => void stdout.write(`${JSON.stringify(what)}\n`)
const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))
const outcomeOf = async (act: () => unknown): Promise<unknown> => {
  try {
    await act()
    return 'done'
  } catch (error) {
    return Reflect.get(Object(error), 'code')
  }
}

const client = new KubeClient(
  kubeHttpsTransport({ server, ca, clientCertificate: certificate, clientKey: key }),
  { fieldManager: 'contender', timeout: '2s' },
)
const elector = new LeaseElector(client, {
  ...lease,
  identity: 'the child',
  onEvent: (event) => {
    if (event.type === 'lease') say({ [event.phase]: true })
  },
})
await elector.run(async (leading) => {
  elector.assertLeading()
  const found = await client.get(KubeResources.configMaps, work)
  say({ decided: true })
  await wait(1000)
  say({
    wrote: await outcomeOf(() =>
      client.replace(KubeResources.configMaps, { ...found, data: { by: 'the child' } }),
    ),
  })
  say({ asserted: await outcomeOf(() => elector.assertLeading()) })
  if (!leading.aborted)
    await new Promise<void>((resolve) => leading.addEventListener('abort', () => resolve()))
  say({ over: Reflect.get(Object(leading.reason), 'name') })
}, new AbortController().signal)
