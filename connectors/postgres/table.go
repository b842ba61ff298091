package postgres

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Table says how the fields of R are written to the columns of a table. Tables makes one.
type Table[R any] struct{ *table }

// TableOf is the table of this name, or schema.name, with a column for each exported field
// of R: its tag `db:"column"` names it, `db:"column,key"` makes it part of the key, and
// `db:"-"` leaves the field out. Pointers that are nil are NULL.
//
// With a key, a row replaces the one that has it, as far as R has columns for it; the table
// needs a unique index on just these columns. Without a key, rows are appended.
func TableOf[R any](name string) Table[R] {
	t := &table{name: name, quoted: pgx.Identifier(strings.Split(name, ".")).Sanitize()}
	t.err = t.read(reflect.TypeFor[R]())
	return Table[R]{t}
}

// Put writes a row.
func (t Table[R]) Put(row R) Op { return Op{[]change{{table: t.table, row: row}}} }

// Delete removes the row that has the key of this one, of which nothing else is read. The
// table has to have a key.
func (t Table[R]) Delete(row R) Op { return Op{[]change{{table: t.table, row: row, gone: true}}} }

// AnyTable is a Table of some type of rows.
type AnyTable interface{ description() *table }

func (t *table) description() *table { return t }

// Op is what one record does: it writes one row or several, or none if it is zero.
type Op struct{ changes []change }

// And is the op followed by another. Either both are applied, or none.
func (o Op) And(other Op) Op {
	return Op{append(o.changes[:len(o.changes):len(o.changes)], other.changes...)}
}

// change is one row to be written or deleted.
type change struct {
	table *table
	row   any
	gone  bool
}

// table is the part of a Table that does not depend on the type of its rows.
type table struct {
	name, quoted string
	columns      []column
	keys         int
	err          error
}

// column is a field with the column that it is written to. The columns of the key come
// first.
type column struct {
	name  string
	field []int
	typ   reflect.Type
	key   bool
}

func (t *table) read(row reflect.Type) error {
	if row.Kind() != reflect.Struct {
		return fmt.Errorf("postgres: table %q: rows are structs, not %v", t.name, row)
	}
	var keys, rest []column
	var faults []error
	for f := range row.Fields() {
		tag, tagged := f.Tag.Lookup("db")
		name, option, _ := strings.Cut(tag, ",")
		switch {
		case !f.IsExported() || tag == "-":
		case !tagged || name == "" || option != "" && option != "key":
			faults = append(faults, fmt.Errorf("postgres: table %q: field %s of %v needs a tag: `db:\"column\"`, `db:\"column,key\"` or `db:\"-\"`", t.name, f.Name, row))
		case option == "key":
			keys = append(keys, column{name, f.Index, f.Type, true})
		default:
			rest = append(rest, column{name, f.Index, f.Type, false})
		}
	}
	t.columns, t.keys = append(keys, rest...), len(keys)
	if len(t.columns) == 0 {
		faults = append(faults, fmt.Errorf("postgres: table %q: %v has no fields to write", t.name, row))
	}
	return errors.Join(faults...)
}

// names are the quoted names of columns, each behind a prefix.
func names(columns []column, prefix string) string {
	var out []string
	for _, c := range columns {
		out = append(out, prefix+pgx.Identifier{c.name}.Sanitize())
	}
	return strings.Join(out, ", ")
}
