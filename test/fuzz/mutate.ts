/**
 * Mutations of DER: of its bytes, and of its tree with the lengths around it made right again.
 */

/** A small seeded generator (mulberry32): the same seed gives the same mutants on every machine. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }
}

/** One DER value; `children` where it is constructed, or an OCTET or BIT STRING that holds DER. */
export interface Tlv {
  tag: number
  /** The octet before the children of a BIT STRING. */
  prefix: Uint8Array
  content: Uint8Array
  children: Tlv[] | undefined
}

const NOTHING = new Uint8Array()

/** The values that fill `bytes`; `undefined` where they are not DER. */
function parseTlvs(bytes: Uint8Array, depth = 0): Tlv[] | undefined {
  const values: Tlv[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0
    let length = bytes[at + 1] ?? 0
    at += 2
    if ((tag & 0x1f) === 0x1f || tag === 0 || length === 0x80 || length > 0x84) return undefined
    if (length > 0x80) {
      const octets = length & 0x7f
      length = 0
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at++] ?? 0)
    }
    if (at + length > bytes.length) return undefined
    values.push(describe(tag, bytes.subarray(at, at + length), depth))
    at += length
  }
  return at === bytes.length ? values : undefined
}

function describe(tag: number, content: Uint8Array, depth: number): Tlv {
  const leaf: Tlv = { tag, prefix: NOTHING, content, children: undefined }
  if (depth > 24 || content.length < 2) return leaf
  const wrapped = tag === 3 && content[0] === 0 ? content.subarray(0, 1) : NOTHING
  if ((tag & 0x20) === 0 && tag !== 3 && tag !== 4) return leaf
  const children = parseTlvs(content.subarray(wrapped.length), depth + 1)
  return children === undefined ? leaf : { tag, prefix: wrapped, content: NOTHING, children }
}

/** DER of a value, with lengths as its content now needs them. */
function encodeTlv(value: Tlv): Uint8Array {
  const content =
    value.children === undefined ? value.content : join([value.prefix, ...value.children.map(encodeTlv)])
  const length: number[] = []
  if (content.length < 0x80) length.push(content.length)
  else {
    for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256)
    length.unshift(0x80 | length.length)
  }
  return join([Uint8Array.of(value.tag, ...length), content])
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

type ByteMutation = (bytes: Uint8Array, random: SeededRandom) => Uint8Array

const splice = (bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array =>
  join([bytes.subarray(0, at), insert, bytes.subarray(at + remove)])

const randomBytes = (random: SeededRandom, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => random.below(256))

/** Octets where readers of DER part ways. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x85, 0xa0, 0xa3, 0xff, 0x30, 0x31, 0x1f, 0x24]

const BYTE_MUTATIONS: readonly ByteMutation[] = [
  (bytes, random) => {
    const out = bytes.slice()
    const at = random.below(out.length)
    out[at] = (out[at] ?? 0) ^ (1 << random.below(8))
    return out
  },
  (bytes, random) => {
    const out = bytes.slice()
    out[random.below(out.length)] = random.below(256)
    return out
  },
  (bytes, random) => {
    const out = bytes.slice()
    out[random.below(out.length)] = random.pick(EDGES)
    return out
  },
  (bytes, random) =>
    splice(bytes, random.below(bytes.length + 1), 0, randomBytes(random, 1 + random.below(4))),
  (bytes, random) => splice(bytes, random.below(bytes.length), 1 + random.below(4), NOTHING),
  (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  (bytes, random) => {
    // One more or one less somewhere is most often a length that is off by one.
    const out = bytes.slice()
    const at = random.below(out.length)
    out[at] = (out[at] ?? 0) + (random.below(2) === 0 ? 1 : -1)
    return out
  },
]

/** Every value of a tree with the list that it stands in. */
function places(list: Tlv[], found: { list: Tlv[]; index: number }[] = []): { list: Tlv[]; index: number }[] {
  for (const [index, value] of list.entries()) {
    found.push({ list, index })
    if (value.children !== undefined) places(value.children, found)
  }
  return found
}

const TAGS = [
  1, 2, 3, 4, 5, 6, 0x0a, 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1e, 0x30, 0x31, 0x80,
  0x81, 0x82, 0x86, 0x87, 0x88, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0x21, 0x22, 0x23, 0x24, 0x26, 0x40, 0xc0,
]

function mutateTree(root: Tlv[], random: SeededRandom, donors: readonly Tlv[]): void {
  const { list, index } = random.pick(places(root))
  const value = list[index]
  if (value === undefined) return
  switch (random.below(9)) {
    case 0:
      list.splice(index, 0, structuredClone(value))
      return
    case 1:
      list.splice(index, 1)
      return
    case 2: {
      const other = random.below(list.length)
      list[index] = list[other] ?? value
      list[other] = value
      return
    }
    case 3:
      list[index] = structuredClone(random.pick(donors))
      return
    case 4: {
      const alike = donors.filter((donor) => donor.tag === value.tag)
      if (alike.length > 0) list[index] = structuredClone(random.pick(alike))
      return
    }
    case 5:
      value.tag = random.pick(TAGS)
      return
    case 6:
      list.splice(index, 0, structuredClone(random.pick(donors)))
      return
    default: {
      // The content of a leaf changes, and every length above it follows.
      const content = value.children === undefined ? value.content : encodeTlv(value)
      const mutated = random.pick(BYTE_MUTATIONS)(content.length === 0 ? Uint8Array.of(0) : content, random)
      value.children = undefined
      value.content = mutated
    }
  }
}

/** Changes the two copies of the signature algorithm alike: apart, every reader refuses them. */
function mutateAlgorithms(root: Tlv[], random: SeededRandom, donors: readonly Tlv[]): void {
  const certificate = root[0]?.children
  const tbs = certificate?.[0]?.children
  const at = tbs?.findIndex((member) => member.tag === 0x30) ?? -1
  const inner = tbs?.[at]
  if (certificate === undefined || tbs === undefined || inner === undefined) return
  const holder = [inner]
  mutateTree(holder, random, donors)
  tbs.splice(at, 1, ...holder)
  certificate.splice(1, 1, ...structuredClone(holder))
}

/** Every value in a corpus, to be put where it does not belong. */
export function donorsOf(corpus: readonly Uint8Array[]): readonly Tlv[] {
  return corpus.flatMap((der) =>
    places(parseTlvs(der) ?? [])
      .map(({ list, index }) => list[index])
      .filter((value): value is Tlv => value !== undefined && encodeTlv(value).length < 512),
  )
}

/** One mutant: one to three changes, half of them to bytes and half to the tree. */
export function mutate(der: Uint8Array, random: SeededRandom, donors: readonly Tlv[]): Uint8Array {
  let bytes = der
  for (let changes = 1 + (random.below(4) === 0 ? random.below(3) : 0); changes > 0; changes--) {
    const tree = random.below(2) === 0 ? parseTlvs(bytes) : undefined
    if (tree === undefined || tree.length === 0)
      bytes = random.pick(BYTE_MUTATIONS)(bytes.length === 0 ? der : bytes, random)
    else {
      if (random.below(8) === 0) mutateAlgorithms(tree, random, donors)
      else mutateTree(tree, random, donors)
      bytes = join(tree.map(encodeTlv))
    }
  }
  return bytes
}
