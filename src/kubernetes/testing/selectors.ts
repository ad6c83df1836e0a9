/**
 * Label and field selectors, with the grammar of the API server.
 *
 * @module
 */

import { recordAt, textAt } from '../objects/kube-object.ts'
import { badRequest } from './api-refusal.ts'
import { isQualifiedName } from './name-rules.ts'

/** Whether an object is meant. */
export type Selector = (object: unknown) => boolean

const ALL: Selector = () => true

/** Longer than any selector that a controller sends. */
const MAX_SELECTOR = 8192

type Labels = Readonly<Record<string, unknown>>
type Requirement = (labels: Labels) => boolean

/** What a selector consists of: words, and the marks between them. */
const TOKEN = /\s*(==|!=|=|!|,|\(|\)|>|<|[^\s=!,()<>]+)\s*/y

/**
 * Reads a label selector: `app=istiod`, `==`, `!=`, `in (a,b)`, `notin (a)`, `key`, `!key`, `>`, `<`, joined by commas.
 *
 * @throws `ApiRefusal` 400.
 */
export function labelSelector(text: string | undefined): Selector {
  if (text === undefined || text.trim() === '') return ALL
  const reader = new TokenReader(text)
  const requirements: Requirement[] = []
  do requirements.push(requirement(reader))
  while (reader.take(','))
  if (reader.peek() !== undefined)
    throw badRequest(`found '${reader.peek()}', expected: ',' or 'end of string'`)
  return (object) => {
    const labels = recordAt(recordAt(object, 'metadata'), 'labels')
    return requirements.every((holds) => holds(labels))
  }
}

function requirement(reader: TokenReader): Requirement {
  const isAbsence = reader.take('!')
  const key = reader.word()
  if (!isQualifiedName(key)) throw badRequest(`unable to parse requirement: invalid label key "${key}"`)
  if (isAbsence) return (labels) => !Object.hasOwn(labels, key)
  const operator = reader.peek()
  if (operator === undefined || operator === ',') return (labels) => Object.hasOwn(labels, key)
  reader.skip()
  switch (operator) {
    case '=':
    case '==': {
      const value = reader.value()
      return (labels) => Object.hasOwn(labels, key) && labels[key] === value
    }
    case '!=': {
      const value = reader.value()
      return (labels) => !Object.hasOwn(labels, key) || labels[key] !== value
    }
    case 'in': {
      const values = reader.values()
      return (labels) => Object.hasOwn(labels, key) && values.includes(String(labels[key]))
    }
    case 'notin': {
      const values = reader.values()
      return (labels) => !Object.hasOwn(labels, key) || !values.includes(String(labels[key]))
    }
    case '>':
    case '<': {
      const bound = reader.value()
      if (!/^-?\d+$/.test(bound))
        throw badRequest(
          "unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer",
        )
      return (labels) => {
        const value = Object.hasOwn(labels, key) ? labels[key] : undefined
        if (typeof value !== 'string' || !/^-?\d+$/.test(value)) return false
        return operator === '>' ? Number(value) > Number(bound) : Number(value) < Number(bound)
      }
    }
    default:
      throw badRequest(
        `unable to parse requirement: found '${operator}', expected: in, notin, =, ==, !=, gt, lt`,
      )
  }
}

class TokenReader {
  readonly #tokens: string[] = []
  #at = 0

  constructor(text: string) {
    if (text.length > MAX_SELECTOR) throw badRequest('the selector is too long')
    TOKEN.lastIndex = 0
    while (TOKEN.lastIndex < text.length) {
      const [, token] = TOKEN.exec(text) ?? []
      if (token === undefined) throw badRequest('unable to parse requirement')
      this.#tokens.push(token)
    }
  }

  peek(): string | undefined {
    return this.#tokens[this.#at]
  }

  skip(): void {
    this.#at++
  }

  take(token: string): boolean {
    if (this.peek() !== token) return false
    this.#at++
    return true
  }

  word(): string {
    const token = this.peek()
    if (token === undefined || /^[=!,()<>]/.test(token))
      throw badRequest(`found '${token ?? ''}', expected: identifier`)
    this.#at++
    return token
  }

  /** What stands behind an operator; nothing is the empty value. */
  value(): string {
    const token = this.peek()
    return token === undefined || token === ',' ? '' : this.word()
  }

  values(): readonly string[] {
    if (!this.take('('))
      throw badRequest(`unable to parse requirement: found '${this.peek() ?? ''}', expected: '('`)
    const values: string[] = []
    while (!this.take(')')) {
      values.push(this.peek() === ',' || this.peek() === ')' ? '' : this.word())
      if (!this.take(',') && this.peek() !== ')')
        throw badRequest(`unable to parse requirement: found '${this.peek() ?? ''}', expected: ',' or ')'`)
    }
    return values.length === 0 ? [''] : values
  }
}

/** One part of a field selector. */
export interface FieldRequirement {
  readonly field: string
  readonly value: string
  readonly isEqual: boolean
}

/** Reads a field selector: `metadata.name=cacerts`, `==`, `!=`, joined by commas. @throws `ApiRefusal` 400. */
export function fieldRequirements(text: string | undefined): readonly FieldRequirement[] {
  if (text === undefined || text === '') return []
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([^=!]+)(==|!=|=)(.*)$/.exec(part)
      if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`)
      const [, field = '', operator, value = ''] = match
      return { field, value, isEqual: operator !== '!=' }
    })
}

/** Selects by fields; `known` are those that a kind can be selected by. @throws `ApiRefusal` 400. */
export function fieldSelector(requirements: readonly FieldRequirement[], known: readonly string[]): Selector {
  for (const { field } of requirements)
    if (!known.includes(field)) throw badRequest(`field label not supported: ${field}`)
  return (object) =>
    requirements.every(({ field, value, isEqual }) => (textAlong(object, field) === value) === isEqual)
}

function textAlong(object: unknown, field: string): string {
  const names = field.split('.')
  const last = names.pop() ?? ''
  let part: unknown = object
  for (const name of names) part = recordAt(part, name)
  return textAt(part, last) ?? ''
}
