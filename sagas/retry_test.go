package sagas

import (
	"testing"
	"time"
)

func TestPausesDoubleUpToTheirBound(t *testing.T) {
	r := Retry{First: time.Second, Max: 10 * time.Second, Attempts: 7}
	for tries, want := range map[int]time.Duration{1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 6: 10} {
		due, ok := r.next("saga/step", tries, 0, 1000)
		pause := time.Duration(due-1000) * time.Millisecond
		if want *= time.Second; !ok || pause > want || pause < want/2 {
			t.Errorf("behind %d tries the pause is %v, want %v or up to a half less", tries, pause, want)
		}
		if again, _ := r.next("saga/step", tries, 0, 1000); again != due {
			t.Errorf("behind %d tries the pause is not always the same", tries)
		}
	}
	if _, ok := r.next("saga/step", 7, 0, 1000); ok {
		t.Error("there is an eighth attempt")
	}
}

func TestSagasThatFailTogetherDoNotReturnTogether(t *testing.T) {
	pauses := map[int64]bool{}
	r := Retry{First: time.Second, Max: time.Second}
	for i := range 100 {
		due, _ := r.next(string(rune('a'+i)), 1, 0, 0)
		pauses[due] = true
	}
	if len(pauses) < 60 {
		t.Errorf("100 sagas have %d different pauses", len(pauses))
	}
}

func TestElapsedTimeEndsTheAttempts(t *testing.T) {
	r := Retry{First: time.Second, Max: time.Second, Elapsed: 3 * time.Second}
	if _, ok := r.next("k", 50, 1000, 2000); !ok {
		t.Error("it ends too soon")
	}
	if _, ok := r.next("k", 2, 1000, 3900); ok {
		t.Error("an attempt behind the time")
	}
}

func TestAPatchChangesOnlyWhatDiffers(t *testing.T) {
	for _, c := range []struct{ from, to, patch, onto, want string }{
		{`{"a":1,"b":2}`, `{"a":1,"b":3}`, `{"b":3}`, `{"a":9,"b":2}`, `{"a":9,"b":3}`},
		{`{"a":1,"b":2}`, `{"a":1}`, `{"b":null}`, `{"a":1,"b":2,"c":3}`, `{"a":1,"c":3}`},
		{`{"a":1}`, `{"a":1}`, `{}`, `{"z":1}`, `{"z":1}`},
		{`1`, `2`, `2`, `1`, `2`},
		{`{"n":9007199254740993}`, `{"n":9007199254740995}`, `{"n":9007199254740995}`, `{}`, `{"n":9007199254740995}`},
	} {
		patch, err := diff([]byte(c.from), []byte(c.to))
		if err != nil || string(patch) != c.patch {
			t.Errorf("from %s to %s is %s, %v; want %s", c.from, c.to, patch, err, c.patch)
		}
		if got, err := applyPatch([]byte(c.onto), patch); err != nil || string(got) != c.want {
			t.Errorf("%s onto %s is %s, %v; want %s", patch, c.onto, got, err, c.want)
		}
	}
}
