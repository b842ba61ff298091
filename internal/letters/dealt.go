package letters

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Group is the group in whose committed offsets it is kept which letters of an
// application have been dealt with: all before the offset of a partition, and those that
// its metadata names.
func Group(application string) string { return application + "-dead-letters" }

// Redriver is the transactional id of the one who sends back letters of a topic. There is
// one at a time: who begins puts an end to the one before.
func Redriver(application, topic string) string { return application + "-redrive-" + topic }

// HeaderFrom is the letter that a redriven record was, as topic/partition/offset, and
// HeaderCount how often it has been redriven.
const (
	HeaderFrom  = "__tidemill.redrive.from"
	HeaderCount = "__tidemill.redrive.count"
)

// Dealt is what has been dealt with of one partition: all letters below an offset, and
// some beside, in their order.
type Dealt struct {
	Below  int64
	Beside []int64
}

// ErrScattered is that what has been dealt with cannot be kept. Older letters have to be
// dealt with first.
var ErrScattered = errors.New("too many letters were dealt with out of their order: deal with the oldest ones first")

// Has says whether a letter has been dealt with.
func (d Dealt) Has(offset int64) bool {
	_, beside := slices.BinarySearch(d.Beside, offset)
	return beside || offset < d.Below
}

// With has more letters be dealt with. waiting are the letters that are left then, in
// their order, and end is behind all of them.
func (d Dealt) With(more, waiting []int64, end int64) Dealt {
	below := end
	if len(waiting) > 0 {
		below = waiting[0]
	}
	d.Below = max(d.Below, below)
	d.Beside = slices.Concat(d.Beside, more)
	slices.Sort(d.Beside)
	d.Beside = slices.DeleteFunc(slices.Compact(d.Beside), func(offset int64) bool { return offset < d.Below })
	return d
}

// The metadata of an offset may be mostMetadata bytes long, the broker's default, and a
// run in it mostInRun letters.
const (
	mostMetadata = 4096
	mostInRun    = math.MaxInt16 * 100
)

// Metadata writes the letters beside as runs, such as 7 9-12.
func (d Dealt) Metadata() (string, error) {
	var runs []string
	for i := 0; i < len(d.Beside); {
		last := i
		for last+1 < len(d.Beside) && d.Beside[last+1] == d.Beside[last]+1 {
			last++
		}
		run := strconv.FormatInt(d.Beside[i], 10)
		if last > i {
			run += "-" + strconv.FormatInt(d.Beside[last], 10)
		}
		runs = append(runs, run)
		i = last + 1
	}
	text := strings.Join(runs, " ")
	if len(text) > mostMetadata {
		return "", ErrScattered
	}
	return text, nil
}

// Read reads an offset, -1 for none, and what Metadata wrote beside it.
func Read(offset int64, metadata string) (d Dealt, err error) {
	d.Below = max(offset, 0)
	for _, run := range strings.Fields(metadata) {
		from, to, ranged := strings.Cut(run, "-")
		first, err := strconv.ParseInt(from, 10, 64)
		last := first
		if ranged && err == nil {
			last, err = strconv.ParseInt(to, 10, 64)
		}
		if err != nil || last < first || last-first > mostInRun {
			return d, fmt.Errorf("what is kept of the letters that were dealt with is %q, which cannot be read", metadata)
		}
		for letter := first; letter <= last; letter++ {
			d.Beside = append(d.Beside, letter)
		}
	}
	slices.Sort(d.Beside)
	return d, nil
}
