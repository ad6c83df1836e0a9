/**
 * IP addresses and ranges as text and bytes.
 *
 * Text is read strictly: no leading zeros (octal to some readers), no zone identifiers, no short forms
 * of IPv4. It is written as RFC 5952.
 *
 * @module
 */

/** Bytes of an IPv4 or IPv6 address: 4 or 16; `undefined` when the text is neither. */
export function parseIpAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (const [i, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    bytes[i] = Number(part)
  }
  return bytes
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = ipv6Groups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? ipv6Groups(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const count = head.length + tail.length
  if (halves.length === 1 ? count !== 16 : count > 14) return undefined
  const bytes = new Uint8Array(16)
  bytes.set(head, 0)
  bytes.set(tail, 16 - tail.length)
  return bytes
}

function ipv6Groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    if (group.includes('.') && last && i === groups.length - 1) {
      const v4 = parseIpv4(group)
      if (v4 === undefined) return undefined
      bytes.push(...v4)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    }
  }
  return bytes
}

/** Text of 4 or 16 bytes: dotted decimals, or RFC 5952. */
export function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0))
  let bestStart = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && groups[i + length] === 0) length++
    if (length > bestLength) {
      bestStart = i
      bestLength = length
    }
  }
  const hex = groups.map((group) => group.toString(16))
  if (bestStart === -1) return hex.join(':')
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`
}

/**
 * A range as name constraints hold it: address and mask, 8 or 32 bytes, from CIDR text. Bits of the address
 * outside of the prefix are cleared when `hostBits` is true, and refused otherwise.
 */
export function parseIpRange(text: string, hostBits = false): Uint8Array | undefined {
  const slash = text.indexOf('/')
  if (slash === -1) return undefined
  const address = parseIpAddress(text.slice(0, slash))
  const prefixText = text.slice(slash + 1)
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(prefixText)) return undefined
  const prefix = Number(prefixText)
  if (prefix > address.length * 8) return undefined
  const range = new Uint8Array(address.length * 2)
  for (let i = 0; i < address.length; i++) {
    const mask = (0xff00 >> Math.min(8, Math.max(0, prefix - i * 8))) & 0xff
    range[address.length + i] = mask
    range[i] = (address[i] ?? 0) & mask
    if (!hostBits && ((address[i] ?? 0) & ~mask) !== 0) return undefined
  }
  return range
}

/** CIDR text of a range; `address/mask` when the mask is not a prefix. */
export function formatIpRange(range: Uint8Array): string {
  const half = range.length / 2
  const address = formatIpAddress(range.subarray(0, half))
  const prefix = prefixLength(range)
  return prefix === undefined ? `${address}/${formatIpAddress(range.subarray(half))}` : `${address}/${prefix}`
}

/** Length of a range's mask as a prefix; `undefined` when its one bits are not contiguous. */
function prefixLength(range: Uint8Array): number | undefined {
  let prefix = 0
  let ended = false
  for (let i = range.length / 2; i < range.length; i++) {
    for (let bit = 7; bit >= 0; bit--) {
      const set = (((range[i] ?? 0) >> bit) & 1) === 1
      if (set && ended) return undefined
      if (set) prefix++
      else ended = true
    }
  }
  return prefix
}
