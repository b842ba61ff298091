package pebble

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tidemill/tidemill/state/statetest"
)

func openTest(t testing.TB, files vfs.FS, opts ...Option) *Backend {
	t.Helper()
	c, err := newConfig(append([]Option{WriteBufferSize(256 << 10), Logger(slog.New(slog.DiscardHandler))}, opts...))
	if err != nil {
		t.Fatal(err)
	}
	b, err := openIn(files, "state", c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newMem(t testing.TB) *vfs.MemFS {
	t.Helper()
	mem := vfs.NewCrashableMem()
	if err := mem.MkdirAll("state", 0o755); err != nil {
		t.Fatal(err)
	}
	return mem
}

// TestPowerLossLeavesAPrefix is stricter than the death of a process: of what
// was written but not synced, a random part is lost.
func TestPowerLossLeavesAPrefix(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	j, mem := statetest.Journal{Seed: seed}, newMem(t)
	b := openTest(t, mem)
	survived := map[uint64]bool{}
	for n, flushed := uint64(1), uint64(0); n <= 4000; n++ {
		if err := j.Commit(b, n); err != nil {
			t.Fatal(err)
		}
		if r.IntN(1000) == 0 {
			if err := b.Flush(); err != nil {
				t.Fatal(err)
			}
			flushed = n
		}
		if r.IntN(150) != 0 && n != flushed {
			continue
		}
		after := openTest(t, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r}))
		got := j.Check(t, after)
		if got < flushed || got > n {
			t.Fatalf("%d batches survived of %d, %d were flushed", got, n, flushed)
		}
		survived[got] = true
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if len(survived) < 5 {
		t.Errorf("the crashes left %d different prefixes: too few to show anything", len(survived))
	}
}

// diskFull makes writes to tables fail while full is set.
type diskFull struct{ full atomic.Bool }

func (d *diskFull) String() string { return "disk full" }

func (d *diskFull) MaybeError(op errorfs.Op) error {
	if d.full.Load() && strings.HasSuffix(op.Path, ".sst") && op.Kind == errorfs.OpFileWrite {
		return syscall.ENOSPC
	}
	return nil
}

func TestAFullDiskFailsCommitsUntilThereIsSpace(t *testing.T) {
	disk := &diskFull{}
	j := statetest.Journal{Seed: 1}
	b := openTest(t, errorfs.Wrap(newMem(t), disk))
	if err := j.Commit(b, 1); err != nil {
		t.Fatal(err)
	}
	disk.full.Store(true)
	if err := b.Flush(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Flush on a full disk: error %v; want ENOSPC", err)
	}
	if err := j.Commit(b, 2); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Commit on a full disk: error %v; want ENOSPC", err)
	}
	if n := j.Check(t, b); n != 1 {
		t.Errorf("the backend holds %d batches; want 1", n)
	}
	b.health.mu.Lock()
	recovered := b.health.recovered
	b.health.mu.Unlock()
	disk.full.Store(false)
	<-recovered
	if err := errors.Join(j.Commit(b, 2), b.Flush()); err != nil {
		t.Errorf("after there was space: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestCloseOnAFullDiskReturns(t *testing.T) {
	disk := &diskFull{}
	mem := newMem(t)
	b := openTest(t, errorfs.Wrap(mem, disk))
	j := statetest.Journal{Seed: 1}
	if err := j.Commit(b, 1); err != nil {
		t.Fatal(err)
	}
	disk.full.Store(true)
	if err := b.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close on a full disk: error %v; want ENOSPC", err)
	}
	b = openTest(t, mem)
	if n := j.Check(t, b); n != 0 {
		t.Errorf("the backend holds %d batches; want 0", n)
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestOpenExplainsAFolderThatCannotBeWritten(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EACCES, syscall.EROFS} {
		refuse := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				return &fs.PathError{Op: "open", Path: op.Path, Err: errno}
			}
			return nil
		})
		c, err := newConfig(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = openIn(errorfs.Wrap(newMem(t), refuse), "state", c)
		if !errors.Is(err, errno) || errors.Is(err, ErrLocked) || errors.Is(err, ErrUnreadable) {
			t.Errorf("open where writes fail with %v: error %v", errno, err)
		}
		if errno == syscall.EACCES && !strings.Contains(err.Error(), "make it writable") {
			t.Errorf("open without permission: error %q gives no advice", err)
		}
	}
}

func TestABatchThatIsTooLargeFails(t *testing.T) {
	b := openTest(t, newMem(t))
	b.maxBatchSize = 1000
	batch := b.NewBatch()
	for i := range 100 {
		batch.Set(fmt.Appendf(nil, "key%d", i), make([]byte, 10))
	}
	if err := batch.Commit(); err == nil || !strings.Contains(err.Error(), "commit more often") {
		t.Errorf("Commit: error %v; want one that says what to do", err)
	}
	if _, ok, err := b.Get(nil, []byte("key0")); ok || err != nil {
		t.Errorf("Get = %v, %v; want nothing of the batch", ok, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestABatchUsedAfterItsEndDoesNotPanic(t *testing.T) {
	b := openTest(t, newMem(t))
	batch := b.NewBatch()
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
	batch.Set([]byte("a"), nil)
	batch.Delete([]byte("a"))
	batch.DeleteRange([]byte("a"), []byte("b"))
	if err := batch.Commit(); !errors.Is(err, errSpent) {
		t.Errorf("second Commit: error %v; want %v", err, errSpent)
	}
	batch.Discard()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
