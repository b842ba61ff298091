package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text is a text of many lines in which some words are much more frequent than
// others, in several spellings.
func text(lines int) string {
	random := rand.New(rand.NewPCG(1, 2))
	dictionary := strings.Fields("the The THE sea tide mill don't water; wheel (stone) flour: é Été 1851 –")
	var b strings.Builder
	for range lines {
		for range random.IntN(12) {
			b.WriteString(dictionary[min(random.IntN(len(dictionary)), random.IntN(len(dictionary)))])
			b.WriteByte(" \t"[random.IntN(2)])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// naive counts the words of a text at once and prints what the program should.
func naive(text string, top int) string {
	counts := map[string]int{}
	total := 0
	for _, word := range regexp.MustCompile(`[\p{L}\p{Nd}']+`).FindAllString(strings.ToLower(text), -1) {
		counts[word]++
		total++
	}
	var order []string
	for word := range counts {
		order = append(order, word)
	}
	slices.SortFunc(order, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	out := fmt.Sprintf("%d words, %d different\n", total, len(counts))
	for _, word := range order[:min(top, len(order))] {
		out += fmt.Sprintf("%8d  %s\n", counts[word], word)
	}
	return out
}

func TestItCountsWhatANaiveCountFinds(t *testing.T) {
	input := text(3000)
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args  []string
		stdin string
		want  string
	}{
		"a text on standard input":                      {nil, input, naive(input, 10)},
		"a text on standard input, exactly once":        {[]string{"--exactly-once", "--top", "3"}, input, naive(input, 3)},
		"a file, and more words asked for than it has":  {[]string{"--top", "1000", file}, "not read", naive(input, 1000)},
		"an empty text":                                 {nil, "", naive("", 10)},
		"a text without a newline at the end, and none": {[]string{"--top", "0"}, "tide mill", naive("tide mill", 0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KAFKA_BROKERS", "")
			var out strings.Builder
			if err := run(t.Context(), test.args, strings.NewReader(test.stdin), &out); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want {
				t.Errorf("got\n%swant\n%s", out.String(), test.want)
			}
		})
	}
}

func TestALineThatIsTooLongIsAnError(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	err := run(t.Context(), nil, strings.NewReader(strings.Repeat("x", maxLine+1)), &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "lines of at most") {
		t.Fatalf("got %v, want an error that says how long lines may be", err)
	}
}
