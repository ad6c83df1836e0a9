/**
 * Backups: what is put in comes out, and whatever one byte is changed to, nothing else comes out.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { backupTrust } from '../../src/kubernetes/backup/backup-trust.ts'
import { checkBackup, restoreTrust } from '../../src/kubernetes/backup/restore-trust.ts'
import { OBJECTS, PASSPHRASE, portable, QUICK } from '../unit/kubernetes/backup/support.ts'

const name = fc.stringMatching(/^[a-z]{1,8}$/)
const value = fc.jsonValue({ maxDepth: 4 })
const object = fc
  .record({
    kind: fc.constantFrom('Secret', 'ConfigMap', 'X'),
    name,
    namespace: fc.option(name, { nil: undefined }),
    labels: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
    spec: value,
    data: fc.dictionary(fc.string(), value, { maxKeys: 3 }),
  })
  .map(({ kind, name, namespace, labels, spec, data }) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels },
    spec,
    data,
  }))
const objects = fc.uniqueArray(object, {
  maxLength: 4,
  selector: ({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''} ${metadata.name}`,
})

test('round trip', async () => {
  await fc.assert(
    fc.asyncProperty(objects, fc.boolean(), async (given, isPlain) => {
      const options = isPlain ? { plaintext: true as const } : QUICK
      const document = await backupTrust(given, options)
      const restored = await restoreTrust(document, isPlain ? {} : { passphrase: PASSPHRASE })
      // JSON knows no minus zero.
      expect(restored).toEqual(JSON.parse(JSON.stringify(given)))
      expect(checkBackup(document).ok).toBe(true)
    }),
    { numRuns: 60 },
  )
})

const documents = [
  [await backupTrust(OBJECTS, QUICK), { passphrase: PASSPHRASE }],
  [await backupTrust(OBJECTS, { plaintext: true }), {}],
] as const

test('one byte that was changed is refused, or was white space', async () => {
  const expected = OBJECTS.map(portable)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...documents),
      fc.nat(),
      fc.integer({ min: 0x20, max: 0x7e }),
      fc.constantFrom('replace', 'insert', 'delete'),
      async ([document, options], at, code, how) => {
        const index = at % document.length
        const char = how === 'delete' ? '' : String.fromCharCode(code)
        const altered = document.slice(0, index) + char + document.slice(how === 'insert' ? index : index + 1)
        let restored: unknown
        try {
          restored = await restoreTrust(altered, options)
        } catch (error) {
          if (!(error instanceof MeshPkiError)) throw error
          expect(error.code).toBe('ERR_KUBERNETES_BACKUP')
          return
        }
        expect(restored).toEqual(expected)
        expect(JSON.parse(altered)).toEqual(JSON.parse(document))
      },
    ),
    { numRuns: 400 },
  )
})
