// Measures crypto/x509 on the jobs of the bench: a question as JSON in, figures as JSON out.
//
// The clock is the CPU time of the process, all threads counted, as on the other side.
package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

const (
	slicesPerJob = 7
	warmUp       = 500 * time.Millisecond
)

type question struct {
	Leaf         []byte    `json:"leaf"`
	Intermediate []byte    `json:"intermediate"`
	Root         []byte    `json:"root"`
	Bundle       string    `json:"bundle"`
	Time         time.Time `json:"time"`
	// CPU seconds of all slices of a job together.
	Seconds float64 `json:"seconds"`
}

type figures struct {
	Version      string             `json:"version"`
	Micros       map[string]float64 `json:"micros"`
	RefusedRoots int                `json:"refusedRoots"`
}

// What a job produced, kept where the compiler cannot prove that nobody reads it.
var sink any

func main() {
	// The collector stays on: what a job allocates is part of its cost.
	runtime.GOMAXPROCS(1)
	answer, err := run()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() (*figures, error) {
	var asked question
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return nil, fmt.Errorf("question: %w", err)
	}
	// A zero time would mean the present to Verify.
	if asked.Seconds <= 0 || asked.Time.IsZero() {
		return nil, errors.New("question: seconds and time are needed")
	}
	accepted, refused := readBundle([]byte(asked.Bundle))
	if len(accepted) == 0 {
		return nil, errors.New("question: no certificate in the bundle")
	}
	warm, err := poolsOf(&asked)
	if err != nil {
		return nil, err
	}
	bundle := []byte(asked.Bundle)
	jobs := []struct {
		name string
		run  func() error
	}{
		{"read-leaf", func() error { return readLeaf(asked.Leaf) }},
		{"verify-warm", func() error { return verify(asked.Leaf, warm) }},
		{"verify-cold", func() error {
			cold, err := poolsOf(&asked)
			if err != nil {
				return err
			}
			return verify(asked.Leaf, cold)
		}},
		{"pem-bundle", func() error {
			sink, _ = readBundle(bundle)
			return nil
		}},
	}
	answer := &figures{Version: runtime.Version(), Micros: map[string]float64{}, RefusedRoots: refused}
	for _, job := range jobs {
		micros, err := measure(job.run, time.Duration(asked.Seconds*float64(time.Second)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", job.name, err)
		}
		answer.Micros[job.name] = micros
	}
	return answer, nil
}

// readLeaf reads what a caller of a leaf asks for.
func readLeaf(der []byte) error {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	uris := make([]string, len(leaf.URIs))
	for i, uri := range leaf.URIs {
		uris[i] = uri.String()
	}
	sink = struct {
		subject             string
		uris                []string
		notBefore, notAfter time.Time
		keyUsage            x509.KeyUsage
	}{leaf.Subject.String(), uris, leaf.NotBefore, leaf.NotAfter, leaf.KeyUsage}
	return nil
}

// poolsOf parses the root and the intermediate and makes the options of a verification.
func poolsOf(asked *question) (x509.VerifyOptions, error) {
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   asked.Time,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	root, err := x509.ParseCertificate(asked.Root)
	if err != nil {
		return options, fmt.Errorf("root: %w", err)
	}
	intermediate, err := x509.ParseCertificate(asked.Intermediate)
	if err != nil {
		return options, fmt.Errorf("intermediate: %w", err)
	}
	options.Roots.AddCert(root)
	options.Intermediates.AddCert(intermediate)
	return options, nil
}

func verify(der []byte, options x509.VerifyOptions) error {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	sink, err = leaf.Verify(options)
	return err
}

// readBundle parses every PEM block and counts those that Go refuses.
func readBundle(text []byte) (accepted []*x509.Certificate, refused int) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return accepted, refused
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			refused++
			continue
		}
		accepted = append(accepted, certificate)
	}
}

// measure gives the CPU microseconds of one operation, the median over the slices.
func measure(operation func() error, total time.Duration) (float64, error) {
	// What the job before left behind is not this one's to collect.
	runtime.GC()
	perOperation, err := warm(operation)
	if err != nil {
		return 0, err
	}
	count := max(1, int(total.Seconds()/slicesPerJob/perOperation.Seconds()))
	micros := make([]float64, slicesPerJob)
	for i := range micros {
		spent, err := repeat(operation, count)
		if err != nil {
			return 0, err
		}
		micros[i] = float64(spent.Nanoseconds()) / 1000 / float64(count)
	}
	slices.Sort(micros)
	return micros[slicesPerJob/2], nil
}

// warm runs an operation until the warm-up is over; it gives its cost in the last and largest batch.
func warm(operation func() error) (time.Duration, error) {
	var total time.Duration
	for count := 1; ; count *= 2 {
		spent, err := repeat(operation, count)
		if err != nil {
			return 0, err
		}
		if total += spent; total >= warmUp {
			return max(1, spent/time.Duration(count)), nil
		}
	}
}

func repeat(operation func() error, count int) (time.Duration, error) {
	start, err := cpuTime()
	if err != nil {
		return 0, err
	}
	for range count {
		if err := operation(); err != nil {
			return 0, err
		}
	}
	end, err := cpuTime()
	return end - start, err
}

// cpuTime is the user and system time of all threads of this process.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
