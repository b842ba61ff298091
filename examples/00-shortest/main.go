// The shortest whole program: it counts words. The topics have to exist; see
// 02-count for one that brings its own broker.
package main

import (
	"context"
	"log"
	"strings"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

func main() {
	b := topology.New("wordcount")
	b.Stream[string, string]("text-lines").
		FlatMapValues(strings.Fields).
		GroupBy(func(_, word string) string { return word }).
		Count().
		ToStream().
		To("word-counts")

	err := tidemill.Run(context.Background(), b, tidemill.Brokers("localhost:9092"), tidemill.ExactlyOnce())
	if err != nil {
		log.Fatal(err)
	}
}
