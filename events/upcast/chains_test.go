package upcast_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/events/upcast"
)

func ExampleChains() {
	chains := upcast.New().
		Add("threat.detected", 1, 2, upcast.Rename("sev", "severity"), upcast.Remove("debug")).
		Add("threat.detected", 2, 3, upcast.Default("source", "unknown"),
			upcast.Split("target", func(s string) (map[string]any, error) {
				host, port, _ := strings.Cut(s, ":")
				return map[string]any{"host": host, "port": port}, nil
			}),
			upcast.MapValue("severity", func(s string) (int, error) { return len(s), nil }))
	if err := chains.Check(); err != nil {
		fmt.Println(err)
	}
	out, version, err := chains.Apply("threat.detected", 1, []byte(`{"sev":"high","target":"db1:22","debug":true}`))
	fmt.Println(string(out), version, err)
	// Output: {"host":"db1","port":"22","severity":4,"source":"unknown"} 3 <nil>
}

func TestChainsReportWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name   string
		chains *upcast.Chains
		want   string
	}{
		{"nothing is wrong with steps to the newest", upcast.New().Add("a", 1, 2).Add("a", 2, 4).Add("a", 3, 4), ""},
		{"a chain that ends early", upcast.New().Add("a", 1, 2).Add("a", 3, 4), "nothing leads from version 2 towards the newest, 4"},
		{"a version that is left out", upcast.New().Add("a", 1, 3), "nothing begins with version 2"},
		{"a step to the same version", upcast.New().Add("a", 2, 2), "is a cycle"},
		{"a step back", upcast.New().Add("a", 1, 2).Add("a", 2, 1), "from version 2 to 1 is a cycle"},
		{"two ways from one version", upcast.New().Add("a", 1, 2).Add("a", 1, 3).Add("a", 2, 3), "leads to both 2 and 3"},
		{"a version below 1", upcast.New().Add("a", 0, 1), "versions begin with 1"},
		{"a type without a name", upcast.New().Add("", 1, 2), "needs the type"},
		{"a step that is nil", upcast.New().Add("a", 1, 2, nil), "is nil"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.chains.Check()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestBadPayloadsGiveErrorsThatSayWhich(t *testing.T) {
	fails := func(upcast.Fields) error { return errors.New("no") }
	chains := upcast.New().Add("a", 2, 3, upcast.Rename("x", "y")).Add("b", 1, 2, fails).
		Add("c", 1, 2, upcast.MapValue("n", func(n int) (int, error) { return n, nil }))
	for _, test := range []struct {
		name, eventType string
		version         int
		data            string
		is              error
		want            string
	}{
		{"a version of the future", "a", 4, `{}`, upcast.ErrNewer, `upcast "a" from version 4`},
		{"a version before all chains", "a", 1, `{}`, upcast.ErrVersion, "1"},
		{"no JSON", "a", 2, `{`, upcast.ErrPayload, "no JSON object"},
		{"no object", "a", 2, `[1]`, upcast.ErrPayload, "no JSON object"},
		{"null", "a", 2, `null`, upcast.ErrPayload, "it is null"},
		{"a name that is taken", "a", 2, `{"x":1,"y":2}`, nil, `there is a field "y" already`},
		{"a step that fails", "b", 1, `{}`, nil, "no"},
		{"a value of another type", "c", 1, `{"n":"one"}`, nil, `field "n"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := chains.Apply(test.eventType, test.version, []byte(test.data))
			typed, ok := errors.AsType[*upcast.Error](err)
			if !ok || typed.Version != test.version || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an *upcast.Error with %q in it", err, test.want)
			}
		})
	}
}

// A chain gives what its steps give one after another, and leaves the newest alone.
func TestAChainIsItsStepsOneAfterAnother(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range uint64(500) {
		// Both are made of the same steps.
		random, again := rand.New(rand.NewPCG(seed, round)), rand.New(rand.NewPCG(seed, round))
		newest := 2 + random.IntN(6)
		again.IntN(6)
		all, single := upcast.New(), make([]*upcast.Chains, newest)
		for v := 1; v < newest; v++ {
			all.Add("a", v, v+1, randomSteps(random)...)
			single[v] = upcast.New().Add("a", v, v+1, randomSteps(again)...)
		}
		if err := all.Check(); err != nil {
			t.Fatal(err)
		}
		data := randomPayload(random)
		from := 1 + random.IntN(newest)
		got, _, err := all.Apply("a", from, data)
		want, wantErr := data, error(nil)
		for v := from; v < newest && wantErr == nil; v++ {
			want, _, wantErr = single[v].Apply("a", v, want)
		}
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%s from %d to %d: got %s, %v, want %s, %v", data, from, newest, got, err, want, wantErr)
		}
		if from == newest && !bytes.Equal(got, data) {
			t.Fatalf("an event of the newest version became %s, was %s", got, data)
		}
	}
}

func randomSteps(random *rand.Rand) []upcast.Step {
	name := func() string { return string(rune('a' + random.IntN(5))) }
	var steps []upcast.Step
	for range random.IntN(4) {
		switch random.IntN(5) {
		case 0:
			steps = append(steps, upcast.Rename(name(), name()+name()))
		case 1:
			steps = append(steps, upcast.Default(name(), random.IntN(9)))
		case 2:
			steps = append(steps, upcast.Remove(name()))
		case 3:
			into := name() + "1"
			steps = append(steps, upcast.Split(name(), func(n int) (map[string]any, error) { return map[string]any{into: n % 3}, nil }))
		default:
			steps = append(steps, upcast.MapValue(name(), func(n int) (int, error) { return n + 1, nil }))
		}
	}
	return steps
}

func randomPayload(random *rand.Rand) []byte {
	var members []string
	for i, n := range random.Perm(5) {
		if i < 3 {
			members = append(members, fmt.Sprintf("%q:%d", string(rune('a'+n)), random.IntN(100)))
		}
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

func FuzzApply(f *testing.F) {
	chains := upcast.New().
		Add("a", 1, 2, upcast.Rename("x", "y"), upcast.Default("z", 1)).
		Add("a", 2, 3, upcast.Remove("q"), upcast.MapValue("y", func(s string) (int, error) { return len(s), nil }))
	f.Add(1, []byte(`{"x":"1","big":123456789012345678901234567890}`))
	f.Add(2, []byte(`{"y":null}`))
	f.Add(3, []byte(`not looked at`))
	f.Fuzz(func(t *testing.T, version int, data []byte) {
		out, newest, err := chains.Apply("a", version, data)
		if err != nil {
			if _, ok := errors.AsType[*upcast.Error](err); !ok {
				t.Fatalf("the error is a %T", err)
			}
			return
		}
		again, _, err := chains.Apply("a", newest, out)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("the newest version changed from %q to %q: %v", out, again, err)
		}
	})
}
