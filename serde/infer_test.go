package serde_test

import (
	"net"
	"testing"
	"time"
	"uuid"

	"github.com/tidemill/tidemill/serde"
)

func TestTheTypeDecidesTheEncoding(t *testing.T) {
	wire(t, "string", of[string](t), "a", "61")
	wire(t, "bytes", of[[]byte](t), []byte("a"), "61")
	wire(t, "bool", of[bool](t), true, "01")
	wire(t, "int", of[int](t), 1, "0000000000000001")
	wire(t, "int8", of[int8](t), 1, "01")
	wire(t, "int16", of[int16](t), 1, "0001")
	wire(t, "rune, which is int32", of[rune](t), 1, "00000001")
	wire(t, "int64", of[int64](t), 1, "0000000000000001")
	wire(t, "uint", of[uint](t), 1, "0000000000000001")
	wire(t, "byte, which is uint8", of[byte](t), 1, "01")
	wire(t, "uint16", of[uint16](t), 1, "0001")
	wire(t, "uint32", of[uint32](t), 1, "00000001")
	wire(t, "uint64", of[uint64](t), 1, "0000000000000001")
	wire(t, "float32", of[float32](t), 1.5, "3fc00000")
	wire(t, "float64", of[float64](t), 1.5, "3ff8000000000000")
	wire(t, "time", of[time.Time](t), time.UnixMilli(1).UTC(), "0000000000000001")
	wire(t, "duration, which is an int64", of[time.Duration](t), 1, "0000000000000001")
	text(t, "uuid", of[uuid.UUID](t), uuid.MustParse(someUUID), someUUID)
	text(t, "a struct", of[point](t), point{1, 2}, `{"X":1,"Y":2}`)
	text(t, "a slice", of[[]string](t), []string{"a"}, `["a"]`)
}

func TestPointersAreEncodedAsWhatTheyPointTo(t *testing.T) {
	wire(t, "string", of[*string](t), new("a"), "61")
	wire(t, "bytes", of[*[]byte](t), &[]byte{1}, "01")
	wire(t, "int64", of[*int64](t), new(int64(1)), "0000000000000001")
	wire(t, "int", of[*int](t), new(1), "0000000000000001")
	wire(t, "time", of[*time.Time](t), new(time.UnixMilli(1).UTC()), "0000000000000001")
	text(t, "a struct", of[*point](t), &point{1, 2}, `{"X":1,"Y":2}`)
}

// level is a number that is written as text.
type level int

func (l level) MarshalText() ([]byte, error) { return []byte{'L', byte('0' + l)}, nil }

func (l *level) UnmarshalText(data []byte) error {
	*l = level(data[1] - '0')
	return nil
}

func TestMethodsDecideBeforeTheKind(t *testing.T) {
	text(t, "a number with text methods", of[level](t), 3, `"L3"`)
	text(t, "a pointer to one", of[*level](t), new(level(3)), `"L3"`)
	text(t, "bytes with text methods", of[net.IP](t), net.ParseIP("::1"), `"::1"`)
}

// message looks like one that protoc has generated.
type message struct{ Text string }

func (*message) ProtoReflect() int { return 0 }

func TestProtobufMessagesAreRefused(t *testing.T) {
	_, err := serde.Of[*message]()
	saying(t, err, "*serde_test.message is a protobuf message", "give its serde as an option")
	_, err = serde.Of[message]()
	saying(t, err, "serde_test.message is a protobuf message")
}
