import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkCacerts, decodeCacerts } from '../../src/kubernetes/index.ts'
import { fencesIn } from '../../tools/fences.mjs'
import { root } from '../../tools/pack.mjs'
import { filesUnder } from '../../tools/source.mjs'
import { outputOf, programFolder } from './run-program.ts'

const document = readFileSync(join(root, 'README.md'), 'utf8')
const program = fencesIn('README.md', document)[0]?.code ?? ''
const outputs = [...document.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)

/** Serial numbers and instants differ from run to run. */
const withoutChance = (text: string): string =>
  text.replaceAll(/\b[0-9a-f]{32}\b/g, '…').replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '…')

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('the quick start is plain JavaScript of at most 25 lines', () => {
  expect(program.split('\n').length).toBeLessThanOrEqual(25)
  expect(() => new Function(program.replaceAll(/^import .*$/gm, '').replaceAll('await ', ''))).not.toThrow()
})

test('it accepts the one and refuses the other, as the text says', async () => {
  const printed = withoutChance(
    await outputOf(programFolder('readme'), 'quick-start', program, emptyFolder()),
  )
  const [accepted = '-', refused = '-'] = outputs
  expect(printed.startsWith(accepted)).toBe(true)
  expect(printed.endsWith(refused)).toBe(true)
})

test('what it leaves are Secrets that istiod takes, below one root', async () => {
  const folder = emptyFolder()
  await outputOf(programFolder('readme'), 'quick-start', program, folder)
  expect(readdirSync(folder).sort()).toEqual(['east.json', 'west.json'])
  const secrets = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
  for (const secret of secrets) {
    expect(secret).toMatchObject({ kind: 'Secret', metadata: { name: 'cacerts', namespace: 'istio-system' } })
    expect(await checkCacerts(secret, { istioVersion: '1.28.7' })).toMatchObject({ ok: true })
  }
  const roots = secrets.map((secret) => decodeCacerts(secret).roots.map((one) => one.fingerprint()))
  expect(roots[0]).toEqual(roots[1])
})

test('every page of docs can be reached from it', () => {
  const linked = new Set(
    [...document.matchAll(/\]\((docs\/[\w./-]+)(?:#[\w-]+)?\)/g)].map(([, file]) => file),
  )
  const pages = filesUnder('docs', /\.md$/).filter((file) => /^docs\/[\w-]+\.md$|README\.md$/.test(file))
  expect(pages.filter((file) => !linked.has(file))).toEqual([])
})
