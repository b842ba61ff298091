package avro_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
)

type order struct {
	ID     string           `avro:"id"`
	Cents  int64            `avro:"cents"`
	Rate   float64          `avro:"rate"`
	Paid   bool             `avro:"paid"`
	Note   *string          `avro:"note"`
	Tags   []string         `avro:"tags"`
	At     time.Time        `avro:"at"`
	Counts map[string]int32 `avro:"counts"`
	State  string           `avro:"state"`
}

func sample() order {
	note := "door"
	return order{"order-1", 129900, 0.19, true, &note, []string{"new", "express"}, time.UnixMilli(1767268800123).UTC(), map[string]int32{"a": 1}, "SENT"}
}

func javaOrder(t testing.TB) (schema, data string) {
	t.Helper()
	for _, v := range vectors(t) {
		if v.Name == "order" {
			return string(v.Schema), v.Hex
		}
	}
	t.Fatal("there is no order among the vectors")
	return "", ""
}

func TestAStructHasJavasBytes(t *testing.T) {
	schema, want := javaOrder(t)
	s := avro.Of[order](avro.Text(schema))
	out, err := s.Append([]byte("before"), sample())
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(out[len("before"):]); got != want || string(out[:6]) != "before" {
		t.Errorf("got %x, want %s behind what was there", out, want)
	}
	back, err := s.Decode(unhex(t, want))
	if err != nil || !reflect.DeepEqual(back, sample()) {
		t.Errorf("got %v, %v; want %v", back, err, sample())
	}
}

func TestAPointerToAStructHasTheSameBytes(t *testing.T) {
	schema, want := javaOrder(t)
	v := sample()
	for name, s := range map[string]serde.Serde[*order]{
		"Of":      avro.Of[*order](avro.Text(schema)),
		"Pointer": serde.Pointer(avro.Of[order](avro.Text(schema))),
	} {
		out, err := s.Append(nil, &v)
		if err != nil || hex.EncodeToString(out) != want {
			t.Errorf("%s: got %x, %v; want %s", name, out, err, want)
		}
		back, err := s.Decode(out)
		if err != nil || !reflect.DeepEqual(*back, v) {
			t.Errorf("%s: got %v, %v; want %v", name, back, err, v)
		}
	}
}

func TestASchemaFollowsFromAStruct(t *testing.T) {
	type place struct {
		City string   `avro:"city"`
		Lat  *float64 `avro:"lat"`
		Size int32    `avro:"size,default=7"`
	}
	schema, err := avro.Of[place](avro.Namespace("geo"), avro.Name("Place")).(serde.Described[place]).Schema()
	if err != nil {
		t.Fatal(err)
	}
	if schema.Format != serde.FormatAvro || schema.Record != "geo.Place" {
		t.Errorf("got %s %q, want AVRO geo.Place", schema.Format, schema.Record)
	}
	for _, want := range []string{`"null"`, `"city"`, `"default":7`} {
		if !strings.Contains(strings.ReplaceAll(schema.Text, " ", ""), want) {
			t.Errorf("%s is not in %s", want, schema.Text)
		}
	}
	type older struct {
		City string   `avro:"city"`
		Lat  *float64 `avro:"lat"`
	}
	old := avro.Of[older](avro.Namespace("geo"), avro.Name("Place"))
	data, err := old.Append(nil, older{City: "Rome"})
	if err != nil {
		t.Fatal(err)
	}
	written, err := old.(serde.Described[older]).Schema()
	if err != nil {
		t.Fatal(err)
	}
	s, err := avro.Of[place](avro.Namespace("geo"), avro.Name("Place")).(serde.Described[place]).ForWriter(written)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Decode(data); err != nil || got != (place{City: "Rome", Size: 7}) {
		t.Errorf("got %v, %v; want Rome of the default size", got, err)
	}
}

func TestReferencedTypesAreFound(t *testing.T) {
	coin := serde.Reference{Name: "shop.Coin", Schema: serde.Schema{
		Format: serde.FormatAvro, Text: `{"type":"record","name":"Coin","namespace":"shop","fields":[{"name":"cents","type":"long"}]}`,
	}}
	const bill = `{"type":"record","name":"Bill","namespace":"shop","fields":[{"name":"sum","type":"Coin"}]}`
	s := avro.Generic(bill, avro.References(coin))
	data, err := s.Append(nil, map[string]any{"sum": map[string]any{"cents": int64(5)}})
	if err != nil || hex.EncodeToString(data) != "0a" {
		t.Fatalf("got %x, %v; want 0a", data, err)
	}
	type Coin struct {
		Cents int64 `avro:"cents"`
	}
	type Bill struct {
		Sum Coin `avro:"sum"`
	}
	got, err := avro.Of[Bill](avro.Text(bill), avro.References(coin)).Decode(data)
	if err != nil || got.Sum.Cents != 5 {
		t.Errorf("got %v, %v; want 5 cents", got, err)
	}
}

func TestAFaultIsSaidWhenTheSerdeIsBound(t *testing.T) {
	type narrow struct {
		ID int64 `avro:"id"`
	}
	schema, _ := javaOrder(t)
	for _, test := range []struct {
		name string
		s    any
		want string
	}{
		{"a schema that is none", avro.Of[narrow](avro.Text("{")), "avro: schema"},
		{"a struct without a field", avro.Of[narrow](avro.Text(schema)), "do not fit"},
		{"no struct and no schema", avro.Of[map[string]narrow](), "give one with avro.Text"},
		{"a pointer without a schema", avro.Of[*narrow](), "serde.Pointer(avro.Of["},
		{"a type that Avro does not know", avro.Of[struct{ C chan int }](), "no schema follows"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fault, err := error(nil), error(nil)
			switch s := test.s.(type) {
			case serde.TopicBinder[narrow]:
				_, fault = s.ForTopic("t", false)
				_, err = s.(serde.Serde[narrow]).Append(nil, narrow{})
			case serde.TopicBinder[map[string]narrow]:
				_, fault = s.ForTopic("t", false)
				_, err = s.(serde.Serde[map[string]narrow]).Decode(nil)
			case serde.TopicBinder[*narrow]:
				_, fault = s.ForTopic("t", false)
				_, err = s.(serde.Serde[*narrow]).Decode(nil)
			case serde.TopicBinder[struct{ C chan int }]:
				_, fault = s.ForTopic("t", false)
				_, err = s.(serde.Serde[struct{ C chan int }]).Decode(nil)
			}
			if fault == nil || !strings.Contains(fault.Error(), test.want) {
				t.Errorf("got %v, want %q in it", fault, test.want)
			}
			if !errors.Is(err, fault) {
				t.Errorf("using it gave %v", err)
			}
		})
	}
	if _, fault := avro.Generic("{").(serde.TopicBinder[any]).ForTopic("t", false); fault == nil {
		t.Error("Generic takes a schema that is none")
	}
}

func TestBadDataIsAnError(t *testing.T) {
	schema, text := javaOrder(t)
	data := unhex(t, text)
	s, g := avro.Of[order](avro.Text(schema)), avro.Generic(schema)
	for i := range data {
		if v, err := s.Decode(data[:i]); !errors.Is(err, avro.ErrTruncated) || !reflect.ValueOf(v).IsZero() {
			t.Errorf("%d bytes: got %v, %v; want ErrTruncated", i, v, err)
		}
		if v, err := g.Decode(data[:i]); err == nil || v != nil {
			t.Errorf("%d bytes: Generic gave %v, %v; want an error", i, v, err)
		}
	}
	longer := append(data, 0)
	if _, err := s.Decode(longer); !errors.Is(err, avro.ErrTrailing) {
		t.Errorf("got %v, want ErrTrailing", err)
	}
	if _, err := g.Decode(longer); !errors.Is(err, avro.ErrTrailing) {
		t.Errorf("got %v, want ErrTrailing", err)
	}
}

// A few damaged bytes must not make a process allocate all memory.
func TestAnAbsurdLengthAllocatesNothing(t *testing.T) {
	absurd := []byte{0xfe, 0xff, 0xff, 0xff, 0x0f}
	for _, schema := range []string{`{"type":"array","items":"long"}`, `{"type":"map","values":"long"}`, `"bytes"`, `"string"`} {
		for name, s := range map[string]serde.Serde[any]{"Of": avro.Of[any](avro.Text(schema)), "Generic": avro.Generic(schema)} {
			if v, err := s.Decode(absurd); err == nil {
				t.Errorf("%s read %v of %s", name, v, schema)
			}
		}
	}
}

func TestWhatCannotBeWrittenLeavesDstAlone(t *testing.T) {
	const enum = `{"type":"enum","name":"E","symbols":["A"]}`
	for name, s := range map[string]serde.Serde[any]{"Of": avro.Of[any](avro.Text(enum)), "Generic": avro.Generic(enum)} {
		if out, err := s.Append([]byte("kept"), "B"); err == nil || string(out) != "kept" {
			t.Errorf("%s: got %q, %v; want an error", name, out, err)
		}
	}
	var none *order
	schema, _ := javaOrder(t)
	if _, err := avro.Of[*order](avro.Text(schema)).Append(nil, none); err == nil {
		t.Error("a nil pointer was written")
	}
}

func TestAnotherSchemasSingleObjectIsRefused(t *testing.T) {
	data, err := avro.Generic(`"int"`, avro.SingleObject()).Append(nil, int32(1))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]serde.Serde[any]{
		"Of": avro.Of[any](avro.Text(`"long"`), avro.SingleObject()), "Generic": avro.Generic(`"long"`, avro.SingleObject()),
	} {
		if _, err := s.Decode(data); err == nil || !strings.Contains(err.Error(), "fingerprint") {
			t.Errorf("%s: got %v, want an error about the fingerprint", name, err)
		}
		if _, err := s.Decode(data[:4]); err == nil {
			t.Errorf("%s read half a header", name)
		}
	}
}

func TestAWriterThatCannotBeReadIsAnError(t *testing.T) {
	s := avro.Of[any](avro.Text(`"int"`)).(serde.Described[any])
	for _, writer := range []serde.Schema{
		{Format: serde.FormatAvro, Text: `"string"`},
		{Format: serde.FormatAvro, Text: `{`},
		{Format: serde.FormatJSON, Text: `{}`},
	} {
		if _, err := s.ForWriter(writer); err == nil {
			t.Errorf("%v can be read", writer)
		}
	}
	g, err := avro.Generic(`"int"`).(serde.Described[any]).ForWriter(serde.Schema{Format: serde.FormatAvro, Text: `"string"`})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := g.Decode([]byte("\x02a")); err != nil || v != "a" {
		t.Errorf("got %v, %v; want what the writer's schema says", v, err)
	}
}
