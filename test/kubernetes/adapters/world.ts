/**
 * One real API server, and users of it who have the documented rules of an adapter and no others.
 */
import {
  Controller,
  type ControllerSource,
  KubeClient,
  type KubeObject,
  type KubeResource,
  KubeResources,
  type StepResult,
} from '../../../src/kubernetes/index.ts'
import { listAt, recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import { createTestHierarchy, type TestHierarchy } from '../../../src/testing/index.ts'
import { untilAllowed } from '../../support/kube-access.ts'
import { type AllowOptions, allow, type GrantedRule, install } from '../../support/kube-manifests.ts'
import { type KubeServer, startKubeServer } from '../../support/kube-server.ts'
import { type Around, type RecordedTransport, recordedTransport } from '../../support/recorded-transport.ts'
import { untilTrue } from '../../support/until.ts'

const NAMESPACES = ['shop', 'istio-system', 'istio-ingress', 'cert-manager']

/** Somebody with the rules of an adapter. */
export interface AdapterUser {
  readonly name: string
  readonly client: KubeClient
  readonly transport: RecordedTransport
}

export interface World {
  readonly server: KubeServer
  readonly admin: KubeClient
  readonly hierarchy: TestHierarchy
  /** A user with the rules of `examples/kubernetes/rbac/<adapter>.yaml`, once they have effect. */
  user(adapter: string, options?: AllowOptions & Around & { readonly name?: string }): Promise<AdapterUser>
  /** A client of somebody else. */
  clientOf(user: string): Promise<KubeClient>
  /** Defines a kind, and waits until it is served. */
  define(definition: KubeObject, resource: KubeResource): Promise<void>
  stop(): Promise<void>
}

export type GetWorld = () => World

export async function startWorld(): Promise<World> {
  const server = await startKubeServer()
  const admin = await install(server.admin, NAMESPACES, [])
  const hierarchy = await createTestHierarchy()
  const opened: { close(): void }[] = []
  let users = 0
  const served = (resource: KubeResource) =>
    untilTrue(`${resource.plural} are served`, () => admin.serves(resource))
  const open = async (user: string) => {
    const transport = await server.transportFor({ user })
    opened.push(transport)
    return transport
  }
  return {
    server,
    admin,
    hierarchy,
    user: async (adapter, { name = `${adapter}-${++users}`, roles, change, before, after } = {}) => {
      const rules = await allow(admin, name, adapter, {
        ...(roles === undefined ? {} : { roles }),
        ...(change === undefined ? {} : { change }),
      })
      for (const rule of rules) await untilAllowed(server.admin, name, rule)
      const transport = recordedTransport(await open(name), {
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      })
      return { name, transport, client: new KubeClient(transport, { fieldManager: `mesh-pki-${adapter}` }) }
    },
    clientOf: async (user) => new KubeClient(await open(user), { fieldManager: 'somebody' }),
    define: async (definition, resource) => {
      await admin.create(KubeResources.customResourceDefinitions, definition)
      await served(resource)
    },
    stop: async () => {
      for (const one of opened) one.close()
      await server.stop()
    },
  }
}

/** Takes rules away that hold for a resource, or one of their verbs. */
export function without(resource: string, verb?: string): NonNullable<AllowOptions['change']> {
  return (rule: GrantedRule) => {
    if (!rule.resources.includes(resource)) return rule
    const verbs = verb === undefined ? [] : rule.verbs.filter((one) => one !== verb)
    return verbs.length === 0 ? undefined : { ...rule, verbs }
  }
}

/** Runs a controller while a test does something. */
export async function whileRunning(
  controllers: readonly {
    readonly user: AdapterUser
    readonly sources: readonly ControllerSource[]
    readonly reconcile: (key: string) => Promise<StepResult>
  }[],
  work: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const running = controllers.map(({ user, sources, reconcile }) =>
    new Controller({ name: user.name, sources, reconcile, clock: user.client.clock }).run(stop.signal),
  )
  try {
    await work()
  } finally {
    stop.abort()
    await Promise.all(running)
  }
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64')
export const textOf = (value: unknown): string => Buffer.from(String(value), 'base64').toString('utf8')

export const statusOf = (object: KubeObject): Readonly<Record<string, unknown>> => recordAt(object, 'status')

/** `Approved True Reason` for each condition. */
export function conditionsOf(object: KubeObject): readonly string[] {
  return listAt(statusOf(object), 'conditions').map((one) =>
    ['type', 'status', 'reason'].map((member) => textAt(one, member)).join(' '),
  )
}

/** Adds a condition to the status of an object, as somebody else does. */
export async function addCondition(
  { admin }: World,
  resource: KubeResource,
  ref: { readonly namespace?: string; readonly name: string },
  type: string,
  { part = 'status' as 'status' | 'approval', message = 'by a test' } = {},
): Promise<void> {
  await admin.change(
    resource,
    ref,
    (found) => ({
      ...found,
      status: {
        ...statusOf(found),
        conditions: [
          ...listAt(statusOf(found), 'conditions'),
          {
            type,
            status: 'True',
            reason: 'Test',
            message,
            lastTransitionTime: `${new Date().toISOString().slice(0, 19)}Z`,
          },
        ],
      },
    }),
    { part },
  )
}
