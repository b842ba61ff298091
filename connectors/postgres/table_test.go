package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tidemill/tidemill/connectors"
)

type pair struct {
	Key   string  `db:"key,key"`
	Value *string `db:"value"`
}

func TestWhatIsWrongWithATableIsReported(t *testing.T) {
	type untagged struct{ Key string }
	type option struct {
		Key string `db:"key,primary"`
	}
	keyless := Upsert[string, string](nil, "s", "t", func(string, string) struct {
		A int `db:"a"`
	} {
		panic("not called")
	})
	for _, test := range []struct {
		name  string
		table *table
		want  string
	}{
		{"rows that are no structs", TableOf[string]("t").table, "rows are structs, not string"},
		{"a field without a tag", TableOf[untagged]("t").table, "field Key of postgres.untagged needs a tag"},
		{"an option that there is not", TableOf[option]("t").table, "needs a tag"},
		{"nothing to write", TableOf[struct{}]("t").table, "has no fields to write"},
	} {
		if test.table.err == nil || !strings.Contains(test.table.err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q in it", test.name, test.table.err, test.want)
		}
		_, err := NewTarget(nil, Table[int]{test.table}).Open(t.Context(), connectors.Task{})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "there is no pool") {
			t.Errorf("%s: it opens with %v", test.name, err)
		}
	}
	if _, err := keyless.Open(t.Context(), connectors.Task{}, nil); err == nil || !strings.Contains(err.Error(), "rows with a key need one") {
		t.Errorf("an upsert without a key opens with %v", err)
	}
	if _, err := NewTarget(nil).Open(t.Context(), connectors.Task{}); err == nil || !strings.Contains(err.Error(), "no table to write to") {
		t.Errorf("a target without tables opens with %v", err)
	}
}

func TestStatements(t *testing.T) {
	table := TableOf[pair]("public.pairs").table
	l := newLayout(table, []found{{Name: "id"}, {Name: "key", OID: pgtype.TextOID}, {Name: "value", OID: pgtype.TextOID}})
	for _, test := range []struct{ got, want string }{
		{l.putOne, `INSERT INTO "public"."pairs" ("key", "value") VALUES ($1, $2) ON CONFLICT ("key") DO UPDATE SET "value" = excluded."value"`},
		{l.removeOne, `DELETE FROM "public"."pairs" WHERE "key" = $1`},
		{l.create[strings.Index(l.create, "ALTER"):strings.LastIndex(l.create, ";")], `ALTER TABLE ` + l.stage + ` DROP COLUMN "id", ADD COLUMN tidemill_seq int NOT NULL`},
	} {
		if test.got != test.want {
			t.Errorf("got  %s\nwant %s", test.got, test.want)
		}
	}
}

func TestLinesForCopy(t *testing.T) {
	l := newLayout(TableOf[pair]("pairs").table, []found{{Name: "key", OID: pgtype.TextOID}, {Name: "value", OID: pgtype.TextOID}})
	text := "a\tb\\N\r\n"
	var c copied
	for i, change := range []change{{row: pair{"k", &text}}, {row: pair{Key: "null"}}, {row: pair{Key: ""}, gone: true}} {
		values, err := l.encode(pgtype.NewMap(), change)
		if err != nil {
			t.Fatal(err)
		}
		c.add(row{l, values, change.gone, i})
	}
	if got, want := c.put.String(), "k\ta\\tb\\\\N\\r\\n\t0\nnull\t\\N\t1\n"; got != want {
		t.Errorf("put %q, want %q", got, want)
	}
	if got, want := c.gone.String(), "\t2\n"; got != want || !c.deletes {
		t.Errorf("deleted %q, want %q", got, want)
	}
}

// What is escaped comes back when it is read as PostgreSQL does.
func FuzzEscape(f *testing.F) {
	f.Add([]byte("a\\b\tc\nd\re"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		if value == nil {
			value = []byte{}
		}
		var b bytes.Buffer
		escape(&b, value)
		if bytes.ContainsAny(b.Bytes(), "\n\r\t") {
			t.Fatalf("%q ends a value or a line", b.Bytes())
		}
		back := strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t").Replace(b.String())
		if back != string(value) {
			t.Errorf("%q came back as %q", value, back)
		}
	})
}

func TestErrorsThatPassAreTold(t *testing.T) {
	answer := func(code string) error { return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, Message: "m"}) }
	for _, test := range []struct {
		name   string
		err    error
		passes bool
	}{
		{"the connection broke", io.ErrUnexpectedEOF, true},
		{"time was up", context.DeadlineExceeded, true},
		{"it is starting", answer("57P03"), true},
		{"a deadlock", answer("40P01"), true},
		{"too many connections", answer("53300"), true},
		{"a standby", answer("25006"), true},
		{"a table is gone", answer("42P01"), false},
		{"the password is wrong", answer("28P01"), false},
		{"somebody else wrote", connectors.ErrMoved, false},
	} {
		var unavailable *connectors.UnavailableError
		if got := errors.As(classify(test.err), &unavailable); got != test.passes {
			t.Errorf("%s: passes is %v, want %v", test.name, got, test.passes)
		}
	}
}

func TestARefusalSaysWhy(t *testing.T) {
	err := reason(&pgconn.PgError{Code: "23505", Message: "duplicate key", Detail: "Key (a)=(1) already exists."})
	if want := "postgres: duplicate key: Key (a)=(1) already exists. (SQLSTATE 23505)"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
