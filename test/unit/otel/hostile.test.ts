/** What others throw, as an attribute. */
import { expect, test } from 'vitest'
import type { IssuerEvent } from '../../../src/ca/index.ts'
import { telemetry } from './telemetry.ts'

const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln'

test.each([
  [
    'an error of the library',
    Object.assign(new Error(TOKEN), { code: 'ERR_ISSUER_DENIED' }),
    'ERR_ISSUER_DENIED',
  ],
  ['an error of a class', new RangeError(TOKEN), 'RangeError'],
  ['a text', TOKEN, '_OTHER'],
  ['null', null, '_OTHER'],
  ['an object without a name', { message: TOKEN }, '_OTHER'],
  ['a name that is a sentence', { name: `token ${TOKEN}` }, '_OTHER'],
  [
    'an object that throws when it is read',
    {
      get name(): string {
        throw new Error(TOKEN)
      },
    },
    '_OTHER',
  ],
])('%s is its class or code, or _OTHER, and never what it says', async (_, error, type) => {
  const { bridge, metrics } = telemetry()
  const event: Pick<IssuerEvent, 'type' | 'call'> & { error: unknown } = {
    type: 'failed',
    call: 'issue',
    error,
  }
  Reflect.apply(bridge.issuer, undefined, [event])
  const found = await metrics()
  expect(found.get('mesh_pki.issuer.unfinished_calls')?.points).toMatchObject([
    { attributes: { 'error.type': type } },
  ])
  expect(JSON.stringify([...found])).not.toContain(TOKEN)
})
