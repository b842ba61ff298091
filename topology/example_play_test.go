package topology_test

import (
	"fmt"
	"strings"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// play sends records to topics of a topology, each written as "topic key value", with
// its time in milliseconds behind it if that matters, and prints what comes out at the
// topic "out". A value of "-" is null.
func play[V any](b *topology.Builder, records ...string) {
	d, err := topologytest.Open(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	inputs := map[string]*topologytest.Input[string, V]{}
	for i, r := range records {
		fields := strings.Fields(r)
		topic, out := fields[0], record.Record[string, V]{Key: fields[1], Timestamp: int64(i)}
		if inputs[topic] == nil {
			inputs[topic] = d.Input[string, V](topic)
		}
		if out.Tombstone = fields[2] == "-"; !out.Tombstone {
			must(fmt.Sscan(fields[2], &out.Value))
		}
		if len(fields) > 3 {
			must(fmt.Sscan(fields[3], &out.Timestamp))
		}
		inputs[topic].SendRecord(out)
	}
	for _, r := range d.Output[string, []byte]("out").All() {
		fmt.Println(r.Key, number(r.Value, r.Tombstone))
	}
	must(0, d.Err())
}

// number shows a value that is an int64 or text.
func number(data []byte, null bool) string {
	switch {
	case null:
		return "-"
	case len(data) == 8 && data[0] == 0:
		n := int64(0)
		for _, b := range data {
			n = n<<8 | int64(b)
		}
		return fmt.Sprint(n)
	default:
		return string(data)
	}
}

func must(_ int, err error) {
	if err != nil {
		fmt.Println(err)
	}
}
