package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/connectors/secure"
)

// passwordVariable is where the password comes from: arguments can be seen by others.
const passwordVariable = "TIDEMILL_PASSWORD"

// security is how to connect to a cluster that is not open to all.
type security struct {
	tls       bool
	files     secure.Files
	mechanism string
	user      string
}

func (s *security) flags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.BoolVar(&s.tls, "tls", false, "connect with TLS")
	f.StringVar(&s.files.CA, "ca", "", "with --tls: PEM `file` of the authorities to trust instead of the system's")
	f.StringVar(&s.files.Cert, "cert", "", "with --tls: PEM `file` of the client's certificate")
	f.StringVar(&s.files.Key, "key", "", "with --cert: PEM `file` of its key")
	f.StringVar(&s.mechanism, "sasl", "", "log in by `mechanism`: plain, scram-sha-256 or scram-sha-512; the password is in "+passwordVariable)
	f.StringVar(&s.user, "user", "", "with --sasl: the `name` to log in as")
}

func (s *security) options() (opts []kgo.Opt, err error) {
	if !s.tls && !s.files.None() {
		return nil, fmt.Errorf("--ca, --cert and --key need --tls")
	}
	if s.tls {
		config, err := s.files.Config("--")
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if s.mechanism == "" {
		return opts, nil
	}
	password := os.Getenv(passwordVariable)
	if s.user == "" || password == "" {
		return nil, fmt.Errorf("--sasl needs --user, and a password in %s", passwordVariable)
	}
	mechanism, err := secure.Mechanism(s.mechanism, s.user, password)
	if err != nil {
		return nil, fmt.Errorf("--sasl: %w", err)
	}
	return append(opts, kgo.SASL(mechanism)), nil
}
