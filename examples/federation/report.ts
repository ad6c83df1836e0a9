/**
 * Prints what happened, and keeps whether it was what should.
 *
 * @module
 */

import { type Certificate, formatGeneralName } from 'mesh-pki/x509'

/** A story told in sections; `expect` notes what does not hold. */
export class Report {
  readonly failures: string[] = []

  title(text: string): void {
    const shown = process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text
    console.log(`\n${shown}\n${'─'.repeat(text.length)}`)
  }

  line(text = ''): void {
    console.log(text)
  }

  /** Prints a claim with a tick or a cross. */
  expect(holds: boolean, claim: string, detail = ''): void {
    console.log(`  ${holds ? '✔' : '✘'} ${claim}`)
    if (detail !== '') for (const line of wrap(detail, 96)) console.log(`      ${line}`)
    if (!holds) this.failures.push(claim)
  }

  /** A chain, leaf first, with what each certificate is for. */
  chain(certificates: readonly Certificate[]): void {
    for (const [depth, certificate] of certificates.entries()) {
      const names = certificate.subjectAltNames.map(formatGeneralName).join(', ')
      const subject = String(certificate.subject)
      const role = !certificate.isCa
        ? 'workload'
        : certificate.isSelfIssued
          ? 'root'
          : `CA, path length ${certificate.pathLength ?? 'unlimited'}`
      console.log(
        `  ${'   '.repeat(depth)}${depth === 0 ? '' : '└─ '}${[subject, names].filter((text) => text !== '').join('  ')}`,
      )
      console.log(
        `  ${'   '.repeat(depth)}${depth === 0 ? '' : '   '}${role}, ${certificate.publicKeyType}, until ${day(certificate.notAfter)}`,
      )
    }
  }

  /** A report of several lines, set in. */
  table(title: string, text: { toString(): string }): void {
    console.log(`  ${title}:`)
    for (const line of String(text).split('\n'))
      for (const [i, part] of wrap(line, 96).entries()) console.log(`    ${i === 0 ? '' : '  '}${part}`)
  }

  /** Who trusts whom before: two islands. */
  separate(a: string, b: string): void {
    console.log(`
  root "O=${a}"              root "O=${b}"
       │                          │
  workloads of ${a}    ✘     workloads of ${b}
       trust only each          trust only each
       other                    other`)
  }

  /** Who trusts whom after: one tree. */
  shared(root: string, a: string, b: string): void {
    console.log(`
                 root "${root}"
                 ┌──────────┴──────────┐
      intermediate "L=${a}"   intermediate "L=${b}"
      its key stays in ${a}   its key stays in ${b}
                 │                     │
      workloads of ${a}  ◀── ✔ ──▶  workloads of ${b}`)
  }
}

const day = (date: Date): string => date.toISOString().slice(0, 16).replace('T', ' ')

function wrap(text: string, width: number): readonly string[] {
  if (text.length <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > width && line !== '') {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
