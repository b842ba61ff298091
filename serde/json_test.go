package serde_test

import (
	"encoding/json/v2"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/serde"
)

type alert struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Priority int      `json:"priority"`
	Source   string   `json:"source"`
	Lat      float64  `json:"lat"`
	Lon      float64  `json:"lon"`
	Tags     []string `json:"tags"`
}

var someAlert = alert{"threat-000123", "intrusion", 8, "sensor-17/region-4", 52.51, 13.4, []string{"a", "bb"}}

// text checks that v is written as this JSON, and that the JSON is read as v.
func text[T any](t *testing.T, name string, s serde.Serde[T], v T, want string) {
	t.Helper()
	wire(t, name, s, v, fmt.Sprintf("%x", want))
}

func TestJSONIsCompactAndInOrder(t *testing.T) {
	text(t, "a struct", serde.JSON[alert](), someAlert, `{"id":"threat-000123","type":"intrusion","priority":8,`+
		`"source":"sensor-17/region-4","lat":52.51,"lon":13.4,"tags":["a","bb"]}`)
	text(t, "a pointer to one", serde.JSON[*alert](), &alert{Tags: []string{}},
		`{"id":"","type":"","priority":0,"source":"","lat":0,"lon":0,"tags":[]}`)
	text(t, "a map in the order of its keys", serde.JSON[map[string]int](),
		map[string]int{"d": 4, "b": 2, "a": 1, "c": 3, "e": 5}, `{"a":1,"b":2,"c":3,"d":4,"e":5}`)
	text[any](t, "any value", serde.JSON[any](), map[string]any{"z": []any{1.5, nil}, "y": "x"}, `{"y":"x","z":[1.5,null]}`)
	text(t, "a time", serde.JSON[time.Time](), time.Unix(1, 5).UTC(), `"1970-01-01T00:00:01.000000005Z"`)
}

func TestJSONReadsTolerantly(t *testing.T) {
	for _, row := range []struct{ name, data string }{
		{"white space around", " {\"priority\": 3}\n"},
		{"an unknown member", `{"priority":3,"new":[1,{"a":2}]}`},
		{"a null member", `{"priority":3,"id":null}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			v, err := serde.JSON[alert]().Decode([]byte(row.data))
			if err != nil || v.Priority != 3 || v.ID != "" {
				t.Errorf("got %+v, %v", v, err)
			}
		})
	}
}

func TestJSONValuesDoNotMixBetweenRecords(t *testing.T) {
	s := serde.JSON[map[string]int]()
	first, err1 := s.Decode([]byte(`{"a":1}`))
	second, err2 := s.Decode([]byte(`{"b":2}`))
	if err1 != nil || err2 != nil || len(first) != 1 || len(second) != 1 {
		t.Errorf("got %v (%v) and %v (%v)", first, err1, second, err2)
	}
	alerts := serde.JSON[alert]()
	if _, err := alerts.Decode([]byte(`{"id":"left over","tags":["a"],"priority":"x"}`)); err == nil {
		t.Error("a string was read as a number")
	}
	v, err := alerts.Decode([]byte(`{}`))
	if err != nil || v.ID != "" || v.Tags != nil {
		t.Errorf("got %+v, %v", v, err)
	}
}

// node keeps its own address when it is read, as trees with parents do.
type node struct {
	Name string
	self *node
}

func (n *node) UnmarshalJSON(data []byte) error {
	n.self = n
	return json.Unmarshal(data, &n.Name)
}

func (n *node) MarshalJSON() ([]byte, error) { return json.Marshal(n.Name) }

func TestJSONNeverReusesMemoryThatAMethodHasSeen(t *testing.T) {
	s := serde.JSON[struct{ Node node }]()
	first, err1 := s.Decode([]byte(`{"Node":"first"}`))
	_, err2 := s.Decode([]byte(`{"Node":"second"}`))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if first.Node.self.Name != "first" {
		t.Errorf("the address the first record kept now holds %q", first.Node.self.Name)
	}
}

func TestJSONIsSafeForConcurrentUse(t *testing.T) {
	s := serde.JSON[alert]()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 200 {
				want := alert{ID: fmt.Sprint(i, j), Priority: j, Tags: []string{fmt.Sprint(i)}}
				data, err := s.Append(nil, want)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := s.Decode(data)
				if err != nil || got.ID != want.ID || got.Tags[0] != want.Tags[0] {
					t.Errorf("wrote %+v, read %+v, %v", want, got, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestJSONOptionsComeOnTop(t *testing.T) {
	strict := serde.JSON[alert](json.RejectUnknownMembers(true))
	_, err := strict.Decode([]byte(`{"new":1}`))
	saying(t, err, "unknown object member name")
	text(t, "numbers as strings", serde.JSON[[]int](json.StringifyNumbers(true)), []int{1}, `["1"]`)
}

func TestJSONLeavesDstAloneOnAnError(t *testing.T) {
	got, err := serde.JSON[[]float64]().Append([]byte("kept"), []float64{1, math.NaN()})
	saying(t, err, "encode JSON")
	if string(got) != "kept" {
		t.Errorf("dst became %q", got)
	}
}

func TestJSONFillsDstToItsEnd(t *testing.T) {
	want := `{"a":"` + strings.Repeat("x", 90) + `"}`
	dst := make([]byte, 0, len(want))
	got, err := serde.JSON[map[string]string]().Append(dst, map[string]string{"a": strings.Repeat("x", 90)})
	if err != nil || string(got) != want {
		t.Fatalf("got %q, %v", got, err)
	}
	if &got[0] != &dst[:1][0] {
		t.Error("dst moved to other memory although it was large enough")
	}
}

func TestJSONAllocatesOnlyTheValue(t *testing.T) {
	if !pooling {
		t.Skip("the race detector makes pools forget")
	}
	allocates(t, "a struct: its slice and what the slice grew from", serde.JSON[alert](), someAlert, 0, 2)
	allocates(t, "a struct of numbers", serde.JSON[struct{ A, B int }](), struct{ A, B int }{1, 2}, 0, 0)
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"id":"a","priority":3,"tags":["x"],"lat":1e300}`))
	f.Add([]byte(`{"a":[1,null,{"b":"\u00e9"}],"c":-0.0}`))
	f.Add([]byte(`[1e400]`))
	f.Add([]byte(`{"a":1,"a":2}`))
	structs, anything, maps := serde.JSON[alert](), serde.JSON[any](), serde.JSON[map[int8]*alert]()
	f.Fuzz(func(t *testing.T, data []byte) {
		stable(t, structs, data)
		stable(t, anything, data)
		stable(t, maps, data)
	})
}

// marshalAppend is the plain way, for comparison.
func marshalAppend[T any]() serde.Serde[T] {
	return serde.Func(
		func(dst []byte, v T) ([]byte, error) {
			data, err := json.Marshal(v)
			return append(dst, data...), err
		},
		func(data []byte) (v T, err error) {
			err = json.Unmarshal(data, &v)
			return v, err
		})
}

func BenchmarkJSON(b *testing.B) {
	bench(b, "this package", serde.JSON[alert](), someAlert)
	bench(b, "json.Marshal and append", marshalAppend[alert](), someAlert)
}
