package upkeep

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/internal/runtime"
)

// letterGroup is the group in whose committed offsets it is kept which letters of an
// application have been dealt with: all before the offset, and those that its metadata
// names.
func letterGroup(application string) string { return application + "-dead-letters" }

// dealt is what has been dealt with of one partition: all letters below an offset, and
// some beside, in their order.
type dealt struct {
	below  int64
	beside []int64
}

// mostMetadata is how long the metadata of an offset may be: the broker's default.
const mostMetadata = 4096

var errScattered = errors.New("too many letters were dealt with out of their order: deal with the oldest ones first")

func (d dealt) has(offset int64) bool {
	_, beside := slices.BinarySearch(d.beside, offset)
	return beside || offset < d.below
}

// with has more letters be dealt with. waiting are the letters that are left then, in
// their order, and end is behind all of them.
func (d dealt) with(more, waiting []int64, end int64) dealt {
	below := end
	if len(waiting) > 0 {
		below = waiting[0]
	}
	d.below = max(d.below, below)
	d.beside = slices.Concat(d.beside, more)
	slices.Sort(d.beside)
	d.beside = slices.DeleteFunc(slices.Compact(d.beside), func(offset int64) bool { return offset < d.below })
	return d
}

// encode writes the letters beside as runs, such as 7 9-12.
func (d dealt) encode() (runtime.GroupOffset, error) {
	var runs []string
	for i := 0; i < len(d.beside); {
		last := i
		for last+1 < len(d.beside) && d.beside[last+1] == d.beside[last]+1 {
			last++
		}
		run := strconv.FormatInt(d.beside[i], 10)
		if last > i {
			run += "-" + strconv.FormatInt(d.beside[last], 10)
		}
		runs = append(runs, run)
		i = last + 1
	}
	text := strings.Join(runs, " ")
	if len(text) > mostMetadata {
		return runtime.GroupOffset{}, errScattered
	}
	return runtime.GroupOffset{Offset: d.below, Metadata: text}, nil
}

// decodeDealt reads what encode wrote.
func decodeDealt(at runtime.GroupOffset) (d dealt, err error) {
	d.below = max(at.Offset, 0)
	for _, run := range strings.Fields(at.Metadata) {
		from, to, ranged := strings.Cut(run, "-")
		first, err := strconv.ParseInt(from, 10, 64)
		last := first
		if ranged && err == nil {
			last, err = strconv.ParseInt(to, 10, 64)
		}
		if err != nil || last < first || last-first > math.MaxInt16*100 {
			return d, fmt.Errorf("what is kept of the letters that were dealt with is %q, which cannot be read", at.Metadata)
		}
		for offset := first; offset <= last; offset++ {
			d.beside = append(d.beside, offset)
		}
	}
	slices.Sort(d.beside)
	return d, nil
}
