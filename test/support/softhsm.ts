/**
 * SoftHSM, a PKCS#11 token in files, and a WebCrypto over it. `npm run interop:pkcs11` installs both.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { CryptoKeyPairLike } from '../../src/internal/web-crypto.ts'
import type { PrivateKey } from '../../src/x509/index.ts'

type WebCrypto = NonNullable<NonNullable<Parameters<typeof PrivateKey.fromCryptoKeyPair>[1]>['crypto']>

/** What is used of `node-webcrypto-p11`. */
export interface TokenCrypto extends WebCrypto {
  readonly keyStorage: {
    keys(): Promise<readonly string[]>
    getItem(
      id: string,
      algorithm?: object,
      extractable?: boolean,
      usages?: readonly string[],
    ): Promise<CryptoKeyPairLike['privateKey']>
  }
  close(): void
}

interface TokenModule {
  readonly Crypto: new (options: {
    readonly library: string
    readonly slot: number
    readonly pin: string
    readonly readWrite: boolean
  }) => TokenCrypto
}

const LIBRARIES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/local/lib/softhsm/libsofthsm2.so']
const library = LIBRARIES.find((path) => existsSync(path))

function load(): TokenModule {
  const require = createRequire(new URL('../interop/pkcs11/package.json', import.meta.url))
  return require('node-webcrypto-p11') as TokenModule
}

export function softhsmAvailable(): true | string {
  if (library === undefined || spawnSync('softhsm2-util', ['--version']).error !== undefined)
    return 'no SoftHSM; npm run interop:pkcs11 installs it'
  try {
    load()
    return true
  } catch {
    return 'no node-webcrypto-p11; npm run interop:pkcs11 installs it'
  }
}

const PIN = '1234'

/** Makes a token whose files lie in a folder, and points SoftHSM of this process there. */
export function makeToken(folder: string, label: string): void {
  const conf = join(folder, 'softhsm2.conf')
  const tokens = join(folder, 'tokens')
  mkdirSync(tokens)
  writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  // The library reads it when it is loaded.
  process.env['SOFTHSM2_CONF'] = conf
  const args = ['--init-token', '--free', '--label', label, '--pin', PIN, '--so-pin', '5678']
  const { status, stderr } = spawnSync('softhsm2-util', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`softhsm2-util: ${stderr}`)
}

/** Logs in to the token of a slot. */
export function openToken({ slot = 0, pin = PIN } = {}): TokenCrypto {
  return new (load().Crypto)({ library: library ?? '', slot, pin, readWrite: true })
}

/** Finds a pair of the token by the kind of its keys, as a process does that was started anew. */
export async function findPair(crypto: TokenCrypto, algorithm: object): Promise<CryptoKeyPairLike> {
  const keys = await crypto.keyStorage.keys()
  const idOf = (kind: string): string => keys.find((id) => id.startsWith(kind)) ?? ''
  return {
    privateKey: await crypto.keyStorage.getItem(idOf('private'), algorithm, false, ['sign']),
    publicKey: await crypto.keyStorage.getItem(idOf('public'), algorithm, true, ['verify']),
  }
}
