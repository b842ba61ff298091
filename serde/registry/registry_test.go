package registry_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/apipb"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
	"github.com/tidemill/tidemill/serde/jsonschema"
	"github.com/tidemill/tidemill/serde/protobuf"
	"github.com/tidemill/tidemill/serde/registry"
	"github.com/tidemill/tidemill/serde/registry/registrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t testing.TB, options ...registrytest.Option) *registrytest.Registry {
	t.Helper()
	r, err := registrytest.Start(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// connect returns a registry as a program that has just started sees it.
func connect(t testing.TB, r *registrytest.Registry, options ...sr.ClientOpt) *registry.Registry {
	t.Helper()
	client, err := r.Client(options...)
	if err != nil {
		t.Fatal(err)
	}
	return registry.New(client)
}

func bind[T any](t testing.TB, s serde.Serde[T], topic string) serde.Serde[T] {
	t.Helper()
	bound, err := s.(serde.TopicBinder[T]).ForTopic(topic, false)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

// refusal returns the error of binding.
func refusal[T any](t testing.TB, s serde.Serde[T], topic string) error {
	t.Helper()
	_, err := s.(serde.TopicBinder[T]).ForTopic(topic, false)
	return err
}

func appended[T any](t testing.TB, s serde.Serde[T], v T) []byte {
	t.Helper()
	out, err := s.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The versions of a type, all of them called Order.
type (
	orderV1 struct {
		ID string `avro:"id"`
	}
	orderV2 struct { // a field with a default: compatible in both directions
		ID    string `avro:"id"`
		Cents int64  `avro:"cents,default=100"`
	}
	orderV3 struct { // a field without one: old data cannot be read
		ID   string `avro:"id"`
		Note string `avro:"note"`
	}
)

func v1(r *registry.Registry, o ...registry.Option) serde.Serde[orderV1] {
	return registry.Of(r, avro.Of[orderV1](avro.Name("Order"), avro.Namespace("shop")), o...)
}

func v2(r *registry.Registry, o ...registry.Option) serde.Serde[orderV2] {
	return registry.Of(r, avro.Of[orderV2](avro.Name("Order"), avro.Namespace("shop")), o...)
}

func v3(r *registry.Registry, o ...registry.Option) serde.Serde[orderV3] {
	return registry.Of(r, avro.Of[orderV3](avro.Name("Order"), avro.Namespace("shop")), o...)
}

func TestTheWireFormatIsConfluents(t *testing.T) {
	r := connect(t, start(t))
	order := bind(t, v1(r), "orders")
	method := bind(t, registry.Of(r, protobuf.Of[*apipb.Method]()), "methods")
	first := bind(t, registry.Of(r, protobuf.Of[*apipb.Api]()), "apis")
	nested := bind(t, registry.Of(r, protobuf.Of[*descriptorpb.DescriptorProto_ExtensionRange]()), "ranges")
	text := bind(t, registry.Of(r, jsonschema.Of[int](`{"type":"integer"}`)), "numbers")
	one := int32(1)
	for _, test := range []struct {
		name string
		got  []byte
		want string
	}{
		{"Avro", appended(t, order, orderV1{"a"}), "00000000010261"},
		{"the second message of a file", appended(t, method, &apipb.Method{Name: "a"}), "00000000020202" + "0a0161"},
		{"the first message of a file", appended(t, first, &apipb.Api{Name: "a"}), "000000000200" + "0a0161"},
		{"a nested message", appended(t, nested, &descriptorpb.DescriptorProto_ExtensionRange{Start: &one}), "0000000003040400" + "0801"},
		{"JSON", appended(t, text, 7), "000000000437"},
	} {
		if got := hex.EncodeToString(test.got); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
	back, err := nested.Decode(appended(t, nested, &descriptorpb.DescriptorProto_ExtensionRange{Start: &one}))
	if err != nil || back.GetStart() != 1 {
		t.Errorf("got %v, %v", back, err)
	}
	if n, err := text.Decode(appended(t, text, 7)); err != nil || n != 7 {
		t.Errorf("got %v, %v", n, err)
	}
}

func TestOldAndNewProgramsReadEachOther(t *testing.T) {
	fake := start(t, registrytest.Compatibility(sr.CompatFull))
	older := bind(t, v1(connect(t, fake)), "orders")
	newer := bind(t, v2(connect(t, fake)), "orders")
	if v, err := newer.Decode(appended(t, older, orderV1{"a"})); err != nil || v != (orderV2{"a", 100}) {
		t.Errorf("got %v, %v; want the default", v, err)
	}
	if v, err := older.Decode(appended(t, newer, orderV2{"b", 5})); err != nil || v != (orderV1{"b"}) {
		t.Errorf("got %v, %v; want the field left out", v, err)
	}
	// In turns, so that each way of finding a reader is gone.
	for range 3 {
		if v, err := newer.Decode(appended(t, newer, orderV2{"c", 6})); err != nil || v.Cents != 6 {
			t.Errorf("got %v, %v", v, err)
		}
		if v, err := newer.Decode(appended(t, older, orderV1{"d"})); err != nil || v.ID != "d" {
			t.Errorf("got %v, %v", v, err)
		}
	}
}

func TestAnIncompatibleSchemaIsRefusedBeforeTheFirstRecord(t *testing.T) {
	for _, test := range []struct {
		name     string
		level    sr.CompatibilityLevel
		from, to int
		refused  bool
	}{
		{"backward: a new field with a default", sr.CompatBackward, 1, 2, false},
		{"backward: a new field without a default", sr.CompatBackward, 1, 3, true},
		{"backward: a field less", sr.CompatBackward, 3, 1, false},
		{"forward: a new field without a default", sr.CompatForward, 1, 3, false},
		{"forward: a field less that had no default", sr.CompatForward, 3, 1, true},
		{"full: a new field with a default", sr.CompatFull, 1, 2, false},
		{"full: a new field without a default", sr.CompatFull, 1, 3, true},
		{"full: a field less that had no default", sr.CompatFull, 3, 1, true},
		{"none: anything", sr.CompatNone, 1, 3, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := start(t, registrytest.Compatibility(test.level))
			if err := announce(t, fake, test.from); err != nil {
				t.Fatal(err)
			}
			err := announce(t, fake, test.to)
			if test.refused != errors.Is(err, registry.ErrIncompatible) || !test.refused && err != nil {
				t.Errorf("got %v, refused should be %v", err, test.refused)
			}
		})
	}
}

// announce binds one of the versions, as a program that has just started does.
func announce(t testing.TB, fake *registrytest.Registry, version int) error {
	t.Helper()
	r := connect(t, fake)
	switch version {
	case 1:
		return refusal(t, v1(r), "orders")
	case 2:
		return refusal(t, v2(r), "orders")
	}
	return refusal(t, v3(r), "orders")
}

func TestTransitiveModesCompareWithEveryVersion(t *testing.T) {
	for level, refused := range map[sr.CompatibilityLevel]bool{sr.CompatBackward: false, sr.CompatBackwardTransitive: true} {
		fake := start(t, registrytest.Compatibility(level))
		if err := announce(t, fake, 3); err != nil {
			t.Fatal(err)
		}
		if err := announce(t, fake, 1); err != nil {
			t.Fatal(err)
		}
		numbers := registry.Of(connect(t, fake), avro.Of[any](avro.Text(`{"type":"record","name":"Order","namespace":"shop","fields":[
			{"name":"id","type":"string"},{"name":"note","type":"long","default":0}]}`)))
		if err := refusal(t, numbers, "orders"); errors.Is(err, registry.ErrIncompatible) != refused || !refused && err != nil {
			t.Errorf("%v: got %v, refused should be %v", level, err, refused)
		}
	}
}

func TestOneSubjectHasAModeOfItsOwn(t *testing.T) {
	fake := start(t)
	if err := announce(t, fake, 1); err != nil {
		t.Fatal(err)
	}
	if err := fake.SetCompatibility("orders-value", sr.CompatNone); err != nil {
		t.Fatal(err)
	}
	if err := announce(t, fake, 3); err != nil {
		t.Errorf("got %v, want everything taken", err)
	}
}

func TestReferencesAreRegisteredAndFound(t *testing.T) {
	fake := start(t)
	coin := serde.Reference{Name: "shop.Coin", Schema: serde.Schema{
		Format: serde.FormatAvro, Text: `{"type":"record","name":"Coin","namespace":"shop","fields":[{"name":"cents","type":"long"}]}`,
	}}
	const bill = `{"type":"record","name":"Bill","namespace":"shop","fields":[{"name":"sum","type":"Coin"}]}`
	const wider = `{"type":"record","name":"Bill","namespace":"shop","fields":[{"name":"sum","type":"Coin"},{"name":"n","type":"int","default":3}]}`
	writer := bind(t, registry.Of(connect(t, fake), avro.Generic(bill, avro.References(coin))), "bills")
	data := appended(t, writer, any(map[string]any{"sum": map[string]any{"cents": int64(5)}}))

	type Coin struct {
		Cents int64 `avro:"cents"`
	}
	type Bill struct {
		Sum Coin  `avro:"sum"`
		N   int32 `avro:"n"`
	}
	reader := bind(t, registry.Of(connect(t, fake), avro.Of[Bill](avro.Text(wider), avro.References(coin))), "bills")
	if v, err := reader.Decode(data); err != nil || v != (Bill{Coin{5}, 3}) {
		t.Errorf("got %v, %v; want 5 cents and the default", v, err)
	}
	client, err := fake.Client()
	if err != nil {
		t.Fatal(err)
	}
	if found, err := client.SchemaByVersion(t.Context(), "shop.Coin", -1); err != nil || found.Version != 1 {
		t.Errorf("got version %d, %v; want the reference once under its name", found.Version, err)
	}
}
