import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readManifest } from '../../tools/pack.mjs'
import { checkTag, notesOf } from '../../tools/release.mjs'
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

test('this version has notes', () => {
  expect(notesOf(readFileSync('CHANGELOG.md', 'utf8'), readManifest().version)).toMatch(/^- `mesh-pki\//m)
})

interface Step {
  readonly uses?: string
  readonly run?: string
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, { readonly permissions?: object; readonly steps: readonly Step[] }>>
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
  expect(runs.at(-1)).toBe('npm publish build/release/*.tgz --provenance --access public')
  expect(runs.indexOf('npm run check')).toBeGreaterThanOrEqual(0)
  // Nowhere else is anything published.
  for (const { file, text } of workflows)
    expect(text.match(/npm publish/g)?.length ?? 0).toBe(file.endsWith('release.yml') ? 1 : 0)
})
