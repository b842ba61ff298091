package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// row finds a row of the summary and returns its numbers.
func row(t *testing.T, out, name string) (want, got, missing, extra int) {
	t.Helper()
	_, after, ok := strings.Cut(out, "\n"+name+" ")
	if !ok {
		t.Fatalf("the summary has no row %q:\n%s", name, out)
	}
	if _, err := fmt.Sscan(after, &want, &got, &missing, &extra); err != nil {
		t.Fatal(err)
	}
	return want, got, missing, extra
}

func TestTheWholeProgramLosesNothingAndRepeatsNothing(t *testing.T) {
	state := t.TempDir()
	for name, args := range map[string][]string{
		"exactly once":  {},
		"at least once": {"--at-least-once", "--partitions", "3", "--seed", "5"},
		"on disk":       {"--state", filepath.Join(state, "one"), "--partitions", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KAFKA_BROKERS", "")
			var out bytes.Buffer
			if err := run(t.Context(), append(args, "--events", "2000"), &out); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			for topic, least := range map[string]int{
				"events in threats.raw": 2000, "in threats.high-priority": 500,
				"closed windows in threats.counts": 20, "in threats.alerts": 4,
			} {
				want, got, missing, extra := row(t, out.String(), topic)
				if want < least || got != want || missing != 0 || extra != 0 {
					t.Errorf("%s: %d expected (at least %d), %d there, %d missing, %d too many", topic, want, least, got, missing, extra)
				}
			}
			if strings.Contains(out.String(), "\x1b") {
				t.Error("there are escape sequences in what is no terminal")
			}
		})
	}
}

func TestASecondRunOnTheSameTopicsStartsBehindTheFirst(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	dir := t.TempDir()
	for range 2 {
		var out bytes.Buffer
		if err := run(t.Context(), []string{"--events", "1000", "--state", dir}, &out); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
	}
}

// onText calls a function when a text is written.
type onText struct {
	bytes.Buffer
	text string
	call func()
}

func (w *onText) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.text) {
		w.call()
	}
	return w.Buffer.Write(p)
}

func TestAnInterruptEndsTheProgramCleanly(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := onText{text: "closed", call: interrupt}
	if err := run(ctx, []string{"--events", "1000000", "--threshold", "1000000"}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "stopped: ") {
		t.Errorf("the program does not say that it was stopped:\n%s", out.String())
	}
}

func TestBadFlagsAreAllReported(t *testing.T) {
	err := run(t.Context(), []string{"--events", "-1", "--rate", "-2", "--threshold", "-3", "--partitions", "0", "now"}, &bytes.Buffer{})
	for _, name := range []string{"--events", "--rate", "--threshold", "--partitions", `"now"`} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not mention %s: %v", name, err)
		}
	}
}

func TestTheSummaryTellsWhatIsMissingAndWhatIsTooMuch(t *testing.T) {
	e := newExpectation()
	for _, one := range made(1, 1000) {
		e.add(one)
	}
	want, got := e.results(100), e.results(100)
	got.high = lines{}
	for line := range want.high {
		got.high[line] = 1
	}
	for line := range want.high { // one is lost and another one there twice
		delete(got.high, line)
		break
	}
	for line := range got.high {
		got.high[line]++
		break
	}
	var out bytes.Buffer
	if err := summarize(&out, want, got); !errors.Is(err, errDiffers) {
		t.Fatalf("got error %v, want %v", err, errDiffers)
	}
	n, have, missing, extra := row(t, out.String(), "in threats.high-priority")
	if n != have || missing != 1 || extra != 1 {
		t.Errorf("%d expected, %d there, %d missing, %d too many; want equal totals, 1 and 1", n, have, missing, extra)
	}
}
