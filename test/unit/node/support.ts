import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import { onTestFinished } from 'vitest'
import { SpiffeBundle, SpiffeId } from '../../../src/spiffe/index.ts'
import type { Svid } from '../../support/trust-domain.ts'
import {
  basicConstraints,
  CLIENT_AUTH,
  eku,
  type Forged,
  forge,
  forgeCa,
  keyUsage,
  SERVER_AUTH,
  san,
  uri,
} from '../verify/forge.ts'

/** Listens on loopback until the test is over. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** A promise that somebody else fulfils. `Promise.withResolvers` is not in Node 20. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: ((value: T) => void) | undefined
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve: (value) => resolve?.(value) }
}

/** What a plain TLS client meets that takes any server: how the connection ended, and what it was sent. */
export interface RawOutcome {
  readonly text: string
  readonly reused: boolean
  readonly session: Buffer | undefined
  readonly error: Error | undefined
}

/** Connects, writes at once, and reads to the end. */
export function rawClient(port: number, options: ConnectionOptions, greeting = 'first'): Promise<RawOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
    let text = ''
    let reused = false
    let session: Buffer | undefined
    let error: Error | undefined
    socket.on('session', (ticket: Buffer) => {
      session = ticket
    })
    socket.on('secureConnect', () => {
      reused = socket.isSessionReused()
    })
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    socket.on('error', (failure) => {
      error = failure
    })
    socket.on('close', () => resolve({ text, reused, session, error }))
    socket.write(greeting)
  })
}

const VALID = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2049-01-01T00:00:00Z' }

/** A workload below an intermediate that may issue for clients only, as OpenSSL reads it. */
export function narrowHierarchy(): { readonly narrow: SpiffeBundle; readonly svid: Svid } {
  const id = SpiffeId.parse('spiffe://narrow/ns/a/sa/b')
  const root = forgeCa({ subject: 'narrow root', ...VALID })
  const ca = forgeCa({ subject: 'narrow ca', issuer: root, extensions: [eku(CLIENT_AUTH)], ...VALID })
  const leaf = forge({
    subject: 'narrow leaf',
    issuer: ca,
    extensions: [basicConstraints(false), keyUsage(0), eku(SERVER_AUTH, CLIENT_AUTH), san([uri(String(id))])],
    ...VALID,
  })
  return {
    narrow: SpiffeBundle.of({ trustDomain: 'narrow', x509Authorities: root.certificate }),
    svid: { id, chain: [leaf.certificate, ca.certificate], credentials: credentialsOf(leaf, ca) },
  }
}

/** A CA that would like to be taken for a workload. */
export function selfSignedCa(): Svid['credentials'] {
  const extensions = [keyUsage(0), basicConstraints(true), san([uri('spiffe://kind2/ns/a/sa/b')])]
  return credentialsOf(forge({ subject: 'self', extensions, ...VALID }))
}

function credentialsOf(leaf: Forged, ...above: readonly Forged[]): Svid['credentials'] {
  return {
    cert: [leaf, ...above].map(({ certificate }) => certificate.toPem()).join(''),
    key: leaf.keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}
