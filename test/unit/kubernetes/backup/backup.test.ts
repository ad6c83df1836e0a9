import { createDecipheriv, createHash, pbkdf2Sync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../../src/errors.ts'
import { backupTrust } from '../../../../src/kubernetes/backup/backup-trust.ts'
import { checkBackup, restoreTrust } from '../../../../src/kubernetes/backup/restore-trust.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { seededRandom } from '../../../../src/testing/index.ts'
import * as pem from '../fixtures.ts'
import { expectSealed } from '../support.ts'
import { bundle, cacerts, OBJECTS, PASSPHRASE, policy, portable, QUICK, roots, token } from './support.ts'

/** A document, parsed, with every member reachable for tests that damage it. */
interface Parsed {
  format: string
  version: number
  manifest: {
    createdAt: string
    encryption: { kdf: string; iterations: number; salt: string; cipher: string } | null
    entries: {
      apiVersion: string
      kind: string
      namespace?: string
      name: string
      sha256: string
      sealed: boolean
    }[]
    sha256: string
    seal?: { iv: string; data: string }
  }
  entries: Record<string, unknown>[]
}
const parsed = (text: string): Parsed => JSON.parse(text)
const document = await backupTrust(OBJECTS, QUICK)
const plain = await backupTrust(OBJECTS, { plaintext: true, clock: QUICK.clock })

async function failure(restoring: Promise<unknown>): Promise<MeshPkiError> {
  const error: unknown = await restoring.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expectSealed(error)
  if (!(error instanceof MeshPkiError)) throw new Error('expected a MeshPkiError', { cause: error })
  expect(error.code).toBe('ERR_KUBERNETES_BACKUP')
  return error
}

describe('what is written', () => {
  test('a manifest with time, version, and each object with a digest', () => {
    const { format, version, manifest, entries } = parsed(document)
    expect([format, version, manifest.createdAt]).toEqual([
      'mesh-pki/trust-backup',
      1,
      '2026-01-01T00:00:00Z',
    ])
    expect(manifest.encryption).toMatchObject({
      kdf: 'PBKDF2-HMAC-SHA-256',
      iterations: 10_000,
      cipher: 'AES-256-GCM',
    })
    expect(manifest.entries.map((each) => [each.kind, each.namespace, each.name, each.sealed])).toEqual([
      ['Secret', 'istio-system', 'cacerts', true],
      ['Secret', 'gloo-mesh', 'relay-identity-token-secret', true],
      ['ConfigMap', 'shop', 'istio-ca-root-cert', false],
      ['RootTrustPolicy', 'gloo-mesh', 'root-trust-policy', false],
      ['ClusterTrustBundle', undefined, 'example.com:mesh:roots', false],
    ])
    const sealed = entries[0] as { iv: string; data: string }
    const stored = Buffer.concat([Buffer.from(sealed.iv, 'base64'), Buffer.from(sealed.data, 'base64')])
    expect(manifest.entries[0]?.sha256).toBe(createHash('sha256').update(stored).digest('hex'))
    // Canonical JSON of the ConfigMap, by hand.
    const { metadata } = roots
    const keys = [...Object.keys(metadata)].sort()
    const body = `{"apiVersion":"v1","data":${JSON.stringify(roots['data'])},"kind":"ConfigMap","metadata":{${keys
      .map((key) => `${JSON.stringify(key)}:${canonical(Reflect.get(metadata, key))}`)
      .join(',')}}}`
    expect(manifest.entries[2]?.sha256).toBe(createHash('sha256').update(body).digest('hex'))
  })

  test('no key, no token, no annotation with either', () => {
    expectSealed(document)
    expect(document).not.toContain('a-token-nobody-may-see')
    expect(document).not.toContain('last-applied')
    // The other way round: in plain text they are there, and roots are readable in both.
    for (const text of ['a-token-nobody-may-see', 'last-applied', 'root-cert.pem'])
      expect(plain).toContain(text)
    expect(document).toContain('root-cert.pem')
  })

  test('an object of another kind is sealed when a key stands in it', async () => {
    const odd = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'odd' }, data: { x: pem.RSA_KEY } }
    const text = await backupTrust([odd], QUICK)
    expectSealed(text)
    expect(await restoreTrust(text, { passphrase: PASSPHRASE })).toEqual([odd])
  })

  test('another implementation opens it: PBKDF2 and AES-256-GCM of OpenSSL', () => {
    const { manifest, entries } = parsed(document)
    const { encryption } = manifest
    if (encryption === null) throw new Error('not encrypted')
    const salt = Buffer.from(encryption.salt, 'base64')
    const key = pbkdf2Sync(PASSPHRASE, salt, encryption.iterations, 32, 'sha256')
    const { iv, data } = entries[0] as { iv: string; data: string }
    const bytes = Buffer.from(data, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64'))
    decipher.setAAD(
      Buffer.from(
        '{"apiVersion":"v1","format":"mesh-pki/trust-backup","index":0,"kind":"Secret","name":"cacerts","namespace":"istio-system","version":1}',
      ),
    )
    decipher.setAuthTag(bytes.subarray(-16))
    const opened = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString()
    expect(JSON.parse(opened)).toEqual(cacerts)
  })

  test('the same random source gives the same document, the runtime’s another one', async () => {
    const seeded = () => backupTrust(OBJECTS, { ...QUICK, random: seededRandom('backup') })
    expect(await seeded()).toBe(await seeded())
    const ivs = parsed(document)
      .entries.slice(0, 2)
      .map((each) => each['iv'])
    expect(new Set([...ivs, parsed(document).manifest.seal?.iv]).size).toBe(3)
  })
})

describe('what is restored', () => {
  test('the objects without what the server owns', async () => {
    for (const objects of [
      await restoreTrust(document, { passphrase: PASSPHRASE }),
      await restoreTrust(new TextEncoder().encode(document), {
        passphrase: new TextEncoder().encode(PASSPHRASE),
      }),
      await restoreTrust(plain),
    ]) {
      expect(objects).toEqual(OBJECTS.map(portable))
    }
    const [first] = await restoreTrust(plain)
    expect(Object.keys(first?.metadata ?? {}).sort()).toEqual([
      'annotations',
      'finalizers',
      'labels',
      'name',
      'namespace',
    ])
  })

  test('status on request', async () => {
    const objects = await restoreTrust(plain, { status: 'keep' })
    expect(objects[3]?.['status']).toEqual({ state: 'ACCEPTED' })
    expect((await restoreTrust(plain))[3]).not.toHaveProperty('status')
  })

  test('nothing', async () => {
    expect(await restoreTrust(await backupTrust([], QUICK), { passphrase: PASSPHRASE })).toEqual([])
  })
})

describe('checkBackup needs no passphrase', () => {
  test('what is in it', () => {
    const result = checkBackup(document)
    expect(result).toMatchObject({
      ok: true,
      contents: { createdAt: new Date('2026-01-01T00:00:00Z'), isEncrypted: true },
    })
    expect(checkBackup(plain)).toMatchObject({ ok: true, contents: { isEncrypted: false } })
    expect(result.ok && result.contents.entries).toHaveLength(5)
  })

  test('damage', () => {
    const copy = parsed(document)
    const [first] = copy.entries
    if (first) first['data'] = flip(String(first['data']))
    expect(checkBackup(JSON.stringify(copy))).toMatchObject({
      ok: false,
      error: { code: 'ERR_KUBERNETES_BACKUP', data: { entry: 'Secret istio-system/cacerts' } },
    })
    expect(checkBackup('{}').ok).toBe(false)
    expect(() => checkBackup(5 as never)).toThrow(TypeError)
  })
})

describe('what was altered is refused, by name', () => {
  const altered = (change: (document: Parsed) => void, text = document) => {
    const copy = parsed(text)
    change(copy)
    return restoreTrust(JSON.stringify(copy), text === document ? { passphrase: PASSPHRASE } : {})
  }
  const entry = (each: Parsed, index: number) => each.entries[index] as Record<string, string>
  /** What somebody without the passphrase can do: write all digests anew. */
  const redigested = (each: Parsed) => {
    for (const [i, listed] of each.manifest.entries.entries())
      if (!listed.sealed)
        listed.sha256 = createHash('sha256').update(canonical(each.entries[i])).digest('hex')
      else {
        const { iv = '', data = '' } = entry(each, i)
        listed.sha256 = createHash('sha256')
          .update(Buffer.concat([Buffer.from(iv, 'base64'), Buffer.from(data, 'base64')]))
          .digest('hex')
      }
    const { createdAt, encryption, entries } = each.manifest
    const text = canonical({ format: each.format, version: each.version, createdAt, encryption, entries })
    each.manifest.sha256 = createHash('sha256').update(text).digest('hex')
  }

  test.each<[string, (each: Parsed) => void, string]>([
    [
      'a byte of a sealed entry',
      (each) => {
        entry(each, 0)['data'] = flip(entry(each, 0)['data'] ?? '')
      },
      'Secret istio-system/cacerts',
    ],
    [
      'a vector',
      (each) => {
        entry(each, 1)['iv'] = flip(entry(each, 1)['iv'] ?? '')
      },
      'Secret gloo-mesh/relay-identity-token-secret',
    ],
    [
      'an open entry',
      (each) => {
        each.entries[2] = { ...each.entries[2], data: {} }
      },
      'ConfigMap shop/istio-ca-root-cert',
    ],
    [
      'a digest',
      (each) => {
        const [, , third] = each.manifest.entries
        if (third) third.sha256 = '0'.repeat(64)
      },
      'ConfigMap shop/istio-ca-root-cert',
    ],
    [
      'two entries that change places',
      (each) => {
        each.entries.reverse()
      },
      'Secret istio-system/cacerts',
    ],
  ])('%s', async (_, change, name) => {
    const error = await failure(altered(change))
    expect([error.data['entry'], error.message]).toEqual([name, expect.stringContaining(name)])
  })

  test.each<[string, (each: Parsed) => void, RegExp]>([
    [
      'a name in the manifest',
      (each) => {
        const [first] = each.manifest.entries
        if (first) first.name = 'x'
      },
      /manifest was altered/,
    ],
    [
      'the time',
      (each) => {
        each.manifest.createdAt = '2027-01-01T00:00:00Z'
      },
      /manifest was altered/,
    ],
    [
      'fewer iterations',
      (each) => {
        if (each.manifest.encryption) each.manifest.encryption.iterations = 10_001
      },
      /manifest was altered/,
    ],
    [
      'an entry that is left out',
      (each) => {
        each.entries.pop()
      },
      /it was cut/,
    ],
    [
      'both left out',
      (each) => {
        each.entries.pop()
        each.manifest.entries.pop()
      },
      /manifest was altered/,
    ],
    [
      'another version',
      (each) => {
        each.version = 2
      },
      /version is not 1/,
    ],
    [
      'another format',
      (each) => {
        each.format = 'x'
      },
      /document\.format/,
    ],
    [
      'too many iterations',
      (each) => {
        if (each.manifest.encryption) each.manifest.encryption.iterations = 1e9
      },
      /1000000000 iterations/,
    ],
    [
      'too few iterations',
      (each) => {
        if (each.manifest.encryption) each.manifest.encryption.iterations = 1
      },
      /1 iterations/,
    ],
    [
      'a short salt',
      (each) => {
        if (each.manifest.encryption) each.manifest.encryption.salt = 'AAAA'
      },
      /salt of 3 bytes/,
    ],
    [
      'no seal',
      (each) => {
        delete each.manifest.seal
      },
      /do not belong together/,
    ],
    [
      'no encryption',
      (each) => {
        each.manifest.encryption = null
      },
      /does not say how/,
    ],
    [
      'another member',
      (each) => {
        Object.assign(each, { extra: 1 })
      },
      /unknown member/,
    ],
  ])('%s', async (_, change, problem) => {
    expect((await failure(altered(change))).message).toMatch(problem)
  })

  test('by somebody who writes every digest anew: the seal of the manifest tells', async () => {
    const swap = (each: Parsed) => {
      each.entries[2] = { ...each.entries[2], data: { 'root-cert.pem': pem.ROOT_B } }
      redigested(each)
    }
    const text = parsed(document)
    swap(text)
    // Nobody without the passphrase can tell.
    expect(checkBackup(JSON.stringify(text)).ok).toBe(true)
    expect((await failure(altered(swap))).message).toContain('somebody without it wrote the manifest')
  })

  test('an encrypted document that was replaced by a plain one', async () => {
    const error = await failure(restoreTrust(plain, { passphrase: PASSPHRASE }))
    expect(error.message).toContain('anybody could have written it')
  })

  test('a plain one', async () => {
    const error = await failure(
      altered((each) => {
        each.entries[0] = { ...each.entries[0], type: 'x' }
      }, plain),
    )
    expect(error.data['entry']).toBe('Secret istio-system/cacerts')
    // With the digest written anew it is another object, which the manifest does not name.
    const other = altered((each) => {
      each.entries[0] = { ...each.entries[0], kind: 'ConfigMap' }
      redigested(each)
    }, plain)
    expect((await failure(other)).message).toContain('another object than the manifest says')
  })

  test('no passphrase, a wrong one', async () => {
    expect((await failure(restoreTrust(document))).message).toContain('"passphrase"')
    expect((await failure(restoreTrust(document, { passphrase: 'wrong' }))).message).toContain(
      'passphrase is wrong',
    )
    await expect(restoreTrust(document, { passphrase: '' })).rejects.toThrow(TypeError)
  })

  test.each(['', 'x', '[]', '{"a": 1, "a": 1}', pem.RSA_KEY, '[[[['.repeat(100)])(
    'no document: %#',
    async (text) => {
      await failure(restoreTrust(text))
    },
  )
})

describe('misuse', () => {
  const call = (objects: unknown, options: unknown = QUICK) => backupTrust(objects as never, options as never)
  test.each<[string, unknown, unknown, string]>([
    ['no list', {}, QUICK, 'list of objects'],
    ['no object', [5], QUICK, 'objects[0]'],
    ['no kind', [{ apiVersion: 'v1', metadata: { name: 'x' } }], QUICK, 'apiVersion, kind'],
    ['no name', [{ apiVersion: 'v1', kind: 'X', metadata: {} }], QUICK, 'metadata.name'],
    ['twice', [roots, { ...roots }], QUICK, 'stands twice'],
    ['no passphrase', [], {}, '"passphrase"'],
    ['an empty one', [], { passphrase: '' }, '"passphrase" is empty'],
    ['both', [], { passphrase: 'x', plaintext: true }, 'passphrase'],
    ['plaintext: false', [], { plaintext: false }, '"plaintext" must be true'],
    ['few iterations', [], { passphrase: 'x', iterations: 9999 }, '"iterations"'],
    ['an unknown option', [], { passphrase: 'x', password: 'y' }, '"password"'],
    ['a random source that is none', [], { passphrase: 'x', random: 5 }, '"random"'],
    ['a clock that is none', [], { passphrase: 'x', clock: 5 }, '"clock"'],
  ])('%s', async (_, objects, options, problem) => {
    await expect(call(objects, options)).rejects.toThrow(problem)
  })

  test('what could not be read again is not written', async () => {
    let deep: unknown = 1
    for (let i = 0; i < 40; i++) deep = [deep]
    const object = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x' }, spec: deep }
    expect((await failure(call([object]))).message).toContain('nested too deeply')
    const many = Array.from({ length: 10_001 }, (_, i) => ({ ...roots, metadata: { name: `n${i}` } }))
    expect((await failure(call(many))).message).toContain('10001 objects')
  })

  test('restoreTrust', async () => {
    await expect(restoreTrust(5 as never)).rejects.toThrow(TypeError)
    await expect(restoreTrust(plain, { status: 'all' as never })).rejects.toThrow('"status"')
    await expect(restoreTrust(plain, { pass: 'x' } as never)).rejects.toThrow('"pass"')
  })
})

test('the objects of the caller are not changed, nor kept', async () => {
  const mine: KubeObject = JSON.parse(JSON.stringify(policy))
  await backupTrust([mine, bundle, token], QUICK)
  expect(mine).toEqual(policy)
})

function flip(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return bytes.toString('base64')
}

/** Canonical JSON, written for the test. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
  return `{${members.join(',')}}`
}
