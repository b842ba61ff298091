package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a broker with a topic of two partitions.
func start(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(2, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func write(t *testing.T, client *kgo.Client, partition int32, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: partition, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, client *kgo.Client) string {
	t.Helper()
	ranges, err := Topic(t.Context(), client, "t")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	err = Read(t.Context(), client, ranges, func(r *kgo.Record) error {
		all = append(all, fmt.Sprintf("%d:%s", r.Partition, r.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestATopicIsReadToItsEnd(t *testing.T) {
	client := start(t)
	if got := read(t, client); got != "" {
		t.Errorf("an empty topic holds %q", got)
	}
	write(t, client, 1, "a", "b")
	write(t, client, 0, "c")
	if got := read(t, client); got != "0:c 1:a 1:b" {
		t.Errorf("read %q", got)
	}
}

func TestOnlyWhatIsCommittedIsRead(t *testing.T) {
	client := start(t, kgo.TransactionalID("x"))
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		write(t, client, 0, fmt.Sprint(bool(end)))
		if err := client.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, client); got != "0:true" {
		t.Errorf("read %q behind an aborted transaction at the end", got)
	}
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	write(t, client, 0, "open")
	if got := read(t, client); got != "0:true" {
		t.Errorf("read %q before an open transaction", got)
	}
	if err := client.EndTransaction(context.WithoutCancel(t.Context()), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

func TestRecordsThatWereDeletedAreSkipped(t *testing.T) {
	client := start(t)
	write(t, client, 0, "a", "b", "c")
	ranges, err := Topic(t.Context(), client, "t")
	if err != nil {
		t.Fatal(err)
	}
	var remove kadm.Offsets
	remove.Add(kadm.Offset{Topic: "t", Partition: 0, At: 2})
	if _, err := kadm.NewClient(client).DeleteRecords(t.Context(), remove); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := Read(t.Context(), client, ranges, func(*kgo.Record) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestAnErrorOfTheReaderEndsTheReading(t *testing.T) {
	client := start(t)
	write(t, client, 0, "a", "b")
	ranges, err := Topic(t.Context(), client, "t")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = Read(t.Context(), client, ranges, func(*kgo.Record) error {
		n++
		return io.ErrUnexpectedEOF // as if a connection were lost
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) || n != 1 {
		t.Errorf("%d records were read, the error is %v", n, err)
	}
}

func TestATopicThatIsMissingIsNamed(t *testing.T) {
	_, err := Topic(t.Context(), start(t), "nothing")
	if err == nil || err.Error() != `topic "nothing" does not exist` {
		t.Errorf("the error is %v", err)
	}
}
