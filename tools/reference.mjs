// Writes the reference (docs/reference, from the docstrings) and the reports of the API (docs/reference/api, from the
// declarations), a page and a report for each subpath; with --check it compares them with what is there.
//
//   node tools/reference.mjs [--check]
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, posix, relative, sep } from 'node:path'
import { argv, env } from 'node:process'
import { anchorsOf } from './anchors.mjs'
import { root, run, subpaths } from './pack.mjs'

const home = join(root, 'test', 'reference')
const build = join(root, 'build', 'reference')
const docs = join(root, 'docs', 'reference')
/** What a page begins with. */
const HEADER = '<!-- Written by `npm run reference` from the source. Change it there. -->\n\n'

/** The root subpath repeats what the others have, so it has a report and no page. */
const pages = () => subpaths().filter(({ subpath }) => subpath !== '.')

/** @param {string} subpath `./spiffe/jwt` becomes `spiffe/jwt`, `.` becomes `mesh-pki` */
const nameOf = (subpath) => (subpath === '.' ? 'mesh-pki' : subpath.slice(2))

/**
 * @param {string} folder
 * @param {string} [below]
 * @returns {string[]}
 */
function filesBelow(folder, below = '') {
  if (!existsSync(join(folder, below))) return []
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const name = join(below, entry.name)
    return entry.isDirectory() ? filesBelow(folder, name) : [name]
  })
}

/** Installs typedoc and API Extractor, which need a TypeScript of their own; they are not the package's. */
function install() {
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  const isThere = Object.entries(manifest.dependencies).every(([name, version]) => {
    const file = join(home, 'node_modules', name, 'package.json')
    return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === version
  })
  // By the lock file: it runs on the machine that says whether a release is sound.
  if (!isThere) run('npm', ['ci', '--no-audit', '--no-fund'], home)
}

/** A configuration of the compiler for all of src, with Node's types. */
function writeCompilerOptions() {
  const file = join(build, 'tsconfig.json')
  const compilerOptions = {
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
    skipLibCheck: true,
  }
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions,
    include: [join(root, 'src')],
    exclude: [],
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}

/**
 * @param {string} tsconfig
 * @param {string} out
 */
function writePages(tsconfig, out) {
  const options = join(build, 'typedoc.json')
  const settings = {
    tsconfig,
    entryPoints: pages().map(({ file }) =>
      join(root, file.replace('./dist/', 'src/').replace(/\.js$/, '.ts')),
    ),
    name: 'mesh-pki',
    plugin: [join(home, 'node_modules', 'typedoc-plugin-markdown', 'dist', 'index.js')],
    out,
    readme: 'none',
    outputFileStrategy: 'modules',
    entryFileName: 'README',
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    hidePageHeader: true,
    hideBreadcrumbs: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    treatWarningsAsErrors: true,
    // Lists whose members a type takes, and the names of options of node:tls: the types say what is in them.
    intentionallyNotExported: [
      ...['LINT_SEVERITIES', 'AUTHORITY_STAGES', 'INEQUALITY_IDS', 'ROLLOVER_KINDS'],
      ...['RFC5280_RULES', 'WEB_PKI_RULES', 'Known', 'CLIENT_NAMES', 'SERVER_NAMES'],
    ],
  }
  writeFileSync(options, JSON.stringify(settings))
  run(join(home, 'node_modules', '.bin', 'typedoc'), ['--options', options, '--logLevel', 'Warn'], build)
}

/**
 * @param {string} tsconfig
 * @param {string} out
 */
function writeReports(tsconfig, out) {
  const { Extractor, ExtractorConfig } = createRequire(join(home, 'package.json'))('@microsoft/api-extractor')
  mkdirSync(out, { recursive: true })
  for (const { subpath, types } of subpaths()) {
    const quiet = { default: { logLevel: 'none', addToApiReportFile: false } }
    const config = ExtractorConfig.prepare({
      configObjectFullPath: undefined,
      packageJsonFullPath: join(root, 'package.json'),
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: join(root, types),
        compiler: { tsconfigFilePath: tsconfig },
        apiReport: {
          enabled: true,
          reportFileName: `${nameOf(subpath).replaceAll('/', '-')}.api.md`,
          reportFolder: out,
          reportTempFolder: join(build, 'temp'),
          includeForgottenExports: false,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: 'lf',
        messages: {
          compilerMessageReporting: { default: { logLevel: 'error' } },
          extractorMessageReporting: quiet,
          tsdocMessageReporting: quiet,
        },
      },
    })
    const { succeeded, errorCount } = Extractor.invoke(config, {
      localBuild: true,
      showVerboseMessages: false,
      messageCallback: (/** @type {{ logLevel: string, text: string, handled: boolean }} */ message) => {
        if (message.logLevel === 'error') console.error(`${subpath}: ${message.text}`)
        message.handled = true
      },
    })
    if (!succeeded) throw new Error(`the report of ${subpath} has ${errorCount} errors`)
  }
}

/**
 * Names headings as they are named: the plugin numbers some that are there once.
 *
 * @param {string} file with forward slashes
 * @param {string} text
 * @param {ReadonlyMap<string, ReadonlySet<string>>} anchors of every page
 */
function withRightAnchors(file, text, anchors) {
  return text.replace(/\]\(([\w./-]*)#([\w-]+?)-(\d+)\)/g, (link, path, name, number) => {
    const to = path === '' ? file : posix.join(posix.dirname(file), path)
    const known = anchors.get(to)
    return known === undefined || known.has(`${name}-${number}`) || !known.has(name)
      ? link
      : `](${path}#${name})`
  })
}

/** @param {string} out */
function generate(out) {
  rmSync(build, { recursive: true, force: true })
  mkdirSync(build, { recursive: true })
  run('npm', ['run', '--silent', 'build'], root)
  const tsconfig = writeCompilerOptions()
  writePages(tsconfig, out)
  const texts = new Map(
    filesBelow(out).map((file) => [file.replaceAll(sep, '/'), readFileSync(join(out, file), 'utf8')]),
  )
  const anchors = new Map([...texts].map(([file, text]) => [file, anchorsOf(text)]))
  for (const [file, text] of texts) {
    const tidy = withRightAnchors(file, text.replace(/[ \t]+$/gm, '').trimEnd(), anchors)
    writeFileSync(join(out, file), `${HEADER}${tidy}\n`)
  }
  writeReports(tsconfig, join(out, 'api'))
}

/**
 * What differs between two folders.
 *
 * @param {string} fresh
 * @param {string} kept
 */
function differences(fresh, kept) {
  const names = new Set([...filesBelow(fresh), ...filesBelow(kept)])
  return [...names].sort().filter((name) => {
    const [a, b] = [join(fresh, name), join(kept, name)]
    return !existsSync(a) || !existsSync(b) || readFileSync(a, 'utf8') !== readFileSync(b, 'utf8')
  })
}

function main() {
  try {
    install()
  } catch (error) {
    const required = (env['MESH_PKI_REQUIRE'] ?? '').split(',').some((name) => name.trim() === 'reference')
    const text = error instanceof Error ? error.message : String(error)
    console.log(`suite reference: not run, cannot be installed: ${required ? text : text.split('\n')[0]}`)
    return !required
  }
  const out = join(build, 'out')
  generate(out)
  if (argv.includes('--check')) {
    const stale = differences(out, docs)
    for (const name of stale) console.error(`${relative(root, join(docs, name))} is not what the source says`)
    console.log(
      stale.length === 0
        ? 'the reference is what the source says'
        : 'run `npm run reference`, and read the difference',
    )
    return stale.length === 0
  }
  rmSync(docs, { recursive: true, force: true })
  for (const name of filesBelow(out)) {
    mkdirSync(dirname(join(docs, name)), { recursive: true })
    writeFileSync(join(docs, name), readFileSync(join(out, name)))
  }
  console.log(`docs/reference: ${filesBelow(docs).length} files`)
  return true
}

process.exitCode = main() ? 0 : 1
