/**
 * What names, labels and keys may look like (`k8s.io/apimachinery` validation).
 *
 * @module
 */

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const NAME_PART = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/

/** A label of RFC 1123: lower case. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && LABEL.test(text)
}

/** Labels of RFC 1123 with dots between them, 253 characters at most. */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && text.split('.').every((label) => LABEL.test(label))
}

/** Keys of labels, annotations and finalizers: `name` or `prefix/name`. */
export function isQualifiedName(text: string): boolean {
  const parts = text.split('/')
  const name = parts.pop() ?? ''
  const [prefix, ...more] = parts
  return (
    more.length === 0 &&
    (prefix === undefined || isDnsSubdomain(prefix)) &&
    name.length <= 63 &&
    NAME_PART.test(name)
  )
}

/** Values of labels. */
export function isLabelValue(text: string): boolean {
  return text === '' || (text.length <= 63 && NAME_PART.test(text))
}

/** Keys of Secrets and ConfigMaps: why one is none. */
export function dataKeyFault(key: string): string | undefined {
  if (key.length > 253) return 'must be no more than 253 characters'
  if (!/^[-._a-zA-Z0-9]+$/.test(key))
    return "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
  if (key === '.' || key === '..') return `must not be '${key}'`
  return key.startsWith('..') ? "must not start with '..'" : undefined
}

/** Names that only must fit into a path: why one does not. */
export function pathSegmentFault(name: string): string | undefined {
  if (name === '.' || name === '..') return `may not be '${name}'`
  const bad = ['/', '%'].find((character) => name.includes(character))
  return bad === undefined ? undefined : `may not contain '${bad}'`
}
