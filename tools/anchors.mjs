/**
 * What links into a Markdown document can name: headings in lower case, with dashes for blanks and without other marks, those
 * of the same name numbered; and `<a id="…">`.
 *
 * @param {string} document
 * @returns {ReadonlySet<string>}
 */
export function anchorsOf(document) {
  const text = document.replace(/^```[\s\S]*?^```/gm, '')
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id))
  /** @type {Map<string, number>} */
  const seen = new Map()
  for (const [, heading = ''] of text.matchAll(/^#{1,6} (.*)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return anchors
}
