package registrytest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/serde/registry/registrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	small = `{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}`
	wide  = `{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"int"}]}`
)

func start(t *testing.T) (*registrytest.Registry, *sr.Client) {
	t.Helper()
	r, err := registrytest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := r.Client()
	if err != nil {
		t.Fatal(err)
	}
	return r, client
}

func TestCompatibilityCanBeAskedFor(t *testing.T) {
	r, client := start(t)
	if _, err := client.CreateSchema(t.Context(), "a/b value", sr.Schema{Schema: small}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{small: true, wide: false} {
		got, err := client.CheckCompatibility(t.Context(), "a/b value", -1, sr.Schema{Schema: text})
		if err != nil || got.Is != want || want != (len(got.Messages) == 0) {
			t.Errorf("got %v, %v; want %v for %s", got, err, want, text)
		}
	}
	if err := r.SetCompatibility("a/b value", sr.CompatForward); err != nil {
		t.Fatal(err)
	}
	if got, err := client.CheckCompatibility(t.Context(), "a/b value", -1, sr.Schema{Schema: wide}); err != nil || !got.Is {
		t.Errorf("forward: got %v, %v; want it compatible", got, err)
	}
}

func TestARefusalSaysWhy(t *testing.T) {
	_, client := start(t)
	if _, err := client.CreateSchema(t.Context(), "s", sr.Schema{Schema: small}); err != nil {
		t.Fatal(err)
	}
	_, err := client.CreateSchema(t.Context(), "s", sr.Schema{Schema: wide})
	refused, ok := errors.AsType[*sr.ResponseError](err)
	if !ok || refused.StatusCode != http.StatusConflict || !strings.Contains(refused.Message, "cannot read data of version 1") {
		t.Errorf("got %v, want 409 and the reason", err)
	}
	again, err := client.CreateSchema(t.Context(), "s", sr.Schema{Schema: small})
	if err != nil || again.Version != 1 || again.ID != 1 {
		t.Errorf("got %v, %v; want the first version again", again, err)
	}
}

func TestASchemaThatIsNoneIsRefused(t *testing.T) {
	_, client := start(t)
	_, err := client.CreateSchema(t.Context(), "s", sr.Schema{Schema: `{"type":"recor"}`})
	if refused, ok := errors.AsType[*sr.ResponseError](err); !ok || refused.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("got %v, want 422", err)
	}
}

func TestOtherFormatsAreTakenAsTheyAre(t *testing.T) {
	_, client := start(t)
	for _, text := range []string{`{"type":"string"}`, `{"type":"integer"}`} {
		if _, err := client.CreateSchema(t.Context(), "s", sr.Schema{Schema: text, Type: sr.TypeJSON}); err != nil {
			t.Error(err)
		}
	}
}
