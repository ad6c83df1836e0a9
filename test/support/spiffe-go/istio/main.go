// Answers what Istio's packages make of identities, principals and trust domains, and lets them make requests and
// certificates: one question per line in, one verdict per line out.
//
// A question that cannot be read ends the program. What Istio refuses is a verdict.
package main

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"istio.io/istio/pilot/pkg/security/trustdomain"
	"istio.io/istio/pkg/config/validation/agent"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/spiffe"
	"istio.io/istio/pkg/util/sets"
	"istio.io/istio/security/pkg/pki/util"
)

type question struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	// The mesh's trust domain, for principals.
	TrustDomain string `json:"trustDomain"`
	// Other names: aliases of the mesh, or whatever an identity is expanded with.
	Names []string `json:"names"`
	// PEM of what is signed, of who signs and of the key of that.
	CSR         string `json:"csr"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Seconds     int64  `json:"seconds"`
	IsCA        bool   `json:"isCA"`
}

type answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
	Value any    `json:"value"`
}

type identity struct {
	TrustDomain    string `json:"trustDomain"`
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
}

var kinds = map[string]func(*question) (any, error){
	"identity": func(asked *question) (any, error) {
		found, err := spiffe.ParseIdentity(asked.Text)
		return identity{found.TrustDomain, found.Namespace, found.ServiceAccount}, err
	},
	"expand-identity": func(asked *question) (any, error) {
		return sets.SortedList(spiffe.ExpandWithTrustDomains(sets.New(asked.Text), asked.Names)), nil
	},
	"expand-principal": func(asked *question) (any, error) {
		bundle := trustdomain.NewBundle(asked.TrustDomain, asked.Names)
		return bundle.ReplaceTrustDomainAliases([]string{asked.Text}), nil
	},
	// What the agent sends for a host.
	"request": func(asked *question) (any, error) {
		csr, _, err := util.GenCSR(util.CertOptions{Host: asked.Text, RSAKeySize: 2048})
		return string(csr), err
	},
	// The CA that istiod makes for itself.
	"root": func(asked *question) (any, error) {
		cert, key, err := util.GenCertKeyFromOptions(util.CertOptions{
			TTL: time.Duration(asked.Seconds) * time.Second, Org: asked.Text,
			IsCA: true, IsSelfSigned: true, RSAKeySize: 2048,
		})
		return authority{string(cert), string(key)}, err
	},
	"sign": sign,
	"trust-domain": func(asked *question) (any, error) {
		return nil, agent.ValidateTrustDomain(asked.Text)
	},
}

type authority struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// As the built-in CA does.
func sign(asked *question) (any, error) {
	csr, err := util.ParsePemEncodedCSR([]byte(asked.CSR))
	if err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, err
	}
	signer, err := util.ParsePemEncodedCertificate([]byte(asked.Certificate))
	if err != nil {
		return nil, err
	}
	key, err := util.ParsePemEncodedKey([]byte(asked.Key))
	if err != nil {
		return nil, err
	}
	lifetime := time.Duration(asked.Seconds) * time.Second
	der, err := util.GenCertFromCSR(csr, signer, csr.PublicKey, key, asked.Names, lifetime, asked.IsCA)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), err
}

func main() {
	// By default Istio logs to the standard output, where the answers go.
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
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
		var asked question
		if err := decoder.Decode(&asked); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return fmt.Errorf("question %d: %w", number, err)
		}
		judge, known := kinds[asked.Kind]
		if !known {
			return fmt.Errorf("question %d: unknown kind %q", number, asked.Kind)
		}
		value, err := judge(&asked)
		verdict := answer{OK: true, Value: value}
		if err != nil {
			verdict = answer{Error: err.Error()}
		}
		if err := encoder.Encode(verdict); err != nil {
			return err
		}
	}
}
