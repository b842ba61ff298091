package topology_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/topology"
)

// pictured are the topologies whose images are kept under testdata.
var pictured = map[string]func(b *builder){
	"join": drawn["join"], "split": drawn["split"], "odd-names": drawn["odd names and stores"],
	"circle": func(b *builder) {
		s := in(b, "events")
		s.Process(idle, topology.Stores(topology.KeyValueStore[string, string]("sagas"), topology.KeyValueStore[string, string]("timers")), named("orchestrator")).
			To("commands", named("to-commands"))
		in(b, "commands").Filter(func(string, string) bool { return true }, named("service")).To("events", named("reply"))
		in(b, "commands-of-others").GroupBy(value).Count(stored("counts")).ToStream().To("events", named("counted"))
	},
}

func TestImagesAreAsTheyWere(t *testing.T) {
	for name, scenario := range pictured {
		path := filepath.Join("testdata", name+".svg")
		got := build(t, scenario).SVG()
		if *rewrite {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("the image of %s is not %s; -rewrite writes it anew:\n%s", name, path, got)
		}
	}
}

// shape is an element of an image.
type shape struct {
	element, class, text string
	attrs                map[string]string
}

// shapes reads an image, which has to be well-formed.
func shapes(t *testing.T, svg string) (all []shape) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			s := shape{element: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				s.attrs[a.Name.Local] = a.Value
			}
			s.class = s.attrs["class"]
			all = append(all, s)
		case xml.CharData:
			all[len(all)-1].text += string(token)
		}
	}
}

func (s shape) number(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(s.attrs[name])
	if err != nil {
		t.Fatalf("%s of %s: %v", name, s.class, err)
	}
	return n
}

func TestImagesNameEverythingAndNothingOverlaps(t *testing.T) {
	for name, scenario := range scenarios {
		plan := build(t, scenario)
		all := shapes(t, plan.SVG())
		var texts []string
		for _, s := range all {
			if s.element == "text" {
				texts = append(texts, s.text)
			}
		}
		for _, sub := range plan.Subtopologies {
			for _, store := range sub.Stores {
				if !strings.Contains(strings.Join(texts, "\n"), store.Name) {
					t.Errorf("%s: the image lacks store %q", name, store.Name)
				}
			}
		}
		for line := range strings.Lines(plan.Mermaid()) {
			if _, label, ok := strings.Cut(line, `["`); ok && strings.Contains(line, "node") {
				if label = strings.TrimSuffix(strings.TrimSpace(label), `"]`); !strings.Contains(strings.Join(texts, "\n"), label) {
					t.Errorf("%s: the image lacks %q", name, label)
				}
			}
		}
		for _, class := range []string{"operator", "frame"} {
			overlap(t, name, class, all)
		}
	}
}

// overlap finds rectangles of a class that lie on one another.
func overlap(t *testing.T, name, class string, all []shape) {
	t.Helper()
	var rects [][4]int
	for _, s := range all {
		if s.element != "rect" || s.class != class {
			continue
		}
		x, y := s.number(t, "x"), s.number(t, "y")
		one := [4]int{x, y, x + s.number(t, "width"), y + s.number(t, "height")}
		for _, have := range rects {
			if one[0] < have[2] && have[0] < one[2] && one[1] < have[3] && have[1] < one[3] {
				t.Errorf("%s: two of class %s overlap: %v and %v", name, class, one, have)
			}
		}
		rects = append(rects, one)
	}
}

func TestTextInAnImageIsNoMarkup(t *testing.T) {
	evil := `</text><script>alert("x")</script>&amp;` + "\x00\u202e"
	for _, s := range shapes(t, build(t, func(b *builder) {
		in(b, "in").Filter(func(string, string) bool { return true }, named(evil)).To("out")
	}).SVG()) {
		if s.element == "script" {
			t.Error("text has become markup")
		}
	}
}

func TestALargeTopologyIsDrawn(t *testing.T) {
	plan := build(t, func(b *builder) {
		for i := range 40 {
			s := in(b, fmt.Sprintf("in-%d", i))
			for j := range 10 {
				s = s.Filter(func(string, string) bool { return true })
				s.To(fmt.Sprintf("out-%d", j))
			}
		}
	})
	all := shapes(t, plan.SVG())
	overlap(t, "large", "frame", all)
	overlap(t, "large", "operator", all)
}
