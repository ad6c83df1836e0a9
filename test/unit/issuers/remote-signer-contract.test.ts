import { generateKeyPairSync, sign } from 'node:crypto'
import { remoteSigner } from '../../../src/x509/index.ts'
import { deferred } from '../node/support.ts'
import { type SignerMisbehaviour, type SignerWorld, signerContract } from './signer-contract.ts'

/** A function in this process for a service. */
async function functionWorld(type: 'P-256' | 'ed25519'): Promise<SignerWorld> {
  const pair =
    type === 'P-256' ? generateKeyPairSync('ec', { namedCurve: type }) : generateKeyPairSync('ed25519')
  const hung = deferred<void>()
  let asked = 0
  let how: SignerMisbehaviour | undefined
  const digest = type === 'P-256' ? 'sha256' : null
  const refused = (status: number): Error => Object.assign(new Error('refused by the service'), { status })
  return {
    make: (options) =>
      remoteSigner({
        ...options,
        publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }),
        input: 'message',
        sign: async (bytes) => {
          asked++
          const now = how
          if (now === 'throttled-once') how = undefined
          if (now === 'throttled-once') throw refused(429)
          if (now === 'unavailable') throw refused(503)
          if (now === 'refused') throw refused(403)
          if (now === 'credentials-expired') throw refused(401)
          if (now === 'hangs') {
            hung.resolve()
            return new Promise(() => {})
          }
          return sign(digest, now === 'wrong-signature' ? bytes.subarray(1) : bytes, pair.privateKey)
        },
      }),
    publicKey: pair.publicKey,
    asked: () => asked,
    misbehave: (next) => {
      how = next
    },
    hung: () => hung.promise,
    secrets: [],
    close: async () => {},
  }
}

signerContract('remoteSigner over a function, P-256', () => functionWorld('P-256'))
signerContract('remoteSigner over a function, Ed25519', () => functionWorld('ed25519'))
