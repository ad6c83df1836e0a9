import { describe, expect, test } from 'vitest'
import type { EkuStrictness } from '../../../src/verify/index.ts'
import { ANY_EKU, CLIENT_AUTH, EMAIL_PROTECTION, eku, SERVER_AUTH } from './forge.ts'
import { accepted, expectBlame, refused, trio, within } from './support.ts'

const CUSTOM = '1.3.6.1.4.1.99999.3'

/** What a certificate says: nothing, any, the purpose, another, or a list. */
type Says = 'absent' | 'any' | 'purpose' | 'other' | 'other and any' | 'other and purpose'
const ALL: readonly Says[] = ['absent', 'any', 'purpose', 'other', 'other and any', 'other and purpose']

function usagesOf(says: Says, purpose: string): readonly Uint8Array[] {
  const lists = {
    absent: undefined,
    any: [ANY_EKU],
    purpose: [purpose],
    other: [EMAIL_PROTECTION],
    'other and any': [EMAIL_PROTECTION, ANY_EKU],
    'other and purpose': [EMAIL_PROTECTION, purpose],
  }
  const list = lists[says]
  return list === undefined ? [] : [eku(...list)]
}

/** What passes, by who says it: the design's table of `ekuStrictness`. */
const PASSES: Readonly<Record<EkuStrictness, { leaf: readonly Says[]; ca: readonly Says[] }>> = {
  nested: {
    leaf: ['absent', 'any', 'purpose', 'other and any', 'other and purpose'],
    ca: ['absent', 'any', 'purpose', 'other and any', 'other and purpose'],
  },
  leaf: {
    leaf: ['purpose', 'other and purpose'],
    ca: ['absent', 'any', 'purpose', 'other and any', 'other and purpose'],
  },
  chain: { leaf: ['purpose', 'other and purpose'], ca: ['absent', 'purpose', 'other and purpose'] },
  'ignore-ca': { leaf: ['absent', 'any', 'purpose', 'other and any', 'other and purpose'], ca: ALL },
}

const PURPOSES = [
  ['serverAuth', SERVER_AUTH],
  ['clientAuth', CLIENT_AUTH],
  [CUSTOM, CUSTOM],
] as const

describe.each(Object.entries(PASSES))('ekuStrictness %s (RFC 5280 §4.2.1.12)', (name, passes) => {
  const ekuStrictness = Object.keys(PASSES).find((key): key is EkuStrictness => key === name)

  test.each(PURPOSES)('purpose %s', (purpose, id) => {
    for (const [who, depth] of [
      ['leaf', 0],
      ['ca', 1],
      ['root', 2],
    ] as const) {
      for (const says of ALL) {
        const usual = { leaf: { extensions: [eku(id)] } }
        const hierarchy = trio({ ...usual, [who]: { extensions: usagesOf(says, id) } })
        const ask = within(hierarchy, { purpose, ekuStrictness })
        if (passes[who === 'leaf' ? 'leaf' : 'ca'].includes(says)) accepted(hierarchy.leaf.der, ask)
        else {
          const error = refused(hierarchy.leaf.der, ask, 'ERR_PATH_EXTENDED_KEY_USAGE')
          expectBlame(error, hierarchy[who].certificate, depth)
          expect(error.message).toMatch(
            new RegExp(`expected extended key usage (\\w+ \\()?${id.replaceAll('.', '\\.')}`),
          )
        }
      }
    }
  })

  test('purpose any asks for nothing', () => {
    const other = { extensions: [eku(EMAIL_PROTECTION)] }
    const hierarchy = trio({ leaf: other, ca: other, root: other })
    accepted(hierarchy.leaf.der, within(hierarchy, { purpose: 'any', ekuStrictness }))
  })
})

test('without the option it is nested', () => {
  const hierarchy = trio({ ca: { extensions: [eku(CLIENT_AUTH)] } })
  accepted(hierarchy.leaf.der, within(hierarchy, { purpose: 'clientAuth' }))
  const error = refused(
    hierarchy.leaf.der,
    within(hierarchy, { purpose: 'serverAuth' }),
    'ERR_PATH_EXTENDED_KEY_USAGE',
  )
  expect(error.data).toMatchObject({ purpose: SERVER_AUTH, usages: [CLIENT_AUTH] })
  expect(error.message).toContain(`found clientAuth (${CLIENT_AUTH})`)
})

test('a leaf for servers is not one for clients', () => {
  const hierarchy = trio({ leaf: { extensions: [eku(SERVER_AUTH)] } })
  accepted(hierarchy.leaf.der, within(hierarchy, { purpose: 'serverAuth' }))
  refused(hierarchy.leaf.der, within(hierarchy, { purpose: 'clientAuth' }), 'ERR_PATH_EXTENDED_KEY_USAGE')
})
