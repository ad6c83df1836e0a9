import { expect, test } from 'vitest'
import { sameGeneralNames } from '../../../src/x509/general-name-key.ts'
import { type GeneralName, Name } from '../../../src/x509/index.ts'

const dns = (value: string): GeneralName => ({ type: 'dns', value })
const uri = (value: string): GeneralName => ({ type: 'uri', value })
const email = (value: string): GeneralName => ({ type: 'email', value })
const directory = (text: string): GeneralName => ({ type: 'directory', value: Name.parse(text) })
const other = (byte: number): GeneralName => ({
  type: 'other',
  form: 'other-name',
  oid: '1.2.3',
  value: Uint8Array.of(5, byte),
})

test.each<[string, readonly GeneralName[], readonly GeneralName[]]>([
  ['another order', [dns('a.b'), uri('x:y')], [uri('x:y'), dns('a.b')]],
  ['hosts in any case', [dns('A.b')], [dns('a.B')]],
  ['mailboxes with a host in any case', [email('A@B.c')], [email('A@b.C')]],
  ['directory names (RFC 5280 §7.1)', [directory('CN=a  B,O=c')], [directory('CN=A b,O=C')]],
  ['other names to the byte', [other(1)], [other(1)]],
  ['nothing', [], []],
])('the same: %s', (_, a, b) => {
  expect(sameGeneralNames(a, b)).toBe(true)
})

test.each<[string, readonly GeneralName[], readonly GeneralName[]]>([
  ['another form', [dns('a.b')], [uri('a.b')]],
  ['one more', [dns('a.b')], [dns('a.b'), dns('a.b')]],
  ['other counts', [dns('a'), dns('a'), dns('b')], [dns('a'), dns('b'), dns('b')]],
  ['URIs in another case', [uri('spiffe://td/A')], [uri('spiffe://td/a')]],
  ['local parts in another case', [email('A@b.c')], [email('a@b.c')]],
  ['other names of other bytes', [other(1)], [other(2)]],
  // Joined by line ends the two lists would be one text.
  ['names with line ends in them', [uri('a\nuri b'), uri('c')], [uri('a'), uri('b\nuri c')]],
])('different: %s', (_, a, b) => {
  expect(sameGeneralNames(a, b)).toBe(false)
  expect(sameGeneralNames(b, a)).toBe(false)
})
