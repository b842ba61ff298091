package status_test

import (
	"math"
	"testing"

	"github.com/tidemill/tidemill/status"
)

func TestQuantilesAreKnownToATenth(t *testing.T) {
	var h status.Histogram
	for i := 1; i <= 1000; i++ {
		h.Observe(float64(i) / 1000)
	}
	for q, want := range map[float64]float64{0.5: 0.5, 0.99: 0.99, 1: 1} {
		if got := h.Quantile(q); got < want || got > want*1.1 {
			t.Errorf("quantile %v is %v, want %v to a tenth", q, got, want)
		}
	}
	if h.Count != 1000 || math.Abs(h.Sum-500.5) > 1e-6 {
		t.Errorf("count %d, sum %v", h.Count, h.Sum)
	}
}

func TestABucketEndsWithItsBound(t *testing.T) {
	var h status.Histogram
	h.Observe(2)
	h.Observe(math.Nextafter(2, 3))
	h.Observe(0)
	if h.Buckets[8] != 1 || h.Buckets[9] != 1 || h.Zero != 1 {
		t.Errorf("got %+v", h)
	}
}

func TestAnEmptyHistogramHasNoQuantiles(t *testing.T) {
	var h status.Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestLagOfAnUnknownEndIsNone(t *testing.T) {
	task := status.Task{Inputs: []status.Input{{Position: 5, End: 12}, {Position: 7, End: -1}, {Position: 9, End: 8}}}
	if got := task.Lag(); got != 7 {
		t.Errorf("lag %d, want 7", got)
	}
}
