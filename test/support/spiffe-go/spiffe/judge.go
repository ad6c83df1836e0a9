package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

type contents struct {
	// SHA-256 of each certificate, hex.
	X509 []string `json:"x509"`
	// SHA-256 of each key's SubjectPublicKeyInfo, hex, by its identifier.
	JWT map[string]string `json:"jwt"`
	// As text: it may be larger than a number of JavaScript.
	Sequence    *string  `json:"sequence"`
	RefreshHint *float64 `json:"refreshHint"`
}

func readBundle(asked *question) (any, error) {
	bundle, err := parseBundle(asked.TrustDomain, asked.Document)
	if err != nil {
		return nil, err
	}
	found := contents{X509: []string{}, JWT: map[string]string{}}
	for _, authority := range bundle.X509Authorities() {
		found.X509 = append(found.X509, fingerprint(authority.Raw))
	}
	for keyID, key := range bundle.JWTAuthorities() {
		found.JWT[keyID] = "no public key"
		if spki, err := x509.MarshalPKIXPublicKey(key); err == nil {
			found.JWT[keyID] = fingerprint(spki)
		}
	}
	if sequence, present := bundle.SequenceNumber(); present {
		text := strconv.FormatUint(sequence, 10)
		found.Sequence = &text
	}
	if hint, present := bundle.RefreshHint(); present {
		seconds := hint.Seconds()
		found.RefreshHint = &seconds
	}
	return found, nil
}

func fingerprint(der []byte) string {
	digest := sha256.Sum256(der)
	return hex.EncodeToString(digest[:])
}

func verifySvid(asked *question) (any, error) {
	// A zero time would mean the present.
	if asked.Time.IsZero() {
		return nil, fmt.Errorf("%w: no time", errQuestion)
	}
	bundles, err := readBundles(asked)
	if err != nil {
		return nil, err
	}
	id, _, err := x509svid.ParseAndVerify(asked.Chain, bundles, x509svid.WithTime(asked.Time))
	return id.String(), err
}

type token struct {
	ID       string   `json:"id"`
	Audience []string `json:"audience"`
	Expiry   int64    `json:"expiry"`
}

func verifyToken(asked *question) (any, error) {
	// Without one the audience would not be looked at.
	if len(asked.Audience) == 0 {
		return nil, fmt.Errorf("%w: no audience", errQuestion)
	}
	bundles, err := readBundles(asked)
	if err != nil {
		return nil, err
	}
	svid, err := jwtsvid.ParseAndValidate(asked.Token, bundles, asked.Audience)
	if err != nil {
		return nil, err
	}
	return token{svid.ID.String(), svid.Audience, svid.Expiry.Unix()}, nil
}

func readBundles(asked *question) (*spiffebundle.Set, error) {
	bundles := spiffebundle.NewSet()
	for name, document := range asked.Documents {
		bundle, err := parseBundle(name, document)
		if err != nil {
			return nil, fmt.Errorf("bundle of %s: %w", name, err)
		}
		bundles.Add(bundle)
	}
	for name, authorities := range asked.Authorities {
		trustDomain, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return nil, err
		}
		bundle := spiffebundle.New(trustDomain)
		for i, der := range authorities {
			authority, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, fmt.Errorf("bundle of %s: authority %d: %w", name, i, err)
			}
			bundle.AddX509Authority(authority)
		}
		bundles.Add(bundle)
	}
	return bundles, nil
}

func parseBundle(name string, document []byte) (*spiffebundle.Bundle, error) {
	trustDomain, err := spiffeid.TrustDomainFromString(name)
	if err != nil {
		return nil, err
	}
	return spiffebundle.Parse(trustDomain, document)
}
