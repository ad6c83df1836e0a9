/**
 * What an agent has decided to do, done.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { escapeText } from '../../internal/text.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { checkCacerts } from '../lint/check-cacerts.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import { acceptAnswer } from './accept-answer.ts'
import type { AgentAction } from './agent-decision.ts'
import {
  adopted,
  type CacertsChange,
  copyOf,
  newKeySecret,
  newRequest,
  withNewCa,
  withRoots,
} from './agent-objects.ts'
import type { AgentStepOptions } from './agent-step-options.ts'
import type { FederationApi } from './federation-api.ts'
import type { InstalledCa } from './installed-ca.ts'
import type { IssuedCertificate } from './issued-certificate.ts'
import { type DiscardedObject, isDueAnew, leftOver } from './pending-request.ts'

/** What an action is carried out with. */
export interface AgentSituation {
  readonly api: FederationApi
  readonly order: IssuedCertificate
  readonly installed: InstalledCa | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly now: Date
  readonly switchMs: number
  readonly heartbeatMs: number
  readonly options: AgentStepOptions
}

/** Does it, and answers what was done: an answer that is not accepted becomes a refusal. */
export async function carryOutAction(
  client: KubeClient,
  situation: AgentSituation,
  action: AgentAction,
): Promise<AgentAction> {
  const { api, order, installed, labels, now, switchMs, options } = situation
  const fence = options.fence?.()
  const write = async (call: () => Promise<unknown>): Promise<void> => {
    options.beforeWrite?.()
    await call()
  }
  const discard = async (objects: readonly DiscardedObject[]): Promise<void> => {
    for (const { kind, object } of objects)
      await write(() =>
        client.remove(kind === 'key' ? KubeResources.secrets : api.certificateRequests, object),
      )
  }
  switch (action.do) {
    case 'make-key': {
      const secret = await orRefusal(() => newKeySecret(order, action.round, labels))
      if (isRefusal(secret)) return secret
      // Another process may have been first: then its key is the one.
      await write(() => unlessThere(client.create(KubeResources.secrets, secret)))
      return action
    }
    case 'request': {
      const asked = await orRefusal(() => newRequest(api, order, action.pending.key, action.round, labels))
      if (isRefusal(asked)) return asked
      await write(() => unlessThere(client.create(api.certificateRequests, asked)))
      return action
    }
    case 'discard':
      await discard(action.objects)
      return action
    case 'install': {
      const { pending, request, csr, answer, roots, wish } = action
      // What is refused stays so; another one has to be signed.
      const refuse = async (refusal: AgentRefusal): Promise<AgentAction> => {
        if (!isDueAnew(request, order.object, now)) return refusal
        const objects = leftOver(pending.object, request)
        await discard(objects)
        return { do: 'discard', objects, message: `${refusal.message}. It is asked anew` }
      }
      const change: CacertsChange = { order, installed, labels, roots, now, switchMs, fence }
      let next: KubeObject
      try {
        const terms = { spec: order.spec, csr, key: pending.key, answer, roots, clock: client.clock }
        next = await withNewCa(change, wish, await acceptAnswer(terms), pending.key)
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        return refuse({
          do: 'refuse',
          reason: 'CertificateRefused',
          message: `what the issuer answered is not installed: ${error.message}`,
        })
      }
      const refusal = await istiodRefusal(next, now)
      if (refusal !== undefined) return refuse(refusal)
      if (installed !== undefined && !installed.isOurs)
        await write(() => unlessThere(client.create(KubeResources.secrets, copyOf(installed.secret, labels))))
      await write(() => put(client, installed, next))
      return action
    }
    case 'adopt':
      await write(() =>
        put(
          client,
          installed,
          adopted({ order, installed, labels, roots: action.roots, now, switchMs, fence }, action.wish),
        ),
      )
      return action
    case 'publish-roots': {
      const next = withRoots({ order, installed, labels, roots: action.roots, now, switchMs, fence })
      const refusal = await istiodRefusal(next, now)
      if (refusal !== undefined) return refusal
      await write(() => put(client, installed, next))
      return action
    }
    case 'ignore':
    case 'refuse':
    case 'wait':
    case 'rest':
      return action
  }
}

type AgentRefusal = Extract<AgentAction, { readonly do: 'refuse' }>

function isRefusal(made: KubeObject | AgentRefusal): made is AgentRefusal {
  return 'do' in made && made.do === 'refuse'
}

/** An order that asks for what cannot be made, as a name that is none, says so. */
async function orRefusal(make: () => Promise<KubeObject>): Promise<KubeObject | AgentRefusal> {
  try {
    return await make()
  } catch (error) {
    if (!(error instanceof MeshPkiError || error instanceof TypeError || error instanceof RangeError))
      throw error
    return {
      do: 'refuse',
      reason: 'InvalidOrder',
      message: `no request can be made of this order: ${escapeText(error.message, 1024)}`,
    }
  }
}

/** istiod goes on with what it has when it refuses a change, and says so in its log alone: so it is asked before. */
async function istiodRefusal(secret: KubeObject, now: Date): Promise<AgentRefusal | undefined> {
  const verdict = await checkCacerts(secret, { parity: 'istio', time: now })
  if (verdict.ok) return undefined
  return {
    do: 'refuse',
    reason: 'IstiodWouldRefuse',
    message: `istiod would refuse the secret in step ${verdict.step} (${verdict.message}): it is not written`,
  }
}

/** Where there was none, `create` makes sure of that; where there was one, its version does. */
function put(client: KubeClient, installed: InstalledCa | undefined, next: KubeObject): Promise<KubeObject> {
  return installed === undefined
    ? client.create(KubeResources.secrets, next)
    : client.replace(KubeResources.secrets, next)
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation
  } catch (error) {
    if (!isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')) throw error
  }
}
