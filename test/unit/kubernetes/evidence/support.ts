/**
 * Dumps of proxies as istioctl and Envoy print them.
 */

import type { ProxySecrets } from '../../../../src/kubernetes/evidence/proxy-secrets.ts'
import { readEnvoySecrets } from '../../../../src/kubernetes/evidence/read-envoy-secrets.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
/** What Envoy shows of a key: "[redacted]". */
const REDACTED = 'W3JlZGFjdGVkXQ=='

/** `istioctl proxy-config secret -o json`. */
export const istioctl = (roots: string, chain: string, change: object = {}): object => ({
  dynamicActiveSecrets: [
    {
      name: 'default',
      versionInfo: '2026-05-31 22:00:00.1 +0000 UTC m=+3',
      lastUpdated: '2026-05-31T22:00:00.133Z',
      secret: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
        name: 'default',
        tlsCertificate: {
          certificateChain: { inlineBytes: base64(chain) },
          privateKey: { inlineBytes: REDACTED },
        },
      },
    },
    {
      name: 'ROOTCA',
      versionInfo: '1',
      lastUpdated: '2026-05-31T21:59:59Z',
      secret: { name: 'ROOTCA', validationContext: { trustedCa: { inlineBytes: base64(roots) } } },
    },
  ],
  ...change,
})

/** Envoy's `/config_dump`, among other parts. */
export const configDump = (roots: string, chain: string): object => ({
  configs: [
    { '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump', bootstrap: {} },
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump',
      static_secrets: [],
      dynamic_active_secrets: [
        {
          name: 'default',
          version_info: '7',
          last_updated: '2026-05-31T22:00:00Z',
          secret: {
            name: 'default',
            tls_certificate: {
              certificate_chain: { inline_string: chain },
              private_key: { inline_string: '[redacted]' },
            },
          },
        },
        { name: 'ROOTCA', secret: { validation_context: { trusted_ca: { inline_bytes: base64(roots) } } } },
      ],
      dynamic_warming_secrets: [],
    },
  ],
})

/** One proxy with these roots and this chain. */
export const proxy = (name: string, roots: string, chain: string): ProxySecrets =>
  readEnvoySecrets(istioctl(roots, chain), { proxy: name })
