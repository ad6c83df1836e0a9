import { describe, expect, it } from 'vitest'
import { requesterOf, serviceAccountOf, usernameOf } from '../../../../src/kubernetes/signers/requester.ts'
import { serviceAccountIdentity } from '../../../../src/kubernetes/signers/workload-signing.ts'

describe('a service account', () => {
  it('is what the API server calls so', () => {
    const account = { namespace: 'shop', name: 'cart.v1' }
    expect(serviceAccountOf('system:serviceaccount:shop:cart.v1')).toEqual(account)
    expect(usernameOf(account)).toBe('system:serviceaccount:shop:cart.v1')
  })

  it.each([
    'oidc:system:serviceaccount:shop:cart',
    ' system:serviceaccount:shop:cart',
    '\nsystem:serviceaccount:shop:cart',
    'system:serviceaccount:shop:cart\n',
    'system:serviceaccount:shop:cart ',
    'system:serviceaccount:shop:cart:admin',
    'system:serviceaccount:shop:a:cart',
    'system:serviceaccount:shop',
    'system:serviceaccount::cart',
    'system:serviceaccount:shop:',
    'system:serviceaccount:shop/../bank:cart',
    'system:serviceaccount:shop:../bank',
    'system:serviceaccount:shop:cart/admin',
    'system:serviceaccount:shop.x:cart',
    'system:serviceaccount:shop:c%61rt',
    'system:serviceaccounts:shop:cart',
    'System:serviceaccount:shop:cart',
    'system:serviceaccount:Shop:cart',
    'system:serviceaccount:shop:\u0441art',
    `system:serviceaccount:${'a'.repeat(64)}:cart`,
    `system:serviceaccount:shop:${'a'.repeat(254)}`,
    'system:node:shop:cart',
    '',
  ])('is not %j, which has no identity', (username) => {
    expect(serviceAccountOf(username)).toBeUndefined()
    const requester = requesterOf({ spec: { username } })
    expect(serviceAccountIdentity('cluster.local')({ requester })).toBeUndefined()
  })
})

describe('a requester', () => {
  it('has what is text, and nothing that its object does not hold itself', () => {
    const spec = {
      username: 'alice',
      uid: 7,
      groups: ['a', 1, null, ['b'], 'c'],
      extra: { one: ['x', 2], two: 'y', ['__proto__']: ['z'] },
    }
    const requester = requesterOf({ spec })
    expect(requester).toMatchObject({ username: 'alice', uid: undefined, groups: ['a', 'c'] })
    expect(Object.entries(requester.extra)).toEqual([
      ['one', ['x']],
      ['two', []],
      ['__proto__', ['z']],
    ])
    expect(Object.isFrozen(requester.groups)).toBe(true)
  })

  it.each([undefined, null, 'x', [], { spec: 7 }, { spec: { username: ['system:serviceaccount:a:b'] } }])(
    'of %j is nobody',
    (object) => {
      expect(requesterOf(object)).toMatchObject({ username: '', groups: [], serviceAccount: undefined })
    },
  )
})
