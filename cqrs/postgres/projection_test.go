package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tidemill/tidemill/cqrs/postgres"
)

func ExampleProjection_Table() {
	fmt.Println(postgres.New(nil, "board", 2).Table("analysts"))
	// Output: analysts_v2
}

func TestWhatIsWrongWithAProjectionIsReported(t *testing.T) {
	_, err := postgres.New(nil, "Robert'; DROP", 0).
		On("", func(context.Context, pgx.Tx, postgres.Event[int]) error { return nil }).
		Topology("events").Build()
	for _, want := range []string{"a name has lower-case letters", "a handler needs a type", "it was given no pool", "application id"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
