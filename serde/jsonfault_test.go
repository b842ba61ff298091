package serde_test

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

func TestJSONErrorsSayWhatAndWhere(t *testing.T) {
	s := serde.JSON[alert]()
	refuses(t, "no data", s, "", "want JSON, got 0 bytes")
	refuses(t, "no JSON", s, "abc", "decode JSON at byte 0: invalid character 'a' at start of value")
	refuses(t, "the start of JSON", s, `{"id":`, `decode JSON at "/id", byte 6: unexpected EOF`)
	refuses(t, "another kind", s, `[]`, `decode JSON array as serde_test.alert at byte 0`)
	refuses(t, "another kind inside", s, `{"priority":"high"}`, `decode JSON string as int at "/priority", byte 12`)
	refuses(t, "something behind", s, `{} {}`, `decode JSON at byte 3: invalid character '{' after top-level value`)
	refuses(t, "a name twice", s, `{"id":"a","id":"b"}`, `decode JSON at "/id", byte 10: duplicate object member name`)
	refuses(t, "invalid UTF-8", s, "{\"id\":\"\xff\"}", `decode JSON at "/id", byte 7: invalid UTF-8`)
	refuses(t, "a number too large", serde.JSON[[]uint8](), `[1]`, `decode JSON array as []uint8 at byte 0`)
	refuses(t, "a number too large inside", serde.JSON[[]int8](), `[1,300]`,
		`decode JSON number as int8 at "/1", byte 3: value out of range`)
}

func TestJSONErrorsWhenEncoding(t *testing.T) {
	_, err := serde.JSON[[]float64]().Append(nil, []float64{math.Inf(1)})
	if want := `encode JSON float64 at "/0", byte 1: unsupported value: +Inf`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestJSONErrorsQuoteExcerptsOnly(t *testing.T) {
	secret := strings.Repeat("secret ", 1000)
	for _, row := range []struct{ name, data string }{
		{"a long string", `{"priority":"` + secret + `"}`},
		{"a long name", `{"` + secret + `":{"a":1,"a":2}}`},
		{"a long number", `{"priority":` + strings.Repeat("7", 5000) + `}`},
		{"a long text that is no JSON", secret},
		{"a long name twice", `{"` + secret + `":1,"` + secret + `":1}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := serde.JSON[alert]().Decode([]byte(row.data))
			if err == nil {
				t.Fatal("no error")
			}
			if len(err.Error()) > 300 {
				t.Errorf("the error has %d bytes: %v", len(err.Error()), err)
			}
		})
	}
}

func TestJSONErrorsKeepTheirCause(t *testing.T) {
	_, err := serde.JSON[alert]().Decode([]byte(`{"id":"a","id":"b"}`))
	if !errors.Is(err, jsontext.ErrDuplicateName) {
		t.Errorf("%v is not the error for duplicate names", err)
	}
	_, err = serde.JSON[alert]().Decode([]byte(`{"priority":"high"}`))
	cause, ok := errors.AsType[*json.SemanticError](err)
	if !ok || cause.JSONPointer != "/priority" {
		t.Errorf("%v holds the cause %v", err, cause)
	}
}

// talkative refuses everything at length.
type talkative struct{}

func (talkative) MarshalText() ([]byte, error) { return nil, errTalk }

func (*talkative) UnmarshalText([]byte) error { return errTalk }

var errTalk = errors.New("x" + strings.Repeat("é", 500))

func TestErrorsOfMethodsAreCutBetweenCharacters(t *testing.T) {
	s := serde.JSON[talkative]()
	_, read := s.Decode([]byte(`"x"`))
	_, written := s.Append(nil, talkative{})
	for _, err := range []error{read, written} {
		saying(t, err, ": x"+strings.Repeat("é", 39)+"...")
		if !errors.Is(err, errTalk) {
			t.Errorf("%v lost its cause", err)
		}
	}
}
