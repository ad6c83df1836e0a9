/**
 * The journal of a rollover on a file system.
 *
 * @module
 */

import { createHash, randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { MeshPkiError } from '../errors.ts'
import { typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import type { JournalRecord, RolloverJournal } from '../rotation/index.ts'

/** Versions that are kept. Every process must keep as many: see {@link FileJournal.replace}. */
const KEPT = 32

/** A temporary file that is older belongs to a process that died. */
const ORPHAN_MS = 3_600_000

/** A state of some hundred clusters takes less than a megabyte. */
const MAX_BYTES = 64 * 1024 * 1024

const NAME = /^(\d{16})\.json$/
const TEMPORARY = /^\.tmp-[0-9a-f]{32}$/

/**
 * Keeps the journal of a rollover in a directory of its own, shared by all processes that may drive it.
 *
 * Every version is a file with a number, and is never changed; the highest number is the journal. A version is written to a
 * temporary file, which is synchronized and then linked under the next number. `link` fails where that number is taken, so of two writers one
 * wins, and nobody ever sees half a file. There is no lock, so there is none that a dead process could have left behind: a process may be
 * killed between any two system calls, and others go on at once.
 *
 * `replace` answers `true` when file and directory are synchronized, and `read` answers what is. The last 32 versions are
 * kept, to look at and to go back to. Files have mode 0600; the directory, which is made where it is missing, 0700. Its parent must exist.
 *
 * To restore a backup, stop all drivers and put its files in the place of those that are there.
 *
 * **Warning**: the file system must have hard links and an exclusive `link`, as local ones and NFS have. On NFS, mount without attribute caching
 * (`noac`, `lookupcache=none`), or a driver may look at a version that is no longer the last; it still cannot overwrite one. Object stores that look like
 * file systems will not do.
 *
 * @throws `TypeError` for what is no path. Its methods throw `MeshPkiError` `ERR_ROLLOVER_JOURNAL`, and errors of the file system.
 *
 * @example
 * ```ts
 * import { fileJournal } from 'mesh-pki/node'
 * import { Rollover, type RolloverPlan } from 'mesh-pki/rotation'
 *
 * declare const plan: RolloverPlan
 * const rollover = await Rollover.open({ plan, journal: fileJournal('/var/lib/mesh/rollover'), sequence: 7 })
 * console.log((await rollover.advance()).revision)
 * ```
 */
export function fileJournal(path: string): RolloverJournal {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new TypeError(
      `fileJournal takes the path of a directory; got ${typeof path === 'string' ? quote(path, 64) : typeName(path)}`,
    )
  // A process that changes its directory keeps its journal.
  return new FileJournal(resolve(path))
}

/** A version on disk. */
interface Found {
  readonly number: number
  readonly record: JournalRecord
}

class FileJournal implements RolloverJournal {
  readonly #path: string
  /** The highest version of which it is known that the directory has it on disk. */
  #durable = ''

  constructor(path: string) {
    this.#path = path
  }

  async read(): Promise<JournalRecord | undefined> {
    return (await this.#newest())?.record
  }

  async replace(version: string | undefined, text: string): Promise<boolean> {
    const bytes = encode(text)
    const found = await this.#newest()
    if (found?.record.version !== version) return false
    if (found === undefined) await this.#makeDirectory()
    const number = found?.number ?? 0
    const temporary = join(this.#path, `.tmp-${randomBytes(16).toString('hex')}`)
    try {
      await writeDurably(temporary, bytes)
      if (!(await linkExclusively(temporary, this.#file(number + 1)))) return false
    } finally {
      await unlink(temporary).catch(() => undefined)
    }
    // Had this number been taken and removed again, there would be that many above it: this process slept, and the number means nothing.
    const last = await this.#last()
    if (last > number + KEPT)
      throw new MeshPkiError(
        'ERR_ROLLOVER_JOURNAL',
        `the journal in ${quote(this.#path)} went from version ${number} to ${last} while version ${number + 1} was written, so whether that was in time is not known. Read the journal and decide again`,
      )
    await syncDirectory(this.#path)
    this.#durable = versionOf(number + 1, bytes)
    await this.#tidy(number + 1)
    return true
  }

  async #newest(): Promise<Found | undefined> {
    for (let attempt = 0; attempt < KEPT; attempt++) {
      const number = await this.#last()
      if (number === 0) return undefined
      const bytes = await readWhole(this.#file(number))
      // Gone: so many were written in the meantime.
      if (bytes === undefined) continue
      const version = versionOf(number, bytes)
      // Its writer may have died before it synchronized the directory; what is acted upon must not vanish.
      if (version !== this.#durable) {
        await syncDirectory(this.#path)
        this.#durable = version
      }
      return { number, record: { version, text: decode(bytes, this.#file(number)) } }
    }
    throw new MeshPkiError(
      'ERR_ROLLOVER_JOURNAL',
      `the journal in ${quote(this.#path)} changes faster than it can be read. Let fewer drive at the same time`,
    )
  }

  /** The highest number; 0 where there is none. */
  async #last(): Promise<number> {
    let last = 0
    for (const name of await this.#names()) last = Math.max(last, Number(NAME.exec(name)?.[1] ?? 0))
    if (last === 0) return 0
    // A listing need not have what was added while it was made.
    while ((await ifThere(stat(this.#file(last + 1)))) !== undefined) last++
    return last
  }

  async #names(): Promise<readonly string[]> {
    return (await ifThere(readdir(this.#path))) ?? []
  }

  async #makeDirectory(): Promise<void> {
    try {
      await mkdir(this.#path, { mode: 0o700 })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    await syncDirectory(dirname(this.#path))
  }

  /** Removes old versions and what dead processes left. Whatever fails here, the next writer does. */
  async #tidy(last: number): Promise<void> {
    try {
      for (const name of await this.#names()) {
        const path = join(this.#path, name)
        const number = Number(NAME.exec(name)?.[1] ?? Number.POSITIVE_INFINITY)
        const isOld =
          number <= last - KEPT ||
          (TEMPORARY.test(name) && Date.now() - (await stat(path)).mtimeMs > ORPHAN_MS)
        if (isOld) await unlink(path)
      }
    } catch {
      // Another one was faster.
    }
  }

  #file(number: number): string {
    return join(this.#path, `${String(number).padStart(16, '0')}.json`)
  }
}

/** The number and the content: after a restore, a number may come again, but not with the same content and another meaning. */
const versionOf = (number: number, bytes: Uint8Array): string =>
  `${number}-${createHash('sha256').update(bytes).digest('hex')}`

function encode(text: string): Uint8Array {
  if (typeof text !== 'string') throw new TypeError(`a journal keeps text; got ${typeName(text)}`)
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length > MAX_BYTES)
    throw new RangeError(`a journal keeps at most ${MAX_BYTES} octets; got ${bytes.length}`)
  // A lone surrogate would come back as another character.
  if (bytes.toString('utf8') !== text) throw new TypeError('a journal keeps well-formed text')
  return bytes
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new MeshPkiError(
      'ERR_ROLLOVER_JOURNAL',
      `${quote(file)} is not UTF-8: it was not written here, or it was damaged. Restore the journal from a backup`,
      { cause },
    )
  }
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Whether this name is ours now. */
async function linkExclusively(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    // NFS may have done it, lost the answer, and tried again: two names are the proof.
    return (await stat(from)).nlink === 2
  }
}

async function readWhole(file: string): Promise<Uint8Array | undefined> {
  const { size } = (await ifThere(stat(file))) ?? {}
  if (size === undefined) return undefined
  if (size > MAX_BYTES)
    throw new MeshPkiError(
      'ERR_ROLLOVER_JOURNAL',
      `${quote(file)} has ${size} octets, more than a journal may have (${MAX_BYTES}): it was not written here`,
    )
  return ifThere(readFile(file))
}

async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories; NTFS keeps its names in a log of its own.
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** `undefined` where there is no such file. */
async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, 'code') : undefined)
