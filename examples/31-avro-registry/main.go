// Avro with a schema registry: orders written by an older program are read with a type
// that has one field more, bills are written under a schema of their own, a record that
// the registry knows nothing of goes to a dead-letter topic, and a topology whose schema
// is not compatible is refused before it has read anything. The registry is in the
// process, as the broker is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
	"github.com/tidemill/tidemill/serde/registry"
	"github.com/tidemill/tidemill/serde/registry/registrytest"
	"github.com/tidemill/tidemill/topology"
)

// OldOrder is an order as it was written last year.
type OldOrder struct {
	Item  string `avro:"item"`
	Cents int64  `avro:"cents"`
}

// Order is an order of today. What was written without a count was one piece.
type Order struct {
	Item  string `avro:"item"`
	Cents int64  `avro:"cents"`
	Count int64  `avro:"count,default=1"`
}

// StrictOrder has a field that older orders lack, and no default for it.
type StrictOrder struct {
	Item  string `avro:"item"`
	Cents int64  `avro:"cents"`
	Buyer string `avro:"buyer"`
}

// Bill is what an order comes to.
type Bill struct {
	Item  string `avro:"item"`
	Total int64  `avro:"total"`
}

// orders is the serde of a version of the record shop.Order.
func orders[T any](schemas *registry.Registry) serde.Serde[T] {
	return registry.Of(schemas, avro.Of[T](avro.Name("Order"), avro.Namespace("shop")))
}

func bills(schemas *registry.Registry) serde.Serde[Bill] {
	return registry.Of(schemas, avro.Of[Bill](avro.Namespace("shop")))
}

func build(schemas *registry.Registry) *topology.Builder {
	b := topology.New("avro-registry")
	b.Stream[string, Order]("orders", topology.ValueSerde(orders[Order](schemas))).
		MapValues(func(o Order) Bill { return Bill{o.Item, o.Cents * o.Count} }).
		To("bills", topology.ValueSerde(bills(schemas)))
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("orders", "bills", "orders-dead")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	server, err := registrytest.Start() // elsewhere: sr.NewClient(sr.URLs("https://..."), sr.BasicAuth(...))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	client, err := server.Client()
	if err != nil {
		return err
	}
	schemas := registry.New(client)
	older, err := encoded(orders[OldOrder](schemas), OldOrder{"tea", 450})
	if err != nil {
		return err
	}
	newer, err := encoded(orders[Order](schemas), Order{"cup", 900, 4})
	if err != nil {
		return err
	}
	stranger := append([]byte{0, 0, 0, 0, 99}, older[5:]...)
	if err := s.Write(ctx, "orders", stage.Event(0, "ada", older), stage.Event(1, "bob", stranger), stage.Event(2, "eve", newer)); err != nil {
		return err
	}
	if err := s.Run(ctx, build(schemas), func(ctx context.Context) error { return show(ctx, out, s, schemas) },
		tidemill.OnError(tidemill.DeadLetter("orders-dead"))); err != nil {
		return err
	}
	b := topology.New("strict")
	b.Stream[string, StrictOrder]("orders", topology.ValueSerde(orders[StrictOrder](schemas))).To("bills")
	_, err = b.Build()
	fmt.Fprintln(out, "a strict reader is refused:", errors.Is(err, registry.ErrIncompatible))
	return nil
}

// encoded is what another program would write to the topic orders.
func encoded[T any](s serde.Serde[T], v T) ([]byte, error) {
	bound, err := s.(serde.TopicBinder[T]).ForTopic("orders", false)
	if err != nil {
		return nil, err
	}
	return bound.Append(nil, v)
}

func show(ctx context.Context, out io.Writer, s *stage.Stage, schemas *registry.Registry) error {
	written, err := s.Read[string, []byte](ctx, "bills", 2)
	if err != nil {
		return err
	}
	for _, r := range written {
		bill, err := bills(schemas).Decode(r.Value)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s, %d cents (schema %d)\n", r.Key, bill.Item, bill.Total, r.Value[4])
	}
	letters, err := s.Read[string, []byte](ctx, "orders-dead", 1)
	for _, r := range letters {
		message, _ := r.Headers.Get("__streams.errors.message")
		fmt.Fprintf(out, "%s: %s\n", r.Key, message)
	}
	return err
}
