import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64 } from '../../src/internal/base64.ts'
import { PemBodies } from '../../src/internal/native-base64.ts'
import { readPem, writePem } from '../../src/x509/index.ts'

/** Characters that a decoder of the runtime may pass over or read: white space, padding, the alphabet for URLs, others. */
const STRANGE = [
  '\u0141',
  '\u4141',
  '\ud841',
  '\n',
  '\r',
  ' ',
  '\t',
  '=',
  '-',
  '_',
  '.',
  '\u0000',
  'é',
  '\u2028',
  'A',
]

const lines = (base64: string): string => `\n${base64.replace(/.{64}/g, '$&\n')}\n`

/** Base64 in lines of 64, with some characters replaced, removed or put in. */
const almostBase64 = fc
  .tuple(
    fc.uint8Array({ minLength: 0, maxLength: 300 }),
    fc.array(
      fc.tuple(fc.nat(500), fc.constantFrom(...STRANGE), fc.constantFrom('replace', 'insert', 'remove')),
      { maxLength: 3 },
    ),
  )
  .map(([bytes, changes]) => {
    let text = lines(Buffer.from(bytes).toString('base64'))
    for (const [at, character, kind] of changes) {
      const index = at % (text.length + 1)
      const rest = text.slice(kind === 'insert' ? index : index + 1)
      text = text.slice(0, index) + (kind === 'remove' ? '' : character) + rest
    }
    return text
  })

test("the runtime's decoder answers what the strict one does, and nothing where that finds a fault", () => {
  fc.assert(
    fc.property(almostBase64, fc.string({ maxLength: 80 }), (body, around) => {
      const text = around + body + around
      const decoded = new PemBodies(text).decode(around.length, around.length + body.length)
      expect(decoded).toEqual(decodeBase64(text, around.length, around.length + body.length, true))
    }),
    { numRuns: 3000 },
  )
})

test('bits that no octet holds must be zero', () => {
  for (const [good, bad] of [
    ['QQ==', 'QR=='],
    ['QUI=', 'QUJ='],
  ] as const) {
    const decode = (base64: string): unknown => new PemBodies(`\n${base64}\n`).decode(0, base64.length + 2)
    expect(decode(good)).toBeInstanceOf(Uint8Array)
    expect(decode(bad)).toMatchObject({ reason: 'trailing-bits' })
  }
})

test('blocks that share a buffer keep their bytes, their lines and their own copies', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { minLength: 1, maxLength: 60 }),
      (all) => {
        const blocks = readPem(all.map((bytes) => writePem('CERTIFICATE', bytes)).join('# between\n'), [
          'CERTIFICATE',
        ])
        expect(blocks.map(({ der }) => der)).toEqual(all)
        let line = 1
        for (const { der, line: found } of blocks) {
          expect(found).toBe(line)
          expect(der.buffer.byteLength).toBe(der.length)
          line += 3 + Math.ceil(der.length / 48)
        }
      },
    ),
  )
})
