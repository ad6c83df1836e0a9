import { describe, expect, test } from 'vitest'
import { NOW } from './forge.ts'
import { accepted, expectBlame, refused, trio, within } from './support.ts'

const at = (iso: string): { readonly time: Date } => ({ time: new Date(iso) })

/** One certificate of the three with a short validity, the others with a long one. */
const SHORT = { notBefore: '2026-05-01T00:00:00Z', notAfter: '2026-07-01T00:00:00Z' }
const WHO = [
  ['leaf', 0],
  ['ca', 1],
  ['root', 2],
] as const

describe.each(WHO)('validity of the %s (RFC 5280 §4.1.2.5, §6.1.3 (a)(2))', (who, depth) => {
  const hierarchy = trio({ [who]: SHORT })
  const certificate = hierarchy[who].certificate

  test('the second of notBefore is inside, the second before is not', () => {
    accepted(hierarchy.leaf.der, within(hierarchy, at('2026-05-01T00:00:00Z')))
    const error = refused(
      hierarchy.leaf.der,
      within(hierarchy, at('2026-04-30T23:59:59Z')),
      'ERR_PATH_NOT_YET_VALID',
    )
    expectBlame(error, certificate, depth)
    expect(error.data).toMatchObject({ notBefore: '2026-05-01T00:00:00Z', time: '2026-04-30T23:59:59Z' })
    expect(error.message).toContain('valid from 2026-05-01T00:00:00Z, 1s after the time of the check')
    expect(error.message).toContain(`CN=${who}`)
  })

  test('the second of notAfter is inside, the second after is not', () => {
    accepted(hierarchy.leaf.der, within(hierarchy, at('2026-07-01T00:00:00Z')))
    const error = refused(
      hierarchy.leaf.der,
      within(hierarchy, at('2026-07-01T00:00:01Z')),
      'ERR_PATH_EXPIRED',
    )
    expectBlame(error, certificate, depth)
    expect(error.data).toMatchObject({ notAfter: '2026-07-01T00:00:00Z', time: '2026-07-01T00:00:01Z' })
    expect(error.message).toContain('expired at 2026-07-01T00:00:00Z, 1s before the time of the check')
    expect(error.message).toContain('Renew it')
  })

  // Certificates have whole seconds: the fraction belongs to the second that it is in.
  test('a fraction of a second is floored', () => {
    accepted(hierarchy.leaf.der, within(hierarchy, at('2026-07-01T00:00:00.999Z')))
    refused(hierarchy.leaf.der, within(hierarchy, at('2026-04-30T23:59:59.999Z')), 'ERR_PATH_NOT_YET_VALID')
  })
})

test('an instant before 1970 is floored too, not rounded towards zero', () => {
  const old = { notBefore: '1960-01-01T00:00:00Z', notAfter: '1969-12-31T23:59:58Z' }
  const hierarchy = trio({ leaf: old, ca: old, root: old })
  accepted(hierarchy.leaf.der, within(hierarchy, at('1969-12-31T23:59:58.500Z')))
  refused(hierarchy.leaf.der, within(hierarchy, at('1969-12-31T23:59:59.001Z')), 'ERR_PATH_EXPIRED')
})

test('the end of the calendar, 9999-12-31T23:59:59Z, is inside (RFC 5280 §4.1.2.5)', () => {
  const forever = { notAfter: '9999-12-31T23:59:59Z' }
  const hierarchy = trio({ leaf: forever, ca: forever, root: forever })
  accepted(hierarchy.leaf.der, within(hierarchy, at('9999-12-31T23:59:59Z')))
  refused(hierarchy.leaf.der, within(hierarchy, at('+010000-01-01T00:00:00Z')), 'ERR_PATH_EXPIRED')
})

test('validity that ends before it begins is never valid', () => {
  const hierarchy = trio({ leaf: { notBefore: '2026-07-01T00:00:00Z', notAfter: '2026-05-01T00:00:00Z' } })
  refused(hierarchy.leaf.der, within(hierarchy), 'ERR_PATH_NOT_YET_VALID')
  refused(hierarchy.leaf.der, within(hierarchy, at('2026-08-01T00:00:00Z')), 'ERR_PATH_EXPIRED')
})

test('the verified path tells the second that was judged at', () => {
  const hierarchy = trio()
  const path = accepted(hierarchy.leaf.der, within(hierarchy, { time: new Date(NOW.getTime() + 999) }))
  expect(path.time).toEqual(NOW)
})
