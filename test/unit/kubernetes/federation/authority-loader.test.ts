import { describe, expect, test } from 'vitest'
import { createCsr } from '../../../../src/csr/index.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { AuthorityLoader } from '../../../../src/kubernetes/federation/authority-loader.ts'
import { checkPath } from '../../../../src/verify/index.ts'
import { World } from './support.ts'

async function management() {
  const world = new World([])
  await world.root('root-1')
  const ref = world.rootRef('root-1')
  const loader = new AuthorityLoader(world.manager)
  const secret = () => {
    const found = world.management.read(KubeResources.secrets, ref)
    if (found === undefined) throw new Error('unreachable')
    return found
  }
  return { world, ref, loader, secret }
}

describe('an authority', () => {
  test('signs what verifies under the roots of its Secret', async () => {
    const { world, ref, loader } = await management()
    const { ca, certificate, roots, rootsPem } = await loader.load(ref)
    expect(roots.map(String)).toEqual([String(certificate)])
    expect(rootsPem).toBe(certificate.toPem())
    const { csr } = await createCsr({ subject: 'O=x', key: 'P-256' })
    const issued = await ca.issueIntermediate(csr, { lifetime: '1d' })
    const { ok } = await checkPath(issued.certificate, {
      anchors: roots,
      intermediates: issued.chain,
      time: world.clock.now(),
      purpose: 'any',
    })
    expect(ok).toBe(true)
  })

  test('is kept while its Secret is the same, and read anew when it is another', async () => {
    const { world, ref, loader, secret } = await management()
    const first = await loader.load(ref)
    expect(await loader.load(ref)).toBe(first)
    // Somebody brings another root: the key of before must not sign any longer.
    await world.root('root-2')
    const other = world.management.read(KubeResources.secrets, world.rootRef('root-2'))
    world.management.seed({ ...secret(), data: other?.['data'] })
    const second = await loader.load(ref)
    expect(second.certificate.equals(first.certificate)).toBe(false)
    expect(String(second.certificate.subject)).toBe('O=root-2')
  })

  test('of one namespace is not that of another, though their names are the same', async () => {
    const { world, ref, loader } = await management()
    await world.root('root-2')
    const other = world.management.read(KubeResources.secrets, world.rootRef('root-2'))
    const { uid: _uid, ...metadata } = other?.metadata ?? {}
    world.management.seed({ ...other, metadata: { ...metadata, namespace: 'other', name: ref.name } })
    const names = async () =>
      (await Promise.all([loader.load(ref), loader.load({ ...ref, namespace: 'other' })])).map(
        ({ certificate }) => String(certificate.subject),
      )
    expect(await names()).toEqual(['O=root-1', 'O=root-2'])
    expect(await names()).toEqual(['O=root-1', 'O=root-2'])
    // Nor does one take the other's place.
    const first = await loader.load(ref)
    await loader.load({ ...ref, namespace: 'other' })
    expect(await loader.load(ref)).toBe(first)
  })

  test('that is gone is a failure, though it was kept', async () => {
    const { world, ref, loader, secret } = await management()
    await loader.load(ref)
    await world.manager.remove(KubeResources.secrets, secret())
    await expect(loader.load(ref)).rejects.toMatchObject({ code: 'ERR_KUBERNETES_NOT_FOUND' })
  })

  test('whose key is another’s is none', async () => {
    const { world, ref, loader, secret } = await management()
    await world.root('root-2')
    const other = world.management.read(KubeResources.secrets, world.rootRef('root-2'))
    const theirs = Reflect.get(other?.['data'] ?? {}, 'ca-key.pem')
    world.management.seed({ ...secret(), data: { ...(secret()['data'] as object), 'ca-key.pem': theirs } })
    await expect(loader.load(ref)).rejects.toMatchObject({ code: 'ERR_CA_KEY_MISMATCH' })
  })
})
