import { readFileSync } from 'node:fs'

/** Block YAML as our examples have it: maps, lists, plain and quoted words, `{}`. Everything else is refused. */
export function readYaml(path: string): readonly unknown[] {
  const text = readFileSync(new URL(`../../../../examples/kubernetes/${path}`, import.meta.url), 'utf8')
  return text.split(/^---$/m).map((document) => {
    const lines = document
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
      .map((line) => ({ indent: line.length - line.trimStart().length, text: line.trim() }))
    const value = readBlock(lines, lines[0]?.indent ?? 0)
    if (lines.length > 0) throw new Error(`${path}: cannot read ${lines[0]?.text}`)
    return value
  })
}

type Lines = { indent: number; text: string }[]

function readBlock(lines: Lines, indent: number): unknown {
  const isList = lines[0]?.text.startsWith('- ') === true
  const list: unknown[] = []
  const map: Record<string, unknown> = {}
  for (let line = lines[0]; line !== undefined && line.indent === indent; line = lines[0]) {
    if (line.text.startsWith('- ') !== isList) break
    if (isList) {
      const item = line.text.slice(2)
      // What stands behind the dash is a block of its own, two columns further in.
      lines[0] = { indent: indent + 2, text: item }
      list.push(
        /^[^"'\s][^:]*:(\s|$)/.test(item)
          ? readBlock(lines, indent + 2)
          : readWord(lines.shift()?.text ?? ''),
      )
    } else {
      const [, key = '', rest = ''] = /^([^:\s]+):\s*(.*)$/.exec(line.text) ?? []
      if (key === '') throw new Error(`cannot read ${line.text}`)
      lines.shift()
      const below = lines[0]
      map[key] =
        rest !== ''
          ? readWord(rest)
          : below !== undefined && below.indent > indent
            ? readBlock(lines, below.indent)
            : null
    }
  }
  return isList ? list : map
}

function readWord(word: string): unknown {
  if (word === '{}') return {}
  if (/^"[^"\\]*"$/.test(word)) return word.slice(1, -1)
  if (/^[[{&*!|>'"]/.test(word)) throw new Error(`cannot read ${word}`)
  return word === 'true' ? true : word === 'false' ? false : /^\d+$/.test(word) ? Number(word) : word
}

/** One rule of a role. */
export interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly namespace?: string
}

/** The rules of one file's roles that are bound to a service account, as users of the fake API server have them. */
export function rulesOf(file: string, serviceAccount = 'mesh-pki'): readonly Rule[] {
  const documents = readYaml(`rbac/${file}`) as readonly {
    readonly kind: string
    readonly metadata: { readonly name: string; readonly namespace?: string }
    readonly rules?: readonly Rule[]
    readonly roleRef?: { readonly kind: string; readonly name: string }
    readonly subjects?: readonly { readonly name: string }[]
  }[]
  return documents
    .filter(({ subjects }) => subjects?.some(({ name }) => name === serviceAccount) === true)
    .flatMap(({ kind, roleRef, metadata }) =>
      documents
        .filter(
          (role) =>
            role.kind === roleRef?.kind &&
            role.metadata.name === roleRef.name &&
            (role.kind === 'ClusterRole' || role.metadata.namespace === metadata.namespace),
        )
        .flatMap(({ rules = [] }) =>
          rules.map((rule) =>
            kind === 'RoleBinding' && metadata.namespace !== undefined
              ? { ...rule, namespace: metadata.namespace }
              : rule,
          ),
        ),
    )
}

/** What rules allow that no request of a user made use of: verb, kind and, where it has one, name. */
export function unusedOf(
  rules: readonly Rule[],
  log: readonly {
    readonly verb: string | undefined
    readonly resource: string | undefined
    readonly namespace: string | undefined
    readonly name: string | undefined
  }[],
): readonly string[] {
  return rules.flatMap(({ resources, verbs, resourceNames = [undefined], namespace }) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        resourceNames.flatMap((wanted) => {
          const isUsed = log.some(
            (entry) =>
              entry.verb === verb &&
              entry.resource === resource &&
              (namespace === undefined || entry.namespace === namespace) &&
              // A list of one name has it in its field selector, which no entry shows.
              (wanted === undefined || entry.name === wanted || verb === 'list' || verb === 'watch'),
          )
          return isUsed ? [] : [[verb, resource, wanted].filter((word) => word !== undefined).join(' ')]
        }),
      ),
    ),
  )
}
