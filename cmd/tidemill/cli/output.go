package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// print writes a value as JSON, or has it written as a table.
func (c *cli) print(v any, write func(t *table)) error {
	if c.json {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	t := &table{w: tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)}
	write(t)
	return t.w.Flush()
}

// table writes rows whose columns are aligned.
type table struct{ w *tabwriter.Writer }

func (t *table) row(cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, strings.Map(printable, fmt.Sprint(c)))
	}
	fmt.Fprintln(t.w)
}

// printable keeps what a record holds from steering the terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// line writes a line beside the table, with its own columns.
func (t *table) line(format string, args ...any) {
	t.row(fmt.Sprintf(format, args...))
}

// short is text of at most so many characters.
func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 0:
		return "?"
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// age is how long ago a time was.
func age(ms int64, now time.Time) string {
	return now.Sub(time.UnixMilli(ms)).Truncate(time.Second).String()
}

// progress draws a bar on a terminal, and nothing elsewhere.
func (c *cli) progress(what string) func(done, total int) {
	if !terminal(c.errs) {
		return func(int, int) {}
	}
	const width = 30
	return func(done, total int) {
		full := width * done / max(total, 1)
		fmt.Fprintf(c.errs, "\r[%s%s] %d of %d %s", strings.Repeat("#", full), strings.Repeat(".", width-full), done, total, what)
		if done == total {
			fmt.Fprintln(c.errs)
		}
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
