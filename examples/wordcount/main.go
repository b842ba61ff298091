// Wordcount counts the words of a text:
//
//	go run ./examples/wordcount book.txt
//	go run ./examples/wordcount --exactly-once --top 20 < book.txt
//
// It writes the lines to a topic, runs a topology that counts their words, and
// prints the most frequent ones when the whole text has been counted. Without
// KAFKA_BROKERS it uses a broker of its own; on a cluster it makes topics for the
// run and deletes them at the end.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/tidemill/tidemill/embedded"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	// A second Ctrl-C, if it is meant as one, does not wait for a clean end.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "wordcount:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) (err error) {
	flags := flag.NewFlagSet("wordcount", flag.ContinueOnError)
	top := flags.Int("top", 10, "how many words to print")
	exactlyOnce := flags.Bool("exactly-once", false, "count every line exactly once, whatever fails")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		file, err := os.Open(flags.Arg(0))
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	j := newJob(time.Now(), *exactlyOnce)
	addrs, stop, err := embedded.Brokers(ctx, embedded.Topic(j.lines, partitions), embedded.Topic(j.counts, partitions))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	j.addrs = addrs
	defer func() { err = errors.Join(err, j.cleanUp()) }()

	total, err := j.write(ctx, in)
	if err != nil {
		return err
	}
	table, err := j.count(ctx, total)
	if err != nil {
		return err
	}
	show(out, table, total, *top)
	return nil
}

// show prints the most frequent words, those of equal counts in their order.
func show(out io.Writer, table map[string]int64, total int64, top int) {
	fmt.Fprintf(out, "%d words, %d different\n", total, len(table))
	order := slices.SortedFunc(maps.Keys(table), func(a, b string) int {
		return cmp.Or(cmp.Compare(table[b], table[a]), cmp.Compare(a, b))
	})
	for _, word := range order[:min(max(top, 0), len(order))] {
		fmt.Fprintf(out, "%8d  %s\n", table[word], word)
	}
}
