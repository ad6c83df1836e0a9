import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readManifest } from '../../tools/pack.mjs'
import { checkRepository, checkTag, notesOf, readTag } from '../../tools/release.mjs'
import { filesUnder } from '../../tools/source.mjs'

describe('the notes of a version', () => {
  const changelog = '# Changelog\n\n## [1.2.0] - 2026-11-27\n\n- New.\n\n## [1.1.0] - 2026-01-01\n\n- Old.\n'

  test('are its section', () => {
    expect(notesOf(changelog, '1.2.0')).toBe('- New.')
    expect(notesOf(changelog, '1.1.0')).toBe('- Old.')
  })

  test.each([
    ['an unknown version', changelog, '1.3.0', /no section "## \[1\.3\.0\] - YYYY-MM-DD"/],
    ['dots that stand for anything', changelog.replace('1.2.0', '1x2x0'), '1.2.0', /no section/],
    ['a section without a date', changelog.replace(' - 2026-11-27', ''), '1.2.0', /no section/],
    ['an empty section', changelog.replace('- New.', ''), '1.2.0', /is empty/],
  ])('%s is refused', (_, text, version, message) => {
    expect(() => notesOf(text, version)).toThrow(message)
  })
})

test('a tag is the version', () => {
  checkTag('1.2.0', 'v1.2.0')
  checkTag('1.2.0', undefined)
  expect(() => checkTag('1.2.0', '1.2.0')).toThrow(/must be v1\.2\.0/)
  expect(() => checkTag('1.2.0', 'v1.2.1')).toThrow(/package\.json has the version 1\.2\.0/)
})

test('a tag that is asked for is there', () => {
  expect(readTag([])).toBe(undefined)
  expect(readTag(['--tag', 'v1.2.0'])).toBe('v1.2.0')
  // As a shell makes them of a variable that is not set.
  for (const args of [['--tag'], ['--tag', ''], ['v1.2.0'], ['--tga', 'v1.2.0'], ['--tag', 'v1.2.0', 'x']])
    expect(() => readTag(args)).toThrow('usage: node tools/release.mjs')
})

test('what is published says where it is from', () => {
  checkRepository('v1.2.0', { type: 'git', url: 'https://git.example/mesh-pki.git' })
  checkRepository(undefined, undefined)
  expect(() => checkRepository('v1.2.0', undefined)).toThrow(/no "repository"/)
})

test('this version has notes', () => {
  expect(notesOf(readFileSync('CHANGELOG.md', 'utf8'), readManifest().version)).toMatch(/^- `mesh-pki\//m)
})

interface Step {
  readonly uses?: string
  readonly run?: string
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<
    Record<
      string,
      { readonly permissions?: object; readonly needs?: string; readonly steps: readonly Step[] }
    >
  >
}

const workflows = filesUnder('.github/workflows', /\.yml$/).map((file) => {
  const workflow: Workflow = parse(readFileSync(file, 'utf8'))
  return { file, workflow, jobs: Object.entries(workflow.jobs), text: readFileSync(file, 'utf8') }
})

describe.each(workflows)('$file', ({ file, workflow, jobs, text }) => {
  const steps = jobs.flatMap(([, job]) => job.steps)

  test('takes actions by their commit, with the version beside it', () => {
    const uses = [...text.matchAll(/uses: (.*)/g)].map(([, what]) => what)
    expect(uses.length).toBeGreaterThan(0)
    for (const what of uses) expect(what).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('may read, and only the job that publishes may ask who it is', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' })
    const more = jobs.filter(([, job]) => job.permissions !== undefined).map(([name]) => name)
    expect(more).toEqual(file.endsWith('release.yml') ? ['publish'] : [])
  })

  test('runs scripts that there are, and keeps no token', () => {
    const scripts = steps.flatMap(({ run = '' }) =>
      [...run.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name),
    )
    expect(scripts.length).toBeGreaterThan(1)
    for (const name of scripts) expect(Object.keys(readManifest().scripts)).toContain(name)
    expect(text).not.toMatch(/secrets\.|NODE_AUTH_TOKEN|_authToken/)
  })
})

test('publishing is the last step, of a tag, with provenance, and of what was looked at', () => {
  const release = workflows.find(({ file }) => file.endsWith('release.yml'))
  expect(release?.text).toMatch(/^on:\n {2}push:\n {4}tags: \["v\*\.\*\.\*"\]$/m)
  const runs = release?.jobs.flatMap(([, job]) => job.steps.flatMap(({ run }) => run ?? [])) ?? []
  expect(runs.at(-1)).toBe('npm publish ./release/*.tgz --provenance --access public')
  expect(runs.indexOf('npm run check')).toBeGreaterThanOrEqual(0)
  // Only what stands on main.
  expect(runs[0]).toBe('git merge-base --is-ancestor HEAD origin/main')
  const { check, pack, publish } = release?.workflow.jobs ?? {}
  expect([check?.needs, pack?.needs, publish?.needs]).toEqual([undefined, 'check', 'pack'])
  // What may say who it is runs no code of a package but npm's.
  expect(publish?.permissions).toEqual({ 'id-token': 'write' })
  expect(publish?.steps.flatMap(({ run }) => run ?? [])).toEqual([
    'sha256sum --check SHA256SUMS',
    'npm publish ./release/*.tgz --provenance --access public',
  ])
  // Nowhere else is anything published.
  for (const { file, text } of workflows)
    expect(text.match(/npm publish/g)?.length ?? 0).toBe(file.endsWith('release.yml') ? 1 : 0)
})
