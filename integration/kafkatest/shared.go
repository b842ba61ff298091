package kafkatest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the broker that the tests of one binary share, once one asked.
var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// Run returns the broker that all tests of the binary share and starts it for
// the first. The test fails if it cannot be started. The binary's TestMain must
// call [Main], which stops it.
func Run(t testing.TB) *Cluster {
	t.Helper()
	shared.once.Do(func() { shared.cluster, shared.err = Start(context.Background()) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// Main runs the tests, stops the shared broker and ends the process.
func Main(m *testing.M) {
	status := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = max(status, 1)
		}
	}
	os.Exit(status)
}
