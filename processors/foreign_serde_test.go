package processors_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

type (
	subscription = processors.Subscription[string]
	response     = processors.Response[string]
)

var (
	subscriptions = processors.SubscriptionSerde(serde.String())
	responses     = processors.ResponseSerde(serde.String())
	hashOfFK      = processors.RowHash{Sum: record.Murmur3([]byte("fk")), Exists: true}
)

const hexOfFK = "3741d47f121e024f093b606dc1f7c4c6"

// The first two are what Kafka Streams 4.3.1 wrote.
func TestSubscriptionsAreEncodedAsKafkaStreamsDoes(t *testing.T) {
	for _, c := range []struct {
		name  string
		sub   subscription
		bytes string
		read  bool // only
	}{
		{"of a row", subscription{Key: "pk", Hash: hashOfFK, Asked: processors.AnswerIfFound}, "0103" + hexOfFK + "706b00000000", false},
		{"of a deleted row", subscription{Key: "pk", Asked: processors.UnsubscribeAndTell}, "8101706b00000000", false},
		{"of an empty key", subscription{Asked: processors.AnswerAlways, Partition: 258}, "810200000102", false},
		{"of version 0", subscription{Key: "pk", Hash: hashOfFK, Asked: processors.AnswerAlways, Partition: -1}, "0002" + hexOfFK + "706b", true},
		{"of version 0 and a deleted row", subscription{Key: "pk", Partition: -1}, "8000706b", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := subscriptions.Decode(unhex(t, c.bytes))
			if err != nil || got != c.sub {
				t.Errorf("Decode = %+v, %v, want %+v", got, err, c.sub)
			}
			if c.read {
				return
			}
			if written, err := subscriptions.Append(nil, c.sub); err != nil || hex.EncodeToString(written) != c.bytes {
				t.Errorf("Append = %x, %v, want %s", written, err, c.bytes)
			}
		})
	}
}

// The first two are what Kafka Streams 4.3.1 wrote.
func TestResponsesAreEncodedAsKafkaStreamsDoes(t *testing.T) {
	for _, c := range []struct {
		name     string
		response response
		bytes    string
	}{
		{"with a row", response{Hash: hashOfFK, Row: "fv", HasRow: true}, "00" + hexOfFK + "6676"},
		{"without a row, for a deleted one", response{}, "80"},
		{"without a row", response{Hash: hashOfFK}, "00" + hexOfFK},
		{"with an empty row", response{Hash: hashOfFK, HasRow: true}, "40" + hexOfFK},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := responses.Decode(unhex(t, c.bytes))
			if err != nil || got != c.response {
				t.Errorf("Decode = %+v, %v, want %+v", got, err, c.response)
			}
			if written, err := responses.Append([]byte("before"), c.response); err != nil || hex.EncodeToString(written[6:]) != c.bytes {
				t.Errorf("Append = %x, %v, want %s", written, err, c.bytes)
			}
		})
	}
}

func TestDamagedMessagesOfAForeignKeyJoinAreFaults(t *testing.T) {
	for bytes, want := range map[string]string{
		"":             "has at least 2 bytes",
		"01":           "has at least 2 bytes",
		"0203":         "has the version 2, which is not known",
		"8104":         "asks for 4, which is not known",
		"0103706b":     "ends in its hash",
		"81030000":     "ends before its partition",
		"810380000000": "has the partition -2147483648",
	} {
		if _, err := subscriptions.Decode(unhex(t, bytes)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("subscription %q: %v, want %q", bytes, err, want)
		}
	}
	for bytes, want := range map[string]string{
		"":       "has at least 1 byte",
		"81":     "has the version 1, which is not known",
		"006676": "ends in its hash",
		"c078":   "with an empty row has 1 bytes of it",
	} {
		if _, err := responses.Decode(unhex(t, bytes)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("response %q: %v, want %q", bytes, err, want)
		}
	}
}

func FuzzSubscriptionSerde(f *testing.F) {
	for _, seed := range []string{"0103" + hexOfFK + "706b00000000", "8101706b00000000", "8000706b", ""} {
		data, _ := hex.DecodeString(seed)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sub, err := subscriptions.Decode(data)
		if err != nil {
			return
		}
		sub.Partition = max(sub.Partition, 0) // version 0 is not written
		written, err := subscriptions.Append(nil, sub)
		if err != nil {
			t.Fatalf("%+v of %x cannot be written: %v", sub, data, err)
		}
		if again, err := subscriptions.Decode(written); err != nil || again != sub {
			t.Fatalf("%x is %+v, %v, want %+v", written, again, err, sub)
		}
	})
}

func FuzzResponseSerde(f *testing.F) {
	for _, seed := range []string{"00" + hexOfFK + "6676", "80", "40" + hexOfFK, ""} {
		data, _ := hex.DecodeString(seed)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := responses.Decode(data)
		if err != nil {
			return
		}
		written, err := responses.Append(nil, r)
		if err != nil {
			t.Fatalf("%+v of %x cannot be written: %v", r, data, err)
		}
		if again, err := responses.Decode(written); err != nil || again != r {
			t.Fatalf("%x is %+v, %v, want %+v", written, again, err, r)
		}
	})
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
