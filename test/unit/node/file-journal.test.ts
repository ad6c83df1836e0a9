import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { fileJournal } from '../../../src/node/index.ts'
import { describeJournal } from '../../contract/rollover-journal.ts'

let room = ''
let rooms = 0
const worker = (): string => join(room, 'worker.mjs')
const newPath = (): string => join(room, `journal-${++rooms}`)

/** What a process does: `count` adds to the number in a journal, `write` replaces it, dying before the n-th call of the file system. */
const WORKER = `
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { fileJournal } from './file-journal.ts'
const [task, path, argument] = process.argv.slice(2)
const journal = fileJournal(path)
if (task === 'count') {
  for (let done = 0; done < Number(argument); ) {
    const found = await journal.read()
    if (await journal.replace(found?.version, String(Number(found?.text ?? 0) + 1))) done++
  }
} else if (task === 'churn') {
  process.send('begun')
  for (;;) {
    const found = await journal.read()
    const next = Number(found.text.split(' ')[0]) + 1
    await journal.replace(found.version, next + ' ' + 'x'.repeat(200_000) + ' ' + next)
  }
} else {
  let calls = 0
  const dying = (call) => function (...args) {
    if (++calls === Number(argument)) process.kill(process.pid, 'SIGKILL')
    return call.apply(this, args)
  }
  const handle = await fs.open(process.argv[1])
  const prototype = Object.getPrototypeOf(handle)
  await handle.close()
  for (const name of ['writeFile', 'sync']) prototype[name] = dying(prototype[name])
  for (const name of ['link', 'mkdir', 'open', 'readdir', 'readFile', 'stat', 'unlink']) fs[name] = dying(fs[name])
  syncBuiltinESMExports()
  const found = await journal.read()
  if (!(await journal.replace(found?.version, 'new'))) process.exitCode = 3
}
process.disconnect()
`

beforeAll(async () => {
  room = await fs.mkdtemp(join(tmpdir(), 'file-journal-'))
  await build({
    stdin: {
      contents: WORKER,
      resolveDir: fileURLToPath(new URL('../../../src/node', import.meta.url)),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: worker(),
    external: ['node:*', '@peculiar/*', 'reflect-metadata', '@noble/*'],
    // The journal takes types from the rotation and no code.
    treeShaking: true,
    logLevel: 'error',
  })
})

afterAll(() => fs.rm(room, { recursive: true, force: true }))

function start(...args: readonly string[]): ReturnType<typeof fork> {
  const child = fork(worker(), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function run(
  ...args: readonly string[]
): Promise<{ readonly code: unknown; readonly signal: unknown }> {
  const [code, signal] = await once(start(...args), 'exit')
  return { code, signal }
}

describeJournal('fileJournal', async () => {
  const path = newPath()
  return { open: () => fileJournal(path) }
})

describe('several processes', () => {
  test('four that add one fifty times make two hundred', async () => {
    const path = newPath()
    const exits = await Promise.all(Array.from({ length: 4 }, () => run('count', path, '50')))
    expect(exits).toEqual(Array.from({ length: 4 }, () => ({ code: 0, signal: null })))
    expect((await fileJournal(path).read())?.text).toBe('200')
  })

  test.each([
    ['the first version', undefined],
    ['another version', 'old'],
  ])(
    'one that is killed before any call of the file system, writing %s, leaves the old or the new',
    async (_, old) => {
      const seen = new Set<string | undefined>()
      let survived = false
      for (let call = 1; call < 60 && !survived; call++) {
        const path = newPath()
        const journal = fileJournal(path)
        if (old !== undefined) await journal.replace(undefined, old)
        const { code, signal } = await run('write', path, String(call))
        survived = signal === null
        if (survived) expect(code).toBe(0)
        const found = await journal.read()
        expect([old, 'new']).toContain(found?.text)
        seen.add(found?.text)
        // Nobody has to wait for the dead one, or to clean up.
        expect(await fileJournal(path).replace(found?.version, 'next')).toBe(true)
        expect((await journal.read())?.text).toBe('next')
      }
      expect(survived).toBe(true)
      expect(seen).toEqual(new Set([old, 'new']))
    },
  )

  test('one that is killed at any time leaves whole versions, and no number is lost', async () => {
    const path = newPath()
    const journal = fileJournal(path)
    await journal.replace(undefined, '0  0')
    let last = 0
    for (let round = 0; round < 8; round++) {
      const child = start('churn', path)
      await once(child, 'message')
      await new Promise((resolve) => setTimeout(resolve, 7 * round))
      child.kill('SIGKILL')
      await once(child, 'exit')
      const found = await journal.read()
      const [first, , end] = found?.text.split(' ') ?? []
      expect(end).toBe(first)
      expect(Number(first)).toBeGreaterThanOrEqual(last)
      last = Number(first)
    }
  })
})

/** Lets the first `link` from now on wait. */
function holdLink(): { readonly reached: Promise<void>; readonly release: () => void } {
  const { link } = fs
  let reach = (): void => undefined
  let release = (): void => undefined
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const restore = (): void => {
    fs.link = link
    syncBuiltinESMExports()
  }
  fs.link = async (from, to) => {
    restore()
    reach()
    await released
    return link(from, to)
  }
  syncBuiltinESMExports()
  onTestFinished(restore)
  return { reached, release }
}

describe('a writer that sleeps before it links', () => {
  async function sleepThrough(writes: number): Promise<{ answer: Promise<boolean>; path: string }> {
    const path = newPath()
    const journal = fileJournal(path)
    await journal.replace(undefined, 'first')
    const version = (await journal.read())?.version
    const { reached, release } = holdLink()
    const answer = fileJournal(path).replace(version, 'late')
    await reached
    for (let i = 1; i <= writes; i++) await journal.replace((await journal.read())?.version, `meanwhile ${i}`)
    release()
    return { answer, path }
  }

  test('loses against one that did not', async () => {
    const { answer, path } = await sleepThrough(1)
    expect(await answer).toBe(false)
    expect((await fileJournal(path).read())?.text).toBe('meanwhile 1')
  })

  test('does not win where its number has been cleared away', async () => {
    const { answer, path } = await sleepThrough(40)
    await expect(answer).rejects.toMatchObject({ code: 'ERR_ROLLOVER_JOURNAL' })
    expect((await fileJournal(path).read())?.text).toBe('meanwhile 40')
  })

  test('wins where nobody wrote', async () => {
    const { answer, path } = await sleepThrough(0)
    expect(await answer).toBe(true)
    expect((await fileJournal(path).read())?.text).toBe('late')
  })
})

describe('the directory', () => {
  test('is for its owner, and so are the files', async () => {
    const path = newPath()
    await fileJournal(path).replace(undefined, 'a')
    const mode = async (file: string): Promise<number> => (await fs.stat(file)).mode & 0o777
    expect(await mode(path)).toBe(0o700)
    expect(await fs.readdir(path)).toEqual(['0000000000000001.json'])
    expect(await mode(join(path, '0000000000000001.json'))).toBe(0o600)
    expect(await fs.readFile(join(path, '0000000000000001.json'), 'utf8')).toBe('a')
  })

  test('keeps the last 32 versions, and what dead processes left for an hour', async () => {
    const path = newPath()
    const journal = fileJournal(path)
    await journal.replace(undefined, '1')
    const [old, young] = ['a', 'b'].map((digit) => join(path, `.tmp-${digit.repeat(32)}`))
    for (const file of [old, young, join(path, 'README')]) await fs.writeFile(file ?? '', 'x')
    const hours = new Date(Date.now() - 2 * 3_600_000)
    await fs.utimes(old ?? '', hours, hours)
    for (let i = 2; i <= 50; i++) await journal.replace((await journal.read())?.version, String(i))
    const names = await fs.readdir(path)
    expect(names.filter((name) => name.endsWith('.json')).sort()).toEqual(
      Array.from({ length: 32 }, (_, i) => `${String(i + 19).padStart(16, '0')}.json`),
    )
    expect(names.filter((name) => !name.endsWith('.json')).sort()).toEqual([
      `.tmp-${'b'.repeat(32)}`,
      'README',
    ])
  })

  test('that was restored is an older journal, and what was read before is no version of it', async () => {
    const path = newPath()
    const journal = fileJournal(path)
    await journal.replace(undefined, 'a')
    await journal.replace((await journal.read())?.version, 'b')
    const before = await journal.read()
    await fs.rm(join(path, '0000000000000002.json'))
    expect((await journal.read())?.text).toBe('a')
    expect(await journal.replace(before?.version, 'c')).toBe(false)
    // The number comes again, with other content: the old version is still none.
    expect(await journal.replace((await journal.read())?.version, 'other')).toBe(true)
    expect(await journal.replace(before?.version, 'c')).toBe(false)
  })

  test('is not made where its parent is missing, nor over a file', async () => {
    const file = newPath()
    await fs.writeFile(file, 'x')
    await expect(fileJournal(file).read()).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(fileJournal(file).replace(undefined, 'a')).rejects.toMatchObject({ code: 'ENOTDIR' })
    expect(await fs.readFile(file, 'utf8')).toBe('x')
    await expect(fileJournal(join(newPath(), 'sub')).replace(undefined, 'a')).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })

  test('with a damaged version says which', async () => {
    const path = newPath()
    await fs.mkdir(path)
    await fs.writeFile(join(path, '0000000000000007.json'), Uint8Array.of(0xff, 0xfe))
    await expect(fileJournal(path).read()).rejects.toThrow(/0000000000000007\.json" is not UTF-8/)
    await expect(fileJournal(path).read()).rejects.toMatchObject({ code: 'ERR_ROLLOVER_JOURNAL' })
  })
})

describe('misuse', () => {
  test.each([[''], ['a\0b'], [1], [undefined], [new URL('file:///tmp')]])('%s is no path', (path) => {
    expect(() => Reflect.apply(fileJournal, undefined, [path])).toThrow(TypeError)
  })

  test('text that is none is refused, and nothing is written', async () => {
    const path = newPath()
    const journal = fileJournal(path)
    await expect(Reflect.apply(journal.replace, journal, [undefined, { a: 1 }])).rejects.toThrow(
      /keeps text; got object/,
    )
    await expect(journal.replace(undefined, 'a\ud800')).rejects.toThrow(/well-formed/)
    expect(await journal.read()).toBeUndefined()
  })
})
