package processors_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// refersTo is the foreign key of a row: what is before the colon, if there is one.
func refersTo(v string) (string, bool) {
	key, _, ok := strings.Cut(v, ":")
	return key, ok
}

// foreign is a join of the topics l and r to the topic out.
func foreign(inner bool, options ...topology.ForeignJoinOption) *topology.Builder {
	b := topology.New("app")
	l, r := textTable(b, "l"), textTable(b, "r")
	if inner {
		l.JoinOn(r, refersTo, plus, options...).ToStream().To("out")
	} else {
		l.LeftJoinOn(r, refersTo, plusLeft, options...).ToStream().To("out")
	}
	return b
}

// The records are what Kafka Streams 4.3.1 wrote.
func TestAForeignKeyJoinTalksAsKafkaStreamsDoes(t *testing.T) {
	b := topology.New("app")
	itself := func(v string) (string, bool) { return v, true }
	textTable(b, "a").JoinOn(textTable(b, "b"), itself, concat).ToStream().To("out")
	d := topologytest.New(t, b)
	a, other, headers := d.Input[string, string]("a"), d.Input[string, string]("b"), record.Headers{{Key: "h", Value: []byte("x")}}
	a.SendRecord(record.Record[string, string]{Key: "pk", Value: "fk", Timestamp: 5, Headers: headers})
	other.SendRecord(record.Record[string, string]{Key: "fk", Value: "fv", Timestamp: 6, Headers: headers})
	a.SendRecord(record.Record[string, string]{Key: "pk", Tombstone: true, Timestamp: 7, Headers: headers})
	const sum = "3741d47f121e024f093b606dc1f7c4c6"
	for topic, want := range map[string][]string{
		"app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic":    {"666b=0103" + sum + "706b00000000@5 h:x", "666b=8101706b00000000@7 h:x"},
		"app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0000000014-topic":        {"706b=00" + sum + "6676@6 h:x", "706b=80@7 h:x"},
		"app-KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-0000000010-changelog": {"00000002666b706b=0103" + sum + "706b00000000@5 h:x", "00000002666b706b=null@7 h:x"},
		"app-a-STATE-STORE-0000000000-changelog":                           {"706b=666b@5", "706b=null@7"},
		"app-b-STATE-STORE-0000000003-changelog":                           {"666b=6676@6"},
		"out":                                                              {"706b=666b6676@6 h:x", "706b=null@7 h:x"},
	} {
		t.Run(topic, func(t *testing.T) {
			var got []string
			for _, r := range d.Output[[]byte, []byte](topic).All() {
				text := fmt.Sprintf("%x=%x@%d", r.Key, r.Value, r.Timestamp)
				if r.Tombstone {
					text = fmt.Sprintf("%x=null@%d", r.Key, r.Timestamp)
				}
				for _, h := range r.Headers {
					text += fmt.Sprintf(" %s:%s", h.Key, h.Value)
				}
				got = append(got, text)
			}
			tasktest.Want(t, got, want...)
		})
	}
}

func TestForeignKeyJoins(t *testing.T) {
	updates := []string{
		"l a=x:1@10", "l b=x:2@5", "r x=R@8", "l c=y:3@20", // a and b wait for x, c for y
		"r x=S@30", "l a=x:4@12", // a row for several, and another one for the same
		"l b=y:5@40", "r y=T@35", // a row for another
		"l c=none@50", "l c=y:6@51", "l d=none@52", "l d=-@53", // rows that refer to nothing
		"r y=-@60", "r y=-@61", "l b=-@62", "l b=-@63",
		"l a=z:7@64", "r x=U@65", "r z=V@1",
	}
	for _, c := range []struct {
		name  string
		inner bool
		want  []string
	}{
		{"JoinOn", true, []string{
			"a=x:1+R@8", "b=x:2+R@8",
			"a=x:1+S@30", "b=x:2+S@30", "a=x:4+S@30",
			"b=null@40", "b=y:5+T@35", "c=y:3+T@35",
			"c=null@50", "c=y:6+T@51",
			"b=null@60", "c=null@60", "b=null@61", "c=null@61", "b=null@62",
			"a=null@64", "a=z:7+V@1",
		}},
		{"LeftJoinOn", false, []string{
			"a=x:1+none@10", "b=x:2+none@5", "a=x:1+R@8", "b=x:2+R@8", "c=y:3+none@20",
			"a=x:1+S@30", "b=x:2+S@30", "a=x:4+S@30",
			"b=y:5+none@40", "b=y:5+T@35", "c=y:3+T@35",
			"c=none+none@50", "c=y:6+T@51", "d=none+none@52", "d=null@53",
			"b=y:5+none@60", "c=y:6+none@60", "b=y:5+none@61", "c=y:6+none@61", "b=null@62",
			"a=z:7+none@64", "a=z:7+V@1",
		}},
	} {
		for partitions := range int32(3) {
			t.Run(fmt.Sprintf("%s, %d partitions", c.name, partitions+1), func(t *testing.T) {
				d := topologytest.New(t, foreign(c.inner), topologytest.Partitions(partitions+1), topologytest.Partitions(2*partitions+1, "r"))
				out := d.Output[string, string]("out")
				feedTo(t, d, updates...)
				tasktest.Want(t, written(out), c.want...)
			})
		}
	}
}

func TestAnEmptyRowIsARow(t *testing.T) {
	d := topologytest.New(t, foreign(true))
	out := d.Output[string, string]("out")
	feedTo(t, d, "l a=x:1@1", "r x=@2", "l a=x:2@3", "r x=-@4")
	tasktest.Want(t, written(out), "a=x:1+@2", "a=x:2+@3", "a=null@4")
}

// An answer may come when the row that asked is another one by now.
func TestStaleAnswersAreDropped(t *testing.T) {
	for _, c := range []struct {
		name          string
		inner         bool
		before, batch []string
		want          []string
		dropped       int64
	}{
		{"the row changed twice", true, []string{"r x=R@1"}, []string{"l a=x:1@2", "l a=x:2@3"}, []string{"a=x:2+R@3"}, 1},
		{"the row refers to another", true, []string{"r x=R@1", "r y=S@1"}, []string{"l a=x:1@2", "l a=y:2@3"}, []string{"a=y:2+S@3"}, 1},
		{"the row is deleted", true, []string{"r x=R@1"}, []string{"l a=x:1@2", "l a=-@3"}, []string{"a=null@3"}, 1},
		{"both rows changed", true, []string{"r x=R@1", "l a=x:1@2"}, []string{"r x=S@9", "l a=x:2@3"}, []string{"a=x:2+S@9"}, 1},
		{"the other row is deleted", true, []string{"r x=R@1", "l a=x:1@2"}, []string{"r x=-@9", "l a=x:2@3"}, []string{"a=null@3"}, 1},
		{"deleted and there again", true, []string{"r x=R@1", "l a=x:1@2"}, []string{"r x=-@8", "l a=x:2@3", "r x=S@9"}, []string{"a=x:2+S@9", "a=x:2+S@9"}, 1},
		{"all is deleted", true, []string{"r x=R@1", "l a=x:1@2"}, []string{"r x=-@9", "l a=-@3"}, []string{"a=null@9", "a=null@3"}, 1},
		{"deleted and inserted", true, []string{"r x=R@1", "l a=x:1@2"}, []string{"r x=-@9", "l a=-@3", "l a=x:2@4"}, []string{"a=null@4", "a=null@4"}, 2},
		{"the same row again", true, []string{"r x=R@1", "l a=x:1@2"}, []string{"r x=-@9", "l a=-@3", "l a=x:1@4"}, []string{"a=null@9", "a=null@4"}, 1},
		{"it refers to nothing, and is another", true, []string{"r x=R@1", "l a=x:1@2"}, []string{"l a=none@3", "l a=any@4"}, []string{"a=null@3"}, 1},
		{"it refers to nothing, and is deleted", true, []string{"r x=R@1", "l a=x:1@2"}, []string{"l a=none@3", "l a=-@4"}, []string{"a=null@3"}, 1},
		{"a left join always gets an answer", false, []string{"r x=R@1", "l a=x:1@2"}, []string{"r x=-@9", "l a=x:2@3"}, []string{"a=x:2+none@3"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := topologytest.New(t, foreign(c.inner))
			out := d.Output[string, string]("out")
			feedTo(t, d, c.before...)
			written(out)
			d.Batch(func() { feedTo(t, d, c.batch...) })
			tasktest.Want(t, written(out), c.want...)
			if n := d.Dropped()["stale response"]; n != c.dropped {
				t.Errorf("%d responses were dropped, want %d", n, c.dropped)
			}
		})
	}
}

func TestAForeignKeyMayDependOnTheKey(t *testing.T) {
	b := topology.New("app")
	l, r := textTable(b, "l"), textTable(b, "r")
	byKey := func(k, _ string) (*string, bool) { return new(k[:1]), k != "skip" }
	pointers := b.Table[*string, string]("p")
	l.JoinOnWithKey(r, func(k, _ string) (string, bool) { return k[:1], true }, plus).ToStream().To("out")
	l.LeftJoinOnWithKey(pointers, byKey, plusLeft).ToStream().To("lefts")
	d := topologytest.New(t, b)
	feedTo(t, d, "l ab=1@1", "r a=R@2", "l skip=2@3")
	d.Input[*string, string]("p").Send(new("a"), "S", 4)
	tasktest.Want(t, written(d.Output[string, string]("out")), "ab=1+R@2")
	tasktest.Want(t, written(d.Output[string, string]("lefts")), "ab=1+none@1", "skip=2+none@3", "ab=1+S@4")
}

func TestANilForeignKeyIsNone(t *testing.T) {
	b := topology.New("app")
	none := func(string) (*string, bool) { return nil, true }
	textTable(b, "l").JoinOn(b.Table[*string, string]("p"), none, plus).ToStream().To("out")
	d := topologytest.New(t, b)
	feedTo(t, d, "l a=1@1")
	tasktest.Want(t, written(d.Output[string, string]("out")))
	if n := d.Dropped()["null foreign key"]; n != 1 {
		t.Errorf("%d rows without a foreign key were dropped, want 1", n)
	}
}

func TestATableMayReferToItself(t *testing.T) {
	b := topology.New("app")
	staff := textTable(b, "staff")
	staff.LeftJoinOn(staff, refersTo, plusLeft).ToStream().To("out")
	d := topologytest.New(t, b, topologytest.Partitions(2))
	feedTo(t, d, "staff ann=:boss@1", "staff bob=ann:cook@2", "staff ann=:owner@3", "staff ann=-@4")
	tasktest.Want(
		t, written(d.Output[string, string]("out")),
		"ann=:boss+none@1", "bob=ann:cook+:boss@2", "bob=ann:cook+:owner@3", "ann=:owner+none@3", "bob=ann:cook+none@4", "ann=null@4",
	)
}

func TestWindowedTablesReferToRows(t *testing.T) {
	b := topology.New("app")
	counts := b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10 * ms)).Count()
	r := textTable(b, "r")
	itsKey := func(w window.Key[string], _ int64) (string, bool) { return w.Key, true }
	counts.JoinOn(r, itsKey, func(n int64, row string) string { return fmt.Sprint(n, "+", row) }).ToStream().To("out")
	counts.LeftJoinOn(r, itsKey, func(n int64, row *string) string { return fmt.Sprint(n, "+", orNone(row)) }, topology.Named("left")).ToStream().To("lefts")
	d := topologytest.New(t, b, topologytest.Partitions(3))
	feedTo(t, d, "in a=1@1", "r a=R@2", "in a=1@3", "in a=1@15")
	tasktest.Want(t, written(d.Output[window.Key[string], string]("out")), "[a@0/10]=1+R@2", "[a@0/10]=2+R@3", "[a@10/20]=1+R@15")
	tasktest.Want(t, written(d.Output[window.Key[string], string]("lefts")), "[a@0/10]=1+none@1", "[a@0/10]=1+R@2", "[a@0/10]=2+R@3", "[a@10/20]=1+R@15")
}

// The topics of the two tables may be partitioned by something else than the hash of
// the key.
func TestAForeignKeyJoinAsksWhereTheRowsAre(t *testing.T) {
	for name, options := range map[string][]topology.ForeignJoinOption{
		"answers go back to where questions come from": {topology.ForeignPartitioner(lastDigit)},
		"or where they are sent":                       {topology.ForeignPartitioner(lastDigit), topology.PrimaryPartitioner(lastDigit)},
	} {
		t.Run(name, func(t *testing.T) {
			d := topologytest.New(t, foreign(false, options...), topologytest.Partitions(3))
			l, r, out := d.Input[string, string]("l"), d.Input[string, string]("r"), d.Output[string, string]("out")
			for _, key := range []string{"a0", "a1", "a2"} {
				l.To(lastDigit("", key, 3)).Send(key, "x"+key[1:]+":", 1)
				r.To(lastDigit("", key, 3)).Send("x"+key[1:], "R", 2)
			}
			l.To(1).Send("b1", "nothing", 3)
			tasktest.Want(
				t, written(out),
				"a0=x0:+none@1", "a0=x0:+R@2", "a1=x1:+none@1", "a1=x1:+R@2", "a2=x2:+none@1", "a2=x2:+R@2", "b1=nothing+none@3",
			)
		})
	}
}

func lastDigit(_, key string, n int32) int32 { return int32(key[len(key)-1]-'0') % n }

// An old version of Kafka Streams did not say where an answer goes.
func TestAnAnswerWithoutAPartitionGoesToThatOfItsKey(t *testing.T) {
	d := topologytest.New(t, foreign(true), topologytest.Partitions(3))
	feedTo(t, d, "r x=R@1")
	asked := record.Murmur3([]byte("x:1"))
	old := append(append([]byte{0, 3}, asked[:]...), "a"...)
	d.Input[[]byte, []byte]("app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic").Send([]byte("x"), old, 2)
	answers := d.Output[[]byte, []byte]("app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0000000014-topic").All()
	if len(answers) != 1 || answers[0].Partition != record.PartitionOf([]byte("a"), 3) {
		t.Errorf("the answers are %v, want one in partition %d", answers, record.PartitionOf([]byte("a"), 3))
	}
}

func TestWhatAForeignKeyJoinCannotReadIsHandledByPolicy(t *testing.T) {
	d := topologytest.New(t, foreign(true), topologytest.OnDecodeError(task.Skip()))
	topic := "app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic"
	d.Input[[]byte, []byte](topic).Send([]byte("x"), []byte{9}, 1)
	d.Input[[]byte, []byte](topic).Delete([]byte("x"), 2)
	d.Input[[]byte, []byte](topic).Send(nil, []byte{0x81, 3, 'k', 0, 0, 0, 0}, 3)
	if n := len(d.Reports()); n != 1 {
		t.Errorf("%d records were reported, want 1", n)
	}
	if n := d.Dropped()["null key or value"]; n != 2 {
		t.Errorf("%d records were dropped, want 2", n)
	}
}
