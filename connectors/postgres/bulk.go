package postgres

import (
	"bytes"
	"context"
	"slices"
	"strconv"
)

// bulk applies items by copying them. What they delete comes first, from the last table
// to the first, and then what they put, from the first to the last; a row that is put
// before its key is deleted is left out.
func (a *applier) bulk(ctx context.Context, items []item) error {
	from := strconv.Itoa(items[0].rows[0].seq)
	copies := make([]copied, len(a.layouts))
	for _, it := range items {
		for _, r := range it.rows {
			copies[slices.Index(a.layouts, r.layout)].add(r)
		}
	}
	for i, l := range slices.Backward(a.layouts) {
		if gone := &copies[i].gone; gone.Len() > 0 {
			if err := a.copy(ctx, gone, l.copyGone, l.remove, from); err != nil {
				return err
			}
		}
	}
	for i, l := range a.layouts {
		c := &copies[i]
		into, merge := l.copyStage, l.merge
		switch {
		case c.put.Len() == 0:
			continue
		case l.keys == 0:
			into, merge = l.copyRows, ""
		case c.deletes:
			merge = l.mergeGone
		}
		if err := a.copy(ctx, &c.put, into, merge, from); err != nil {
			return err
		}
	}
	return nil
}

// copy copies lines and applies them with a statement, if there is one.
func (a *applier) copy(ctx context.Context, lines *bytes.Buffer, into, apply, from string) error {
	if _, err := a.conn.PgConn().CopyFrom(ctx, lines, into); err != nil || apply == "" {
		return err
	}
	_, err := a.conn.Exec(ctx, apply, from)
	return err
}

// copied are the lines for one table, in the text format of COPY.
type copied struct {
	put, gone bytes.Buffer
	deletes   bool
}

func (c *copied) add(r row) {
	to := &c.put
	if r.gone {
		to, c.deletes = &c.gone, true
	}
	for i, v := range r.values {
		if i > 0 {
			to.WriteByte('\t')
		}
		escape(to, v)
	}
	if r.layout.keys > 0 {
		to.WriteByte('\t')
		to.WriteString(strconv.Itoa(r.seq))
	}
	to.WriteByte('\n')
}

// escape writes a value as COPY wants it. nil is NULL.
func escape(to *bytes.Buffer, value []byte) {
	if value == nil {
		to.WriteString(`\N`)
		return
	}
	for {
		i := bytes.IndexAny(value, "\\\n\r\t")
		if i < 0 {
			to.Write(value)
			return
		}
		to.Write(value[:i])
		to.WriteByte('\\')
		to.WriteByte(letter(value[i]))
		value = value[i+1:]
	}
}

// letter is what stands for a byte behind a backslash.
func letter(b byte) byte {
	switch b {
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	}
	return b
}
