package cli

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// passwordVariable is where the password comes from: arguments can be seen by others.
const passwordVariable = "TIDEMILL_PASSWORD"

// security is how to connect to a cluster that is not open to all.
type security struct {
	tls           bool
	ca, cert, key string
	mechanism     string
	user          string
}

func (s *security) flags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.BoolVar(&s.tls, "tls", false, "connect with TLS")
	f.StringVar(&s.ca, "ca", "", "with --tls: PEM `file` of the authorities to trust instead of the system's")
	f.StringVar(&s.cert, "cert", "", "with --tls: PEM `file` of the client's certificate")
	f.StringVar(&s.key, "key", "", "with --cert: PEM `file` of its key")
	f.StringVar(&s.mechanism, "sasl", "", "log in by `mechanism`: plain, scram-sha-256 or scram-sha-512; the password is in "+passwordVariable)
	f.StringVar(&s.user, "user", "", "with --sasl: the `name` to log in as")
}

func (s *security) options() (opts []kgo.Opt, err error) {
	if !s.tls && (s.ca != "" || s.cert != "" || s.key != "") {
		return nil, fmt.Errorf("--ca, --cert and --key need --tls")
	}
	if s.tls {
		config, err := s.config()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	password := os.Getenv(passwordVariable)
	if s.mechanism != "" && (s.user == "" || password == "") {
		return nil, fmt.Errorf("--sasl needs --user, and a password in %s", passwordVariable)
	}
	switch s.mechanism {
	case "":
	case "plain":
		opts = append(opts, kgo.SASL(plain.Auth{User: s.user, Pass: password}.AsMechanism()))
	case "scram-sha-256":
		opts = append(opts, kgo.SASL(scram.Auth{User: s.user, Pass: password}.AsSha256Mechanism()))
	case "scram-sha-512":
		opts = append(opts, kgo.SASL(scram.Auth{User: s.user, Pass: password}.AsSha512Mechanism()))
	default:
		return nil, fmt.Errorf("--sasl %q: give plain, scram-sha-256 or scram-sha-512", s.mechanism)
	}
	return opts, nil
}

func (s *security) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.ca != "" {
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca: %s has no certificate in PEM", s.ca)
		}
	}
	if s.cert == "" && s.key == "" {
		return config, nil
	}
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, fmt.Errorf("--cert and --key: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
