package serde_test

import (
	"fmt"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

type index map[string]int

// nils checks that the nil of T is told from its other values, and at no cost.
func nils[T any](t *testing.T, name string, none T, others ...T) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		isNil, ok := serde.Nilable[T]()
		if !ok {
			t.Fatal("it is said to have no nil")
		}
		if !isNil(none) {
			t.Error("nil is not told")
		}
		for _, v := range others {
			if isNil(v) {
				t.Errorf("%#v is taken for nil", v)
			}
			if n := testing.AllocsPerRun(100, func() { isNil(v) }); n != 0 {
				t.Errorf("asking allocates %v times", n)
			}
		}
	})
}

func TestNilOfEveryNilableKindIsTold(t *testing.T) {
	nils(t, "bytes, and empty ones are not nil", nil, []byte{}, []byte("a"))
	nils(t, "named bytes", nil, payload{}, payload("a"))
	nils(t, "a slice", nil, []string{}, []string{"a"})
	nils(t, "a pointer", nil, new(alert), &someAlert)
	nils(t, "a named pointer", nil, textPtr(new(word)))
	nils(t, "a map", nil, map[string]int{}, map[string]int{"a": 1})
	nils(t, "a named map", nil, index{}, index{"a": 1})
	nils(t, "any, holding what == panics on", any(nil), any(0), any(map[string]int(nil)), any([]byte(nil)), any((*alert)(nil)))
	nils(t, "an interface with methods", fmt.Stringer(nil), fmt.Stringer((*shouter)(nil)))
}

type shouter struct{}

func (*shouter) String() string { return "!" }

// solid checks that T is said to have no nil.
func solid[T any](t *testing.T) {
	t.Helper()
	if isNil, ok := serde.Nilable[T](); ok || isNil != nil {
		t.Errorf("%T is said to have a nil", *new(T))
	}
}

func TestOtherKindsHaveNoNil(t *testing.T) {
	solid[string](t)
	solid[int64](t)
	solid[alert](t)
	solid[[3]byte](t)
	solid[bool](t)
}

func BenchmarkNilable(b *testing.B) {
	benchNil(b, "bytes", []byte("a"))
	benchNil(b, "pointer", &someAlert)
	benchNil(b, "map", map[string]int{})
	benchNil(b, "slice", []string{"a"})
	benchNil(b, "any", any(1))
}

func benchNil[T any](b *testing.B, name string, v T) {
	isNil, _ := serde.Nilable[T]()
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if isNil(v) {
				b.Fatal("nil")
			}
		}
	})
}
