package postgres

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// found is a column as the database describes it.
type found struct {
	Name, Type string
	// OID is that of the type, or of what a domain is made of.
	OID uint32
	// Kind is the kind of the type, such as e for an enumeration.
	Kind                          string
	Required, Fallback, Generated bool
}

const columnsQuery = `SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), coalesce(nullif(t.typbasetype, 0), t.oid), t.typtype::text,
	a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a'
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

const uniqueQuery = `SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = $1 AND i.indisunique AND i.indimmediate AND i.indisvalid
	AND i.indpred IS NULL AND i.indexprs IS NULL AND $2::text[] = (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C")
		FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])))`

// check holds the tables against what is there, and returns how to write to each.
func check(ctx context.Context, conn *pgx.Conn, tables []*table) (layouts []*layout, err error) {
	var faults []error
	for _, t := range tables {
		l, wrong, err := t.check(ctx, conn)
		if err != nil {
			return nil, err
		}
		layouts, faults = append(layouts, l), append(faults, wrong...)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("%w: %w", errFault, err)
	}
	return layouts, nil
}

func (t *table) check(ctx context.Context, conn *pgx.Conn) (*layout, []error, error) {
	var oid uint32
	err := conn.QueryRow(ctx, `SELECT coalesce((SELECT oid FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p')), 0)`, t.quoted).Scan(&oid)
	if err != nil {
		return nil, nil, err
	}
	if oid == 0 {
		return nil, []error{fmt.Errorf("table %q is not there, or is no table: make it, or give the name with its schema", t.name)}, nil
	}
	rows, err := conn.Query(ctx, columnsQuery, oid)
	if err != nil {
		return nil, nil, err
	}
	have, err := pgx.CollectRows(rows, pgx.RowToStructByPos[found])
	if err != nil {
		return nil, nil, err
	}
	faults := t.compare(conn.TypeMap(), have)
	if t.keys > 0 && len(faults) == 0 {
		var unique bool
		if err := conn.QueryRow(ctx, uniqueQuery, oid, t.keyNames()).Scan(&unique); err != nil {
			return nil, nil, err
		}
		if !unique {
			faults = append(faults, fmt.Errorf("table %q has no unique index on just its key (%s): make it the primary key, or add CREATE UNIQUE INDEX", t.name, names(t.columns[:t.keys], "")))
		}
	}
	return newLayout(t, have), faults, nil
}

func (t *table) keyNames() (out []string) {
	for _, c := range t.columns[:t.keys] {
		out = append(out, c.name)
	}
	slices.Sort(out)
	return out
}

// compare tells what does not fit.
func (t *table) compare(types *pgtype.Map, have []found) (faults []error) {
	report := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("table %q: "+format, append([]any{t.name}, args...)...))
	}
	for _, c := range t.columns {
		i := slices.IndexFunc(have, func(f found) bool { return f.Name == c.name })
		switch {
		case i < 0:
			report("there is no column %q: add it, or correct the field's tag", c.name)
		case have[i].Generated:
			report("column %q is generated and cannot be written: leave it out with `db:\"-\"`", c.name)
		case c.key && !have[i].Required:
			report("column %q of the key may be NULL: make it NOT NULL", c.name)
		case !fits(types, have[i], c.typ):
			report("column %q is %s, which a field of type %v cannot be written to: change one of them", c.name, have[i].Type, c.typ)
		}
	}
	for _, f := range have {
		written := slices.ContainsFunc(t.columns, func(c column) bool { return c.name == f.Name })
		if f.Required && !f.Fallback && !written {
			report("column %q is NOT NULL, has no default, and no field is written to it: add a field, or a default", f.Name)
		}
	}
	return faults
}

// strict are types whose texts are not to be taken on trust from strings.
var strict = []uint32{
	pgtype.BoolOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID,
	pgtype.TimestampOID, pgtype.TimestamptzOID, pgtype.DateOID, pgtype.TimeOID, pgtype.ByteaOID,
}

// fits says whether a Go type can be written to a column.
func fits(types *pgtype.Map, f found, typ reflect.Type) bool {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if _, known := types.TypeForOID(f.OID); !known {
		return typ.Kind() == reflect.String || typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Uint8
	}
	zero := reflect.Zero(typ).Interface()
	if types.PlanEncode(f.OID, pgtype.BinaryFormatCode, zero) != nil {
		return true
	}
	return !slices.Contains(strict, f.OID) && types.PlanEncode(f.OID, pgtype.TextFormatCode, zero) != nil
}

func (t *table) requireKey() {
	if t.err == nil && t.keys == 0 {
		t.err = fmt.Errorf("postgres: table %q: rows with a key need one: tag a field `db:\"column,key\"`", t.name)
	}
}

func (t *table) requireNoKey() {
	if t.err == nil && t.keys > 0 {
		t.err = fmt.Errorf("postgres: table %q: rows that are appended have no key: take ,key from the tag of %s", t.name, strings.ToLower(names(t.columns[:t.keys], "")))
	}
}
