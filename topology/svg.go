package topology

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// SVG draws the plan as an SVG image of its own: a frame for each subtopology, with its
// operators as boxes and its stores as cylinders, and topics as parallelograms between
// them. Records flow down. A topic that is read above where it is written is drawn twice,
// the second time with a dashed outline. The same topology always gives the same image.
func (p *Plan) SVG() string {
	d := &drawing{outer: layered{gapX: 36, gapY: 46}, topics: map[string]int{}, again: map[string]int{}}
	for _, sub := range p.Subtopologies {
		d.frame(sub)
	}
	d.findCircles(p)
	for i, sub := range p.Subtopologies {
		d.connect(i, sub)
	}
	return d.draw(p.Application)
}

// The measures of a drawing.
const (
	svgLine   = 30 // the height of a box
	svgMargin = 16
	svgTitle  = 22
)

// drawing is an image in the making: frames and topics are arranged in outer, the inside
// of a frame in one of its own.
type drawing struct {
	outer  layered
	frames []*svgFrame
	// labels are those of the outer boxes behind the frames, topics and again their numbers.
	labels        []svgLabel
	topics, again map[string]int
	// circles are pairs of frames of which the first writes what the second, which is
	// above it, reads.
	circles map[[2]int]bool
	out     strings.Builder
}

type svgLabel struct{ class, text string }

// svgFrame is a subtopology. Its nodes come first, then its stores.
type svgFrame struct {
	layered
	title  string
	labels []svgLabel
	number map[*node]int
}

// svgWidth is about how wide a text is.
func svgWidth(text string) (w int) {
	for _, r := range text {
		switch {
		case r >= 0x2e80: // Asian letters are as wide as high
			w += 13
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
			w += 8
		default:
			w += 7
		}
	}
	return w
}

// frame arranges the inside of a subtopology.
func (d *drawing) frame(sub *Subtopology) {
	f := &svgFrame{layered: layered{gapX: 22, gapY: 34}, title: fmt.Sprintf("Sub-topology %d", sub.ID), number: map[*node]int{}}
	if sub.Global {
		f.title += ", global"
	}
	for i, n := range sub.nodes {
		f.number[n] = i
		f.add("operator", n.name, n.sink != nil)
	}
	stores := map[string]int{}
	for _, s := range sub.Stores {
		stores[s.Name] = f.add("store", s.Name, false)
	}
	for _, n := range sub.nodes {
		for _, child := range n.children {
			f.links = append(f.links, link{from: f.number[n], to: f.number[child]})
		}
		for _, s := range n.stores {
			if to, ok := stores[s]; ok {
				f.links = append(f.links, link{from: f.number[n], to: to, class: "state"})
			}
		}
	}
	w, h := f.arrange()
	w = max(w, svgWidth(f.title))
	d.frames = append(d.frames, f)
	d.outer.boxes = append(d.outer.boxes, box{w: w + 2*svgMargin, h: h + 2*svgMargin + svgTitle})
}

func (f *svgFrame) add(class, text string, last bool) int {
	f.boxes = append(f.boxes, box{w: svgWidth(text) + 24, h: svgLine, last: last})
	f.labels = append(f.labels, svgLabel{class, text})
	return len(f.boxes) - 1
}

// findCircles walks from frame to frame over topics, and notes the ways that lead back.
func (d *drawing) findCircles(p *Plan) {
	d.circles = map[[2]int]bool{}
	readers := map[string][]int{}
	for i, sub := range p.Subtopologies {
		for _, n := range sub.nodes {
			for _, topic := range n.reads() {
				readers[topic] = append(readers[topic], i)
			}
		}
	}
	const open, closed = 1, 2
	state := make([]int, len(p.Subtopologies))
	var walk func(i int)
	walk = func(i int) {
		state[i] = open
		for _, n := range p.Subtopologies[i].nodes {
			if n.sink == nil {
				continue
			}
			for _, next := range readers[n.sink.writes()] {
				if state[next] == open {
					d.circles[[2]int{i, next}] = true
				} else if state[next] == 0 {
					walk(next)
				}
			}
		}
		state[i] = closed
	}
	for i := range p.Subtopologies {
		if state[i] == 0 {
			walk(i)
		}
	}
	for topic, all := range readers {
		for i, sub := range p.Subtopologies {
			for _, n := range sub.nodes {
				if n.sink != nil && n.sink.writes() == topic && slices.ContainsFunc(all, func(r int) bool { return d.circles[[2]int{i, r}] }) {
					d.again[fmt.Sprint(i, " ", topic)] = -1
				}
			}
		}
	}
}

// topic is the number of a topic's box, of one of the two.
func (d *drawing) topic(have map[string]int, key, name, class string) int {
	if at, ok := have[key]; ok && at >= 0 {
		return at
	}
	have[key] = len(d.outer.boxes)
	d.outer.boxes = append(d.outer.boxes, box{w: svgWidth(name) + 44, h: svgLine})
	d.labels = append(d.labels, svgLabel{class, name})
	return have[key]
}

// connect links a frame with its topics.
func (d *drawing) connect(i int, sub *Subtopology) {
	f := d.frames[i]
	for _, n := range sub.nodes {
		port := svgMargin + f.boxes[f.number[n]].x - d.outer.boxes[i].w/2
		for _, name := range n.reads() {
			d.outer.links = append(d.outer.links, link{from: d.topic(d.topics, name, name, "topic"), to: i, toPort: port})
		}
		if n.sink == nil {
			continue
		}
		name := n.sink.writes()
		have, key, class := d.topics, name, "topic"
		if _, circle := d.again[fmt.Sprint(i, " ", name)]; circle {
			have, key, class = d.again, fmt.Sprint(i, " ", name), "topic again"
		}
		d.outer.links = append(d.outer.links, link{from: i, fromPort: port, to: d.topic(have, key, name, class)})
	}
}

// svgStyle is readable on light and on dark ground.
const svgStyle = `text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;text-anchor:middle;dominant-baseline:central;fill:#14212b}
.title{text-anchor:start;fill:#5c6b76}.ground{fill:#fff}
.frame{fill:#5c6b76;fill-opacity:.06;stroke:#c6d0d6}
.operator{fill:#e1f0ee;stroke:#0f766e}.store{fill:#faeddd;stroke:#b45309}.topic{fill:#e3ebfc;stroke:#2563eb}.again{stroke-dasharray:5 3}
.flow{fill:none;stroke:#7b8a95;stroke-width:1.3;marker-end:url(#arrow)}.state{fill:none;stroke:#b45309;stroke-dasharray:4 3}.arrow{fill:#7b8a95}
@media (prefers-color-scheme:dark){text{fill:#e5edf1}.title{fill:#93a4af}.ground{fill:#0d1418}.frame{stroke:#34444e}
.operator{fill:#173633;stroke:#2dd4bf}.store{fill:#3a2f14;stroke:#fbbf24}.topic{fill:#1b2c47;stroke:#60a5fa}.state{stroke:#fbbf24}}`

func (d *drawing) line(format string, args ...any) { fmt.Fprintf(&d.out, format+"\n", args...) }

// draw writes the image, links below everything else but the frames.
func (d *drawing) draw(application string) string {
	w, h := d.outer.arrange()
	w, h = w+2*svgMargin, h+2*svgMargin
	d.line(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`, w, h, w, h)
	d.line("<title>Topology of %s</title>\n<style>%s</style>", svgText(application), svgStyle)
	d.line(`<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="arrow" d="M0 0L8 4L0 8z"/></marker></defs>`)
	d.line(`<rect class="ground" width="%d" height="%d"/>`, w, h)
	for i, f := range d.frames {
		b := d.outer.boxes[i]
		x, y := b.x-b.w/2+svgMargin, b.y+svgMargin
		d.line(`<rect class="frame" x="%d" y="%d" width="%d" height="%d" rx="10"/>`, x, y, b.w, b.h)
		d.line(`<text class="title" x="%d" y="%d">%s</text>`, x+12, y+14, svgText(f.title))
	}
	for i, f := range d.frames {
		at := d.inside(i)
		for _, k := range f.links {
			d.flow(k, f.path(k), at)
		}
	}
	for _, k := range d.outer.links {
		d.flow(k, d.outerPath(k), point{svgMargin, svgMargin})
	}
	for i, f := range d.frames {
		at := d.inside(i)
		for n, label := range f.labels {
			d.box(label, f.boxes[n], at)
		}
	}
	for i, label := range d.labels {
		d.box(label, d.outer.boxes[len(d.frames)+i], point{svgMargin, svgMargin})
	}
	d.out.WriteString("</svg>\n")
	return d.out.String()
}

// inside is where the inside of a frame begins.
func (d *drawing) inside(frame int) point {
	b := d.outer.boxes[frame]
	return point{b.x - b.w/2 + 2*svgMargin, b.y + 2*svgMargin + svgTitle}
}

// outerPath leads from a topic to a node in a frame, or back.
func (d *drawing) outerPath(k link) []point {
	points := d.outer.path(k)
	if k.to < len(d.frames) {
		points = append(points, point{points[len(points)-1].x, d.outer.boxes[k.to].y + svgMargin + svgTitle})
	} else {
		first := points[0]
		points = append([]point{{first.x, first.y - svgMargin}}, points...)
	}
	return points
}

// flow draws a link, straight down where it can and else in curves.
func (d *drawing) flow(k link, points []point, at point) {
	class := k.class
	if class == "" {
		class = "flow"
	}
	var path strings.Builder
	for i, p := range points {
		x, y := p.x+at.x, p.y+at.y
		if i == 0 {
			fmt.Fprintf(&path, "M%d %d", x, y)
			continue
		}
		before := points[i-1]
		if before.x == p.x {
			fmt.Fprintf(&path, "V%d", y)
			continue
		}
		middle := (before.y+p.y)/2 + at.y
		fmt.Fprintf(&path, "C%d %d %d %d %d %d", before.x+at.x, middle, x, middle, x, y)
	}
	d.line(`<path class="%s" d="%s"/>`, class, path.String())
}

// box draws a topic, an operator or a store with its name.
func (d *drawing) box(label svgLabel, b box, at point) {
	left, top := b.x-b.w/2+at.x, b.y+at.y
	switch label.class {
	case "operator":
		d.line(`<rect class="operator" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, left, top, b.w, b.h)
	case "store":
		d.line(`<path class="store" d="M%d %dv%da%d 4 0 0 0 %d 0v%da%d 4 0 0 0 %d 0a%d 4 0 0 0 %d 0"/>`, left, top+4, b.h-8, b.w/2, b.w/2*2, 8-b.h, b.w/2, -(b.w / 2 * 2), b.w/2, b.w/2*2)
	default:
		d.line(`<path class="%s" d="M%d %dh%dl-10 %dh%dz"/>`, label.class, left+10, top, b.w-10, b.h, 10-b.w)
	}
	d.line(`<text x="%d" y="%d">%s</text>`, b.x+at.x, top+b.h/2+1, svgText(label.text))
}

// svgText is text that is no markup, in one line.
func svgText(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(text)))
	return b.String()
}
