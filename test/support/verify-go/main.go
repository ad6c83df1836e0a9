// Answers whether crypto/x509 accepts a path: one question per line in, one verdict per line out.
//
// A question that cannot be read ends the program. A certificate that Go refuses is a verdict.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

type question struct {
	Leaf          []byte    `json:"leaf"`
	Intermediates [][]byte  `json:"intermediates"`
	Roots         [][]byte  `json:"roots"`
	Time          time.Time `json:"time"`
	DNS           *string   `json:"dns"`
	Usage         string    `json:"usage"`
}

type answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

var usages = map[string]x509.ExtKeyUsage{
	"serverAuth": x509.ExtKeyUsageServerAuth,
	"clientAuth": x509.ExtKeyUsageClientAuth,
	"any":        x509.ExtKeyUsageAny,
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
		var asked question
		if err := decoder.Decode(&asked); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return fmt.Errorf("question %d: %w", number, err)
		}
		usage, known := usages[asked.Usage]
		// A zero time would mean the present to Verify.
		if !known || asked.Time.IsZero() {
			return fmt.Errorf("question %d: a known usage and a time are needed", number)
		}
		verdict := answer{OK: true}
		if err := verify(&asked, usage); err != nil {
			verdict = answer{Error: err.Error()}
		}
		if err := encoder.Encode(verdict); err != nil {
			return err
		}
	}
}

func verify(asked *question, usage x509.ExtKeyUsage) error {
	leaf, err := x509.ParseCertificate(asked.Leaf)
	if err != nil {
		return fmt.Errorf("leaf: %w", err)
	}
	// Never nil: without a pool Verify would ask the system.
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	for i, der := range asked.Roots {
		root, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("root %d: %w", i, err)
		}
		roots.AddCert(root)
	}
	for _, der := range asked.Intermediates {
		// Strangers may send anything here, so what Go cannot read only does not help.
		if intermediate, err := x509.ParseCertificate(der); err == nil {
			intermediates.AddCert(intermediate)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: intermediates,
		CurrentTime:   asked.Time,
		KeyUsages:     []x509.ExtKeyUsage{usage},
	}); err != nil {
		return err
	}
	if asked.DNS == nil {
		return nil
	}
	// Not by DNSName of the options, which takes an empty name for none.
	return leaf.VerifyHostname(*asked.DNS)
}
