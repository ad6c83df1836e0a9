// Identities: SVIDs, bundles, JWT-SVIDs, and federation over a fetch that is no network.
import { base64url, exportJWK, generateKeyPair, SignJWT } from 'jose'
import {
  checkSvid,
  checkSvidSync,
  diffBundles,
  FederationClient,
  SpiffeBundle,
  SpiffeId,
} from 'mesh-pki/spiffe'
import { checkJwtSvid } from 'mesh-pki/spiffe/jwt'
import { createTestHierarchy, manualClock } from 'mesh-pki/testing'
import { accepted, equal, fails, ok, refused } from './assert.mjs'

const DOMAIN = 'partner.example'
const URL_OF_BUNDLE = 'https://partner.example/bundle.json'
const AUDIENCE = 'reports'

async function makeSvid() {
  const { root, chain } = await createTestHierarchy({ trustDomain: DOMAIN })
  const x509Authorities = root.certificate
  return {
    chain: chain.slice(0, -1),
    bundles: SpiffeBundle.of({ trustDomain: DOMAIN, x509Authorities, sequence: 7, refreshHint: '5m' }),
    foreign: SpiffeBundle.of({ trustDomain: 'other.example', x509Authorities }),
  }
}

async function makeJwt() {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = /** @type {import('mesh-pki/spiffe').PublicJwk} */ (await exportJWK(publicKey))
  const bundles = SpiffeBundle.of({ trustDomain: DOMAIN, jwtAuthorities: [{ keyId: 'key-1', jwk }] })
  const token = await new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: 'key-1' })
    .setSubject(`spiffe://${DOMAIN}/ns/a/sa/b`)
    .setAudience(AUDIENCE)
    .setExpirationTime('5m')
    .sign(privateKey)
  return { bundles, token }
}

/** @type {import('./assert.mjs').Case[]} */
export const spiffeCases = [
  {
    name: 'SPIFFE IDs are parsed by the letter',
    async run() {
      equal(String(SpiffeId.parse('spiffe://td/ns/a/sa/b')), 'spiffe://td/ns/a/sa/b', 'a sound one')
      for (const text of ['spiffe://TD/a', 'spiffe://td/a/../b', 'https://td/a', 'spiffe://td:8443/a'])
        await fails(() => SpiffeId.parse(text), 'ERR_SPIFFE_ID', text)
    },
  },
  {
    name: 'an SVID is accepted for its identity, and refused elsewhere',
    async run() {
      const { chain, bundles, foreign } = await makeSvid()
      const id = `spiffe://${DOMAIN}/ns/default/sa/test`
      const result = await checkSvid(chain, { bundles, expect: id })
      accepted(result, 'its own trust domain')
      equal(result.ok && String(result.svid.id), id, 'the identity')
      refused(await checkSvid(chain, { bundles: foreign }), 'ERR_SVID_NO_BUNDLE', 'another trust domain')
      const expect = `spiffe://${DOMAIN}/ns/default/sa/other`
      refused(await checkSvid(chain, { bundles, expect }), 'ERR_SVID_UNEXPECTED_ID', 'another identity')
    },
  },
  {
    name: 'checkSvidSync judges the same, or is refused with a type, as declared',
    async run({ lacks }) {
      const { chain, bundles, foreign } = await makeSvid()
      if (lacks.has('checkSvidSync')) {
        await fails(() => checkSvidSync(chain, { bundles }), 'ERR_SYNC_UNAVAILABLE', 'without node:crypto')
        return
      }
      accepted(checkSvidSync(chain, { bundles }), 'its own trust domain')
      refused(checkSvidSync(chain, { bundles: foreign }), 'ERR_SVID_NO_BUNDLE', 'another trust domain')
    },
  },
  {
    name: 'a bundle is written and read again',
    async run() {
      const { bundles } = await makeSvid()
      const again = SpiffeBundle.fromJson(DOMAIN, bundles.toJson())
      equal([again.sequence, again.refreshHint, again.skipped.length], [7n, 300, 0], 'what it says')
      ok(again.trustsSame(bundles), 'the same authorities')
      equal(again.digest(), bundles.digest(), 'the digest')
      const next = bundles.with({ x509Authorities: [] })
      equal(diffBundles(bundles, next).changes.length > 0, true, 'a difference')
    },
  },
  {
    name: 'a bundle that is none is refused',
    async run() {
      const read = (/** @type {string} */ text) => () => SpiffeBundle.fromJson(DOMAIN, text)
      await fails(read('{"spiffe_sequence":1}'), 'ERR_SPIFFE_BUNDLE', 'no keys')
      await fails(read('{"keys":[],"keys":[]}'), 'ERR_JSON_DUPLICATE_KEY', 'a member twice')
      await fails(read('{"keys":['), 'ERR_JSON_SYNTAX', 'half a document')
    },
  },
  {
    name: 'a JWT-SVID is accepted for its audience, and refused for another',
    async run() {
      const { bundles, token } = await makeJwt()
      accepted(await checkJwtSvid(token, { bundles, audience: AUDIENCE }), 'its audience')
      const other = await checkJwtSvid(token, { bundles, audience: 'others' })
      refused(other, 'ERR_JWT_SVID_AUDIENCE', 'another audience')
      const [header, , signature] = token.split('.')
      const claims = {
        sub: `spiffe://${DOMAIN}/admin`,
        aud: AUDIENCE,
        exp: Math.floor(Date.now() / 1000) + 60,
      }
      const forged = `${header}.${base64url.encode(JSON.stringify(claims))}.${signature}`
      refused(
        await checkJwtSvid(forged, { bundles, audience: AUDIENCE }),
        'ERR_JWT_SVID_SIGNATURE',
        'a forgery',
      )
    },
  },
  {
    name: 'federation follows an endpoint, and keeps the last good bundle',
    async run() {
      const { chain, bundles } = await makeSvid()
      const answers = [bundles.toJson(), '{}', bundles.with({ sequence: 3 }).toJson()]
      const clock = manualClock(new Date())
      const federation = new FederationClient({
        relationships: [{ trustDomain: DOMAIN, url: URL_OF_BUNDLE, profile: 'https_web' }],
        staleAfter: '1h',
        clock,
        fetch: async (url) => {
          equal(url, URL_OF_BUNDLE, 'the URL')
          return new Response(answers.shift())
        },
      })
      equal(await federation.refresh(DOMAIN), 'added', 'the first answer')
      await fails(() => federation.refresh(DOMAIN), 'ERR_FEDERATION_BUNDLE', 'an answer that is no bundle')
      await fails(() => federation.refresh(DOMAIN), 'ERR_FEDERATION_SEQUENCE', 'an older bundle')
      equal(federation.bundleFor(DOMAIN)?.sequence, 7n, 'what is held')
      accepted(await checkSvid(chain, { bundles: federation }), 'an SVID by it')
      clock.advance('61m')
      await fails(() => federation.bundleFor(DOMAIN), 'ERR_SPIFFE_BUNDLE_STALE', 'an hour later')
    },
  },
]
