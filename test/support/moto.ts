/**
 * moto's server, which stands for AWS, on loopback, and the clients of the AWS SDK for it. `npm run interop:aws` installs both.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { AwsKmsClient, AwsPrivateCaClient } from '../../src/issuers/aws-private-ca/index.ts'
import { until } from './until.ts'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const python = at('../../build/moto/bin/python')

/** `ACMPCA`, as far as a CA is made and an issuer uses it. */
interface PrivateCaSdk extends AwsPrivateCaClient {
  createCertificateAuthority(input: object): Promise<{ readonly CertificateAuthorityArn: string }>
  getCertificateAuthorityCsr(input: object): Promise<{ readonly Csr: string }>
  importCertificateAuthorityCertificate(input: object): Promise<unknown>
  destroy(): void
}

/** `KMS`, as far as a key is made and a signer uses it. */
interface KmsSdk extends AwsKmsClient {
  createKey(input: object): Promise<{ readonly KeyMetadata: { readonly KeyId: string } }>
  createAlias(input: object): Promise<unknown>
  destroy(): void
}

interface Sdk {
  readonly ACMPCA: new (config: object) => PrivateCaSdk
  readonly KMS: new (config: object) => KmsSdk
}

function load(): Sdk {
  const require = createRequire(new URL('../interop/aws/package.json', import.meta.url))
  return { ...require('@aws-sdk/client-acm-pca'), ...require('@aws-sdk/client-kms') } as Sdk
}

export function motoAvailable(): true | string {
  if (!existsSync(python)) return 'no moto; npm run interop:aws installs it'
  try {
    load()
    return true
  } catch {
    return 'no AWS SDK; npm run interop:aws installs it'
  }
}

/** A running server, and clients of it. */
export interface Moto {
  readonly endpoint: string
  readonly privateCa: PrivateCaSdk
  readonly kms: KmsSdk
  stop(): Promise<void>
}

/** Starts a server: moto as it is, or with what it leaves out of the two services. */
export async function startMoto(kind: 'plain' | 'completed'): Promise<Moto> {
  const port = String(await freePort())
  const program = kind === 'plain' ? ['-m', 'moto.server'] : [at('../interop/aws/moto_completed.py')]
  const child = spawn(python, [...program, '-H', '127.0.0.1', '-p', port], { stdio: 'ignore' })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const endpoint = `http://127.0.0.1:${port}`
  try {
    await until('moto answers', async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
      return (await fetch(`${endpoint}/moto-api/data.json`)).ok ? true : undefined
    })
  } catch (error) {
    kill()
    throw error
  }
  const { ACMPCA, KMS } = load()
  const config = {
    endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'of-no-use' },
  }
  const [privateCa, kms] = [new ACMPCA(config), new KMS(config)]
  return {
    endpoint,
    privateCa,
    kms,
    stop: async () => {
      privateCa.destroy()
      kms.destroy()
      process.removeListener('exit', kill)
      await ended(child)
    },
  }
}

/** Has AWS make a root CA and activates it, as the console does. */
export async function makeRoot({ privateCa }: Moto): Promise<{ readonly arn: string; readonly pem: string }> {
  const { CertificateAuthorityArn: arn } = await privateCa.createCertificateAuthority({
    CertificateAuthorityType: 'ROOT',
    CertificateAuthorityConfiguration: {
      KeyAlgorithm: 'RSA_2048',
      SigningAlgorithm: 'SHA256WITHRSA',
      Subject: { CommonName: 'Root CA', Organization: 'Example' },
    },
  })
  const ca = { CertificateAuthorityArn: arn }
  const signal = { abortSignal: new AbortController().signal }
  const { Csr } = await privateCa.getCertificateAuthorityCsr(ca)
  const now = Math.floor(Date.now() / 1000)
  const { CertificateArn = '' } = await privateCa.issueCertificate(
    {
      ...ca,
      Csr: new TextEncoder().encode(Csr),
      SigningAlgorithm: 'SHA256WITHRSA',
      TemplateArn: 'arn:aws:acm-pca:::template/RootCACertificate/V1',
      Validity: { Type: 'ABSOLUTE', Value: now + 365 * 86_400 },
      ValidityNotBefore: { Type: 'ABSOLUTE', Value: now },
      IdempotencyToken: 'root',
    },
    signal,
  )
  const { Certificate: pem = '' } = await privateCa.getCertificate({ ...ca, CertificateArn }, signal)
  await privateCa.importCertificateAuthorityCertificate({ ...ca, Certificate: new TextEncoder().encode(pem) })
  return { arn, pem }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
