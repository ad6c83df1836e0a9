import { describe, expect, it } from 'vitest'
import { isSignerName, readSignerName } from '../../../../src/kubernetes/signers/signer-name.ts'

const label = (length: number) => 'a'.repeat(length)

describe('names of signers', () => {
  it.each([
    'example.com/mesh',
    'a.b/c',
    'example.com/istio-ca.cluster-1',
    'meshissuers.pki.mesh-pki.dev/shop.mesh',
    `${[label(63), label(63), label(63), label(61)].join('.')}/${label(300)}`,
  ])('takes %s', (name) => {
    expect(isSignerName(name)).toBe(true)
    expect(readSignerName(name)).toBe(name)
  })

  it.each([
    ['no slash', 'example.com'],
    ['two slashes', 'example.com/mesh/x'],
    ['one label', 'example/mesh'],
    ['no domain', '/mesh'],
    ['no path', 'example.com/'],
    ['upper case in the domain', 'Example.com/mesh'],
    ['upper case in the path', 'example.com/Mesh'],
    ['an empty label', 'example..com/mesh'],
    ['a label that ends in a hyphen', 'example-.com/mesh'],
    ['a label of 64 characters', `${label(64)}.com/mesh`],
    ['an underscore', 'example.com/mesh_ca'],
    ['a line end', 'example.com/mesh\n'],
    ['572 characters', `example.com/${label(560)}`],
  ])('refuses %s', (_what, name) => {
    expect(isSignerName(name)).toBe(false)
    expect(() => readSignerName(name)).toThrow(TypeError)
  })

  it('leaves kubernetes.io to Kubernetes', () => {
    expect(() => readSignerName('kubernetes.io/kube-apiserver-client')).toThrow(/reserved/)
    expect(readSignerName('my.kubernetes.io/mesh')).toBe('my.kubernetes.io/mesh')
  })
})
