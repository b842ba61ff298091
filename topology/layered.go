package topology

import "slices"

// box is a rectangle to be arranged; x is its middle and y its top.
type box struct {
	w, h, x, y int
	// last puts it in the last layer.
	last bool
	rank int
	// bend says that it is where a long link passes a layer.
	bend bool
}

// link leads from one box down to another. fromPort and toPort are where it leaves and
// arrives, from the middle of the box.
type link struct {
	from, to, fromPort, toPort int
	class                      string
	// chain are the boxes that it passes, both ends included.
	chain []int
}

// point is a place in a drawing.
type point struct{ x, y int }

// layered arranges boxes in layers, so that links lead down: layers by the longest path,
// an order in each that has few crossings, and places near the neighbours. All numbers
// are whole, so that every machine arranges alike. Links must not form a circle.
type layered struct {
	boxes      []box
	links      []link
	gapX, gapY int
	layers     [][]int
	// up and down are the neighbours of each box, by box and by the port of both.
	up, down [][]tie
}

// tie is a link between boxes of neighbouring layers as one of them sees it.
type tie struct{ other, own, theirs int }

// sweeps is how often the layers are gone through, for the order and for the places.
const sweeps = 24

// arrange sets the places of all boxes and returns how much room they take.
func (l *layered) arrange() (w, h int) {
	l.rank()
	l.chain()
	l.order()
	l.place()
	return l.settle()
}

// rank gives each box a layer below all that lead to it.
func (l *layered) rank() {
	most := 0
	for range l.boxes { // paths are no longer than that
		moved := false
		for _, k := range l.links {
			if r := l.boxes[k.from].rank + 1; r > l.boxes[k.to].rank {
				l.boxes[k.to].rank, moved = r, true
			}
		}
		if !moved {
			break
		}
	}
	into, out := make([]bool, len(l.boxes)), make([]int, len(l.boxes))
	for _, k := range l.links {
		into[k.to] = true
		if r := l.boxes[k.to].rank; out[k.from] == 0 || r < out[k.from] {
			out[k.from] = r
		}
	}
	for i := range l.boxes {
		if !into[i] && out[i] > 0 {
			l.boxes[i].rank = out[i] - 1 // close to what it leads to
		}
		most = max(most, l.boxes[i].rank)
	}
	for i := range l.boxes {
		if l.boxes[i].last {
			l.boxes[i].rank = most
		}
	}
	l.layers = make([][]int, most+1)
}

// chain makes links of one layer each, with bends where a long one passes.
func (l *layered) chain() {
	for i := range l.links {
		k := &l.links[i]
		k.chain = []int{k.from}
		for r := l.boxes[k.from].rank + 1; r < l.boxes[k.to].rank; r++ {
			k.chain = append(k.chain, len(l.boxes))
			l.boxes = append(l.boxes, box{rank: r, bend: true, w: 2})
		}
		k.chain = append(k.chain, k.to)
	}
	l.up, l.down = make([][]tie, len(l.boxes)), make([][]tie, len(l.boxes))
	for _, k := range l.links {
		for at, from := range k.chain[:len(k.chain)-1] {
			to, fromPort, toPort := k.chain[at+1], 0, 0
			if from == k.from {
				fromPort = k.fromPort
			}
			if to == k.to {
				toPort = k.toPort
			}
			l.down[from] = append(l.down[from], tie{to, fromPort, toPort})
			l.up[to] = append(l.up[to], tie{from, toPort, fromPort})
		}
	}
	for i, b := range l.boxes {
		l.layers[b.rank] = append(l.layers[b.rank], i)
	}
}

// order sorts layers by the middle of the neighbours, down and up, and keeps the order
// with the fewest crossings.
func (l *layered) order() {
	best, fewest := l.copyLayers(), l.crossings()
	for sweep := 0; sweep < sweeps && fewest > 0; sweep++ {
		ties := l.up
		if sweep%2 == 1 {
			ties = l.down
		}
		for r := range l.layers {
			if sweep%2 == 1 {
				r = len(l.layers) - 1 - r
			}
			l.sortLayer(r, ties)
		}
		if n := l.crossings(); n < fewest {
			best, fewest = l.copyLayers(), n
		}
	}
	l.layers = best
}

func (l *layered) copyLayers() (out [][]int) {
	for _, layer := range l.layers {
		out = append(out, slices.Clone(layer))
	}
	return out
}

// positions are where boxes are in their layers, in thousandths.
func (l *layered) positions() []int {
	at := make([]int, len(l.boxes))
	for _, layer := range l.layers {
		for i, b := range layer {
			at[b] = 1000 * i
		}
	}
	return at
}

// share is where in its box a port is, in thousandths of the box.
func share(port, w int) int { return 400 * port / max(1, w) }

func (l *layered) sortLayer(r int, ties [][]tie) {
	at := l.positions()
	middle := map[int]int{}
	for _, b := range l.layers[r] {
		middle[b] = at[b]
		if len(ties[b]) == 0 {
			continue
		}
		sum := 0
		for _, t := range ties[b] {
			sum += at[t.other] + share(t.theirs, l.boxes[t.other].w)
		}
		middle[b] = sum / len(ties[b])
	}
	slices.SortStableFunc(l.layers[r], func(a, b int) int { return middle[a] - middle[b] })
}

// crossings counts pairs of links that cross.
func (l *layered) crossings() (n int) {
	at := l.positions()
	for _, layer := range l.layers {
		var ends [][2]int
		for _, b := range layer {
			for _, t := range l.down[b] {
				one := [2]int{at[b] + share(t.own, l.boxes[b].w), at[t.other] + share(t.theirs, l.boxes[t.other].w)}
				for _, have := range ends {
					if (have[0]-one[0])*(have[1]-one[1]) < 0 {
						n++
					}
				}
				ends = append(ends, one)
			}
		}
	}
	return n
}

// place moves boxes towards their neighbours, without changing the order.
func (l *layered) place() {
	for _, layer := range l.layers {
		x := 0
		for _, b := range layer {
			l.boxes[b].x = x + l.boxes[b].w/2
			x += l.boxes[b].w + l.gapX
		}
	}
	for sweep := range sweeps {
		for r := range l.layers {
			if sweep%2 == 0 {
				l.shift(l.layers[r], l.up)
			} else {
				l.shift(l.layers[len(l.layers)-1-r], l.down)
			}
		}
	}
}

// shift moves the boxes of a layer: the middle of what they get from the left and from
// the right, both of which keep them apart.
func (l *layered) shift(layer []int, ties [][]tie) {
	wish := make([]int, len(layer))
	for i, b := range layer {
		wish[i] = l.boxes[b].x
		if len(ties[b]) == 0 {
			continue
		}
		sum := 0
		for _, t := range ties[b] {
			sum += l.boxes[t.other].x + t.theirs - t.own
		}
		wish[i] = sum / len(ties[b])
	}
	left, right := slices.Clone(wish), slices.Clone(wish)
	for i := 1; i < len(layer); i++ {
		left[i] = max(left[i], left[i-1]+l.apart(layer[i-1], layer[i]))
	}
	for i := len(layer) - 2; i >= 0; i-- {
		right[i] = min(right[i], right[i+1]-l.apart(layer[i], layer[i+1]))
	}
	for i, b := range layer {
		l.boxes[b].x = (left[i] + right[i]) >> 1
	}
}

// apart is how far the middles of two neighbours are apart, at least.
func (l *layered) apart(a, b int) int { return (l.boxes[a].w+l.boxes[b].w+1)/2 + l.gapX + 1 }

// settle gives the layers their heights and moves everything to begin at 0, 0.
func (l *layered) settle() (w, h int) {
	least := 0
	for i, b := range l.boxes {
		if x := b.x - b.w/2; i == 0 || x < least {
			least = x
		}
	}
	for _, layer := range l.layers {
		high := 0
		for _, b := range layer {
			high = max(high, l.boxes[b].h)
		}
		for _, i := range layer {
			b := &l.boxes[i]
			b.x -= least
			b.y = h
			if b.bend {
				b.h = high
			}
			w = max(w, b.x+b.w/2)
		}
		h += high + l.gapY
	}
	return w, h - l.gapY
}

// path are the points that a link leads through: at each bend, down through its layer.
func (l *layered) path(k link) []point {
	from, to := l.boxes[k.from], l.boxes[k.to]
	points := []point{{from.x + k.fromPort, from.y + from.h}}
	for _, i := range k.chain[1 : len(k.chain)-1] {
		b := l.boxes[i]
		points = append(points, point{b.x, b.y}, point{b.x, b.y + b.h})
	}
	return append(points, point{to.x + k.toPort, to.y})
}
