import { describe, expect, test, vi } from 'vitest'
import {
  type AwsPrivateCaIssuerOptions,
  type AwsRequestStore,
  awsPrivateCaIssuer,
} from '../../../src/issuers/aws-private-ca/index.ts'
import { deferred } from '../node/support.ts'
import { awsError, CA_ARN } from './aws-double.ts'
import {
  CA_WISH,
  CERTIFICATE_ARN,
  failureOf,
  handClock,
  OPTIONS,
  signal,
  stubClient,
  wishOf,
} from './aws-support.ts'

describe('what became of a request', () => {
  const setUp = (...answers: readonly unknown[]) => {
    const client = stubClient(...answers)
    const clock = handClock()
    const kept = new Map<string, string>()
    const store: AwsRequestStore = {
      get: (id) => kept.get(id),
      set: (id, record) => kept.set(id, record),
      delete: (id) => kept.delete(id),
    }
    const make = () => awsPrivateCaIssuer({ ...OPTIONS, client, clock, store })
    return { client, clock, kept, make, issuer: make() }
  }
  const lost = () => new Error('socket hang up')

  test('a repeated call is the same call: token, validity, CSR', async () => {
    const { client, clock, issuer } = setUp(lost(), { CertificateArn: CERTIFICATE_ARN })
    const wish = await wishOf(CA_WISH)
    expect((await failureOf(issuer.issue(wish, { signal }))).outcome).toBe('unknown')
    clock.forward(200)
    expect(await issuer.lookup?.('wish-1', { signal })).toEqual({
      certificate: 'a certificate',
      chain: 'a chain',
    })
    const [first, second] = client.issueCertificate.mock.calls
    expect(second?.[0]).toEqual(first?.[0])
  })

  test('a refusal that comes when nobody waits for it any longer forgets nothing', async () => {
    const { client, issuer } = setUp()
    const { promise: late, resolve: release } = deferred<void>()
    client.issueCertificate.mockImplementationOnce(async () => {
      await late
      throw awsError('ThrottlingException', 400, 'Rate exceeded')
    })
    const controller = new AbortController()
    const first = issuer.issue(await wishOf(CA_WISH), { signal: controller.signal })
    await vi.waitFor(() => expect(client.issueCertificate).toHaveBeenCalledTimes(1))
    controller.abort()
    const found = { certificate: 'a certificate', chain: 'a chain' }
    expect(await issuer.lookup?.('wish-1', { signal })).toEqual(found)
    release()
    expect((await failureOf(first)).outcome).toBe('unknown')
    expect(await issuer.lookup?.('wish-1', { signal })).toEqual(found)
  })

  test('four minutes later nobody knows, and nothing is sent', async () => {
    const { client, clock, issuer } = setUp(lost())
    const wish = await wishOf(CA_WISH)
    await failureOf(issuer.issue(wish, { signal }))
    clock.forward(240)
    for (const call of [issuer.lookup?.('wish-1', { signal }), issuer.issue(wish, { signal })]) {
      const failure = await failureOf(Promise.resolve(call))
      expect([failure.retryable, failure.outcome]).toEqual([false, 'unknown'])
      expect(failure.message).toContain('token wish-1')
    }
    expect(client.issueCertificate).toHaveBeenCalledTimes(1)
  })

  test.each([
    [60, 2],
    [61, 1],
  ])('a clock that was put back %i seconds does not make a token young: %i calls', async (back, calls) => {
    const { client, clock, issuer } = setUp(lost())
    const wish = await wishOf(CA_WISH)
    await failureOf(issuer.issue(wish, { signal }))
    clock.forward(-back)
    expect((await failureOf(Promise.resolve(issuer.lookup?.('wish-1', { signal })))).outcome).toBe('unknown')
    expect(client.issueCertificate).toHaveBeenCalledTimes(calls)
    if (calls === 1) expect((await failureOf(issuer.issue(wish, { signal }))).retryable).toBe(false)
    expect(client.issueCertificate).toHaveBeenCalledTimes(calls)
  })

  test('after a restart with a store that lasts: found by its ARN, however late', async () => {
    const { client, clock, issuer, make } = setUp()
    await issuer.issue(await wishOf(CA_WISH), { signal })
    clock.forward(1_000_000)
    expect(await make().lookup?.('wish-1', { signal })).toEqual({
      certificate: 'a certificate',
      chain: 'a chain',
    })
    expect(client.getCertificate.mock.calls[0]?.[0]).toEqual({
      CertificateAuthorityArn: CA_ARN,
      CertificateArn: CERTIFICATE_ARN,
    })
  })

  test('after a restart while the answer is out: the same token and validity, then unknown', async () => {
    const { client, clock, issuer, make } = setUp(lost(), { CertificateArn: CERTIFICATE_ARN })
    const wish = await wishOf(CA_WISH)
    await failureOf(issuer.issue(wish, { signal }))
    clock.forward(100)
    const restarted = make()
    expect(await restarted.lookup?.('wish-1', { signal })).toBeUndefined()
    expect(await restarted.issue(wish, { signal })).toBe('pending')
    const [first, second] = client.issueCertificate.mock.calls
    expect(second?.[0]).toEqual(first?.[0])
  })

  test('after a restart past the token: unknown, by lookup and by issue', async () => {
    const { client, clock, issuer, make } = setUp(lost())
    const wish = await wishOf(CA_WISH)
    await failureOf(issuer.issue(wish, { signal }))
    clock.forward(241)
    expect((await failureOf(Promise.resolve(make().lookup?.('wish-1', { signal })))).outcome).toBe('unknown')
    expect((await failureOf(make().issue(wish, { signal }))).outcome).toBe('unknown')
    expect(client.issueCertificate).toHaveBeenCalledTimes(1)
  })

  test('what was handed out is a renewal five minutes later, and not before', async () => {
    const { client, clock, issuer } = setUp()
    const wish = await wishOf(CA_WISH)
    await issuer.issue(wish, { signal })
    await issuer.lookup?.('wish-1', { signal })
    clock.forward(299)
    await issuer.issue(wish, { signal })
    expect(client.issueCertificate).toHaveBeenCalledTimes(1)
    clock.forward(1)
    await issuer.issue(wish, { signal })
    expect(client.issueCertificate).toHaveBeenCalledTimes(2)
    expect(client.issueCertificate.mock.calls[1]?.[0].Validity.Value).toBe(1_800_086_700)
  })

  test('what was never handed out is not made twice', async () => {
    const { client, clock, issuer } = setUp()
    const wish = await wishOf(CA_WISH)
    await issuer.issue(wish, { signal })
    clock.forward(3600)
    expect(await issuer.issue(wish, { signal })).toBe('pending')
    expect(client.issueCertificate).toHaveBeenCalledTimes(1)
  })

  test('what was refused leaves nothing behind', async () => {
    const { kept, issuer } = setUp(awsError('MalformedCSRException', 400, 'The CSR is invalid.'))
    const failure = await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    expect([failure.retryable, failure.outcome]).toEqual([false, 'failed'])
    expect(kept.size).toBe(0)
    expect(await issuer.lookup?.('wish-1', { signal })).toBeUndefined()
  })

  test('what was refused at the second try of the SDK may have been done at the first', async () => {
    const { issuer } = setUp(awsError('AccessDeniedException', 400, 'no', 2))
    const failure = await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    expect([failure.retryable, failure.outcome]).toEqual([false, 'unknown'])
  })

  test('a repetition that is refused for its input says that the first was, too', async () => {
    const refused = awsError('InvalidArgsException', 400, 'The validity is too long.')
    const { issuer, kept } = setUp(lost(), refused)
    await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    const failure = await failureOf(Promise.resolve(issuer.lookup?.('wish-1', { signal })))
    expect([failure.retryable, failure.outcome]).toEqual([false, 'failed'])
    expect(kept.size).toBe(0)
  })

  test('a repetition that is refused for a permission says nothing of the first', async () => {
    const { issuer, kept } = setUp(lost(), awsError('AccessDeniedException', 400, 'no'))
    await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    const failure = await failureOf(Promise.resolve(issuer.lookup?.('wish-1', { signal })))
    expect([failure.retryable, failure.outcome]).toEqual([false, 'unknown'])
    expect(kept.size).toBe(1)
  })

  test.each<[string, Error | object, 'pending' | [boolean, string]]>([
    ['in progress', awsError('RequestInProgressException', 400, 'wait'), 'pending'],
    ['failed', awsError('RequestFailedException', 400, 'The request has failed.'), [false, 'failed']],
    ['throttled', awsError('ThrottlingException', 400, 'Rate exceeded'), [true, 'unknown']],
    ['broken', awsError('InternalFailure', 500, ''), [true, 'unknown']],
    ['not allowed', awsError('AccessDeniedException', 400, ''), [false, 'unknown']],
    ['not found', awsError('ResourceNotFoundException', 400, ''), [false, 'unknown']],
    ['no certificate', {}, [true, 'unknown']],
    ['no text', { Certificate: 'c', CertificateChain: 1 }, [true, 'unknown']],
  ])('GetCertificate is %s', async (_, answer, expected) => {
    const { client, issuer } = setUp()
    await issuer.issue(await wishOf(CA_WISH), { signal })
    client.getCertificate.mockImplementation(async () => {
      if (answer instanceof Error) throw answer
      return answer
    })
    const looked = Promise.resolve(issuer.lookup?.('wish-1', { signal }))
    if (expected === 'pending') expect(await looked).toBe('pending')
    else {
      const { retryable, outcome } = await failureOf(looked)
      expect([retryable, outcome]).toEqual(expected)
    }
  })

  test.each([
    undefined,
    {},
    { CertificateArn: 7 },
    { CertificateArn: CERTIFICATE_ARN.replace('1234-', '9999-') },
  ])('an answer that is no ARN of this CA: %o', async (answer) => {
    const { issuer } = setUp(answer ?? null)
    expect((await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))).outcome).toBe('unknown')
  })
})

describe('the store', () => {
  const broken = (part: keyof AwsRequestStore): AwsRequestStore => ({
    get: () => undefined,
    set: () => undefined,
    delete: () => undefined,
    [part]: () => {
      throw new TypeError('password=secret')
    },
  })

  test.each(['get', 'set'] as const)('%s fails before anything is sent', async (part) => {
    const client = stubClient()
    const issuer = awsPrivateCaIssuer({ ...OPTIONS, client, store: broken(part) })
    const failure = await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    expect([failure.retryable, failure.outcome]).toEqual([true, 'failed'])
    expect(failure.message).not.toContain('secret')
    expect(client.issueCertificate).not.toHaveBeenCalled()
  })

  test('delete fails after a refusal: the refusal counts', async () => {
    const client = stubClient(awsError('MalformedCSRException', 400, 'The CSR is invalid.'))
    const issuer = awsPrivateCaIssuer({ ...OPTIONS, client, store: broken('delete') })
    const failure = await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    expect(failure.message).toContain('The CSR is invalid.')
  })

  test.each([
    ['no text', 7],
    ['no JSON', '{'],
    ['another version', '{"version":2}'],
    ['no instant', '{"version":1,"askedAt":-1}'],
    [
      'another CA',
      JSON.stringify({
        version: 1,
        askedAt: 1,
        notBefore: 1,
        notAfter: 1,
        delivered: false,
        certificateArn: 'arn:aws:acm-pca:x',
      }),
    ],
  ])('holds %s: nothing is sent', async (_, record) => {
    const client = stubClient()
    const store = { ...broken('set'), get: () => record } as AwsRequestStore
    const issuer = awsPrivateCaIssuer({ ...OPTIONS, client, store })
    const failure = await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    expect([failure.retryable, failure.outcome]).toEqual([false, 'failed'])
    expect((await failureOf(Promise.resolve(issuer.lookup?.('wish-1', { signal })))).outcome).toBe('unknown')
    expect(client.issueCertificate).not.toHaveBeenCalled()
  })

  test('of memory keeps what is open, forgets what was handed out, and ends', async () => {
    const client = stubClient()
    const issuer = awsPrivateCaIssuer({ ...OPTIONS, client, clock: handClock() })
    const wish = await wishOf(CA_WISH)
    await issuer.issue({ ...wish, requestId: 'done' }, { signal })
    await issuer.lookup?.('done', { signal })
    for (let i = 0; i < 1024; i++) await issuer.issue({ ...wish, requestId: `open-${i}` }, { signal })
    expect(await issuer.lookup?.('done', { signal })).toBeUndefined()
    const failure = await failureOf(issuer.issue({ ...wish, requestId: 'one-more' }, { signal }))
    expect([failure.retryable, failure.outcome]).toEqual([false, 'failed'])
    expect(failure.message).toContain('1024 requests are open')
    expect(await issuer.lookup?.('open-0', { signal })).toEqual({
      certificate: 'a certificate',
      chain: 'a chain',
    })
  })
})

describe('what failed', () => {
  test.each<[string, unknown, [boolean, string], string]>([
    [
      'a quota',
      awsError('LimitExceededException', 400, 'Quota of certificates.'),
      [true, 'failed'],
      'throttled',
    ],
    ['status 429', awsError('Odd', 429, ''), [true, 'failed'], 'throttled'],
    [
      'the CA is disabled',
      awsError('InvalidStateException', 400, 'The CA is DISABLED.'),
      [false, 'failed'],
      'The CA is DISABLED.',
    ],
    [
      'a token in percent-encoding',
      awsError('AccessDeniedException', 400, `by ${encodeURIComponent('IQoJb3JpZ2luX2VjE+/Z'.repeat(20))}.`),
      [false, 'failed'],
      'AccessDeniedException: by ….',
    ],
    [
      'no credentials',
      Object.assign(new Error('token=abc'), { name: 'CredentialsProviderError' }),
      [false, 'failed'],
      'renew them',
    ],
    [
      'broken off',
      awsError('RequestAbortedException', 400, ''),
      [true, 'unknown'],
      'RequestAbortedException',
    ],
    ['an internal failure', awsError('InternalFailure', 500, 'secret'), [true, 'unknown'], 'HTTP status 500'],
    ['nothing at all', undefined, [true, 'unknown'], 'a thrown undefined'],
  ])('%s', async (_, error, expected, text) => {
    const client = stubClient()
    client.issueCertificate.mockImplementation(async () => {
      throw error
    })
    const issuer = awsPrivateCaIssuer({ ...OPTIONS, client })
    const failure = await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    expect([failure.retryable, failure.outcome]).toEqual(expected)
    expect(failure.message).toContain(text)
    expect(failure.message).not.toMatch(/secret|token=/)
    expect(failure.cause).toBeUndefined()
  })

  test('a reason is cut, escaped, and without ARNs and keys', async () => {
    const reason = `role arn:aws:iam::999999999999:role/x, AKIAIOSFODNN7EXAMPLE\u202e\u0007${'A1'.repeat(30)} ${'x '.repeat(500)}`
    const client = stubClient(awsError('InvalidArgsException', 400, reason))
    const issuer = awsPrivateCaIssuer({ ...OPTIONS, client })
    const { message } = await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    expect(message).toContain('role arn:…, …\\u{202e}\\u{7}… x x')
    expect(message.length).toBeLessThan(300)
  })

  test('an error that cannot be read is one', async () => {
    const hostile = new Proxy(new Error('x'), {
      get: () => {
        throw new Error('no')
      },
    })
    const client = stubClient()
    client.issueCertificate.mockImplementation(async () => {
      throw hostile
    })
    const issuer = awsPrivateCaIssuer({ ...OPTIONS, client })
    const failure = await failureOf(issuer.issue(await wishOf(CA_WISH), { signal }))
    expect([failure.retryable, failure.outcome]).toEqual([true, 'unknown'])
  })
})

describe('options', () => {
  test.each<[object, string]>([
    [{}, 'needs the option "client"'],
    [{ ...OPTIONS, client: { send: () => undefined } }, 'ACMPCAClient has not'],
    [
      { ...OPTIONS, client: stubClient(), certificateAuthorityArn: CERTIFICATE_ARN },
      'option "certificateAuthorityArn"',
    ],
    [{ ...OPTIONS, client: stubClient(), signingAlgorithm: 'SHA1WITHRSA' }, 'option "signingAlgorithm"'],
    [{ ...OPTIONS, client: stubClient(), store: {} }, 'option "store"'],
    [{ ...OPTIONS, client: stubClient(), name: 7 }, 'option "name"'],
    [{ ...OPTIONS, client: stubClient(), backdate: 'soon' }, 'backdate'],
    [{ ...OPTIONS, client: stubClient(), template: 'x' }, 'has no option "template"'],
  ])('%o', (options, problem) => {
    expect(() => awsPrivateCaIssuer(options as AwsPrivateCaIssuerOptions)).toThrow(problem)
  })

  test('a Map is a store', () => {
    const store: AwsRequestStore = new Map<string, string>()
    expect(awsPrivateCaIssuer({ ...OPTIONS, client: stubClient(), store }).name).toBe('AWS Private CA')
  })
})
