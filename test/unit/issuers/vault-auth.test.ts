import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { requestCertificate } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { type VaultAuthOptions, vaultAuth, vaultIssuer } from '../../../src/issuers/vault/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { expectNothingUnhandled } from '../../support/unhandled.ts'
import { contractClock } from './contract-clock.ts'
import { VaultDouble } from './vault-double.ts'

const JWT = 'eyJhbGciOiJSUzI1NiJ9.a-secret-of-the-cluster.c2lnbmF0dXJl'
const LOGIN = 'auth/kubernetes/login'

expectNothingUnhandled()

let vault: VaultDouble
beforeEach(async () => {
  vault = await VaultDouble.start()
  vault.logins.set(`${LOGIN} ${JWT}`, { role: 'mesh-ca', lease: 3600, renewable: true })
})
afterEach(() => vault.close())

/** An issuer by a login, with the clock of its lease. */
function loggedIn(options: Partial<VaultAuthOptions> = {}) {
  const clock = manualClock()
  const auth = vaultAuth({
    server: vault.url,
    kubernetes: { role: 'mesh-ca', jwt: () => JWT },
    clock,
    ...options,
  })
  const issuer = vaultIssuer({ auth, path: 'pki/root/sign-intermediate' })
  const ask = async (): Promise<unknown> => {
    const { csr } = await createCsr({ subject: 'CN=Intermediate CA', key: 'P-256' })
    const asked = { csr, isCa: true, lifetime: { max: '1d' }, anchors: vault.anchors }
    return requestCertificate(issuer, { ...asked, clock: contractClock(() => undefined) })
  }
  return { clock, auth, ask }
}

const calls = (): readonly string[] =>
  vault.heard.map(({ path }) => path.replace('/v1/', '').replace('pki/root/', ''))
const SIGN = 'sign-intermediate'
const RENEW = 'auth/token/renew-self'

describe('a login of Kubernetes', () => {
  test('sends role and token without a Vault token, once for all requests of a lease', async () => {
    const { ask } = loggedIn({ namespace: 'admin' })
    await ask()
    await ask()
    expect(calls()).toEqual([LOGIN, SIGN, SIGN])
    expect(vault.heard[0]).toMatchObject({
      method: 'POST',
      token: undefined,
      namespace: 'admin',
      body: { role: 'mesh-ca', jwt: JWT },
    })
    expect(vault.heard.map(({ token }) => token)).toEqual([undefined, 'hvs.login-1', 'hvs.login-1'])
  })

  test('at another mount', async () => {
    vault.logins.set(`auth/clusters/kind2/login ${JWT}`, { role: 'mesh-ca', lease: 60, renewable: true })
    const { ask } = loggedIn({ kubernetes: { role: 'mesh-ca', jwt: JWT, mount: 'clusters/kind2' } })
    await ask()
    expect(calls()[0]).toBe('auth/clusters/kind2/login')
  })

  test('is one for many who need it at once', async () => {
    const { ask } = loggedIn()
    await Promise.all([ask(), ask(), ask()])
    expect(calls().filter((call) => call === LOGIN)).toHaveLength(1)
    expect(vault.issued).toBe(3)
  })

  test('is renewed when two thirds of the lease have passed, and not before', async () => {
    const { ask, clock } = loggedIn()
    await ask()
    clock.advance('39m59s')
    await ask()
    clock.advance('1s')
    await ask()
    await ask()
    expect(calls()).toEqual([LOGIN, SIGN, SIGN, RENEW, SIGN, SIGN])
    expect(vault.heard[3]?.token).toBe('hvs.login-1')
  })

  test('is made anew when the lease is over', async () => {
    const { ask, clock } = loggedIn()
    await ask()
    clock.advance('1h')
    await ask()
    expect(calls()).toEqual([LOGIN, SIGN, LOGIN, SIGN])
    expect(vault.heard.at(-1)?.token).toBe('hvs.login-2')
  })

  test.each([
    ['is refused', 403, '{"errors":["permission denied"]}'],
    ['breaks', 500, '{"errors":[]}'],
    [
      'gives less than half',
      200,
      '{"auth":{"client_token":"hvs.login-1","lease_duration":1799,"renewable":true}}',
    ],
    ['answers nothing', 200, '{}'],
  ])('is made anew where the renewal %s', async (_, status, body) => {
    const { ask, clock } = loggedIn()
    await ask()
    clock.advance('45m')
    vault.intercept = ({ path }, response) => {
      if (!path.endsWith('renew-self')) return false
      response.writeHead(status).end(body)
      return true
    }
    await ask()
    expect(calls()).toEqual([LOGIN, SIGN, RENEW, LOGIN, SIGN])
    expect(vault.heard.at(-1)?.token).toBe('hvs.login-2')
  })

  test('a token that is not renewable is replaced', async () => {
    vault.logins.set(`${LOGIN} ${JWT}`, { role: 'mesh-ca', lease: 3600, renewable: false })
    const { ask, clock } = loggedIn()
    await ask()
    clock.advance('45m')
    await ask()
    expect(calls()).toEqual([LOGIN, SIGN, LOGIN, SIGN])
  })

  test('a token that still works is used where neither renewal nor login does', async () => {
    const { ask, clock } = loggedIn()
    await ask()
    clock.advance('45m')
    vault.intercept = ({ path }, response) => {
      if (!path.includes('auth/')) return false
      response.writeHead(503).end('{"errors":[]}')
      return true
    }
    await ask()
    expect(vault.heard.at(-1)?.token).toBe('hvs.login-1')
    clock.advance('15m')
    expect((await refusalOfAsync(ask())).message).toMatch(/status 503\) the login/)
  })

  test('a token that was revoked is replaced, and the request sent once more', async () => {
    const { ask } = loggedIn()
    await ask()
    vault.tokens.delete('hvs.login-1')
    await ask()
    expect(calls()).toEqual([LOGIN, SIGN, SIGN, LOGIN, SIGN])
    expect(vault.issued).toBe(2)
  })

  test('a policy that forbids it is final: one login more, and no loop', async () => {
    const { ask } = loggedIn()
    vault.how = 'credentials-expired'
    const error = await refusalOfAsync(ask())
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(calls()).toEqual([LOGIN, SIGN, LOGIN, SIGN])
  })

  test.each<[string, Partial<VaultAuthOptions>, RegExp, number]>([
    ['a role that it is not for', { kubernetes: { role: 'other', jwt: JWT } }, /status 403\) the login/, 1],
    [
      'a token that Kubernetes does not know',
      { kubernetes: { role: 'mesh-ca', jwt: 'abc' } },
      /the login/,
      1,
    ],
    [
      'a file that is not there',
      { kubernetes: { role: 'mesh-ca', jwt: () => Promise.reject(new Error(JWT)) } },
      /the function kubernetes\.jwt failed/,
      3,
    ],
    ['an empty file', { kubernetes: { role: 'mesh-ca', jwt: () => '\n' } }, /no printable ASCII/, 1],
  ])('%s', async (_, options, text, attempts) => {
    const error = await refusalOfAsync(loggedIn(options).ask())
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(error.message).toMatch(text)
    expect(error.data['attempts']).toBe(attempts)
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(JWT)
    expect(vault.received).toEqual([])
  })

  test.each([
    ['no token', '{"auth":{"lease_duration":60}}'],
    ['a token with a line break', '{"auth":{"client_token":"a\\nb","lease_duration":60}}'],
    ['no lease', '{"auth":{"client_token":"a"}}'],
    ['a lease below zero', '{"auth":{"client_token":"a","lease_duration":-1}}'],
    ['a lease in text', '{"auth":{"client_token":"a","lease_duration":"1h"}}'],
    ['no JSON', 'ok'],
  ])('a login that answers %s', async (_, body) => {
    vault.intercept = (_heard, response) => {
      response.end(body)
      return true
    }
    const error = await refusalOfAsync(loggedIn().ask())
    expect(error.message).toMatch(/holds no token/)
    expect(calls()).toEqual([LOGIN])
  })

  test('that never answers is given up, and made no certificate', async () => {
    let answered = (): void => {}
    const reached = new Promise<void>((resolve) => {
      answered = resolve
    })
    vault.intercept = () => {
      answered()
      return true
    }
    const { ask, clock } = loggedIn({ timeout: '5s' })
    const pending = refusalOfAsync(ask())
    await reached
    vault.intercept = (_, response) => {
      response.writeHead(403).end('{}')
      return true
    }
    clock.advance('5s')
    const error = await pending
    expect(error.code).toBe('ERR_ISSUER_FAILED')
  })

  test('a signal of one who waits does not end the login for the others', async () => {
    let go = (): void => {}
    const { ask, auth } = loggedIn({
      kubernetes: {
        role: 'mesh-ca',
        jwt: () =>
          new Promise<string>((resolve) => {
            go = () => resolve(JWT)
          }),
      },
    })
    const stop = new AbortController()
    const { csr } = await createCsr({ subject: 'CN=a', key: 'P-256' })
    const first = requestCertificate(vaultIssuer({ auth, path: 'pki/root/sign-intermediate' }), {
      csr,
      isCa: true,
      lifetime: { max: '1d' },
      anchors: vault.anchors,
      signal: stop.signal,
    })
    first.catch(() => {})
    const second = ask()
    await new Promise((resolve) => setImmediate(resolve))
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(first).rejects.toBe(reason)
    while (vault.heard.length === 0) {
      go()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await second
    expect(vault.issued).toBe(1)
  })
})

describe('a token', () => {
  test('of a function is asked for before each request, and again when it is refused', async () => {
    const tokens = ['old', 'old', 'new']
    vault.tokens.add('new')
    const { ask } = loggedIn({ kubernetes: undefined, token: async () => `${tokens.shift() ?? 'new'}\n` })
    const error = await refusalOfAsync(ask())
    expect(error.message).toMatch(/permission denied/)
    await ask()
    expect(vault.heard.map(({ token }) => token)).toEqual(['old', 'new'])
  })

  test('that is a text is not asked for again', async () => {
    const error = await refusalOfAsync(loggedIn({ kubernetes: undefined, token: 'stale' }).ask())
    expect(error.code).toBe('ERR_ISSUER_FAILED')
    expect(calls()).toEqual([SIGN])
  })

  test('is not printed', async () => {
    const { ask, auth } = loggedIn()
    await ask()
    const texts = [inspect(auth, { showHidden: true, depth: 9 }), JSON.stringify(auth), String(auth)]
    for (const text of texts) {
      expect(text).not.toContain('hvs.login-1')
      expect(text).not.toContain(JWT)
    }
  })
})

describe('options', () => {
  const token = 'hvs.secret'
  test.each<[string, unknown, RegExp]>([
    ['no server', { token }, /needs the option "server"/],
    [
      'http to another host',
      { server: 'http://vault.example:8200', token },
      /everybody on the way reads the token/,
    ],
    ['a name that only begins like loopback', { server: 'http://127.0.0.1.example', token }, /https/],
    ['another scheme', { server: 'ftp://vault.example', token }, /scheme https; found "ftp:"/],
    ['a password', { server: `https://u:${token}@vault.example`, token }, /no user information/],
    ['a query', { server: 'https://vault.example/?x', token }, /no query/],
    ['a fragment', { server: 'https://vault.example/#', token }, /no fragment/],
    ['a blank', { server: 'https://vault.example/ ', token }, /must be a URL/],
    ['no URL', { server: 'vault.example', token }, /must be a URL/],
    ['no text', { server: 8200, token }, /option "server"/],
    ['neither', { server: 'https://v' }, /exactly one/],
    ['both', { server: 'https://v', token, kubernetes: { role: 'a', jwt: 'b' } }, /exactly one/],
    ['a token with a line break', { server: 'https://v', token: 'a\r\nx-evil: 1' }, /printable ASCII/],
    ['an empty token', { server: 'https://v', token: '' }, /printable ASCII/],
    ['a token that is none', { server: 'https://v', token: 5 }, /a function that answers one; got number/],
    ['no role', { server: 'https://v', kubernetes: { jwt: 'a' } }, /needs the option "role"/],
    ['no jwt', { server: 'https://v', kubernetes: { role: 'a' } }, /needs the option "jwt"/],
    [
      'a mount upwards',
      { server: 'https://v', kubernetes: { role: 'a', jwt: 'b', mount: '../sys' } },
      /kubernetes.mount/,
    ],
    [
      'a role with a slash',
      { server: 'https://v', kubernetes: { role: 'a/b', jwt: 'b' } },
      /one name without/,
    ],
    [
      'a namespace with a line break',
      { server: 'https://v', token, namespace: 'a\nb' },
      /option "namespace"/,
    ],
    ['a namespace that is none', { server: 'https://v', token, namespace: 1 }, /option "namespace"/],
    ['no fetch', { server: 'https://v', token, fetch: 'x' }, /option "fetch"/],
    ['insecure', { server: 'https://v', token, insecure: 1 }, /option "insecure"/],
    ['a timeout without a unit', { server: 'https://v', token, timeout: '5' }, /option "timeout"/],
    ['no clock', { server: 'https://v', token, clock: {} }, /option "clock"/],
    ['an unknown option', { server: 'https://v', token, caBundle: 'x' }, /no option "caBundle"/],
  ])('%s', (_, options, text) => {
    const make = (): unknown => Reflect.apply(vaultAuth, undefined, [options])
    expect(make).toThrow(text)
    expect(make).toThrow(TypeError)
    try {
      make()
    } catch (error) {
      expect(inspect(error)).not.toContain(token)
    }
  })

  test.each([
    'https://vault.example',
    'http://localhost:8200',
    'http://[::1]:8200',
    'http://127.1.2.3:8200/vault/',
  ])('%s is a server', (server) => {
    expect(() => vaultAuth({ server, token })).not.toThrow()
  })

  test('http to another host, where it is allowed', () => {
    expect(() => vaultAuth({ server: 'http://vault.vault.svc:8200', token, insecure: true })).not.toThrow()
  })
})
