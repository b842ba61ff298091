package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tidemill/tidemill/connectors"
)

// row is an encoded change.
type row struct {
	layout *layout
	values [][]byte
	gone   bool
	// seq numbers the rows of a batch.
	seq int
}

// item is an op whose rows are encoded. number is its index in the batch.
type item struct {
	number int
	rows   []row
}

// apply writes the ops, all but those that are refused.
func (s *session) apply(ctx context.Context, conn *pgx.Conn, ops []Op) ([]connectors.Refused, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	a := &applier{conn: conn, layouts: s.layouts}
	items := make([]item, 0, len(ops))
	for i, o := range ops {
		it := item{number: i}
		wrong, err := a.encode(&it, o)
		if err != nil {
			return nil, err
		}
		switch {
		case wrong != nil:
			a.encoding = append(a.encoding, connectors.Refused{Item: i, Err: reason(wrong)})
		case len(it.rows) > 0:
			items = append(items, it)
		}
	}
	if err := a.ready(ctx); err != nil {
		return nil, err
	}
	if err := a.write(ctx, items); err != nil {
		return nil, err
	}
	return a.all(), nil
}

// applier writes one batch in a transaction.
type applier struct {
	conn    *pgx.Conn
	layouts []*layout
	rows    int
	// encoding are the items that could not be encoded, refused those that the database
	// did not take, each in order.
	encoding, refused []connectors.Refused
}

// encode encodes an op. wrong is the record's fault, err the sink's.
func (a *applier) encode(it *item, o Op) (wrong, err error) {
	for _, c := range o.changes {
		l := a.layoutOf(c.table)
		if l == nil {
			return nil, fmt.Errorf("%w: table %q was not given to the sink", errFault, c.table.name)
		}
		if c.gone && l.keys == 0 {
			return nil, fmt.Errorf("%w: table %q has no key, so that nothing can be deleted from it", errFault, l.name)
		}
		values, wrong := l.encode(a.conn.TypeMap(), c)
		if wrong != nil {
			return wrong, nil
		}
		it.rows = append(it.rows, row{l, values, c.gone, a.rows})
		a.rows++
	}
	return nil, nil
}

func (a *applier) layoutOf(t *table) *layout {
	for _, l := range a.layouts {
		if l.table == t {
			return l
		}
	}
	return nil
}

// ready makes the temporary tables, once for each connection.
func (a *applier) ready(ctx context.Context) error {
	if err := a.exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	for _, l := range a.layouts {
		if l.keys == 0 {
			continue
		}
		var there bool
		if err := a.conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, "pg_temp."+l.gone).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		if err := a.exec(ctx, l.create); err != nil {
			return fmt.Errorf("temporary tables for %q: %w", l.name, err)
		}
	}
	return nil
}

// write writes items, and looks for those that are refused by halves.
func (a *applier) write(ctx context.Context, items []item) error {
	if len(items) == 0 {
		return nil
	}
	apply := a.bulk
	if len(items) == 1 {
		apply = a.single
	}
	wrong, err := a.try(ctx, items, apply)
	switch {
	case err != nil || wrong == nil:
		return err
	case len(items) == 1:
		a.refused = append(a.refused, connectors.Refused{Item: items[0].number, Err: reason(wrong)})
		return nil
	}
	half := len(items) / 2
	if err := a.write(ctx, items[:half]); err != nil {
		return err
	}
	return a.write(ctx, items[half:])
}

// try applies items, or takes back all that it did. wrong is an error that items are to
// blame for.
func (a *applier) try(ctx context.Context, items []item, apply func(context.Context, []item) error) (wrong, err error) {
	if err := a.exec(ctx, "SAVEPOINT tidemill"); err != nil {
		return nil, err
	}
	wrong = apply(ctx, items)
	switch {
	case wrong == nil:
		return nil, a.exec(ctx, "RELEASE SAVEPOINT tidemill")
	case !codeIn(wrong, blaming):
		return nil, wrong
	}
	return wrong, a.exec(ctx, "ROLLBACK TO SAVEPOINT tidemill; RELEASE SAVEPOINT tidemill")
}

// single applies one item without the temporary tables.
func (a *applier) single(ctx context.Context, items []item) error {
	for _, r := range items[0].rows {
		statement := r.layout.putOne
		if r.gone {
			statement = r.layout.removeOne
		}
		if err := a.conn.PgConn().ExecParams(ctx, statement, r.values, nil, nil, nil).Read().Err; err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) exec(ctx context.Context, statements string) error {
	return a.conn.PgConn().Exec(ctx, statements).Close()
}

// all are the refused items in their order.
func (a *applier) all() (out []connectors.Refused) {
	from := a.encoding
	for _, r := range a.refused {
		for len(from) > 0 && from[0].Item < r.Item {
			out, from = append(out, from[0]), from[1:]
		}
		out = append(out, r)
	}
	return append(out, from...)
}
