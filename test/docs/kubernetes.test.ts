/** The tables of docs/kubernetes.md are those of the code, and what it says of tests is so. */

import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type KubeError, refusalOf, unreachable } from '../../src/kubernetes/api/kube-error.ts'
import type { AgentAction } from '../../src/kubernetes/federation/agent-decision.ts'
import { withStatus } from '../../src/kubernetes/federation/agent-status.ts'
import * as kubernetes from '../../src/kubernetes/index.ts'
import { recordAt, textAt } from '../../src/kubernetes/objects/kube-object.ts'
import { filesUnder } from '../../tools/source.mjs'
import { membersOf, quoted, tableOf } from './support.ts'

const document = readFileSync('docs/kubernetes.md', 'utf8')
const source = (path: string): string => readFileSync(`src/kubernetes/${path}`, 'utf8')
const firstCells = (header: string): readonly string[] =>
  tableOf(document, header).flatMap(([cell]) => quoted(cell))
const sorted = (words: Iterable<string>): readonly string[] => [...words].sort()

describe('the agent', () => {
  const rows = tableOf(document, '| state | what the agent did | next |')
  const order = kubernetes.readIssuedCertificate({
    metadata: { name: 'o', namespace: 'n' },
    spec: { hosts: ['spiffe://td/ns/a/sa/b'] },
  })
  /** Complete by its type; the state follows from the name of the action alone. */
  const actions: Readonly<Record<AgentAction['do'], true>> = {
    ignore: true,
    refuse: true,
    'make-key': true,
    request: true,
    discard: true,
    wait: true,
    install: true,
    adopt: true,
    'publish-roots': true,
    rest: true,
  }
  const stateAfter = (action: string): string | undefined => {
    const now = new Date('2026-01-01T00:00:00Z')
    const made = { do: action, reason: 'Reason', message: 'message', renewAt: now } as unknown as AgentAction
    const facts = {
      order,
      installed: undefined,
      action: made,
      now,
      heartbeatMs: 1,
      conditions: [],
      isDistributed: false,
      isTakenUp: false,
    }
    return textAt(recordAt(withStatus(kubernetes.MESH_PKI_API, facts), 'status'), 'state')
  }

  test('every state has a row, and those that follow are states', () => {
    const states = membersOf('IssuedCertificateState', source('federation/issued-certificate.ts'))
    expect(rows.flatMap(([state]) => quoted(state))).toEqual(states)
    for (const [, , next] of rows)
      for (const state of quoted(next)) if (state !== 'cacerts') expect(states).toContain(state)
  })

  test('every action stands beside the state that it leads to, and once', () => {
    const told = rows.flatMap(([state, did]) =>
      quoted(did)
        .filter((word) => Object.hasOwn(actions, word))
        .map((action) => [action, quoted(state)[0]] as const),
    )
    expect(sorted(told.map(([action]) => action))).toEqual(sorted(Object.keys(actions)))
    expect(told).toEqual(told.map(([action]) => [action, stateAfter(action)]))
  })

  test('every reason of a refusal has a row', () => {
    const given = ['agent-decision.ts', 'agent-step.ts', 'carry-out-action.ts'].flatMap((file) =>
      [...source(`federation/${file}`).matchAll(/reason: '([A-Z]\w+)'/g)].map(([, reason = '']) => reason),
    )
    expect(sorted(firstCells('| reason of `Ready` | what is wrong | what to do |'))).toEqual(
      sorted(new Set(given)),
    )
  })

  test('what it says for a rollover is what a status has', () => {
    const told = firstCells('| in the status | means | comes from |')
    const text = source('federation/agent-status.ts')
    expect(told.filter((member) => !new RegExp(`\\b${member}\\b`).test(text))).toEqual([])
  })
})

describe('findings', () => {
  const policyCodes = membersOf('PolicyFindingCode', source('policy/policy-finding.ts'))
  const planRows = tableOf(document, '| code of `plan.findings` | severity | what was found | what to do |')

  test('every oddity of a policy has a row', () => {
    expect(firstCells('| code of `warnings` | what was found | how it is read, and what to do |')).toEqual(
      policyCodes,
    )
  })

  test('every finding of a plan has a row', () => {
    const codes = membersOf('FederationFindingCode', source('policy/federation-plan.ts'))
    // The first member is the union of the other table.
    expect(planRows.flatMap(([code]) => quoted(code))).toEqual(codes.slice(1))
    expect(codes[0]).toBe('(TSTypeReference)')
  })

  test('every finding of a dump has a row', () => {
    const codes = membersOf('EvidenceFindingCode', source('evidence/proxy-secrets.ts'))
    expect(firstCells("| code of a dump's `findings` | what is not known |")).toEqual(codes)
  })

  test('with the severity that it has', () => {
    const given = filesUnder('src/kubernetes/policy', /\.ts$/).flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/code: '([a-z-]+)',\s+severity: '(\w+)'/g)].map(
        ([, code = '', severity = '']) => [code, severity] as const,
      ),
    )
    const severities = new Map(given.filter(([code]) => !policyCodes.includes(code)))
    expect(new Map(planRows.map(([code, severity = '']) => [quoted(code)[0], severity]))).toEqual(severities)
  })
})

describe('errors', () => {
  const rows = tableOf(document, '| code | status | outcome of a write | what steps and runners do |')

  test('every code has a row', () => {
    const codes = membersOf('KubeErrorCode', source('api/kube-error.ts'))
    expect(rows.flatMap(([code]) => quoted(code))).toEqual(codes)
  })

  const call = { verb: 'update', target: 'secrets a/b' }
  const answer = (status: number, body: object = {}): KubeError =>
    refusalOf(call, { status, headers: {}, body })
  test.each<[string, KubeError]>([
    ['401', answer(401)],
    ['403', answer(403)],
    ['404 that names the object', answer(404, { details: { name: 'b' } })],
    ['other 404', answer(404)],
    ['409', answer(409, { reason: 'AlreadyExists' })],
    ['409', answer(409, { reason: 'Conflict' })],
    ['410', answer(410)],
    ['other 4xx', answer(422)],
    ['429', answer(429)],
    ['5xx, or none', answer(503)],
    ['5xx, or none', unreachable(call, new Error('gone'))],
    ['no answer that an API server gives', answer(302)],
  ])('%s', (status, { code, outcome }) => {
    const row = rows.find(([cell]) => quoted(cell)[0] === code)
    expect([row?.[1], code === 'ERR_KUBERNETES_ANSWER' ? 'unknown' : row?.[2]]).toEqual([
      status,
      code === 'ERR_KUBERNETES_ANSWER' ? 'unknown' : outcome,
    ])
  })
})

test('every runtime event has a row', () => {
  const types = [...source('api/kube-event.ts').matchAll(/readonly type: '([a-z-]+)'/g)].map(
    ([, type = '']) => type,
  )
  expect(sorted(firstCells('| `type` | when | what is in it |'))).toEqual(sorted(types))
})

test('every call of a client has a row', () => {
  const methods = Object.getOwnPropertyNames(kubernetes.KubeClient.prototype).filter(
    (name) => name !== 'constructor',
  )
  expect(sorted(firstCells('| call | what keeps it safe |'))).toEqual(sorted(methods))
})

test('usages are what they are in a certificate', () => {
  const told = tableOf(document, '| usage | in the certificate |').flatMap(([words, bit = '']) =>
    quoted(words).map((word) => [word, bit.replaceAll('`', '')] as const),
  )
  const known = kubernetes.CERTIFICATE_USAGES.map((usage) => {
    const { keyUsage, extendedKeyUsage } = kubernetes.usageBits([usage])
    return [usage, [...keyUsage, ...extendedKeyUsage].join()] as const
  })
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(known))
})

describe('rules of RBAC', () => {
  const rows = tableOf(document, '| rules | for | where | why |')

  test('every file has a row', () => {
    const files = rows.flatMap(([cell = '']) => /\]\(\.\.\/(.*)\)/.exec(cell)?.[1] ?? [])
    const folder = 'examples/kubernetes/rbac'
    expect(sorted(files)).toEqual(sorted(readdirSync(folder).map((file) => `${folder}/${file}`)))
  })

  test('and is for what there is', () => {
    const names = rows.flatMap(([, cell]) => quoted(cell))
    expect(names.filter((name) => !Object.hasOwn(kubernetes, name))).toEqual([])
  })
})

test('steps, controllers and issuers that are named are exported', () => {
  const prose = document.replace(/^```[\s\S]*?^```/gm, '')
  const named = quoted(prose.replaceAll('\n', ' ')).flatMap(
    (word) =>
      /^([a-z]\w*(?:Step|Controller|Records|Journal|Evidence|Distributed|Trust))\b/.exec(word)?.[1] ?? [],
  )
  // Options, and members of other packages.
  const others = ['isDistributed']
  expect(
    [...new Set(named)].filter((name) => !Object.hasOwn(kubernetes, name) && !others.includes(name)),
  ).toEqual([])
  expect(named.length).toBeGreaterThan(30)
})

test('our group and version', () => {
  expect(document).toContain(`${kubernetes.MESH_PKI_GROUP}/${kubernetes.MESH_PKI_VERSION}`)
})

test('the tests that hold a failure are there, by name', () => {
  const cells = tableOf(document, '| what happens | what is done | held by |').map(([, , cell = '']) => cell)
  expect(cells.filter((cell) => cell === '')).toEqual([])
  const missing = cells.flatMap((cell) => {
    const tests = [...cell.matchAll(/\[[\w.-]+\]\(([^)]+)\) “([^”]+)”/g)]
    // Nothing but these may stand there.
    expect(tests.map(([text]) => text).join('; ')).toBe(cell)
    return tests.flatMap(([, target = '', title = '']) =>
      readFileSync(posix.join('docs', target), 'utf8').includes(title) ? [] : [`${target}: ${title}`],
    )
  })
  expect(missing).toEqual([])
})

test('commands are scripts of the package', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  const named = [...document.matchAll(/npm run ([a-z:]+)/g)].map(([, name = '']) => name)
  expect([...new Set(named)].filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
})
