import { describe, expect, test } from 'vitest'
import {
  isDueAnew,
  isOld,
  isWaitingKey,
  leftOver,
  readKey,
  readRequest,
} from '../../../../src/kubernetes/federation/pending-request.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { exportPrivateKey, generateKeyPair } from '../../../../src/x509/index.ts'
import { HOUR, instant, MINUTE, NOW } from './parts.ts'

const KEY_TYPE = 'certificates.mesh.gloo.solo.io/generated_private_key'

const madeAt = (time: Date | string | undefined): KubeObject => {
  const metadata = { name: 'x', ...(time === undefined ? {} : { creationTimestamp: time }) }
  return { metadata }
}
const ago = (ms: number): string => instant(-ms).toISOString()

/** An order that has not been ready for so long. */
const orderNotReadyFor = (ms: number): KubeObject => ({
  metadata: { name: 'x' },
  status: {
    conditions: [
      { type: 'Other', lastTransitionTime: ago(1000 * HOUR) },
      { type: 'Ready', status: 'False', lastTransitionTime: ago(ms) },
    ],
  },
})

describe('a refused request is made anew', () => {
  test('ten minutes after it was made, not sooner', () => {
    expect(isOld(madeAt(ago(10 * MINUTE - 1)), NOW)).toBe(false)
    expect(isOld(madeAt(ago(10 * MINUTE)), NOW)).toBe(true)
    // Some clients give instants as such.
    expect(isOld(madeAt(instant(-10 * MINUTE + 1)), NOW)).toBe(false)
    expect(isOld(madeAt(instant(-10 * MINUTE)), NOW)).toBe(true)
  })

  test('at once where nobody knows when that was', () => {
    for (const time of [undefined, 'some day']) expect(isOld(madeAt(time), NOW)).toBe(true)
  })
})

describe('an answer that was not accepted is asked for anew', () => {
  test('ten minutes after the first one', () => {
    const order = orderNotReadyFor(11 * MINUTE)
    expect(isDueAnew(madeAt(ago(10 * MINUTE)), order, NOW)).toBe(true)
    expect(isDueAnew(madeAt(ago(10 * MINUTE - 1)), order, NOW)).toBe(false)
  })

  test('after half of the time for which the order has not been ready, so ever more rarely', () => {
    const order = orderNotReadyFor(10 * HOUR)
    expect(isDueAnew(madeAt(ago(5 * HOUR - 1)), order, NOW)).toBe(false)
    expect(isDueAnew(madeAt(ago(5 * HOUR)), order, NOW)).toBe(true)
    // However long it takes, a ledger does not fill: a month has some dozen tries.
    let tries = 0
    for (let since = 0, made = 0; since < 720 * HOUR; since += MINUTE)
      if (isDueAnew(madeAt(ago(since - made)), orderNotReadyFor(since), NOW)) {
        made = since
        tries++
      }
    expect(tries).toBeGreaterThan(3)
    expect(tries).toBeLessThan(20)
  })

  test('an order that says nothing of the time counts as one that has just failed', () => {
    const order = { metadata: { name: 'x' } }
    expect(isDueAnew(madeAt(ago(10 * MINUTE)), order, NOW)).toBe(true)
    expect(isDueAnew(madeAt(ago(9 * MINUTE)), order, NOW)).toBe(false)
  })
})

describe('a key that waits', () => {
  const secret = (type: string, labels: Record<string, string>): KubeObject => ({
    metadata: { name: 'x', labels },
    type,
  })

  test.each([
    ['ours', KEY_TYPE, { [FederationMark.agent]: 'mesh-pki' }, true],
    ['Gloo Mesh’s', KEY_TYPE, { [FederationMark.glooAgent]: 'gloo-mesh' }, true],
    ['of another agent', KEY_TYPE, { [FederationMark.agent]: 'other' }, false],
    ['of nobody', KEY_TYPE, {}, false],
    ['of another type', 'Opaque', { [FederationMark.agent]: 'mesh-pki' }, false],
    ['of another type, Gloo Mesh’s label', 'Opaque', { [FederationMark.glooAgent]: 'gloo-mesh' }, false],
  ])('%s', (_name, type, labels, expected) => {
    expect(isWaitingKey(secret(type, labels as Record<string, string>), 'mesh-pki')).toBe(expected)
  })

  test('is read where it is one; anything else is none, and no failure', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    const pem = await exportPrivateKey(privateKey, { format: 'pkcs8' })
    const of = (text: string): KubeObject => ({
      metadata: { name: 'x', namespace: 'y' },
      data: { 'private-key': Buffer.from(text).toString('base64') },
    })
    expect((await readKey(of(pem)))?.key.publicKey).toEqual(privateKey.publicKey)
    expect(await readKey(of('no key'))).toBeUndefined()
    expect(await readKey({ metadata: { name: 'x' } })).toBeUndefined()
    expect(await readKey(undefined)).toBeUndefined()
  })

  test('a request goes before its key: a request without a key is of no use to anybody', () => {
    const [key, request] = [madeAt(undefined), madeAt(undefined)]
    expect(leftOver(key, request).map(({ kind }) => kind)).toEqual(['request', 'key'])
    expect(leftOver(key, undefined).map(({ kind }) => kind)).toEqual(['key'])
    expect(leftOver(undefined, undefined)).toEqual([])
  })

  test('a request that cannot be read is no failure', () => {
    const spec = { certificateSigningRequest: '%' }
    expect(readRequest({ metadata: { name: 'x' }, spec })).toMatchObject({ code: 'ERR_KUBERNETES_ORDER' })
  })
})
