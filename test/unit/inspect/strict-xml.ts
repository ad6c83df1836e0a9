/** An element of a document. */
export interface XmlElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: (XmlElement | string)[]
}

const NAME = '[A-Za-z_][A-Za-z0-9_.-]*'
const OPEN = new RegExp(`^<(${NAME})((?: ${NAME}="[^"<]*")*)(/?)>`)
const CLOSE = new RegExp(`^</(${NAME})>`)
/** XML 1.0 §2.2. */
const CHARS = /^(?:[\t\n\r\u0020-\ud7ff\ue000-\ufffd]|[\u{10000}-\u{10ffff}])*$/u

function unescaped(raw: string): string {
  if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(raw)) throw new Error(`a bare ampersand in ${raw.slice(0, 80)}`)
  if (/[<>]/.test(raw)) throw new Error(`a bare angle bracket in ${raw.slice(0, 80)}`)
  return raw
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

/** Reads the part of XML that a picture needs, and refuses all else. */
export function parseXml(text: string): XmlElement {
  if (!CHARS.test(text)) throw new Error('a character that XML does not have')
  const top: XmlElement = { name: '', attributes: new Map(), children: [] }
  const stack = [top]
  let rest = text.trimEnd()
  while (rest !== '') {
    const parent = stack.at(-1)
    if (parent === undefined) throw new Error('closed too often')
    const open = OPEN.exec(rest)
    const close = CLOSE.exec(rest)
    if (open !== null) {
      const [all, name = '', list = '', empty] = open
      const attributes = new Map<string, string>()
      for (const [, key = '', value = ''] of list.matchAll(/ ([^=]+)="([^"]*)"/g)) {
        if (attributes.has(key)) throw new Error(`the attribute ${key} twice`)
        attributes.set(key, unescaped(value))
      }
      const element: XmlElement = { name, attributes, children: [] }
      parent.children.push(element)
      if (empty === '') stack.push(element)
      rest = rest.slice(all.length)
    } else if (close !== null) {
      if (stack.pop()?.name !== close[1]) throw new Error(`closes ${close[1]}, which is not open`)
      rest = rest.slice(close[0].length)
    } else {
      const end = rest.indexOf('<', 1)
      if (rest.startsWith('<') || end < 0) throw new Error(`no markup: ${rest.slice(0, 80)}`)
      parent.children.push(unescaped(rest.slice(0, end)))
      rest = rest.slice(end)
    }
  }
  const [root, ...more] = top.children
  if (stack.length !== 1 || root === undefined || typeof root === 'string' || more.length > 0)
    throw new Error('a document has one root')
  return root
}

/** All elements of a tree. */
export function elementsOf(root: XmlElement): readonly XmlElement[] {
  return [root, ...root.children.flatMap((child) => (typeof child === 'string' ? [] : elementsOf(child)))]
}

/** The text in an element, with that of its elements, but no titles. */
export function textOf(element: XmlElement): string {
  return element.children
    .map((child) => (typeof child === 'string' ? child : child.name === 'title' ? '' : textOf(child)))
    .join('')
}
