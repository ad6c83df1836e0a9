// Answers what go-spiffe makes of identities, bundles, X509-SVIDs and JWT-SVIDs: one question per line in, one
// verdict per line out.
//
// A question that cannot be read ends the program. What go-spiffe refuses is a verdict.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

type question struct {
	Kind string `json:"kind"`
	// id, trust-domain
	Text string `json:"text"`
	// bundle
	TrustDomain string `json:"trustDomain"`
	Document    []byte `json:"document"`
	// svid, token: what is trusted, by trust domain, as documents or as certificates that were read already.
	Documents   map[string][]byte   `json:"documents"`
	Authorities map[string][][]byte `json:"authorities"`
	// svid
	Chain [][]byte  `json:"chain"`
	Time  time.Time `json:"time"`
	// token
	Token    string   `json:"token"`
	Audience []string `json:"audience"`
}

type answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
	Value any    `json:"value"`
}

// A question that makes no sense, in contrast to one that go-spiffe answers with an error.
var errQuestion = errors.New("not a question")

var kinds = map[string]func(*question) (any, error){
	"id":           readID,
	"trust-domain": readTrustDomain,
	"bundle":       readBundle,
	"svid":         verifySvid,
	"token":        verifyToken,
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
		judge, known := kinds[asked.Kind]
		if !known {
			return fmt.Errorf("question %d: unknown kind %q", number, asked.Kind)
		}
		value, err := judge(&asked)
		if errors.Is(err, errQuestion) {
			return fmt.Errorf("question %d: %w", number, err)
		}
		verdict := answer{OK: true, Value: value}
		if err != nil {
			verdict = answer{Error: err.Error()}
		}
		if err := encoder.Encode(verdict); err != nil {
			return err
		}
	}
}

type identity struct {
	Text        string `json:"text"`
	TrustDomain string `json:"trustDomain"`
	Path        string `json:"path"`
}

func readID(asked *question) (any, error) {
	id, err := spiffeid.FromString(asked.Text)
	if err != nil {
		return nil, err
	}
	return identity{id.String(), id.TrustDomain().Name(), id.Path()}, nil
}

func readTrustDomain(asked *question) (any, error) {
	trustDomain, err := spiffeid.TrustDomainFromString(asked.Text)
	return trustDomain.Name(), err
}
