package postgres

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// layout is a table with all that is needed to write to it.
type layout struct {
	*table
	// oids are the types of the columns.
	oids []uint32
	// stage and gone are temporary tables for rows to be merged, and for keys to be deleted;
	// create makes them.
	stage, gone, create string
	// copyStage, copyGone and copyRows begin a copy; merge, mergeGone and remove apply what was
	// copied; mergeGone is for batches that delete too. putOne and removeOne apply one row.
	copyStage, copyGone, copyRows string
	merge, mergeGone, remove      string
	putOne, removeOne             string
}

// seq is the column with the number of the row in its batch.
const seq = "tidemill_seq"

func newLayout(t *table, have []found) *layout {
	l := &layout{table: t}
	var unused []string
	for _, f := range have {
		if !slices.ContainsFunc(t.columns, func(c column) bool { return c.name == f.Name }) {
			unused = append(unused, "DROP COLUMN "+pgx.Identifier{f.Name}.Sanitize()+", ")
		}
	}
	for _, c := range t.columns {
		i := slices.IndexFunc(have, func(f found) bool { return f.Name == c.name })
		if i >= 0 {
			l.oids = append(l.oids, have[i].OID)
		}
	}
	all := names(t.columns, "")
	insert := fmt.Sprintf("INSERT INTO %s (%s) ", t.quoted, all)
	l.copyRows = fmt.Sprintf("COPY %s (%s) FROM STDIN", t.quoted, all)
	l.putOne = insert + "VALUES (" + placeholders(len(t.columns)) + ")" + t.onConflict()
	if t.keys > 0 {
		l.keyed(insert, all, strings.Join(unused, ""))
	}
	return l
}

// keyed makes the statements for a table with a key.
func (l *layout) keyed(insert, all, unused string) {
	keys := names(l.columns[:l.keys], "")
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(l.quoted + "|" + keys + "|" + all))
	l.stage = fmt.Sprintf("tidemill_%x", sum.Sum64())
	l.gone = l.stage + "_gone"
	l.create = fmt.Sprintf(`CREATE TEMPORARY TABLE %[1]s (LIKE %[3]s INCLUDING CONSTRAINTS) ON COMMIT DELETE ROWS;
		ALTER TABLE %[1]s %[4]sADD COLUMN %[6]s int NOT NULL;
		CREATE TEMPORARY TABLE %[2]s ON COMMIT DELETE ROWS AS SELECT %[5]s, 0 AS %[6]s FROM %[3]s WITH NO DATA`,
		l.stage, l.gone, l.quoted, unused, keys, seq)
	l.copyStage = fmt.Sprintf("COPY %s (%s, %s) FROM STDIN", l.stage, all, seq)
	l.copyGone = fmt.Sprintf("COPY %s (%s, %s) FROM STDIN", l.gone, keys, seq)
	same := l.same("g", "t")
	newest := insert + fmt.Sprintf("SELECT DISTINCT ON (%s) %s FROM %s t WHERE %s >= $1", keys, all, l.stage, seq)
	last := fmt.Sprintf(" ORDER BY %s, %s DESC", keys, seq) + l.onConflict()
	l.merge = newest + last
	l.mergeGone = newest + fmt.Sprintf(" AND NOT EXISTS (SELECT FROM %s g WHERE %s AND g.%s > t.%s)", l.gone, same, seq, seq) + last
	l.remove = fmt.Sprintf("DELETE FROM %s t USING %s g WHERE g.%s >= $1 AND %s", l.quoted, l.gone, seq, same)
	var where []string
	for i, c := range l.columns[:l.keys] {
		where = append(where, fmt.Sprintf("%s = $%d", pgx.Identifier{c.name}.Sanitize(), i+1))
	}
	l.removeOne = fmt.Sprintf("DELETE FROM %s WHERE %s", l.quoted, strings.Join(where, " AND "))
}

// onConflict has a row replace the one with its key.
func (t *table) onConflict() string {
	if t.keys == 0 {
		return ""
	}
	var sets []string
	for _, c := range t.columns[t.keys:] {
		name := pgx.Identifier{c.name}.Sanitize()
		sets = append(sets, name+" = excluded."+name)
	}
	if len(sets) == 0 {
		return " ON CONFLICT DO NOTHING"
	}
	return fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s", names(t.columns[:t.keys], ""), strings.Join(sets, ", "))
}

// same compares the keys of two tables.
func (t *table) same(a, b string) string {
	var out []string
	for _, c := range t.columns[:t.keys] {
		name := pgx.Identifier{c.name}.Sanitize()
		out = append(out, a+"."+name+" = "+b+"."+name)
	}
	return strings.Join(out, " AND ")
}

func placeholders(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("$%d", i+1))
	}
	return strings.Join(out, ", ")
}

// encode is the row as texts, of which nil is NULL. Only the key is written of a row that
// is deleted.
func (l *layout) encode(types *pgtype.Map, c change) ([][]byte, error) {
	columns := l.columns
	if c.gone {
		columns = columns[:l.keys]
	}
	row := reflect.ValueOf(c.row)
	values := make([][]byte, len(columns))
	buf := make([]byte, 0, 16*len(columns))
	for i, column := range columns {
		next, err := types.Encode(l.oids[i], pgtype.TextFormatCode, row.FieldByIndex(column.field).Interface(), buf)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", column.name, err)
		}
		if next != nil {
			values[i] = next[len(buf):len(next):len(next)]
			buf = next
		}
	}
	return values, nil
}
