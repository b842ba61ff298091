package status

import (
	"maps"
	"math"
	"slices"
)

// Schema is the resolution of a Histogram as Prometheus counts it: eight buckets for
// each doubling.
const Schema = 3

const perDoubling = 1 << Schema

// Histogram counts observations in buckets that grow by a factor of 2^(1/8), so that
// a quantile is known to about 9 %. Bucket i holds those above 2^((i-1)/8) up to
// 2^(i/8). The zero Histogram is empty.
type Histogram struct {
	Count   int64         `json:"count"`
	Sum     float64       `json:"sum"`
	Zero    int64         `json:"zero,omitempty"`
	Buckets map[int]int64 `json:"buckets,omitempty"`
}

// Observe counts one observation. Those that are not above 0 count as zero.
func (h *Histogram) Observe(x float64) {
	h.Count++
	if !(x > 0) {
		h.Zero++
		return
	}
	h.Sum += x
	if h.Buckets == nil {
		h.Buckets = map[int]int64{}
	}
	h.Buckets[int(math.Ceil(math.Log2(x)*perDoubling))]++
}

// Clone is a copy that shares nothing.
func (h *Histogram) Clone() Histogram {
	out := *h
	out.Buckets = maps.Clone(h.Buckets)
	return out
}

// Quantile is about the value that this portion of the observations does not exceed,
// 0 without any.
func (h *Histogram) Quantile(q float64) float64 {
	rank := int64(math.Ceil(q * float64(h.Count)))
	if seen := h.Zero; rank > seen {
		for _, i := range slices.Sorted(maps.Keys(h.Buckets)) {
			if seen += h.Buckets[i]; seen >= rank {
				return math.Exp2(float64(i) / perDoubling)
			}
		}
	}
	return 0
}
