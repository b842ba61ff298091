package beyond_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// marked are the records of a topic with the value of their header h.
func marked(d *topologytest.Driver, topic string) string {
	var out []string
	for _, r := range d.Output[string, string](topic).All() {
		h, _ := r.Headers.Get("h")
		out = append(out, fmt.Sprintf("%s=%s@%d:%s", r.Key, r.Value, r.Timestamp, h))
	}
	return strings.Join(out, " ")
}

// sendMarked sends a text such as a1@5:x, with x in the header h.
func sendMarked(d *topologytest.Driver, topic, texts string) {
	for _, text := range strings.Fields(texts) {
		var at int64
		text, mark, _ := strings.Cut(text, ":")
		key, value := text[:1], text[1:strings.Index(text, "@")]
		if _, err := fmt.Sscan(text[strings.Index(text, "@")+1:], &at); err != nil {
			panic(err)
		}
		r := record.Record[string, string]{Key: key, Value: value, Timestamp: at}
		if mark != "" {
			r.Headers = record.Headers{{Key: "h", Value: []byte(mark)}}
		}
		d.Input[string, string](topic).SendRecord(r)
	}
}

func final(windows func(*topology.Grouped[string, string]) *topology.WindowedTable[string, string]) *topology.Builder {
	b := topology.New("app")
	toOut(windows(b.Stream[string, string]("in").GroupByKey()))
	return b
}

func TestFinalResultsHaveTheHeadersOfTheirLastRecord(t *testing.T) {
	kept, rows := topology.KeepHeaders(), topology.StoreName("rows")
	for name, b := range map[string]*topology.Builder{
		"tumbling": final(func(g *topology.Grouped[string, string]) *topology.WindowedTable[string, string] {
			return g.WindowedBy(window.Tumbling(10*ms)).EmitFinal().Reduce(latest, kept, rows)
		}),
		"session": final(func(g *topology.Grouped[string, string]) *topology.WindowedTable[string, string] {
			return g.WindowedBySession(window.Session(5*ms)).EmitFinal().Reduce(latest, kept, rows)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			d := topologytest.New(t, b, topologytest.ExactlyOnce())
			sendMarked(d, "in", "a1@0:x a2@4:y b1@4:z c1@5")
			d.Commit()
			d.Wipe()
			sendMarked(d, "in", "d1@30:w")
			d.Commit()
			got := strings.ReplaceAll(marked(d, "out"), "a=2@0", "a=2@4") // of sessions, the end is the time
			check(t, "results", got, "a=2@4:y b=1@4:z c=1@5:")
			if n := len(d.KeyValue[[]byte, record.Headers]("rows-headers").All()); n != 1 {
				t.Errorf("headers of %d rows, want those of the open window", n)
			}
		})
	}
}

func TestRecordsWithoutAMatchHaveTheirHeaders(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("l").OuterJoinStream(b.Stream[string, string]("r"), window.Within(5*ms), pair, topology.KeepHeaders()).To("out")
	d := topologytest.New(t, b, topologytest.ExactlyOnce())
	sendMarked(d, "l", "a1@0:x a2@0:y b1@1:z")
	sendMarked(d, "r", "c1@2:w b2@2:v")
	d.Commit()
	d.Wipe()
	sendMarked(d, "l", "d1@30:last")
	d.Commit()
	check(t, "results", marked(d, "out"), "b=12@2:v a=1-@0:y a=2-@0:y c=-1@2:w")
}

func TestKeepHeadersIsRefusedWhereItIsOfNoUse(t *testing.T) {
	b := topology.New("app")
	toOut(b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10*ms)).Reduce(latest, topology.KeepHeaders()))
	refused(t, b, "KeepHeaders is for windows with EmitFinal")
	b = topology.New("app")
	b.Stream[string, string]("in").GroupByKey().Reduce(latest, topology.KeepHeaders()).ToStream().To("out")
	refused(t, b, "KeepHeaders is for windows with EmitFinal")
	refused(t, joined(topology.KeepHeaders()), "KeepHeaders is for windows with EmitFinal")
	b = topology.New("app")
	b.Stream[string, string]("l").LeftJoinStream(b.Stream[string, string]("r"), window.Within(time.Second), leftPair, topology.KeepHeaders()).To("out")
	if _, err := b.Build(); err != nil {
		t.Error(err)
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0, 0, 0, 1, 'a', 0, 0, 0, 1, 'b', 0, 0, 0, 0, 255, 255, 255, 255})
	serde := state.Headers()
	f.Fuzz(func(t *testing.T, data []byte) {
		headers, err := serde.Decode(data)
		if err != nil {
			return
		}
		again, err := serde.Append(nil, headers)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := serde.Decode(again); err != nil || fmt.Sprint(back) != fmt.Sprint(headers) {
			t.Errorf("%v became %v, %v", headers, back, err)
		}
	})
}
