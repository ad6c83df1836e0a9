import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  type CertificateProfileName,
  glooIssuer,
  type IssuancePolicyInput,
  istioCa,
  istioCsr,
  istioRa,
  PolicyError,
  PROFILES,
  spire,
} from '../../src/ca/index.ts'
import { Csr } from '../../src/csr/index.ts'
import type { Certificate } from '../../src/x509/index.ts'
import { hex, rdn, seq, text } from '../fixtures/x509/der.ts'
import { rootCa } from '../unit/ca/support.ts'
import {
  attribute,
  csrOf,
  EXTENSION_REQUEST,
  type ExtensionTuple,
  extensions,
  subjectAltName,
  uri,
} from '../unit/csr/support.ts'

/** `docs/issuance.md` says what a request can influence under each preset. Here every cell is tried. */
const document = readFileSync('docs/issuance.md', 'utf8')
const ID = 'spiffe://td/ns/a/sa/b'

const POLICIES: Readonly<Record<string, IssuancePolicyInput>> = {
  'a policy of your own': {
    name: 'own',
    names: { spiffe: { allow: ['spiffe://td/**'] } },
    lifetime: { max: '1h' },
  },
  istioCa: istioCa(),
  istioRa: istioRa(),
  istioCsr: istioCsr(),
  glooIssuer: glooIssuer(),
  'glooIssuer, legacy': glooIssuer({ release: 'legacy' }),
  spire: spire({ trustDomain: 'td' }),
}

interface Asked {
  readonly subject?: readonly Uint8Array[]
  readonly names?: readonly string[]
  readonly more?: readonly ExtensionTuple[]
}

const ORGANIZATION = rdn('2.5.4.10', text(0x0c, 'Other'))
const COMMON_NAME = rdn('2.5.4.3', text(0x0c, 'anything'))
const NO_ORGANIZATION = rdn('2.5.4.10', text(0x0c, ''))

/** What a request asks for in each row, beside a key and its own identity. */
const ROWS: Readonly<Record<string, Asked>> = {
  'an organization': { subject: [ORGANIZATION] },
  'a common name': { subject: [NO_ORGANIZATION, COMMON_NAME] },
  'no name at all': { names: [] },
  'another name than its own': { names: [ID, 'spiffe://td/ns/a/sa/other'] },
  'key usage': { more: [['2.5.29.15', hex('03020780')]] },
  'a purpose': { more: [['2.5.29.37', seq(hex('06082b06010505070302'))]] },
  'code signing': { more: [['2.5.29.37', seq(hex('06082b06010505070303'))]] },
  'to be a CA': { more: [['2.5.29.19', seq(hex('0101ff'))]] },
  'another extension': { more: [['2.5.29.32', seq(seq(hex('06032a0304')))]] },
}

function requestOf({ subject = [NO_ORGANIZATION], names = [ID], more = [] }: Asked): Csr {
  const san: readonly ExtensionTuple[] =
    names.length === 0 ? [] : [['2.5.29.17', subjectAltName(...names.map(uri))]]
  const list = [...san, ...more]
  const attributes = list.length === 0 ? [] : [attribute(EXTENSION_REQUEST, extensions(...list))]
  return Csr.fromDer(csrOf({ subject: seq(...subject), attributes }))
}

/** All that a certificate says, beside its serial number. */
const said = (certificate: Certificate): unknown => [
  String(certificate.subject),
  certificate.extensions.map(({ oid, critical, value }) => [
    oid,
    critical,
    Buffer.from(value).toString('hex'),
  ]),
]

const root = await rootCa()

async function outcome(policy: IssuancePolicyInput, asked: Asked): Promise<'taken' | 'ignored' | 'refused'> {
  const sign = async (csr: Csr) => (await root.sign(csr, policy, { identities: [ID] })).certificate
  const usual = said(await sign(requestOf({})))
  try {
    const certificate = await sign(requestOf(asked))
    try {
      expect(said(certificate)).toEqual(usual)
      return 'ignored'
    } catch {
      return 'taken'
    }
  } catch (error) {
    expect(error).toBeInstanceOf(PolicyError)
    return 'refused'
  }
}

/** Rows of the table whose first header cell is given. */
function table(header: string): ReadonlyMap<string, readonly string[]> {
  const lines = document.split('\n')
  const at = lines.findIndex((line) => line.startsWith(`| ${header} |`))
  expect(at, `the table "${header}"`).toBeGreaterThanOrEqual(0)
  const rows = new Map<string, readonly string[]>()
  for (let i = at; lines[i]?.startsWith('|'); i++) {
    const [first = '', ...cells] = (lines[i] ?? '')
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim())
    rows.set(first, cells)
  }
  return rows
}

describe('what a request can influence, by preset', () => {
  const rows = table('a request asks for')

  test('the columns are the presets, the rows what is tried here', () => {
    expect(rows.get('a request asks for')?.map((cell) => cell.replaceAll('`', ''))).toEqual(
      Object.keys(POLICIES),
    )
    expect([...rows.keys()].slice(2)).toEqual(Object.keys(ROWS))
  })

  test.each(Object.entries(ROWS))('%s', async (row, asked) => {
    const found = await Promise.all(Object.values(POLICIES).map((policy) => outcome(policy, asked)))
    expect(rows.get(row)?.map((cell) => cell.replaceAll('*', ''))).toEqual(found)
  })
})

test('every profile has a row, with what it breaks on purpose', () => {
  const rows = table('profile')
  const names = [...rows.keys()].slice(2).map((cell) => cell.replaceAll('`', ''))
  expect(names).toEqual(Object.keys(PROFILES))
  for (const [i, cells] of [...rows.values()].slice(2).entries()) {
    const { deviations } = PROFILES[names[i] as CertificateProfileName]
    for (const rule of deviations) expect(cells.join(' ')).toContain(`\`${rule}\``)
  }
})
