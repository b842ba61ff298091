package cli

import (
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/admin"
)

func (c *cli) storesCommand() *cobra.Command {
	return c.adminFlag(&cobra.Command{
		Use:   "stores",
		Short: "The stores of an application that can be queried",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var told struct {
				Stores []struct {
					Name        string `json:"name"`
					Kind        string `json:"kind"`
					Subtopology int    `json:"subtopology"`
					Changelog   string `json:"changelog,omitempty"`
					Global      bool   `json:"global"`
				} `json:"stores"`
			}
			if err := c.get(cmd.Context(), "/api/stores", nil, &told); err != nil {
				return err
			}
			return c.print(told, func(t *table) {
				t.row("STORE", "KIND", "SUBTOPOLOGY", "CHANGELOG", "GLOBAL")
				for _, s := range told.Stores {
					t.row(s.Name, s.Kind, s.Subtopology, s.Changelog, s.Global)
				}
			})
		},
	})
}

// queryFlags are the flags of query, and the parameters of the admin address that they
// become.
var queryFlags = []struct{ flag, parameter, usage string }{
	{"key", "key", "rows of one `key`: text as it is if keys are strings, else JSON"},
	{"from", "from", "keys from this `key` on"},
	{"to", "to", "keys before this `key`"},
	{"prefix", "prefix", "keys that begin with this `text`"},
	{"since", "since", "windows that start at this `time` or later, in milliseconds or as 2026-01-31T12:00:00Z"},
	{"until", "until", "windows that start before this `time`"},
	{"as-of", "asOf", "what was there at a `time`, in a versioned store"},
	{"after", "after", "answer when `topic:partition:offset` has been processed"},
}

func (c *cli) queryCommand() *cobra.Command {
	var limit int
	var local, stale bool
	given := make([]string, len(queryFlags))
	cmd := &cobra.Command{
		Use:   "query STORE",
		Short: "Read rows of a store, from whichever worker has them",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values := url.Values{"limit": {strconv.Itoa(limit)}}
			for i, f := range queryFlags {
				if cmd.Flags().Changed(f.flag) {
					values.Set(f.parameter, given[i])
				}
			}
			if local {
				values.Set("scope", "local")
			}
			if stale {
				values.Set("stale", "1")
			}
			var found admin.Rows
			if err := c.get(cmd.Context(), "/api/stores/"+url.PathEscape(args[0]), values, &found); err != nil {
				return err
			}
			return c.print(found, func(t *table) { writeRows(t, found) })
		},
	}
	for i, f := range queryFlags {
		cmd.Flags().StringVar(&given[i], f.flag, "", f.usage)
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many `rows`")
	cmd.Flags().BoolVar(&local, "local", false, "only what the worker that is asked has itself")
	cmd.Flags().BoolVar(&stale, "stale", false, "from a standby where the owner does not answer or is being restored")
	return c.adminFlag(cmd)
}

// mostShown is how much of a value a table shows.
const mostShown = 100

func writeRows(t *table, r admin.Rows) {
	windowed := len(r.Rows) > 0 && r.Rows[0].Start != nil
	if windowed {
		t.row("KEY", "START", "END", "VALUE", "TIME", "PARTITION")
	} else {
		t.row("KEY", "VALUE", "TIME", "PARTITION")
	}
	for _, row := range r.Rows {
		key, value, at := string(row.Key), short(string(row.Value), mostShown), row.Time.Format(time.RFC3339)
		if windowed {
			t.row(key, moment(row.Start), moment(row.End), value, at, row.Partition)
		} else {
			t.row(key, value, at, row.Partition)
		}
	}
	if r.Truncated {
		t.line("there are more: raise --limit")
	}
	for _, copied := range r.Copies {
		t.line("partition %d is from a standby, which was %d changelog records behind at %s", copied.Partition, copied.Lag, copied.Seen.Format(time.RFC3339))
	}
	for _, worker := range r.Missing {
		t.line("not asked: %s", worker)
	}
}

// moment is a time that may not be there.
func moment(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.Format(time.RFC3339)
}
