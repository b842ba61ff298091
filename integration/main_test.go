//go:build integration

package integration

import (
	"os"
	"testing"

	"github.com/tidemill/tidemill/integration/kafkatest"
)

func TestMain(m *testing.M) {
	if given := os.Getenv(childVariable); given != "" {
		os.Exit(childMain(given))
	}
	kafkatest.Main(m)
}
