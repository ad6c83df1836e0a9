import { describe, expect, test } from 'vitest'
import {
  isKubeError,
  refusalOf,
  statusErrorOf,
  unreachable,
} from '../../../../src/kubernetes/api/kube-error.ts'
import { redact } from '../../../../src/kubernetes/api/redact.ts'

const call = { verb: 'update', target: 'secrets istio-system/cacerts' }
const status = (code: number, reason: string, more: object = {}) => ({
  status: code,
  headers: {},
  body: { kind: 'Status', code, reason, message: `words of the server about ${reason}`, ...more },
})

describe('errors of the API server', () => {
  // Codes and reasons as kube-apiserver answers them (apimachinery StatusReason).
  test.each([
    [401, 'Unauthorized', 'ERR_KUBERNETES_UNAUTHORIZED', 'refused'],
    [403, 'Forbidden', 'ERR_KUBERNETES_FORBIDDEN', 'refused'],
    [409, 'AlreadyExists', 'ERR_KUBERNETES_ALREADY_EXISTS', 'refused'],
    [409, 'Conflict', 'ERR_KUBERNETES_CONFLICT', 'refused'],
    [410, 'Expired', 'ERR_KUBERNETES_EXPIRED', 'refused'],
    [413, 'RequestEntityTooLarge', 'ERR_KUBERNETES_INVALID', 'refused'],
    [422, 'Invalid', 'ERR_KUBERNETES_INVALID', 'refused'],
    [429, 'TooManyRequests', 'ERR_KUBERNETES_THROTTLED', 'refused'],
    [500, 'InternalError', 'ERR_KUBERNETES_UNAVAILABLE', 'unknown'],
    [504, 'Timeout', 'ERR_KUBERNETES_UNAVAILABLE', 'unknown'],
  ])('%i %s is %s, and its outcome is %s', (code, reason, expected, outcome) => {
    const error = refusalOf(call, status(code, reason))
    expect(error).toMatchObject({ code: expected, status: code, reason, outcome })
    expect(error.message).toContain('update secrets istio-system/cacerts')
    expect(isKubeError(error, error.code)).toBe(true)
    expect(isKubeError(new Error('no'))).toBe(false)
  })

  test('tells an object that is not there from a kind that is not served', () => {
    const gone = refusalOf(call, status(404, 'NotFound', { details: { name: 'cacerts', kind: 'secrets' } }))
    expect(gone.code).toBe('ERR_KUBERNETES_NOT_FOUND')
    // kube-apiserver, of a CRD that is not there, and of a path that is none.
    expect(refusalOf(call, status(404, 'NotFound', { details: {} })).code).toBe('ERR_KUBERNETES_NOT_SERVED')
    expect(refusalOf(call, { status: 404, headers: {}, body: '404 page not found\n' }).code).toBe(
      'ERR_KUBERNETES_NOT_SERVED',
    )
  })

  test('a read that failed has changed nothing', () => {
    expect(refusalOf({ ...call, verb: 'get' }, status(500, 'InternalError')).outcome).toBe('refused')
    expect(unreachable({ ...call, verb: 'list' }, new Error('reset')).outcome).toBe('refused')
    expect(unreachable(call, new Error('reset')).outcome).toBe('unknown')
  })

  test('keeps what the server asks to wait, from header or body, within reason', () => {
    const pause = (headers: Record<string, string>, details: object) =>
      refusalOf(call, { ...status(429, 'TooManyRequests', { details }), headers }).retryAfterMs
    expect(pause({ 'retry-after': '7' }, {})).toBe(7000)
    expect(pause({}, { retryAfterSeconds: 1 })).toBe(1000)
    expect(pause({ 'retry-after': '999999' }, {})).toBe(3_600_000)
    expect(pause({ 'retry-after': 'soon' }, {})).toBeUndefined()
  })

  test('names members and reasons of what is invalid, and quotes no value', () => {
    const secret = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7'
    const error = refusalOf(
      call,
      status(422, 'Invalid', {
        message: `Secret "cacerts" is invalid: data: Invalid value: "${secret}"`,
        details: {
          causes: [{ reason: 'FieldValueInvalid', field: 'data', message: `Invalid value: "${secret}"` }],
        },
      }),
    )
    expect(error.causes).toEqual([{ reason: 'FieldValueInvalid', field: 'data' }])
    expect(error.message).toContain('data FieldValueInvalid')
    expect(JSON.stringify([error.message, error.data])).not.toContain(secret)
  })

  test('tells who owns a field', () => {
    const causes = [
      { reason: 'FieldManagerConflict', field: '.data.a', message: 'conflict with "kubectl" using v1' },
    ]
    const error = refusalOf(call, status(409, 'Conflict', { details: { causes } }))
    expect(error.causes).toEqual(causes)
    expect(error.message).toContain('conflict with "kubectl"')
  })

  test('an error event of a watch is an error with its code', () => {
    expect(
      statusErrorOf({ verb: 'watch', target: 'secrets' }, { code: 410, reason: 'Expired' }),
    ).toMatchObject({
      code: 'ERR_KUBERNETES_EXPIRED',
      outcome: 'refused',
    })
    expect(statusErrorOf({ verb: 'watch', target: 'secrets' }, 'nonsense').code).toBe(
      'ERR_KUBERNETES_UNAVAILABLE',
    )
  })
})

describe('redact', () => {
  test.each([
    ['-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----', '[PEM not shown]'],
    ['-----BEGIN CERTIFICATE REQUEST-----\nMIIE and no end', '[PEM not shown]'],
    ['request: []byte{0x30, 0x82, 0x1}', 'request: [bytes not shown]'],
    ['request: []byte{0x30, 0x82', 'request: [bytes not shown]'],
    ['Authorization: Bearer abcdef123456', 'Authorization: Bearer [not shown]'],
    ['{"password": "hunter2hunter2"}', '{"password": "[not shown]"}'],
    ['token=abcdef123456;', 'token=[not shown];'],
    ['the token has expired', 'the token has expired'],
    ['eyJhbGciOiJSUzI1NiIsImtpZCI6IjEyMyJ9_aaaaaaaaaaaaaaaaaaaaaaaaa', '[not shown]'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  test('leaves words, names and UIDs', () => {
    const text =
      'User "system:serviceaccount:mesh-pki:agent" cannot get secrets in "istio-system" (6f0b7a3e-1111-2222-3333-444455556666)'
    expect(redact(text)).toBe(text)
  })
})
