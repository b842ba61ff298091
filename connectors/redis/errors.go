package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
)

// passing are the answers of a Redis that may take the same some time later.
var passing = []string{
	"LOADING", "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "MASTERDOWN", "OOM", "MISCONF", "NOREPLICAS", "BUSY", "ERR max number of clients",
}

// classify marks errors that pass. All that is no answer of Redis does: the connection
// broke, or time was up. A certificate that is not trusted stays so.
func classify(err error) error {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fmt.Errorf("redis: %w", err)
	}
	var answer redis.Error
	if !errors.As(err, &answer) {
		return connectors.Unavailable(fmt.Errorf("redis: %w", err))
	}
	for _, p := range passing {
		if strings.HasPrefix(answer.Error(), p) {
			return connectors.Unavailable(fmt.Errorf("redis: %w", err))
		}
	}
	return fmt.Errorf("redis: %w", err)
}
