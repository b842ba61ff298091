// Package postgres writes streams to tables in PostgreSQL.
//
//	type Row struct {
//		ID       string    `db:"id,key"`
//		Severity int       `db:"severity"`
//		Seen     time.Time `db:"seen"`
//	}
//
//	threats.Sink(postgres.Upsert(pool, "threats", "public.threats", func(id string, t Threat) Row {
//		return Row{ID: id, Severity: t.Severity, Seen: t.Seen}
//	}))
//
// A struct says what is written to which columns, so that a table or a column that is not
// there, or has another type, ends the worker before the first record. The tables are the
// user's; the positions are in a table of their own, tidemill_sinks, which is made if it is
// not there. Batch and position are one transaction. A batch is copied (COPY), and rows with
// a key are merged from a temporary table. So the role needs TEMPORARY on the database,
// and SELECT, INSERT, UPDATE and DELETE on its tables, as far as it writes to them that way.
//
// A row that PostgreSQL refuses, by a constraint, a trigger or a value out of range, is the
// error of its record alone; all others of the batch are written. Of rows of one key in one
// batch only the last is written: the ones before are held against the types, NOT NULL and
// CHECK constraints of the table, not against its foreign keys and triggers. Deferred
// constraints are checked at once.
//
// What passes, such as a lost connection, a restart, a deadlock or a full disk, is tried
// again.
package postgres
