/**
 * Policies as the API server answers them, to be changed in one place.
 */
import { expect } from 'vitest'
import { MeshPkiError } from '../../../../src/errors.ts'
import type { PolicyFinding } from '../../../../src/kubernetes/policy/policy-finding.ts'

export const rootTrustPolicy = (spec: unknown, metadata: object = {}): object => ({
  apiVersion: 'admin.gloo.solo.io/v2',
  kind: 'RootTrustPolicy',
  metadata: { name: 'root-trust-policy', namespace: 'gloo-mesh', uid: 'u-1', generation: 3, ...metadata },
  spec,
})

export const virtualMesh = (spec: unknown, apiVersion = 'networking.mesh.gloo.solo.io/v1'): object => ({
  apiVersion,
  kind: 'VirtualMesh',
  metadata: { name: 'virtual-mesh', namespace: 'gloo-mesh' },
  spec,
})

export const codesOf = (findings: readonly PolicyFinding[]): readonly string[] =>
  findings.map(({ code }) => code)

/** What a reader refuses: the error, whose path is compared. */
export function refused(read: () => unknown, path: string): MeshPkiError {
  try {
    read()
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    expect([error.code, error.data['path']]).toEqual(['ERR_KUBERNETES_POLICY', path])
    return error
  }
  throw new Error('expected an exception')
}
