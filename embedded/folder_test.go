package embedded_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/embedded"
)

// childFolder names the folder of a broker that a child process fills and dies
// with.
const childFolder = "TIDEMILL_TEST_BROKER_FOLDER"

// fillAndDie fills a broker in dir and kills its own process. It returns only if
// it fails.
func fillAndDie(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := embedded.Start(embedded.Folder(dir), embedded.Topic("t", 1))
	if err != nil {
		return err
	}
	if err := fill(ctx, b.Addrs()); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	return errors.Join(self.Kill(), <-make(chan error))
}

// fill writes two records in a committed transaction and one in a transaction
// that stays open, commits offset 1, and deletes the first record.
func fill(ctx context.Context, addrs []string) error {
	p, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.TransactionalID("txn"), kgo.DefaultProduceTopic("t"))
	if err != nil {
		return err
	}
	defer p.Close()
	admin := kadm.NewClient(p)
	offsets := make(kadm.Offsets)
	offsets.AddOffset("t", 0, 1, -1)
	for _, step := range []func() error{
		p.BeginTransaction,
		func() error { return p.ProduceSync(ctx, kgo.StringRecord("one")).FirstErr() },
		func() error { return p.ProduceSync(ctx, kgo.StringRecord("two")).FirstErr() },
		func() error { return p.EndTransaction(ctx, kgo.TryCommit) },
		p.BeginTransaction,
		func() error { return p.ProduceSync(ctx, kgo.StringRecord("open")).FirstErr() },
		func() error { return admin.CommitAllOffsets(ctx, "g", offsets) },
		func() error { _, err := admin.DeleteRecords(ctx, offsets); return err },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// state is what is left of what fill wrote.
type state struct {
	start     int64
	committed []string // what read_committed reads from the start
	offset    int64    // the group's
}

func readState(t *testing.T, addrs []string) state {
	t.Helper()
	cl := connect(t, addrs, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeTopics("t"), kgo.KeepControlRecords())
	admin := kadm.NewClient(cl)
	starts, err := admin.ListStartOffsets(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	offsets, err := admin.FetchOffsets(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	start, _ := starts.Lookup("t", 0)
	group, _ := offsets.Lookup("t", 0)
	s := state{start: start.Offset, offset: group.At}
	last := connect(t, addrs, kgo.DefaultProduceTopic("t"))
	if err := last.ProduceSync(t.Context(), kgo.StringRecord("end")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			switch {
			case string(r.Value) == "end":
				return s
			case !r.Attrs.IsControl():
				s.committed = append(s.committed, string(r.Value))
			}
		}
	}
}

func TestFolderOutlivesAKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "for", "it")
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := child.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("the child was to be killed, but: %v\n%s", err, out)
	}
	got := readState(t, start(t, embedded.Folder(dir), embedded.Topic("t", 5)).Addrs())
	// The log start of DeleteRecords is lost, as docs/embedded-broker.md says.
	if got.start != 0 || !slices.Equal(got.committed, []string{"one", "two"}) || got.offset != 1 {
		t.Errorf("after the kill: %+v, want start 0, one and two committed, offset 1", got)
	}
}

func TestFolderOutlivesAClose(t *testing.T) {
	dir := t.TempDir()
	b := start(t, embedded.Folder(dir), embedded.Topic("t", 1))
	if err := fill(t.Context(), b.Addrs()); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, embedded.Folder(dir), embedded.Topic("t", 5), embedded.Topic("new", 2))
	if counts := partitionCounts(t, again.Addrs()); counts["t"] != 1 || counts["new"] != 2 {
		t.Errorf("topics %v, want t as it was with 1 partition, and new with 2", counts)
	}
}

func TestFolderBelongsToOneBroker(t *testing.T) {
	dir := t.TempDir()
	b := start(t, embedded.Folder(dir))
	if _, err := embedded.Start(embedded.Folder(dir)); err == nil || !strings.Contains(err.Error(), "in use by another broker") {
		t.Errorf("a second broker in the folder gives %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.Folder(dir)) // free again
}

func TestFolderThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Start(embedded.Folder(filepath.Join(file, "below"))); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a folder below a file gives %v, want an error that names it", err)
	}
}
