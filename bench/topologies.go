package main

import (
	"time"

	"github.com/tidemill/tidemill/bench/input"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// The names that decide what internal topics are called.
const (
	countsStore = "counts"
	byUser      = "by-user"
)

func buildFilter(b *topology.Builder, j job) {
	b.Stream[[]byte, []byte](j.Input).
		Filter(func(_, value []byte) bool { return input.Passes(value) }).
		To(j.Output)
}

func buildRelay(b *topology.Builder, j job) {
	b.Stream[[]byte, []byte](j.Input).To(j.Output)
}

func buildJSON(b *topology.Builder, j job) {
	b.Stream[[]byte, input.Event](j.Input).
		Filter(func(_ []byte, e input.Event) bool { return e.Severe() }).
		To(j.Output)
}

func buildCount(b *topology.Builder, j job) {
	b.Stream[string, []byte](j.Input).
		GroupByKey().
		Count(topology.StoreName(countsStore)).
		ToStream().
		To(j.Output)
}

func buildTumbling(b *topology.Builder, j job) {
	b.Stream[string, []byte](j.Input).
		GroupByKey().
		WindowedBy(window.Tumbling(time.Minute)).
		Count(topology.StoreName(countsStore)).
		ToStream().
		To(j.Output)
}

func buildJoin(b *topology.Builder, j job) {
	rows := b.Table[string, []byte](j.Table, topology.StoreName("rows"))
	b.Stream[string, []byte](j.Input).
		Join(rows, input.Joined).
		To(j.Output)
}

func buildRepartition(b *topology.Builder, j job) {
	b.Stream[string, []byte](j.Input).
		SelectKey(func(_ string, value []byte) string { return string(input.User(value)) }).
		GroupByKey(topology.Named(byUser)).
		Count(topology.StoreName(countsStore)).
		ToStream().
		To(j.Output)
}
