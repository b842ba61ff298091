package cli

import (
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/upkeep"
)

func (c *cli) lettersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Dead letters: look at them, and send them back",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.listLetters(), c.showLetter(), c.redriveLetters())
	return cmd
}

// letterJSON is a letter for scripts. Bytes that are no text are in base 64.
type letterJSON struct {
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Time      string            `json:"time"`
	Source    string            `json:"source,omitempty"`
	Stage     string            `json:"stage,omitempty"`
	Node      string            `json:"node,omitempty"`
	Exception string            `json:"exception,omitempty"`
	Message   string            `json:"message,omitempty"`
	Trace     string            `json:"trace,omitempty"`
	Dealt     bool              `json:"dealtWith"`
	Before    int               `json:"before"`
	Key       *string           `json:"key"`
	Value     *string           `json:"value"`
	Base64    []string          `json:"base64,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
}

func scripted(l upkeep.Letter) letterJSON {
	out := letterJSON{
		Partition: l.Partition, Offset: l.Offset, Time: clock(l.Time), Source: source(l), Stage: l.Stage, Node: l.Node,
		Exception: l.Exception, Message: l.Message, Trace: l.Trace, Dealt: l.Dealt, Before: l.Before,
	}
	text := func(name string, b []byte) *string {
		if b == nil {
			return nil
		}
		s := string(b)
		if !utf8.Valid(b) {
			s = base64.StdEncoding.EncodeToString(b)
			out.Base64 = append(out.Base64, name)
		}
		return &s
	}
	out.Key, out.Value = text("key", l.Key), text("value", l.Value)
	for _, h := range l.Headers {
		if out.Headers == nil {
			out.Headers = map[string]string{}
		}
		out.Headers[h.Key] = *text("headers."+h.Key, append([]byte{}, h.Value...))
	}
	return out
}

func source(l upkeep.Letter) string {
	if l.Source == nil {
		return ""
	}
	return l.Source.String()
}

// errEnough ends a list.
var errEnough = errors.New("enough")

func (c *cli) listLetters() *cobra.Command {
	var limit int
	var pending bool
	cmd := &cobra.Command{
		Use:   "list APPLICATION TOPIC",
		Short: "List the letters of a topic",
		Args:  cobra.ExactArgs(2),

		ValidArgsFunction: c.completing(c.applications, c.topicNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return fmt.Errorf("--limit is %d: give at least 1", limit)
			}
			return c.upkeep(cmd.Context(), func(u *upkeep.Client) error {
				letters := []letterJSON{}
				err := u.Letters(cmd.Context(), args[0], args[1], func(l upkeep.Letter) error {
					if pending && l.Dealt {
						return nil
					}
					if len(letters) == limit {
						return errEnough
					}
					letters = append(letters, scripted(l))
					return nil
				})
				more := errors.Is(err, errEnough)
				if err != nil && !more {
					return err
				}
				return c.printLetters(letters, more)
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "how `many` to list at most")
	cmd.Flags().BoolVar(&pending, "pending", false, "leave out those that have been dealt with")
	return cmd
}

func (c *cli) printLetters(letters []letterJSON, more bool) error {
	return c.print(struct {
		Letters []letterJSON `json:"letters"`
		More    bool         `json:"more"`
	}{letters, more}, func(t *table) {
		t.row("LETTER", "TIME", "SOURCE", "STAGE", "NODE", "DEALT WITH", "MESSAGE")
		for _, l := range letters {
			dealt := ""
			if l.Dealt {
				dealt = "yes"
			}
			at := upkeep.Position{Partition: l.Partition, Offset: l.Offset}
			t.row(at, l.Time, l.Source, l.Stage, l.Node, dealt, short(l.Message, 80))
		}
		if more {
			t.line("there are more: raise --limit")
		}
	})
}

func (c *cli) showLetter() *cobra.Command {
	return &cobra.Command{
		Use:   "show APPLICATION TOPIC PARTITION/OFFSET",
		Short: "Show a letter with its headers, its bytes and what happened",
		Args:  cobra.ExactArgs(3),

		ValidArgsFunction: c.completing(c.applications, c.topicNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := upkeep.ParsePosition(args[2])
			if err != nil {
				return err
			}
			return c.upkeep(cmd.Context(), func(u *upkeep.Client) error {
				l, err := u.Letter(cmd.Context(), args[0], args[1], at)
				if err != nil {
					return err
				}
				return c.print(scripted(l), func(t *table) { writeLetter(t, l) })
			})
		},
	}
}

func writeLetter(t *table, l upkeep.Letter) {
	t.row("letter", l.Position)
	t.row("time", clock(l.Time))
	t.row("source", source(l))
	t.row("stage", l.Stage)
	t.row("node", l.Node)
	t.row("exception", l.Exception)
	t.row("message", l.Message)
	t.row("dealt with", l.Dealt)
	t.row("redriven before", l.Before)
	t.row("key", quoted(l.Key))
	t.row("value", quoted(l.Value))
	for _, h := range l.Headers {
		t.row("header "+h.Key, quoted(h.Value))
	}
	if l.Trace != "" {
		t.row("trace", "see --json")
	}
}

func quoted(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

func (c *cli) redriveLetters() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "redrive APPLICATION TOPIC [PARTITION/OFFSET]...",
		Short: "Send letters back to where they came from, each once",
		Long: "Send letters back to where they came from, as they were read there, to the same partition. Exactly the chosen ones\n" +
			"go back, or none if one of them cannot. It is noted in the same transaction: a redrive that was interrupted can be\n" +
			"made again.",
		Args: cobra.MinimumNArgs(2),

		ValidArgsFunction: c.completing(c.applications, c.topicNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			choice, err := chosen(all, args[2:])
			if err != nil {
				return err
			}
			return c.upkeep(cmd.Context(), func(u *upkeep.Client) error {
				n, err := u.Redrive(cmd.Context(), args[0], args[1], choice, c.progress("letters"))
				if err != nil {
					return err
				}
				return c.print(map[string]int{"redriven": n}, func(t *table) { t.line("%d letters were sent back", n) })
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all letters that have not been dealt with")
	return cmd
}

func chosen(all bool, letters []string) (upkeep.Choice, error) {
	switch {
	case all && len(letters) > 0:
		return upkeep.Choice{}, errors.New("give letters or --all, not both")
	case all:
		return upkeep.All(), nil
	case len(letters) == 0:
		return upkeep.Choice{}, errors.New("no letters are chosen: give some as partition/offset, or --all")
	}
	var these []upkeep.Position
	for _, s := range letters {
		at, err := upkeep.ParsePosition(s)
		if err != nil {
			return upkeep.Choice{}, err
		}
		these = append(these, at)
	}
	return upkeep.These(these...), nil
}
