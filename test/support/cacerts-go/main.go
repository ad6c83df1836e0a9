// Answers what istiod would say of the files of its plug-in CA: one set of files per line in, one verdict per line out.
//
// The steps are those of istiod's key and certificate bundle, put together anew from the description of what it checks,
// over the same functions of Go's standard library.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"time"
)

// files is what is mounted in istiod. A missing CRL file is null.
type files struct {
	Signer  []byte    `json:"signer"`
	Key     []byte    `json:"key"`
	Chain   []byte    `json:"chain"`
	Roots   []byte    `json:"roots"`
	CRLs    *[]byte   `json:"crls"`
	Time    time.Time `json:"time"`
	Startup bool      `json:"startup"`
}

// verdict has step 0 where the files are taken.
type verdict struct {
	Step    int    `json:"step"`
	Message string `json:"message"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(bufio.NewReader(in))
	decoder.DisallowUnknownFields()
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	for number := 1; ; number++ {
		var asked files
		if err := decoder.Decode(&asked); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return fmt.Errorf("set %d: %w", number, err)
		}
		// A zero time would mean the present to Verify.
		if asked.Time.IsZero() {
			return fmt.Errorf("set %d: a time is needed", number)
		}
		step, err := judge(&asked)
		answer := verdict{Step: step}
		if err != nil {
			answer.Message = err.Error()
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
}

func judge(f *files) (int, error) {
	roots, above := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(f.Roots)
	above.AppendCertsFromPEM(f.Chain)
	signer, err := firstCertificate(f.Signer)
	if err != nil {
		return 1, fmt.Errorf("failed to parse cert PEM: %v", err)
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: above, CurrentTime: f.Time}
	if chains, err := signer.Verify(options); err != nil || len(chains) == 0 {
		return 2, fmt.Errorf("cannot verify the cert with the provided root chain and cert pool with error: %v", err)
	}
	if err := parseKey(f.Key); err != nil {
		return 3, fmt.Errorf("failed to parse private key PEM: %v", err)
	}
	if _, err := tls.X509KeyPair(f.Signer, f.Key); err != nil {
		return 4, fmt.Errorf("the cert does not match the key: %v", err)
	}
	if f.CRLs != nil && len(*f.CRLs) != 0 {
		if err := coverChain(f.Chain, *f.CRLs); err != nil {
			return 5, err
		}
	}
	if !f.Startup {
		return 0, nil
	}
	if !signer.IsCA {
		return 6, errors.New("certificate is not authorized to sign other certificates")
	}
	if err := outlive(f.Chain, f.Time); err != nil {
		return 6, err
	}
	return 0, nil
}

// firstCertificate takes the first block for a certificate, whatever its label says.
func firstCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("invalid PEM encoded certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("failed to parse X.509 certificate")
	}
	return certificate, nil
}

func parseKey(text []byte) error {
	block, _ := pem.Decode(text)
	if block == nil {
		return errors.New("invalid PEM-encoded key")
	}
	parsers := map[string]struct {
		name  string
		parse func([]byte) error
	}{
		"EC PRIVATE KEY":  {"ECDSA", func(der []byte) error { _, err := x509.ParseECPrivateKey(der); return err }},
		"RSA PRIVATE KEY": {"RSA", func(der []byte) error { _, err := x509.ParsePKCS1PrivateKey(der); return err }},
		"PRIVATE KEY":     {"PKCS8", func(der []byte) error { _, err := x509.ParsePKCS8PrivateKey(der); return err }},
	}
	known, ok := parsers[block.Type]
	if !ok {
		return fmt.Errorf("unsupported PEM block type for a private key: %s", block.Type)
	}
	if known.parse(block.Bytes) != nil {
		return fmt.Errorf("failed to parse the %s private key", known.name)
	}
	return nil
}

// coverChain wants a list of each certificate of the chain; those with one subject count as one, the last of them.
func coverChain(chain, lists []byte) error {
	open := map[string]*x509.Certificate{}
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("failed to parse cert chain: %w", err)
		}
		open[certificate.Subject.String()] = certificate
	}
	var parsed []*x509.RevocationList
	for block, rest := pem.Decode(lists); block != nil; block, rest = pem.Decode(rest) {
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return fmt.Errorf("failed to parse CRL PEM: %w", err)
		}
		parsed = append(parsed, list)
	}
	for _, list := range parsed {
		for subject, certificate := range open {
			if list.CheckSignatureFrom(certificate) == nil {
				delete(open, subject)
			}
		}
	}
	if len(open) == 0 {
		return nil
	}
	names := make([]string, 0, len(open))
	for subject := range open {
		names = append(names, subject)
	}
	// istiod leaves the order to chance.
	sort.Strings(names)
	return fmt.Errorf("missing CRL signed by certificates: %v", names)
}

func outlive(chain []byte, now time.Time) error {
	if len(chain) == 0 {
		return nil
	}
	first, err := firstCertificate(chain)
	if err != nil {
		return fmt.Errorf("failed to get cert chain TTL failed to extract cert expiration timestamp: failed to parse the cert: %v", err)
	}
	if !first.NotAfter.After(now) {
		return errors.New("cert chain has expired")
	}
	return nil
}
