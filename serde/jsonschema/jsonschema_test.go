package jsonschema_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/jsonschema"
)

type payment struct {
	Payer string `json:"payer"`
	Cents int64  `json:"cents"`
}

const schema = `{"title":"Payment","type":"object","required":["payer","cents"],
	"properties":{"payer":{"type":"string","minLength":1},"cents":{"type":"integer","minimum":0}}}`

func TestWhatFollowsTheSchemaPasses(t *testing.T) {
	s := jsonschema.Of[payment](schema)
	out, err := s.Append([]byte("before"), payment{"ada", 250})
	if err != nil || string(out) != `before{"payer":"ada","cents":250}` {
		t.Fatalf("got %s, %v", out, err)
	}
	if v, err := s.Decode(out[6:]); err != nil || v != (payment{"ada", 250}) {
		t.Errorf("got %v, %v", v, err)
	}
	d := s.(serde.Described[payment])
	if described, err := d.Schema(); err != nil || described.Format != serde.FormatJSON || described.Record != "Payment" || described.Text != schema {
		t.Errorf("got %v, %v", described, err)
	}
	if _, err := d.ForWriter(serde.Schema{Format: serde.FormatJSON}); err != nil {
		t.Error(err)
	}
	if _, err := d.ForWriter(serde.Schema{Format: serde.FormatAvro}); err == nil {
		t.Error("Avro is read as JSON")
	}
}

func TestWhatDoesNotFollowTheSchemaIsRefused(t *testing.T) {
	s := jsonschema.Of[payment](schema)
	if out, err := s.Append([]byte("kept"), payment{"ada", -1}); !errors.Is(err, jsonschema.ErrInvalid) || string(out) != "kept" {
		t.Errorf("got %q, %v; want ErrInvalid", out, err)
	}
	for _, test := range []struct{ data, want string }{
		{`{"payer":"secret","cents":-1}`, "at /cents: breaks the rule minimum"},
		{`{"payer":"secret"}`, "at /: breaks the rule required"},
		{`{"payer":"","cents":1}`, "at /payer: breaks the rule minLength"},
		{`{"payer":`, "unexpected EOF"},
		{``, "want JSON"},
	} {
		v, err := s.Decode([]byte(test.data))
		if err == nil || !strings.Contains(err.Error(), test.want) || v != (payment{}) {
			t.Errorf("%s: got %v, %v; want %q", test.data, v, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error quotes the data: %v", err)
		}
	}
}

func TestReferences(t *testing.T) {
	coin := serde.Reference{Name: "https://example.com/coin.json", Schema: serde.Schema{Format: serde.FormatJSON, Text: `{"type":"integer","minimum":0}`}}
	const bill = `{"type":"object","additionalProperties":{"$ref":"https://example.com/coin.json"}}`
	s := jsonschema.Of[map[string]int](bill, coin)
	if _, err := s.Append(nil, map[string]int{"a": -1}); !errors.Is(err, jsonschema.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	_, err := jsonschema.Of[map[string]int](bill).(serde.TopicBinder[map[string]int]).ForTopic("t", false)
	if err == nil || !strings.Contains(err.Error(), "not among the references") {
		t.Errorf("got %v, want an error about the missing reference", err)
	}
}

func TestASchemaThatIsNoneIsAFault(t *testing.T) {
	for _, text := range []string{"{", `{"type":"strin"}`, `7`} {
		if _, err := jsonschema.Of[payment](text).(serde.TopicBinder[payment]).ForTopic("t", false); err == nil {
			t.Errorf("%s is taken for a schema", text)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"payer":"ada","cents":250}`))
	s := jsonschema.Of[payment](schema)
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := s.Decode(data)
		if err != nil {
			return
		}
		out, err := s.Append(nil, v)
		if err != nil {
			t.Fatalf("%s was read, and not written: %v", data, err)
		}
		if again, err := s.Decode(out); err != nil || again != v {
			t.Fatalf("%s was read as %v and then as %v, %v", data, v, again, err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	s, dst := jsonschema.Of[payment](schema), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Append(dst, payment{"ada", 250}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	s, data := jsonschema.Of[payment](schema), []byte(`{"payer":"ada","cents":250}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleOf() {
	type Payment struct {
		Cents int `json:"cents"`
	}
	s := jsonschema.Of[Payment](`{"type":"object","properties":{"cents":{"minimum":1}}}`)
	fmt.Println(s.Decode([]byte(`{"cents":250}`)))
	fmt.Println(s.Decode([]byte(`{"cents":0}`)))
	// Output:
	// {250} <nil>
	// {0} decode JSON: the value does not follow its JSON schema: at /cents: breaks the rule minimum
}
