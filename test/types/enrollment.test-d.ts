import { expectTypeOf, test } from 'vitest'
import {
  createEnrollmentHandler,
  type EnrollmentDialer,
  type EnrollmentHandler,
  type EnrollmentHandlerOptions,
  type EnrollmentRequest,
  type EnrollOptions,
  type RenewEnrollmentOptions,
  type TokenStore,
} from '../../src/ca/index.ts'
import { enrollmentDialer } from '../../src/node/index.ts'

test('a handler takes the requests of the web platform and answers with its responses', () => {
  expectTypeOf<Request>().toExtend<EnrollmentRequest>()
  expectTypeOf<EnrollmentHandler>().returns.resolves.toEqualTypeOf<Response>()
  expectTypeOf(createEnrollmentHandler).returns.toEqualTypeOf<EnrollmentHandler>()
})

test('what decides about trust is not optional', () => {
  type Needed<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T]
  expectTypeOf<Needed<EnrollmentHandlerOptions>>().toEqualTypeOf<
    'issue' | 'tokens' | 'clientAnchors' | 'serverAnchors' | 'reservedNames'
  >()
  expectTypeOf<Needed<EnrollOptions>>().toEqualTypeOf<'url' | 'dial' | 'anchors' | 'token' | 'name'>()
  expectTypeOf<Needed<RenewEnrollmentOptions>>().toEqualTypeOf<'url' | 'dial' | 'anchors' | 'certificate'>()
})

test('a dialer is given no request before it has a connection', () => {
  expectTypeOf<keyof Parameters<EnrollmentDialer>[0]>().toEqualTypeOf<
    'url' | 'serverName' | 'signal' | 'authenticate'
  >()
  expectTypeOf(enrollmentDialer).returns.toEqualTypeOf<EnrollmentDialer>()
})

test('a store never sees a token, but its hash', () => {
  expectTypeOf<TokenStore['consume']>().parameter(0).toEqualTypeOf<string>()
  expectTypeOf<keyof Parameters<TokenStore['consume']>[1]>().toEqualTypeOf<'name' | 'lease' | 'leaseMs'>()
})
