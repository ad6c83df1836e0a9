// Makes what a release consists of, in build/release: the tarball, its list of parts (SBOM), its notes, its digests.
// It publishes nothing.
//
//   node tools/release.mjs [--tag v1.2.3]
//
// The changelog must have a dated section for the version of package.json, and a tag must be that version.
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'
import { pack, readManifest, root, run } from './pack.mjs'

/**
 * The section of a changelog for a version, without its heading.
 *
 * @param {string} changelog
 * @param {string} version
 * @returns {string}
 */
export function notesOf(changelog, version) {
  const heading = new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d{2}-\\d{2}$`, 'm')
  const found = heading.exec(changelog)
  if (found === null) {
    throw new Error(
      `CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD"; write one, with what has changed`,
    )
  }
  const rest = changelog.slice(found.index + found[0].length)
  const end = /^## /m.exec(rest)
  const notes = rest.slice(0, end?.index).trim()
  if (notes === '') throw new Error(`the section of ${version} in CHANGELOG.md is empty`)
  return notes
}

/**
 * @param {string} version
 * @param {string | undefined} tag
 */
export function checkTag(version, tag) {
  if (tag !== undefined && tag !== `v${version}`) {
    throw new Error(
      `the tag is ${tag}, and package.json has the version ${version}; the tag must be v${version}`,
    )
  }
}

/**
 * Provenance names the repository, and npm refuses what `package.json` does not say the same of.
 *
 * @param {string | undefined} tag
 * @param {unknown} repository of package.json
 */
export function checkRepository(tag, repository) {
  if (tag !== undefined && repository === undefined) {
    throw new Error('package.json has no "repository"; npm publishes with provenance only what names its own')
  }
}

/**
 * What stands behind `--tag`. Whoever writes it and no tag, as a variable that is not set does, has checked nothing.
 *
 * @param {readonly string[]} args
 * @returns {string | undefined}
 */
export function readTag(args) {
  if (args.length === 0) return undefined
  const [option, tag, ...more] = args
  if (option !== '--tag' || tag === undefined || tag === '' || more.length > 0) {
    throw new Error(`usage: node tools/release.mjs [--tag v1.2.3]; got ${JSON.stringify(args)}`)
  }
  return tag
}

/** @typedef {{ metadata: { component: { name: string } }, components: { name: string, version: string }[] }} Sbom */

/**
 * What is installed with the package, as CycloneDX has it.
 *
 * @param {string} name of the package
 * @returns {Sbom}
 */
function billOfMaterials(name) {
  const flags = ['--sbom-format', 'cyclonedx', '--omit', 'dev', '--omit', 'optional', '--package-lock-only']
  /** @type {Sbom} */
  const sbom = JSON.parse(run('npm', ['sbom', ...flags], root))
  // npm calls it by the folder.
  sbom.metadata.component.name = name
  return sbom
}

/** @param {{ tag: string | undefined }} options */
function main({ tag }) {
  const { name, version, dependencies, repository } = readManifest()
  checkTag(version, tag)
  checkRepository(tag, repository)
  const notes = notesOf(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)
  const folder = join(root, 'build', 'release')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const tarball = join(folder, `mesh-pki-${version}.tgz`)
  copyFileSync(pack(join(root, 'build', 'release-pack')), tarball)
  const sbom = billOfMaterials(name)
  const missing = Object.keys(dependencies).filter(
    (wanted) => !sbom.components.some((one) => one.name === wanted),
  )
  if (missing.length > 0) throw new Error(`the SBOM lacks ${missing.join(', ')}`)
  writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(sbom, undefined, 2)}\n`)
  writeFileSync(join(folder, 'notes.md'), `${notes}\n`)
  const files = [tarball, join(folder, 'sbom.cdx.json'), join(folder, 'notes.md')]
  const digests = files.map(
    (file) => `${createHash('sha256').update(readFileSync(file)).digest('hex')}  ${basename(file)}\n`,
  )
  writeFileSync(join(folder, 'SHA256SUMS'), digests.join(''))
  console.log(
    `build/release: mesh-pki ${version}, ${sbom.components.length} packages with it; nothing was published`,
  )
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  main({ tag: readTag(argv.slice(2)) })
}
