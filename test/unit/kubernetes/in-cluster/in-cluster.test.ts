import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../../src/errors.ts'
import { inClusterNamespace, inClusterTransport } from '../../../../src/kubernetes/in-cluster/index.ts'
import { withTemporaryFolder } from '../../../support/openssl.ts'
import { listen, makeAuthority, soon } from './support.ts'

const VARIABLES = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'] as const
const before = VARIABLES.map((name) => [name, process.env[name]] as const)

afterEach(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

describe('in a pod', () => {
  test('server, CA and token are found', () =>
    withTemporaryFolder(async (folder) => {
      const authority = await makeAuthority()
      const listener = await listen(
        await authority.issue([{ type: 'ip', value: '127.0.0.1' }]),
        (request, response) => response.end(request.headers.authorization),
      )
      try {
        const serviceAccountFolder = join(folder, 'serviceaccount')
        mkdirSync(serviceAccountFolder)
        writeFileSync(join(serviceAccountFolder, 'ca.crt'), authority.caPem)
        writeFileSync(join(serviceAccountFolder, 'token'), 'pod-token\n')
        writeFileSync(join(serviceAccountFolder, 'namespace'), 'istio-system')
        process.env['KUBERNETES_SERVICE_HOST'] = '127.0.0.1'
        process.env['KUBERNETES_SERVICE_PORT'] = String(listener.port)
        const transport = inClusterTransport({ serviceAccountFolder })
        const { body } = await transport.request({ method: 'GET', path: '/api', signal: soon() })
        transport.close()
        expect(body).toBe('Bearer pod-token')
        expect(await inClusterNamespace({ serviceAccountFolder })).toBe('istio-system')
      } finally {
        await listener.stop()
      }
    }))

  test.each([
    ['fd00::1', '443'],
    ['[fd00::1]', undefined],
    ['10.96.0.1', '6443'],
  ])('%s is an address', (host, port) => {
    inClusterTransport({ host, port, serviceAccountFolder: '/nowhere' }).close()
  })
})

describe('outside of one', () => {
  test('it says so', async () => {
    for (const name of VARIABLES) delete process.env[name]
    expect(() => inClusterTransport()).toThrow(MeshPkiError)
    expect(() => inClusterTransport()).toThrow(/KUBERNETES_SERVICE_HOST/)
    await expect(inClusterNamespace({ serviceAccountFolder: '/nowhere' })).rejects.toThrow(MeshPkiError)
  })

  test('a namespace that is none is refused', () =>
    withTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'namespace'), '../kube-system')
      await expect(inClusterNamespace({ serviceAccountFolder: folder })).rejects.toThrow(MeshPkiError)
    }))

  test('an unknown option is refused', () => {
    expect(() => inClusterTransport({ token: 'x' } as object)).toThrow(TypeError)
  })
})
