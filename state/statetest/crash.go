package statetest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/state"
)

// The environment of a process that is to be killed: the directory of its
// backend and the seed of its journal.
const (
	crashDirEnv  = "STATETEST_CRASH_DIR"
	crashSeedEnv = "STATETEST_CRASH_SEED"
)

// A process that is to be killed reports what it did in lines of these formats.
const (
	committedLine = "statetest committed %d\n"
	flushedLine   = "statetest flushed %d\n"
)

// flushEvery is the number of batches between calls of Flush. Backends with
// small buffers write to disk in between, too.
const flushEvery = 1500

// killRounds has one process after the other continue the journal in the same
// directory, kills each at a random time, and checks what it left. test is the
// name of the test that called RunDurable.
func killRounds(t *testing.T, test string, open func(t *testing.T, dir string) state.Backend) {
	seed, dir := newSeed(t), t.TempDir()
	r := rand.New(rand.NewPCG(seed, 1))
	previous := uint64(0)
	for round := range 5 {
		flushed, committed := killAfter(t, test, dir, seed, 1+r.IntN(3*flushEvery))
		b := open(t, dir)
		n := Journal{seed}.Check(t, b)
		t.Logf("round %d: flushed %d, committed %d, survived %d", round, flushed, committed, n)
		if n < max(flushed, previous) || n > committed+1 {
			t.Errorf("round %d: %d batches survived of %d that were committed, %d flushed before and %d in the round", round, n, committed, previous, flushed)
		}
		closeBackend(t, b)
		if t.Failed() {
			return
		}
		previous = n
	}
}

// killAfter starts a process that runs commitUntilKilled, kills it when it has
// reported a number of lines, and returns the last batches that it reported.
func killAfter(t *testing.T, test, dir string, seed uint64, lines int) (flushed, committed uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run="+exactly(test), "-test.count=1")
	cmd.Env = append(os.Environ(), crashDirEnv+"="+dir, crashSeedEnv+"="+strconv.FormatUint(seed, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var other []string
	for in := bufio.NewScanner(out); in.Scan(); {
		line := in.Text() + "\n"
		if _, err := fmt.Sscanf(line, flushedLine, &flushed); err == nil {
			lines--
		} else if _, err := fmt.Sscanf(line, committedLine, &committed); err == nil {
			lines--
		} else {
			other = append(other, line)
		}
		if lines == 0 {
			_ = cmd.Process.Kill() // what it wrote before is read to its end
		}
	}
	_ = cmd.Wait()
	if lines > 0 {
		t.Fatalf("the process ended by itself: %s\n%s", cmd.ProcessState, strings.Join(other, ""))
	}
	return flushed, committed
}

// exactly returns the pattern for -test.run that matches one test.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// commitUntilKilled continues the journal that it finds in dir without end.
func commitUntilKilled(t *testing.T, open func(t *testing.T, dir string) state.Backend, dir string) {
	seed, err := strconv.ParseUint(os.Getenv(crashSeedEnv), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	b, j := open(t, dir), Journal{seed}
	for n := j.Check(t, b) + 1; !t.Failed(); n++ {
		if err := j.Commit(b, n); err != nil {
			t.Fatal(err)
		}
		fmt.Printf(committedLine, n)
		if n%flushEvery == 0 {
			if err := b.Flush(); err != nil {
				t.Fatal(err)
			}
			fmt.Printf(flushedLine, n)
		}
	}
}
