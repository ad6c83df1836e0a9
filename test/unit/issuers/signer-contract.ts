/**
 * What every `Signer` on a service must do, whoever is behind it. A provider's test gives a world: the key, what stands for its
 * provider, and ways to make that go wrong.
 */
import { constants, type KeyObject, verify } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { createRootCa } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import type { MeshPkiError } from '../../../src/errors.ts'
import { checkPath } from '../../../src/verify/index.ts'
import type { RemoteSignerEvent, RemoteSignerOptions, Signer } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { expectNothingUnhandled } from '../../support/unhandled.ts'
import { CALL_TIMEOUT, contractClock } from './contract-clock.ts'
import { everythingIn } from './secrets.ts'

/** How a service goes wrong. `throttled-once` is over after the next request, the others last. */
export type SignerMisbehaviour =
  | 'throttled-once'
  /** It is not there, however often it is asked. */
  | 'unavailable'
  /** It refuses: status 4xx, or what its protocol has for that. */
  | 'refused'
  /** It does not know us any longer. */
  | 'credentials-expired'
  /** It answers a signature of something else. */
  | 'wrong-signature'
  /** It never answers. */
  | 'hangs'

/** What the signer is made with, so that the contract can watch it. */
type ContractSignerOptions = Required<
  Pick<RemoteSignerOptions, 'clock' | 'timeout' | 'maxBackoff' | 'attempts' | 'onEvent'>
>

/** A key with its service. */
export interface SignerWorld {
  /** Makes the signer, with these options of `remoteSigner`. */
  make(options: ContractSignerOptions): Signer | Promise<Signer>
  /** The key, as the service holds it. */
  readonly publicKey: KeyObject
  /** How often it was asked for a signature. */
  asked(): number
  misbehave(how: SignerMisbehaviour): void
  /** Fulfilled when a request hangs. Without it, 60 milliseconds count as that. */
  hung?(): Promise<void>
  /** Secrets that must not be in any error or event. */
  readonly secrets: readonly string[]
  close(): Promise<void>
}

/** What is special about a service. */
export interface SignerTraits {
  /** What cannot be made to go wrong there. Those tests are not registered. */
  readonly without?: readonly SignerMisbehaviour[]
  /**
   * Whether a wrong signature is caught before `remoteSigner` sees it, as by a checksum: then it is a failure like others. Default
   * false.
   */
  readonly hasIntegrityCheck?: boolean
}

const ATTEMPTS = 3
const MESSAGE = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 255)

/**
 * Registers the tests.
 *
 * @example
 * ```ts
 * signerContract('vaultSigner, P-256', () => transitWorld('ecdsa-p256'))
 * ```
 */
export function signerContract(
  name: string,
  makeWorld: () => Promise<SignerWorld>,
  traits: SignerTraits = {},
): void {
  const worlds: SignerWorld[] = []
  const enter = async (): Promise<{
    readonly world: SignerWorld
    readonly signer: Signer
    readonly events: readonly RemoteSignerEvent[]
    readonly clock: ReturnType<typeof contractClock>
    refusal(): Promise<MeshPkiError>
  }> => {
    const world = await makeWorld()
    worlds.push(world)
    const events: RemoteSignerEvent[] = []
    const clock = contractClock(() => world.hung?.())
    const signer = await world.make({
      clock,
      timeout: CALL_TIMEOUT,
      maxBackoff: '1s',
      attempts: ATTEMPTS,
      onEvent: (event) => void events.push(event),
    })
    /** The error of a signature; neither it nor an event may tell a secret. */
    const refusal = async (): Promise<MeshPkiError> => {
      const error = await refusalOfAsync(Promise.resolve(signer.sign(MESSAGE)))
      const told = [...everythingIn(error), ...events.flatMap(everythingIn), ...everythingIn(signer)]
      expect(world.secrets.filter((secret) => told.some((text) => text.includes(secret)))).toEqual([])
      expect(error.message.length).toBeLessThan(2048)
      expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
      return error
    }
    return { world, signer, events, clock, refusal }
  }
  const whenIt = (how: SignerMisbehaviour, title: string, run: () => Promise<void>): void => {
    if (traits.without?.includes(how) !== true) test(`${how}: ${title}`, run)
  }

  describe(`${name} keeps the contract of signers`, () => {
    expectNothingUnhandled()
    afterEach(async () => {
      for (const world of worlds.splice(0)) await world.close()
    })

    test('its signature verifies under the key of the service, and the message is untouched', async () => {
      const { world, signer } = await enter()
      const message = MESSAGE.slice()
      const signature = await signer.sign(message)
      expect(message).toEqual(MESSAGE)
      expect(isSignature(signer, world.publicKey, MESSAGE, signature)).toBe(true)
      expect(isSignature(signer, world.publicKey, MESSAGE.subarray(1), signature)).toBe(false)
      expect(signer.publicKey).toEqual(
        new Uint8Array(world.publicKey.export({ format: 'der', type: 'spki' })),
      )
      expect(world.asked()).toBe(1)
    })

    test('it is a root that signs an intermediate', async () => {
      const { signer } = await enter()
      const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key: signer })
      const { csr } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Example', key: 'P-256' })
      const { certificate } = await root.issueIntermediate(csr, { lifetime: '30d' })
      const result = await checkPath(certificate, { anchors: [root.certificate], purpose: 'any' })
      expect(result.ok).toBe(true)
    })

    whenIt('throttled-once', 'asked again', async () => {
      const { world, signer } = await enter()
      world.misbehave('throttled-once')
      const signature = await signer.sign(MESSAGE)
      expect(isSignature(signer, world.publicKey, MESSAGE, signature)).toBe(true)
    })

    whenIt('unavailable', 'it ends', async () => {
      const { world, events, refusal } = await enter()
      world.misbehave('unavailable')
      const error = await refusal()
      expect(error.code).toBe('ERR_SIGNER_FAILED')
      expect(error.data['attempts']).toBe(ATTEMPTS)
      expect(events.map(({ willRetry }) => willRetry)).toEqual([true, true, false])
    })

    const final: readonly SignerMisbehaviour[] = ['refused', 'credentials-expired']
    for (const how of final)
      whenIt(how, 'final, by the first answer', async () => {
        const { world, events, refusal } = await enter()
        world.misbehave(how)
        const error = await refusal()
        expect(error.code).toBe('ERR_SIGNER_FAILED')
        expect(error.data['attempts']).toBe(1)
        expect(events).toHaveLength(1)
      })

    whenIt('wrong-signature', 'it is not handed out', async () => {
      const { world, refusal } = await enter()
      world.misbehave('wrong-signature')
      const error = await refusal()
      if (traits.hasIntegrityCheck === true) expect(error.code).toMatch(/^ERR_SIGNER_(FAILED|SIGNATURE)$/)
      else {
        expect(error.code).toBe('ERR_SIGNER_SIGNATURE')
        expect(world.asked()).toBe(2)
      }
    })

    whenIt('hangs', 'each attempt is given up', async () => {
      const { world, clock, refusal } = await enter()
      world.misbehave('hangs')
      clock.giveUp()
      const error = await refusal()
      expect(error.code).toBe('ERR_SIGNER_TIMEOUT')
      expect(error.data['attempts']).toBe(ATTEMPTS)
    })

    whenIt('hangs', 'the signal of the caller ends it', async () => {
      const { world, signer, clock } = await enter()
      world.misbehave('hangs')
      const stop = new AbortController()
      const reason = new Error('enough')
      const pending = Promise.resolve(signer.sign(MESSAGE, { signal: stop.signal }))
      await Promise.race([clock.hung(), pending.catch(() => {})])
      stop.abort(reason)
      await expect(pending).rejects.toBe(reason)
    })
  })
}

const PSS = /^rsa-pss-/

function isSignature(
  { signatureAlgorithm }: Signer,
  key: KeyObject,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const digest = /sha\d+$/.exec(signatureAlgorithm)?.[0] ?? null
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return verify(digest, message, { key, ...(PSS.test(signatureAlgorithm) ? pss : {}) }, signature)
}
