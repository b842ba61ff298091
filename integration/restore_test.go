//go:build integration

package integration

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/tidemill/tidemill"
)

// changelogs is a test of what a worker makes of its changelog when it comes back.
type changelogs struct {
	*fixture
	job       job
	changelog string
	options   []tidemill.Option
}

const changelogPartitions = 2

func newChangelogs(t *testing.T, g guarantee) *changelogs {
	f := newFixture(t)
	c := &changelogs{fixture: f, changelog: f.app + "-counts-changelog", options: g.options}
	c.job = job{Application: f.app, Topics: map[string]string{
		"in": f.topic("in", changelogPartitions), "out": f.topic("out", changelogPartitions),
	}}
	return c
}

// begin starts a worker with a state folder and returns how much it has restored.
func (c *changelogs) begin(dir string) (*worker, int64) {
	c.t.Helper()
	w := c.work(countTopology(c.job), append(slices.Clone(c.options), tidemill.StateDir(dir))...)
	return w, w.ready(changelogPartitions)
}

// count feeds n records to each of the keys that begin with prefix, and waits
// until they are counted from what the keys had before.
func (c *changelogs) count(prefix string, n, before int64) {
	c.t.Helper()
	c.produce(keyed(c.job.Topics["in"], prefix, int(10*n))...)
	want := counted(prefix, before+n)
	await(c.t, "the counts of "+prefix+" are right", func() bool {
		have := c.newest(c.job.Topics["out"])
		maps.DeleteFunc(have, func(key string, _ int64) bool { return !strings.HasPrefix(key, prefix) })
		return maps.Equal(have, want)
	})
}

func (c *changelogs) ends() kadm.ListedOffsets {
	c.t.Helper()
	ends, err := c.admin.ListEndOffsets(c.t.Context(), c.changelog)
	if err != nil {
		c.t.Fatal(err)
	}
	return ends
}

func (c *changelogs) policy(policy string) {
	c.t.Helper()
	set := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: &policy}}
	if _, err := c.admin.AlterTopicConfigs(c.t.Context(), set, c.changelog); err != nil {
		c.t.Fatal(err)
	}
}

// eachGuarantee runs a test of changelogs under both.
func eachGuarantee(t *testing.T, test func(t *testing.T, c *changelogs)) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) { test(t, newChangelogs(t, g)) })
	}
}

func TestRestoreEndsForAnEmptyChangelog(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, c *changelogs) {
		w, n := c.begin(t.TempDir())
		if n != 0 {
			t.Errorf("restored %d records of nothing", n)
		}
		w.stop()
		w, _ = c.begin(t.TempDir()) // the topic exists by now
		c.count("a", 3, 0)
		w.stop()
	})
}

func TestRestoreEndsBehindATransactionMarker(t *testing.T) {
	c := newChangelogs(t, guarantees[1])
	w, _ := c.begin(t.TempDir())
	c.count("a", 3, 0)
	w.stop()
	total := c.read(c.changelog)
	for _, r := range total {
		end, _ := c.ends().Lookup(r.Topic, r.Partition)
		if r.Offset+1 >= end.Offset {
			t.Fatalf("partition %d ends with a record, not with a marker", r.Partition)
		}
	}
	w, n := c.begin(t.TempDir())
	if n != int64(len(total)) {
		t.Errorf("restored %d records of %d", n, len(total))
	}
	c.count("a", 3, 3)
	w.stop()
}

func TestRestoreEndsForACompactedChangelog(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, c *changelogs) {
		config := map[string]*string{}
		for name, value := range map[string]string{
			"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0",
		} {
			config[name] = &value
		}
		c.create(c.changelog, changelogPartitions, config)
		dir := t.TempDir()
		w, _ := c.begin(dir)
		c.count("a", 100, 0)
		c.count("b", 100, 0)
		written := int64(2000)
		await(t, "the broker compacts", func() bool {
			c.count("b", 1, written/10-100) // what is written last is never compacted
			written += 10
			return int64(len(c.read(c.changelog))) < written/2
		})
		w.stop()
		w, n := c.begin(t.TempDir())
		t.Logf("restored %d records of %d", n, written)
		if n < 20 || n >= written/2 {
			t.Errorf("restored %d records, want at least one for each of 20 keys and by far not all %d", n, written)
		}
		c.count("a", 3, 100)
		c.count("b", 3, written/10-100)
		w.stop()
	})
}

func TestRestoreEndsForATruncatedChangelog(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, c *changelogs) {
		kept := t.TempDir()
		w, _ := c.begin(kept)
		c.count("a", 10, 0)
		await(t, "a commit", func() bool { return len(w.seen(committed)) > 0 })
		middle := c.ends()
		c.count("b", 10, 0)
		w.stop()
		c.policy("compact,delete") // records of compacted topics cannot be deleted
		await(t, "the broker knows of the policy, and deletes", func() bool {
			deleted, err := c.admin.DeleteRecords(t.Context(), middle.Offsets())
			return err == nil && deleted.Error() == nil
		})
		c.policy("compact")

		w, _ = c.begin(t.TempDir()) // nothing is left of the first keys
		c.count("a", 3, 0)
		c.count("b", 3, 10)
		w.stop()
		w, _ = c.begin(kept) // what is kept is of before the new start, if not empty
		c.count("a", 3, 3)
		c.count("b", 3, 13)
		w.stop()
	})
}

func TestRestoreEndsForARecreatedChangelog(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, c *changelogs) {
		dir := t.TempDir()
		w, _ := c.begin(dir)
		c.count("a", 10, 0)
		w.stop()
		if _, err := c.admin.DeleteTopics(t.Context(), c.changelog); err != nil {
			t.Fatal(err)
		}
		await(t, "the topic is gone", func() bool {
			topics, err := c.admin.ListTopics(t.Context(), c.changelog)
			return err == nil && !topics.Has(c.changelog)
		})
		w, n := c.begin(dir)
		if n != 0 {
			t.Errorf("restored %d records of a new changelog", n)
		}
		c.count("a", 3, 0)
		c.count("b", 3, 0)
		w.stop()
	})
}
