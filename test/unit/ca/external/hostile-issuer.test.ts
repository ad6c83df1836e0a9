/**
 * Issuers in the same process that change, or answer, objects which are not what they seem.
 */
import { describe, expect, test } from 'vitest'
import {
  type ExternalIssuer,
  type RequestCertificateOptions,
  requestCertificate,
} from '../../../../src/ca/index.ts'
import { Csr, createCsr } from '../../../../src/csr/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { Certificate, type GeneralNameInput, importKeyObject } from '../../../../src/x509/index.ts'
import { oid, text, tlv } from '../../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../../fixtures/x509/refusal.ts'
import { expectNothingUnhandled } from '../../../support/unhandled.ts'
import { attribute, csrOf, EXTENSION_REQUEST, extensions, subjectAltName } from '../../csr/support.ts'
import { dns, nameConstraints, san } from '../../verify/forge.ts'
import {
  answerOf,
  CA_WISH,
  clusterCa,
  ID,
  LEAF_WISH,
  leaf,
  leafExtensions,
  NOW,
  root,
  scripted,
  upper,
  workloadKeys,
} from './support.ts'

expectNothingUnhandled()

const good = answerOf(leaf())
const asking = async (name: GeneralNameInput): Promise<Csr> =>
  (await createCsr({ key: importKeyObject(workloadKeys.privateKey), subjectAltNames: [name] })).csr
const named = await asking({ type: 'uri', value: ID })
const otherName = (value: string): Uint8Array => tlv(0xa0, oid('1.3.6.1.4.1.1'), tlv(0xa0, text(0x0c, value)))

/** The certificate, or the error, of a wish whose clock runs for an hour. */
async function granted(issuer: ReturnType<typeof scripted>) {
  const pending = issuer.ask()
  await issuer.clock.run('1h')
  return pending
}
const refusal = (issuer: ReturnType<typeof scripted>) => refusalOfAsync(granted(issuer))

describe('an issuer that changes what it is shown changes nothing that its answer is compared with', () => {
  /** Does everything that an adapter can do with an object. */
  const tamper = (target: object, name: PropertyKey, value: unknown): boolean =>
    Reflect.set(target, name, value) || Reflect.defineProperty(target, name, { value })
  const OTHER = 'spiffe://td/ns/admin/sa/root'
  const other = answerOf(leaf({ extensions: leafExtensions(OTHER) }))

  test.each<[string, Partial<RequestCertificateOptions>]>([
    ['names that were asked for', {}],
    ['names of the request', { id: undefined, csr: named }],
  ])('%s', async (_, wish) => {
    const changed: boolean[] = []
    const issuer: ExternalIssuer = {
      issue: async ({ csr, intent }) => {
        for (const names of [intent.subjectAltNames, csr.subjectAltNames])
          for (const name of names) changed.push(tamper(name, 'value', OTHER))
        changed.push(tamper(intent.subjectAltNames, 0, { type: 'uri', value: OTHER }))
        changed.push(
          tamper(intent.subject, 'equals', () => true),
          tamper(csr, 'publicKey', upper.der),
        )
        return other
      },
    }
    const error = await refusalOfAsync(
      requestCertificate(issuer, { ...LEAF_WISH, clock: manualClock(NOW), ...wish }),
    )
    const mismatches = error.data['mismatches']
    expect(mismatches).toMatchObject([
      { field: 'subjectAltNames', expected: `URI:${ID}`, found: `URI:${OTHER}` },
    ])
    // The names of the CSR are copies at each call, so that they may be written to.
    expect(changed.filter((was) => was)).toHaveLength(wish.csr === undefined ? 0 : 1)
  })

  test('bytes within a name, which cannot be frozen', async () => {
    const attributes = attribute(
      EXTENSION_REQUEST,
      extensions(['2.5.29.17', subjectAltName(otherName('good'))]),
    )
    const csr = Csr.fromDer(csrOf({ attributes: [attributes] }))
    const issuer: ExternalIssuer = {
      issue: async ({ intent }) => {
        const [name] = intent.subjectAltNames
        if (name?.type === 'other') name.value.fill(0x78, 2)
        const exact = san([otherName('xxxx')], true)
        return answerOf(leaf({ extensions: [...leafExtensions(ID).slice(0, 3), exact] }))
      },
    }
    const wish = { csr, lifetime: { max: '24h' }, anchors: root.certificate, clock: manualClock(NOW) }
    const error = await refusalOfAsync(requestCertificate(issuer, wish))
    const fields = (error.data['mismatches'] as readonly { field: string }[]).map(({ field }) => field)
    expect(fields).toContain('subjectAltNames')
  })

  test.each(['permitted', 'excluded'] as const)('constraints: %s', async (list) => {
    const constraints = { [list]: [{ type: 'dns', value: 'good.example' }], otherForms: 'allow' } as const
    const ask = (issue: ExternalIssuer['issue']) =>
      requestCertificate({ issue }, { ...CA_WISH, nameConstraints: constraints, clock: manualClock(NOW) })
    const changed: boolean[] = []
    const error = await refusalOfAsync(
      ask(async ({ intent: { nameConstraints } }) => {
        if (nameConstraints === undefined) throw new Error('none')
        for (const name of nameConstraints[list]) changed.push(tamper(name, 'value', 'evil.example'))
        changed.push(tamper(nameConstraints[list], 'length', 0), tamper(nameConstraints, list, []))
        return answerOf(clusterCa())
      }),
    )
    expect(error.data['mismatches']).toMatchObject([{ field: 'nameConstraints', found: 'none' }])
    expect(changed).toEqual([false, false, false])
    const right = nameConstraints({ [list]: [dns('good.example')] })
    await ask(async () => answerOf(clusterCa({ pathLength: 0, extensions: [right] })))
  })

  test('certificates of its chain that say something else than their bytes', async () => {
    const lying = Certificate.fromDer(upper.der)
    Object.defineProperty(lying, 'toPem', { value: () => 'something else' })
    const { chain } = await scripted({ issue: async () => answerOf(leaf(), [lying]) }).ask()
    expect(chain[1]?.toPem()).toBe(upper.certificate.toPem())
  })
})

describe('an issuer whose errors and answers throw when they are looked at', () => {
  class Grudging extends Error {
    override get name(): string {
      throw new Error('TOKEN')
    }
  }
  const trap = (target: object) =>
    new Proxy(target, {
      has: () => {
        throw new Error('TOKEN')
      },
      getPrototypeOf: () => {
        throw new Error('TOKEN')
      },
    })
  test.each<[string, () => unknown]>([
    ['a getter "name"', () => new Grudging('TOKEN')],
    ['a Proxy', () => trap(new Error('TOKEN'))],
    ['a Proxy of no error', () => trap({})],
    ['a revoked Proxy', () => revoked()],
    [
      'a getter "retryable"',
      () =>
        Object.defineProperty(new Error('TOKEN'), 'retryable', {
          get: () => {
            throw new Error('TOKEN')
          },
        }),
    ],
  ])('%s: a certificate may have been made all the same', async (_, make) => {
    const error = await refusal(scripted({ issue: () => Promise.reject(make()) }))
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    expect(error.message).not.toContain('TOKEN')
    const found = scripted({ issue: () => Promise.reject(make()), lookup: async () => good })
    expect((await granted(found)).chain).toHaveLength(3)
  })

  test.each<[string, () => unknown]>([
    [
      'a getter "certificate"',
      () => ({
        get certificate() {
          throw new Error('TOKEN')
        },
      }),
    ],
    ['a revoked Proxy for a chain', () => ({ certificate: leaf().der, chain: revoked() })],
    ['a certificate that is none', () => ({ certificate: Object.create(Certificate.prototype) })],
  ])('%s: the answer is not taken', async (_, make) => {
    // Not at once: `await` itself looks for a member "then".
    const error = await refusal(scripted({ issue: async () => make() }))
    expect([error.code, error.message.includes('TOKEN')]).toEqual(['ERR_ISSUER_MISMATCH', false])
  })

  test('members of a chain that throw are passed over', async () => {
    const member = {
      get rawData(): ArrayBuffer {
        throw trap({})
      },
    }
    const { chain } = await scripted({ issue: async () => answerOf(leaf(), [member, upper.der]) }).ask()
    expect(chain).toHaveLength(3)
    const error = await refusal(scripted({ issue: async () => answerOf(leaf(), [member]) }))
    expect(error.code).toBe('ERR_ISSUER_MISMATCH')
  })

  test('a chain whose iterator never ends', async () => {
    const endless = Object.assign([upper.der], {
      *[Symbol.iterator]() {
        for (;;) yield upper.der
      },
    })
    expect((await scripted({ issue: async () => answerOf(leaf(), endless) }).ask()).chain).toHaveLength(3)
  })

  function revoked(): object {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
})
