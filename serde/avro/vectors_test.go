package avro_test

import (
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"os"
	"testing"
	"unicode/utf8"

	"github.com/linkedin/goavro/v2"
	tavro "github.com/twmb/avro"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
)

type vector struct {
	Name    string
	Schema  jsontext.Value
	JSON    jsontext.Value `json:"json"`
	Hex     string
	Single  string
	Reader  jsontext.Value
	ReadHex string `json:"readHex"`
}

func (v *vector) UnmarshalJSON(data []byte) error {
	var raw struct {
		Name    string         `json:"name"`
		Schema  jsontext.Value `json:"schema"`
		JSON    string         `json:"json"`
		Hex     string         `json:"hex"`
		Single  string         `json:"single"`
		Reader  jsontext.Value `json:"reader"`
		ReadHex string         `json:"readHex"`
	}
	err := json.Unmarshal(data, &raw)
	*v = vector{raw.Name, raw.Schema, jsontext.Value(raw.JSON), raw.Hex, raw.Single, raw.Reader, raw.ReadHex}
	return err
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/java.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []vector
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if len(out) < 60 {
		t.Fatalf("found %d vectors only", len(out))
	}
	return out
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// again decodes data and encodes the value again.
func again(t *testing.T, s serde.Serde[any], data string) string {
	t.Helper()
	v, err := s.Decode(unhex(t, data))
	if err != nil {
		t.Fatal(err)
	}
	return encoded(t, s, v)
}

func encoded(t *testing.T, s serde.Serde[any], v any) string {
	t.Helper()
	out, err := s.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(out)
}

func TestBytesAreJavas(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Reader != nil {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			schema := string(v.Schema)
			for name, s := range map[string]serde.Serde[any]{"Of": avro.Of[any](avro.Text(schema)), "Generic": avro.Generic(schema)} {
				if got := again(t, s, v.Hex); got != v.Hex {
					t.Errorf("%s reads %s and writes %s", name, v.Hex, got)
				}
			}
			for name, s := range map[string]serde.Serde[any]{
				"Of":      avro.Of[any](avro.Text(schema), avro.SingleObject()),
				"Generic": avro.Generic(schema, avro.SingleObject()),
			} {
				if got := again(t, s, v.Single); got != v.Single {
					t.Errorf("%s reads the single object %s and writes %s", name, v.Single, got)
				}
			}
		})
	}
}

// The values are Java's too, not only what a library makes of its own: each
// library reads the JSON encoding of the value, and the bytes follow from that.
func TestValuesAreJavas(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Reader != nil {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			var value any
			if err := tavro.MustParse(string(v.Schema)).DecodeJSON(v.JSON, &value); err != nil {
				t.Fatal(err)
			}
			if got := encoded(t, avro.Of[any](avro.Text(string(v.Schema))), value); got != v.Hex {
				t.Errorf("Of writes %s as %s, want %s", v.JSON, got, v.Hex)
			}
			codec, err := goavro.NewCodec(string(v.Schema))
			if err != nil {
				t.Fatal(err)
			}
			native, _, err := codec.NativeFromTextual(escaped(v.JSON))
			if err != nil {
				t.Fatal(err)
			}
			if got := encoded(t, avro.Generic(string(v.Schema)), native); got != v.Hex {
				t.Errorf("Generic writes %s as %s, want %s", v.JSON, got, v.Hex)
			}
		})
	}
}

// escaped writes the characters that stand for bytes as escapes: goavro takes the
// UTF-8 of others for the bytes.
func escaped(text []byte) []byte {
	var out []byte
	for _, r := range string(text) {
		if r >= 0x80 && r <= 0xff {
			out = fmt.Appendf(out, "\\u%04x", r)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

func TestReadersResolveAsJavaDoes(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Reader == nil {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			reader := avro.Of[any](avro.Text(string(v.Reader))).(serde.Described[any])
			s, err := reader.ForWriter(serde.Schema{Format: serde.FormatAvro, Text: string(v.Schema)})
			if err != nil {
				t.Fatal(err)
			}
			if got := again(t, s, v.Hex); got != v.ReadHex {
				t.Errorf("got %s, want %s", got, v.ReadHex)
			}
		})
	}
}
