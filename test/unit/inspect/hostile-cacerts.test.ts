/** Objects of a cluster that are no friend's. */
import { describe, expect, test } from 'vitest'
import { describeCacerts, printCacerts, type SecretLike } from '../../../src/kubernetes/index.ts'
import { SpiffeBundle } from '../../../src/spiffe/index.ts'
import { ca, otherRoot, pem, root } from '../ca/lint/support.ts'

const time = new Date('2026-06-01T00:00:00Z')
const cacerts: SecretLike = {
  kind: 'Secret',
  metadata: { namespace: 'istio-system', name: 'cacerts' },
  stringData: {
    'ca-cert.pem': pem(ca),
    'ca-key.pem': '',
    'cert-chain.pem': pem(ca),
    'root-cert.pem': pem(root),
  },
}

// An API server takes these keys: letters, digits, `-`, `_` and `.`.
describe.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('a data key %s', (key) => {
  test.each(['ConfigMap', 'Secret'])('of a %s is one like any other', async (kind) => {
    // As a client reads it: JSON.parse makes a member of it, and a literal would not.
    const object = JSON.parse(`{"kind":"${kind}","metadata":{"name":"x"},"data":{"${key}":"QUJD"}}`)
    const described = await describeCacerts(object, { time })
    expect(described.entries).toEqual([{ key, holds: 'other', state: 'present' }])
    expect(Object.isFrozen(Object.prototype)).toBe(false)
    expect(printCacerts(described)).toContain(`  other             ${key}, present\n`)
  })
})

test('the name of an object adds no line', async () => {
  const name = `cacerts-${'x'.repeat(84)} trusted by        east: verified, to "CN=Root A"`
  const printed = printCacerts(await describeCacerts({ ...cacerts, metadata: { name } }, { time }))
  expect(printed).toContain('trusted by        east: verified, to "CN=Root A"')
  expect(printed).not.toMatch(/^ {0,2}trusted by {8}east/m)
})

describe('anchors of others', () => {
  const sets = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`mesh ${i}`, pem(otherRoot)]))

  test('leave room for its own', async () => {
    const described = await describeCacerts(cacerts, { time, anchors: sets(63) })
    const [signer] = described.entries
    const [part] = signer?.content?.parts ?? []
    expect(part?.content.kind === 'certificate' && part.content.trust?.length).toBe(64)
    // Whether or not there is a certificate to be asked about.
    for (const object of [cacerts, { kind: 'ConfigMap', data: {} }])
      await expect(describeCacerts(object, { time, anchors: sets(64) })).rejects.toThrow(
        new RangeError('option "anchors" of describeCacerts must have from 1 to 63 sets; got 64'),
      )
  })

  test('do not take the place of its own', async () => {
    await expect(
      describeCacerts(cacerts, { time, anchors: { 'root-cert.pem': pem(otherRoot) } }),
    ).rejects.toThrow(/has a set "root-cert\.pem", which is the name of the object's own roots/)
  })

  test.each([
    ['a text', pem(otherRoot)],
    ['a bundle', SpiffeBundle.of({ trustDomain: 'a.example', x509Authorities: [otherRoot.certificate] })],
    ['a certificate', otherRoot.certificate],
  ])('have names: %s has none', async (_, anchors) => {
    const options: object = { time, anchors }
    await expect(describeCacerts(cacerts, options)).rejects.toThrow(
      /must be an object with sets of anchors by name/,
    )
  })
})
