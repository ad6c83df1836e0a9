import { type CertificateAuthority, createRootCa, IssuerFailure, localIssuer } from '../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../src/csr/index.ts'
import { MeshPkiError } from '../../../src/errors.ts'
import { deferred } from '../node/support.ts'
import {
  type IssuerWorld,
  issuerContract,
  type Misbehaviour,
  type ReceivedRequest,
} from './issuer-contract.ts'

const newRoot = (): Promise<CertificateAuthority> =>
  createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key: 'P-256' })

const SECONDS: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 }
const secondsOf = (duration: string): number =>
  (duration.match(/\d+[wdhms]/g) ?? []).reduce(
    (sum, part) => sum + Number(part.slice(0, -1)) * (SECONDS[part.slice(-1)] ?? Number.NaN),
    0,
  )

/** A CA in this process, between which and its issuer something stands that goes wrong. */
async function localWorld(): Promise<IssuerWorld> {
  const [root, foreign] = [await newRoot(), await newRoot()]
  const received: ReceivedRequest[] = []
  let issued = 0
  let how: Misbehaviour | undefined
  let hung = deferred<void>()
  let released = deferred<void>()

  const once = (): Misbehaviour | undefined => {
    const now = how
    if (now !== 'unavailable' && now !== 'refused' && now !== 'hangs') how = undefined
    return now
  }
  const broken = (): MeshPkiError => new MeshPkiError('ERR_CA_SIGNER', 'the signer of the CA failed')
  const another = async (): Promise<Csr> => (await createCsr({ subject: 'CN=other', key: 'P-256' })).csr

  /** What stands between. `make` asks a CA for a certificate of a request. */
  const between = async <O extends { readonly lifetime: string }>(
    csr: Csr,
    options: O,
    shape: Pick<ReceivedRequest, 'isCa' | 'pathLength'>,
    make: (
      ca: CertificateAuthority,
      csr: Csr,
      options: O,
    ) => ReturnType<CertificateAuthority['issueWorkload']>,
  ): ReturnType<CertificateAuthority['issueWorkload']> => {
    received.push({ csrPem: csr.toPem(), lifetimeSeconds: secondsOf(options.lifetime), ...shape })
    const now = once()
    if (now === 'refused') throw new MeshPkiError('ERR_CA_SUBJECT', 'no such cluster here')
    if (now === 'unavailable' || now === 'unavailable-once') throw broken()
    if (now === 'throttled-once')
      throw new IssuerFailure('slower, please', { retryable: true, outcome: 'failed' })
    if (now === 'hangs') {
      hung.resolve()
      await released.promise
    }
    const answer = await made(now)
    issued++
    return answer

    async function made(now: Misbehaviour | undefined): ReturnType<CertificateAuthority['issueWorkload']> {
      if (now === 'garbage') return { certificate: 'garbage', chain: [] } as never
      if (now === 'other-request') return make(root, await another(), options)
      if (now === 'longer-lifetime') return make(root, csr, { ...options, lifetime: '60d' })
      if (now === 'ca-for-leaf')
        return root.issueIntermediate(csr, { lifetime: '24h', subject: 'CN=not a leaf' })
      return make(now === 'other-root' ? foreign : root, csr, options)
    }
  }

  const inner = localIssuer({
    issueIntermediate: (csr, options) =>
      between(csr as Csr, options, { isCa: true, pathLength: options.pathLength as number }, (ca, ...given) =>
        ca.issueIntermediate(...given),
      ),
    issueWorkload: (csr, options) =>
      between(csr as Csr, options, { isCa: false, pathLength: undefined }, (ca, ...given) =>
        ca.issueWorkload(...given),
      ),
  })
  let isLost = false
  return {
    issuer: {
      ...inner,
      issue: async (request, options) => {
        const answer = await inner.issue(request, options)
        if (!isLost) return answer
        isLost = false
        throw new Error('the connection broke')
      },
    },
    anchors: root.certificate.toPem(),
    received: () => received,
    issued: () => issued,
    misbehave: (next) => {
      if (next === 'answer-lost') isLost = true
      else how = next
    },
    recover: () => {
      how = undefined
      released.resolve()
      hung = deferred()
      released = deferred()
    },
    hung: () => hung.promise,
    refusal: 'no such cluster here',
    secrets: [],
    close: async () => released.resolve(),
  }
}

issuerContract('localIssuer', localWorld, { without: ['credentials-expired'] })
