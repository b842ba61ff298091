package registry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/types/known/apipb"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
	"github.com/tidemill/tidemill/serde/protobuf"
	"github.com/tidemill/tidemill/serde/registry"
	"github.com/tidemill/tidemill/serde/registry/registrytest"
)

func TestBadDataIsAnErrorOfItsOwn(t *testing.T) {
	r := connect(t, start(t))
	orders := bind(t, v1(r), "orders")
	for _, test := range []struct {
		name, data string
		want       error
	}{
		{"another first byte", "{\"id\":\"a\"}", registry.ErrMagic},
		{"nothing", "", registry.ErrTruncated},
		{"half a header", "\x00\x00\x00", registry.ErrTruncated},
		{"no body", "\x00\x00\x00\x00\x01", avro.ErrTruncated},
		{"half a body", "\x00\x00\x00\x00\x01\x04a", avro.ErrTruncated},
		{"a body and more", "\x00\x00\x00\x00\x01\x02ab", avro.ErrTrailing},
		{"a number that nobody has", "\x00\x00\x00\x03\xe7\x02a", registry.ErrUnknownID},
		{"the number zero", "\x00\x00\x00\x00\x00\x02a", registry.ErrUnknownID},
	} {
		if v, err := orders.Decode([]byte(test.data)); !errors.Is(err, test.want) || v != (orderV1{}) {
			t.Errorf("%s: got %v, %v; want %v", test.name, v, err, test.want)
		}
	}
	if _, err := v1(r).Decode([]byte("\x00\x00\x00\x00\x00\x02a")); !errors.Is(err, registry.ErrUnknownID) {
		t.Errorf("unbound: got %v, want ErrUnknownID", err)
	}
}

func TestDataOfAnotherKindIsRefused(t *testing.T) {
	r := connect(t, start(t))
	orders, methods := bind(t, v1(r), "orders"), bind(t, registry.Of(r, protobuf.Of[*apipb.Method]()), "methods")
	apis := bind(t, registry.Of(r, protobuf.Of[*apipb.Api]()), "apis")
	if _, err := methods.Decode(appended(t, orders, orderV1{"a"})); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("got %v, want ErrIncompatible", err)
	}
	if _, err := methods.Decode(appended(t, apis, &apipb.Api{Name: "a"})); !errors.Is(err, registry.ErrMessage) {
		t.Errorf("got %v, want ErrMessage", err)
	}
	if _, err := methods.Decode(appended(t, methods, &apipb.Method{})[:5]); !errors.Is(err, registry.ErrTruncated) {
		t.Errorf("got %v, want ErrTruncated", err)
	}
	strange := bind(t, registry.Of(r, avro.Of[any](avro.Text(`"int"`))), "strange")
	if _, err := orders.Decode(appended(t, strange, any(int32(1)))); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("got %v, want ErrIncompatible", err)
	}
}

func TestAnOutageAfterTheStartDoesNotStopTheFlow(t *testing.T) {
	fake := start(t)
	older, reg := bind(t, v1(connect(t, fake)), "orders"), connect(t, fake)
	newer := bind(t, v2(reg), "orders")
	old := appended(t, older, orderV1{"a"})
	if _, err := newer.Decode(old); err != nil {
		t.Fatal(err)
	}
	strange := appended(t, bind(t, v1(connect(t, fake), registry.Subjects(registry.RecordName)), "other"), orderV1{"s"})
	latest := appended(t, bind(t, registry.Of(connect(t, fake), avro.Of[orderV3](avro.Name("Order"), avro.Namespace("shop"))), "elsewhere"), orderV3{"z", "n"})

	fake.SetDown(true)
	asked := fake.Requests()
	for range 100 {
		if v, err := newer.Decode(old); err != nil || v.Cents != 100 {
			t.Fatalf("got %v, %v", v, err)
		}
		if v, err := newer.Decode(appended(t, newer, orderV2{"b", 7})); err != nil || v.Cents != 7 {
			t.Fatalf("got %v, %v", v, err)
		}
	}
	if _, err := newer.Decode(strange); err != nil { // the same schema has the same number
		t.Error(err)
	}
	if n := fake.Requests() - asked; n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	if _, err := newer.Decode(latest); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if err := refusal(t, v1(connect(t, fake)), "orders"); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("a start without a registry: got %v, want ErrUnavailable", err)
	}
	if err := refusal(t, v1(connect(t, fake), registry.ReadOnly()), "orders"); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("a start without a registry: got %v, want ErrUnavailable", err)
	}
	fake.SetDown(false)
	if v, err := newer.Decode(latest); err != nil || v.ID != "z" {
		t.Errorf("afterwards: got %v, %v", v, err)
	}
}

func TestARegistryThatIsNotThereIsUnavailable(t *testing.T) {
	fake, err := registrytest.Start()
	if err != nil {
		t.Fatal(err)
	}
	r := connect(t, fake)
	if err := fake.Close(); err != nil {
		t.Fatal(err)
	}
	if err := refusal(t, v1(r), "orders"); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestASchemaIsAskedForOnce(t *testing.T) {
	fake := start(t)
	data := appended(t, bind(t, v1(connect(t, fake)), "orders"), orderV1{"a"})
	reg := connect(t, fake)
	before := fake.Requests()
	for _, s := range []serde.Serde[orderV2]{v2(reg), v2(reg)} {
		for range 10 {
			if _, err := s.Decode(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := fake.Requests() - before; n != 1 {
		t.Errorf("the registry was asked %d times, want once for two serdes", n)
	}
}

func TestLookupRegistersNothing(t *testing.T) {
	fake := start(t)
	if err := refusal(t, v1(connect(t, fake), registry.Lookup()), "orders"); !errors.Is(err, registry.ErrNotRegistered) {
		t.Errorf("got %v, want ErrNotRegistered", err)
	}
	registered := appended(t, bind(t, v1(connect(t, fake)), "orders"), orderV1{"a"})
	found := appended(t, bind(t, v1(connect(t, fake), registry.Lookup()), "orders"), orderV1{"a"})
	if string(registered) != string(found) {
		t.Errorf("got %x, want %x", found, registered)
	}
	if err := refusal(t, v2(connect(t, fake), registry.Lookup()), "orders"); !errors.Is(err, registry.ErrNotRegistered) {
		t.Errorf("got %v, want ErrNotRegistered", err)
	}
}

func TestAReaderRegistersNothing(t *testing.T) {
	fake := start(t)
	early := bind(t, v2(connect(t, fake), registry.ReadOnly()), "orders")
	data := appended(t, bind(t, v1(connect(t, fake)), "orders"), orderV1{"a"})
	if v, err := early.Decode(data); err != nil || v.Cents != 100 {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := early.Append(nil, orderV2{}); err == nil || !strings.Contains(err.Error(), "ReadOnly") {
		t.Errorf("got %v, want an error that names ReadOnly", err)
	}
	if err := refusal(t, v3(connect(t, fake), registry.ReadOnly()), "orders"); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("a reader of something else: got %v, want ErrIncompatible", err)
	}
}

func TestSubjects(t *testing.T) {
	for _, test := range []struct {
		name          string
		strategy      registry.Strategy
		topic, record string
		key           bool
		want          string // empty for an error
	}{
		{"a value by its topic", registry.TopicName, "orders", "shop.Order", false, "orders-value"},
		{"a key by its topic", registry.TopicName, "orders", "", true, "orders-key"},
		{"by its record", registry.RecordName, "orders", "shop.Order", false, "shop.Order"},
		{"by both", registry.TopicRecordName, "orders", "shop.Order", true, "orders-shop.Order"},
		{"no topic", registry.TopicName, "", "shop.Order", false, ""},
		{"no record", registry.RecordName, "orders", "", false, ""},
		{"by both, no record", registry.TopicRecordName, "orders", "", false, ""},
		{"by both, no topic", registry.TopicRecordName, "", "shop.Order", false, ""},
	} {
		got, err := test.strategy(test.topic, test.key, test.record)
		if test.want == "" && err == nil || test.want != "" && (err != nil || got != test.want) {
			t.Errorf("%s: got %q, %v; want %q", test.name, got, err, test.want)
		}
	}
	err := refusal(t, registry.Of(connect(t, start(t)), avro.Of[any](avro.Text(`"int"`)), registry.Subjects(registry.Strategy(registry.TopicName))), "")
	if err == nil || !strings.Contains(err.Error(), "RecordName") {
		t.Errorf("got %v, want a hint", err)
	}
}

func TestCredentials(t *testing.T) {
	for _, test := range []struct {
		header string
		right  sr.ClientOpt
		wrong  sr.ClientOpt
	}{
		{"Bearer token", sr.BearerToken("token"), sr.BearerToken("other")},
		{"Basic dXNlcjpwYXNz", sr.BasicAuth("user", "pass"), sr.BasicAuth("user", "other")},
	} {
		fake := start(t, registrytest.Authorization(test.header))
		if err := refusal(t, v1(connect(t, fake, test.right)), "orders"); err != nil {
			t.Errorf("%s: %v", test.header, err)
		}
		if err := refusal(t, v1(connect(t, fake, test.wrong)), "orders"); !errors.Is(err, registry.ErrRefused) {
			t.Errorf("%s: got %v, want ErrRefused", test.header, err)
		}
	}
}

func TestTLSIsTheClients(t *testing.T) {
	fake := start(t)
	to, err := url.Parse(fake.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: &http.Transport{DisableKeepAlives: true}})
	defer proxy.Close()
	trusting, err := sr.NewClient(sr.URLs(proxy.URL), sr.HTTPClient(proxy.Client()))
	if err != nil {
		t.Fatal(err)
	}
	if err := refusal(t, v1(registry.New(trusting)), "orders"); err != nil {
		t.Error(err)
	}
}

func TestASerdeThatCannotBeIsAFault(t *testing.T) {
	r := connect(t, start(t))
	if err := refusal(t, registry.Of(r, serde.String()), "t"); err == nil || !strings.Contains(err.Error(), "follows no schema") {
		t.Errorf("got %v, want an error that says what to use", err)
	}
	if err := refusal(t, registry.Of(r, avro.Of[orderV1](avro.Text("{"))), "t"); err == nil {
		t.Error("a schema that is none is bound")
	}
	if _, err := v1(r).Append(nil, orderV1{}); !errors.Is(err, registry.ErrUnbound) {
		t.Errorf("got %v, want ErrUnbound", err)
	}
}

func FuzzDecode(f *testing.F) {
	fake := start(f)
	reg := connect(f, fake)
	methods := bind(f, registry.Of(reg, protobuf.Of[*apipb.Method]()), "methods")
	orders := bind(f, v1(reg), "orders")
	f.Add(appended(f, methods, &apipb.Method{Name: "a"}))
	f.Add(appended(f, orders, orderV1{"a"}))
	f.Add([]byte{0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4 {
			data[1], data[2], data[3], data[4] = 0, 0, 0, data[4]%3 // known numbers and one that is not
		}
		if v, err := orders.Decode(data); err == nil && len(appended(t, orders, v)) > len(data) {
			t.Errorf("%x was read as %v", data, v)
		}
		if v, err := methods.Decode(data); err == nil && v == nil {
			t.Errorf("%x was read as nothing", data)
		}
	})
}
