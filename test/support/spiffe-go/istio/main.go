// Answers what Istio's packages make of identities, principals and trust domains: one question per line in,
// one verdict per line out.
//
// A question that cannot be read ends the program. What Istio refuses is a verdict.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"istio.io/istio/pilot/pkg/security/trustdomain"
	"istio.io/istio/pkg/config/validation/agent"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/spiffe"
	"istio.io/istio/pkg/util/sets"
)

type question struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	// The mesh's trust domain, for principals.
	TrustDomain string `json:"trustDomain"`
	// Other names: aliases of the mesh, or whatever an identity is expanded with.
	Names []string `json:"names"`
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
	"trust-domain": func(asked *question) (any, error) {
		return nil, agent.ValidateTrustDomain(asked.Text)
	},
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
