package topologytest_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// notOnTheEngine are scenarios whose results depend by right on what a second run may
// do otherwise.
var notOnTheEngine = map[string]string{
	"global-inner":                    "a global table is read on its own, as fast as it goes",
	"global-left-bykey":               "a global table is read on its own, as fast as it goes",
	"processor-punctuate-both":        "punctuations begin anew with their task",
	"processor-punctuate-stream-time": "punctuations begin anew with their task",
}

// finalOnTheEngine are scenarios of which only the last value of each key is the same:
// what comes before depends on which of two tasks hears of its inputs first.
var finalOnTheEngine = map[string]bool{"fk-inner": true, "fk-left": true}

// unorderedOnTheEngine are scenarios in which several tasks write one key.
var unorderedOnTheEngine = map[string]bool{"stateless-filter-map-chain": true, "stateless-flatmap-words": true}

// metamorphic is one scenario on the real engine.
type metamorphic struct {
	*golden
	build  func(*topology.Builder, *golden)
	broker *embedded.Broker
	admin  *kadm.Client
	want   map[string][]string
	// all is how many records there are, halfway how many kills came before all were
	// committed and after some were.
	all, halfway int64
}

const (
	enginePartitions = 3
	// engineRounds is how often the inputs of a scenario are repeated, each time later.
	engineRounds = 20
	// engineGroup is how many scenarios share a worker process, engineKills how often
	// that is killed.
	engineGroup = 9
	engineKills = 2
)

// The topologies of the golden scenarios, as workers that are killed at random on a
// broker with several partitions, commit what the test driver gives.
func TestTheEngineCommitsWhatTheDriverGives(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	var all []*metamorphic
	for _, g := range readGolden(t) {
		if notOnTheEngine[g.Name] == "" {
			all = append(all, &metamorphic{golden: g, build: topologyOf(g.Name)})
		}
	}
	chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for group := range slices.Chunk(all, engineGroup) {
		t.Run(group[0].Name+" and more", func(t *testing.T) { runGroup(t, group, chance) })
	}
}

func runGroup(t *testing.T, group []*metamorphic, chance *rand.Rand) {
	w := engineJob{Dir: t.TempDir(), Brokers: map[string][]string{}}
	for _, m := range group {
		m.prepare(t)
		w.Brokers[m.Name] = m.broker.Addrs()
	}
	for range engineKills {
		p := w.start(t)
		group[chance.IntN(len(group))].await(t, p, func(left, all int64) bool { return left < all-all/10 })
		select { // as chance has it
		case <-time.After(time.Duration(chance.IntN(200)) * time.Millisecond):
		case <-p.done:
			t.Fatalf("the worker ended by itself\n%s", p.log())
		}
		p.kill()
		for _, m := range group {
			if left := m.lag(t, m.admin); left > 0 && left < m.all {
				m.halfway++
			}
		}
	}
	p := w.start(t)
	for _, m := range group {
		m.await(t, p, func(left, _ int64) bool { return left == 0 })
	}
	p.kill()
	for _, m := range group {
		t.Logf("%s: %d records, killed halfway %d times of %d", m.Name, m.all, m.halfway, engineKills)
		for topic, want := range m.want {
			compare(t, m.Name+", topic "+topic, m.comparable(m.committed(t, topic)), m.comparable(want))
		}
	}
}

// prepare runs a scenario in the driver and fills the topics of a broker.
func (m *metamorphic) prepare(t *testing.T) {
	b := topology.New("golden")
	m.build(b, m.golden)
	described, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	inputs := m.inputs()
	// What comes from several tasks into one is not in a certain order.
	single := strings.Contains(described.Describe(), "Sub-topology: 1")
	d := topologytest.New(t, b, topologytest.Partitions(enginePartitions))
	var records []*kgo.Record
	d.Batch(func() {
		for _, in := range inputs {
			types := m.Types.Inputs[in.Topic]
			key, value := encoded(t, types.Key, in.Key), encoded(t, types.Value, in.Value)
			to := d.Input[[]byte, []byte](in.Topic)
			r := &kgo.Record{Topic: in.Topic, Key: key, Value: value, Timestamp: time.UnixMilli(in.TS)}
			if !single && key != nil {
				r.Partition = int32(record.Murmur2(key)&0x7fffffff) % enginePartitions
			}
			to.To(r.Partition).Send(key, value, in.TS)
			records = append(records, r)
		}
	})
	m.want = map[string][]string{}
	topics := slices.Collect(maps.Keys(m.Types.Inputs))
	for topic := range m.Types.Outputs {
		for _, r := range d.Output[[]byte, []byte](topic).All() {
			m.want[topic] = append(m.want[topic], engineLine(r.Key, r.Value, r.Timestamp))
		}
		topics = append(topics, topic)
	}
	m.fill(t, topics, records)
}

// inputs are those of the scenario, several times over. Those of several topics are in
// the order of their times, no two at one time, so that there is one order for them.
func (m *metamorphic) inputs() []goldenInput {
	var all []goldenInput
	const round = 1 << 18 // longer than any scenario
	for n := range int64(engineRounds) {
		for _, in := range m.Inputs {
			if in.Topic != "" {
				in.TS += n * round
				all = append(all, in)
			}
		}
	}
	if len(m.Types.Inputs) > 1 {
		slices.SortStableFunc(all, func(a, b goldenInput) int { return cmp.Compare(a.TS, b.TS) })
		for i := range all[1:] {
			all[i+1].TS = max(all[i+1].TS, all[i].TS+1)
		}
	}
	return all
}

func (m *metamorphic) fill(t *testing.T, topics []string, records []*kgo.Record) {
	var options []embedded.Option
	for _, topic := range topics {
		options = append(options, embedded.Topic(topic, enginePartitions))
	}
	var err error
	if m.broker, err = embedded.Start(options...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.broker.Close() })
	c := m.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	m.admin, m.all = kadm.NewClient(c), int64(len(records))
	if err := c.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func (m *metamorphic) client(t *testing.T, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(options, kgo.SeedBrokers(m.broker.Addrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// await waits until enough of the records that the workers read is committed.
func (m *metamorphic) await(t *testing.T, p *engineProcess, enough func(left, all int64) bool) {
	often := time.NewTicker(10 * time.Millisecond)
	defer often.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-often.C {
		left := m.lag(t, m.admin)
		if enough(left, m.all) {
			return
		}
		if time.Now().After(deadline) || p.ended() {
			t.Fatalf("%s: %d records are not committed\n%s", m.Name, left, p.log())
		}
	}
}

// lag counts what is not committed. The marker that ends a transaction is the last
// record of an internal topic, and nothing that is read.
func (m *metamorphic) lag(t *testing.T, admin *kadm.Client) (left int64) {
	committed, err := admin.FetchOffsets(t.Context(), "golden-"+m.Name)
	if err != nil {
		return 1
	}
	topics := slices.Collect(maps.Keys(m.Types.Inputs))
	internal, err := admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range internal.Names() {
		if strings.HasSuffix(topic, "-repartition") || strings.HasSuffix(topic, "-topic") {
			topics = append(topics, topic)
		}
	}
	ends, err := admin.ListEndOffsets(t.Context(), topics...)
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := committed.Lookup(end.Topic, end.Partition)
		behind := end.Offset - max(at.At, 0)
		if m.Types.Inputs[end.Topic] == (goldenTypes{}) && behind <= 1 {
			behind = 0
		}
		left += behind
	})
	return left
}

// committed are the committed records of a topic.
func (m *metamorphic) committed(t *testing.T, topic string) (lines []string) {
	c := m.client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(c).ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	read := map[int32]int64{}
	behind := func() (behind bool) {
		ends.Each(func(end kadm.ListedOffset) { behind = behind || read[end.Partition] < end.Offset })
		return behind
	}
	for behind() && ctx.Err() == nil {
		fetches := c.PollFetches(ctx)
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			for _, r := range p.Records {
				read[p.Partition] = r.Offset + 1
				if !r.Attrs.IsControl() {
					lines = append(lines, engineLine(r.Key, r.Value, r.Timestamp.UnixMilli()))
				}
			}
		})
	}
	if ctx.Err() != nil {
		t.Fatalf("%s: topic %s cannot be read to its end", m.Name, topic)
	}
	return lines
}

// comparable are the lines of a topic, those of one key in their order, where there is
// one.
func (m *metamorphic) comparable(lines []string) []string {
	slices.SortStableFunc(lines, byLineKey)
	if unorderedOnTheEngine[m.Name] {
		slices.Sort(lines)
	}
	if !finalOnTheEngine[m.Name] {
		return lines
	}
	var last []string
	for i, line := range lines {
		if i+1 == len(lines) || byLineKey(line, lines[i+1]) != 0 {
			line, _, _ = strings.Cut(line, " @") // the time is that of whichever came last
			last = append(last, line)
		}
	}
	return last
}

// engineLine is a record. A null key or value differs from an empty one.
func engineLine(key, value []byte, ts int64) string {
	text := func(b []byte) string {
		if b == nil {
			return "null"
		}
		return fmt.Sprintf("%q", b)
	}
	return text(key) + lineSeparator + text(value) + fmt.Sprintf(" @%d", ts)
}

const lineSeparator = " = "

func byLineKey(a, b string) int {
	a, _, _ = strings.Cut(a, lineSeparator)
	b, _, _ = strings.Cut(b, lineSeparator)
	return strings.Compare(a, b)
}
