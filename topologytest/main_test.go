package topologytest_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	work()
	goleak.VerifyTestMain(m)
}
