// Package secure makes what a client needs to connect to servers that are not open to
// all, from what a person wrote in flags or in a file.
package secure

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Files are the PEM files of a TLS connection. CA has the authorities to trust instead of
// the system's, Cert the client's certificate and Key its key. Each may be missing.
type Files struct{ CA, Cert, Key string }

// None says that there are no files.
func (f Files) None() bool { return f == Files{} }

// Config reads the files. Errors name them as prefix and ca, cert or key.
func (f Files) Config(prefix string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("%sca: %w", prefix, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%sca: %s has no certificate in PEM", prefix, f.CA)
		}
	}
	if f.Cert == "" && f.Key == "" {
		return config, nil
	}
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("%[1]scert and %[1]skey: %w", prefix, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// Mechanism is a way to log in to Kafka by its name.
func Mechanism(name, user, password string) (sasl.Mechanism, error) {
	switch name {
	case "plain":
		return plain.Auth{User: user, Pass: password}.AsMechanism(), nil
	case "scram-sha-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism(), nil
	case "scram-sha-512":
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("%q: choose plain, scram-sha-256 or scram-sha-512", name)
}
