import { describe, expect, test } from 'vitest'
import { createCsr } from '../../../src/csr/index.ts'
import { type Description, printDescription, describe as tell } from '../../../src/inspect/index.ts'
import { BundleMap, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { ca, leaf, leafBelow, otherRoot, pem, privatePem, root, rootOf } from '../ca/lint/support.ts'
import { aki, basicConstraints, dns, keysOf, san, uri } from '../verify/forge.ts'

const time = new Date('2026-06-01T00:00:00Z')
const print = async (subject: Parameters<typeof tell>[0], options: Parameters<typeof tell>[1] = {}) =>
  printDescription(await tell(subject, { time, ...options }))

/** A line of a name and its value. */
const value = (text: string, name: string): string | undefined =>
  text
    .split('\n')
    .find((line) => line.startsWith(`  ${name} `))
    ?.slice(20)

describe('a certificate', () => {
  test('says in words what it is', async () => {
    const text = await print(leaf.certificate, {
      anchors: { own: root.certificate, other: otherRoot.certificate },
      intermediates: ca.certificate,
    })
    expect(text.split('\n')[0]).toBe('Certificate: workload')
    expect(value(text, 'SPIFFE ID')).toBe(
      'spiffe://cluster.local/ns/shop/sa/cart (Istio: namespace shop, service account',
    )
    expect(value(text, 'valid to')).toBe('2026-08-01T00:00:00Z, 61d of 92d left')
    expect(value(text, 'serial number')).toBe(leaf.certificate.serialNumber)
    expect(value(text, 'trusted by')).toMatch(
      /^own: verified, to "CN=Lint Root" \(serial 01\), through one CA$/,
    )
    expect(text).toContain('other: no, ERR_PATH_NO_ISSUER: ')
    expect(text).toContain('other, as SVID: no, for the same reason')
    expect(value(text, 'lint')).toBe('nothing found')
  })

  test('EXPIRED and NOT YET VALID stand out', async () => {
    expect(await print(leaf.certificate, { time: new Date('2026-08-02T00:00:00Z') })).toContain(
      'EXPIRED 1d ago, after 92d',
    )
    expect(await print(leaf.certificate, { time: new Date('2026-04-01T00:00:00Z') })).toContain(
      'NOT YET VALID',
    )
    expect(await print(leaf.certificate)).not.toMatch(/EXPIRED|NOT YET/)
  })

  test('a wrong SPIFFE ID is named as one, and findings with their severity', async () => {
    const wrong = leafBelow(ca, { id: 'spiffe://Cluster.local/a' })
    const text = await print(wrong.certificate)
    expect(text).toContain('spiffe://Cluster.local/a is NO SPIFFE ID: ')
    expect(value(text, 'X509-SVID')).toMatch(/^no: ERR_SVID_ID/)
    const weak = rootOf('Weak', { keys: keysOf('weak', 'RSA-1024') })
    expect(value(await print(weak.certificate), 'error')).toMatch(/^weak-key: /)
  })

  test('lists end after 16', async () => {
    const names = Array.from({ length: 100 }, (_, i) => dns(`a${i}.example`))
    const wide = leafBelow(ca, { only: [basicConstraints(false), aki(ca.keyId), san(names)] })
    const text = await print(wide.certificate)
    expect(text).toContain('DNS:a15.example')
    expect(text).not.toContain('DNS:a16.example')
    expect(text).toContain('and 84 more')
  })
})

describe('others', () => {
  test('a chain: order, links, each certificate', async () => {
    const text = await print([ca.certificate, leaf.certificate])
    expect(text).toContain('REVERSED')
    expect(value(text, '1')).toMatch(/^"CN=Lint CA" .* its issuer is not here$/)
    expect(text).toContain('signed by 1')
    expect(text).toContain('\n1: intermediate CA, path length 0\n')
    expect(text).toContain('\n2: workload\n')
  })

  test('many certificates have two lines each', async () => {
    const roots = Array.from(
      { length: 9 },
      (_, i) => rootOf(`Root ${i}`, { keys: keysOf('many') }).certificate,
    )
    const text = await print(roots, { lint: false })
    expect(text.split('\n')[0]).toBe('9 roots')
    expect(text.match(/^ {2}root CA, any number of CAs below: CN=Root \d$/gm)).toHaveLength(9)
  })

  test('a request, a bundle, a map', async () => {
    const { csr } = await createCsr({ key: 'Ed25519', subject: 'CN=a' })
    expect(await print(csr)).toMatch(/^Request: for an end entity\n {2}subject +CN=a\n/)
    const bundle = SpiffeBundle.of({
      trustDomain: 'a.example',
      x509Authorities: root.certificate,
      sequence: 7,
    })
    const text = await print(bundle)
    expect(text).toMatch(/^Bundle of a\.example\n {2}sequence +7\n/)
    expect(text).toContain('2771d of 3653d left')
    expect(await print(BundleMap.of([bundle]))).toMatch(/^Bundle map of 1 trust domains\n/)
  })

  test('a file says the lines, of one part it does not', async () => {
    const text = await print(`${pem(root)}${privatePem('Lint CA')}-----BEGIN CERTIFICATE-----\nAAAA`)
    expect(text).toContain('Certificate: root CA, any number of CAs below (line 1)\n')
    expect(text).toMatch(/\nPrivate key \(PRIVATE KEY\): not read, and not to be shown \(line \d+\)\n/)
    expect(text).toMatch(/\nUnreadable: a broken block \(line \d+\)\n {2}problem +ERR_PEM_SYNTAX: /)
    expect(await print(pem(root))).not.toContain('(line')
  })
})

describe('what is printed', () => {
  test('has no line above 100 characters and ends in one line end', async () => {
    const long = leafBelow(ca, { id: `spiffe://cluster.local/${'a/'.repeat(500)}b` })
    const text = await print([long.certificate, ca.certificate], { anchors: otherRoot.certificate })
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
    expect(text).toMatch(/[^\n]\n$/)
    expect(text).not.toMatch(/ $/m)
  })

  test('is safe where a description was stored and spoilt', async () => {
    const described = await tell(leaf.certificate, { time })
    const spoilt: Description = {
      ...described,
      subject: 'CN=a\u001b[2J\u202e',
      serialNumber: 'x'.repeat(100_000),
    }
    const text = printDescription(spoilt)
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/)
    expect(text.length).toBeLessThan(20_000)
  })

  test('is the same of a description that went through JSON', async () => {
    const described = await tell(pem(leaf, ca), { time, anchors: root.certificate })
    expect(printDescription(JSON.parse(JSON.stringify(described)))).toBe(printDescription(described))
  })

  test.each([undefined, null, 5, 'x', {}, { kind: 'plan' }])('%s is no description', (value) => {
    expect(() => Reflect.apply(printDescription, undefined, [value])).toThrow(TypeError)
  })

  test('a URI with what looks like a key is not printed', async () => {
    const evil = leafBelow(ca, {
      only: [basicConstraints(false), aki(ca.keyId), san([uri('x:-----BEGIN PRIVATE KEY-----abc')])],
    })
    expect(await print(evil.certificate)).not.toContain('abc')
  })
})
