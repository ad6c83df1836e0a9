import { describe, expect, test } from 'vitest'
import { checkPathSync, explain, type PathError, TrustAnchor } from '../../../../src/verify/index.ts'
import { forge, forgeCa, keysOf, NOW, san, uri } from '../forge.ts'
import { accepted, trio, within } from '../support.ts'
import { EXAMPLES, type Example } from './examples.ts'

function explained({ leaf, ask }: Example): { readonly text: string; readonly error: PathError } {
  const result = checkPathSync(leaf, { purpose: 'any', time: NOW, ...ask })
  if (result.ok) throw new Error('accepted')
  return { text: explain(result), error: result.error }
}

describe('every code has an explanation that says what, where, which rule, and what would make it pass', () => {
  test.each(Object.entries(EXAMPLES))('%s', (code, make) => {
    const example = make()
    const { text, error } = explained(example)
    expect(text.split('\n')[0]).toBe(`refused: ${code}`)
    expect(explain(error)).toBe(text)
    let from = 0
    for (const part of example.shows) {
      const at = text.indexOf(part, from)
      expect(at, `${part}\nin\n${text}`).toBeGreaterThanOrEqual(from)
      from = at
    }
  })

  test('but for what has no certificate to blame, each has a remedy', () => {
    for (const [code, make] of Object.entries(EXAMPLES)) {
      const { error } = explained(make())
      if (code !== 'ERR_PATH_ANCHOR' && code !== 'ERR_PATH_MALFORMED') expect(error.remedy, code).toBeTruthy()
    }
  })
})

describe('every path that was tried, in order', () => {
  const old = forgeCa({ subject: 'old root', notAfter: '2026-02-01T00:00:00Z' })
  const strict = forgeCa({ subject: 'strict root', pathLength: 0 })
  const keys = keysOf('shared')
  const throughOld = forgeCa({ subject: 'ca', keys, issuer: old })
  const throughStrict = forgeCa({ subject: 'ca', keys, issuer: strict })
  const leaf = forge({ subject: 'leaf', issuer: throughOld })
  const example: Example = {
    leaf: leaf.der,
    ask: { anchors: [old.der, strict.der], intermediates: [throughOld.der, throughStrict.der] },
    shows: [],
  }

  test('the most specific failure is the error, and its place among the others is kept', () => {
    const { text, error } = explained(example)
    expect(error.code).toBe('ERR_PATH_LENGTH')
    expect(error.attempt).toBe(2)
    expect(error.causes.map(({ code, attempt }) => [code, attempt])).toEqual([['ERR_PATH_EXPIRED', 1]])
    expect(error.path.map((certificate) => String(certificate.subject))).toEqual([
      'CN=leaf',
      'CN=ca',
      'CN=strict root',
    ])
    const [, attempts] = text.split('2 dead ends were met, in this order:')
    expect(attempts).toMatch(/1\. ERR_PATH_EXPIRED\n\s+path: "CN=leaf".* <- "CN=ca".* <- "CN=old root"/)
    expect(attempts).toMatch(/2\. ERR_PATH_LENGTH \(the most specific, shown above\)/)
  })

  test('one dead end needs no list', () => {
    const { text } = explained({ ...example, ask: { anchors: old.der, intermediates: throughOld.der } })
    expect(text).not.toContain('dead ends')
  })
})

describe('what is accepted', () => {
  test('who, until when, and what nobody asked', () => {
    const hierarchy = trio({ ca: { notAfter: '2026-07-01T00:00:00Z' } })
    const path = accepted(hierarchy.leaf.der, within(hierarchy))
    const text = explain(path)
    expect(explain({ ok: true, path })).toBe(text)
    expect(text).toMatch(/^accepted at 2026-06-01T00:00:00Z\n\s+leaf:\s+"CN=leaf"/)
    expect(text).toMatch(/issuer 1: "CN=ca" .*\n\s+anchor:\s+"CN=root"/)
    expect(text).toMatch(/valid until 2026-07-01T00:00:00Z, when "CN=ca" .* expires/)
    expect(text).toContain('policies: none\n  revocation: nobody asked')
  })

  test('a bare anchor', () => {
    const { root, ca, leaf } = trio()
    const anchor = TrustAnchor.from({ subject: 'CN=root', publicKey: root.certificate.publicKey })
    expect(explain(accepted(leaf.der, { anchors: [anchor], intermediates: ca.der }))).toMatch(
      /anchor:\s+"CN=root" \(a name and a key\)/,
    )
  })
})

test('text from certificates is escaped', () => {
  const hostile = trio({ leaf: { extensions: [san([uri('spiffe://a\u001b[31m\u0007')])] } })
  const { text } = explained({
    leaf: hostile.leaf.der,
    ask: within(hostile, { name: { uri: '\u202e\u2028x' } }),
    shows: [],
  })
  expect(text).toContain('\\u{1b}[31m\\u{7}')
  expect(text.replace(/\n/g, '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/)
})

test('anything else is a TypeError', () => {
  for (const value of [undefined, null, 'x', {}, { ok: true }, { ok: false, error: new Error('x') }]) {
    expect(() => Reflect.apply(explain, undefined, [value])).toThrow(TypeError)
  }
})
