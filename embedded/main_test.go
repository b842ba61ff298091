package embedded_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		fmt.Fprintln(os.Stderr, fillAndDie(dir))
		os.Exit(1)
	}
	status := m.Run()
	if left := brokerGoroutines(); left != "" && status == 0 {
		fmt.Fprintln(os.Stderr, "a closed broker left goroutines behind:\n"+left)
		status = 1
	}
	os.Exit(status)
}

// brokerGoroutines returns the stacks of the broker's goroutines that have not
// ended a while after the tests.
func brokerGoroutines() string {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		var left []string
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(stack, "/kfake.") {
				left = append(left, stack)
			}
		}
		if left == nil {
			return ""
		}
		select {
		case <-tick.C:
		case <-deadline:
			return strings.Join(left, "\n\n")
		}
	}
}
