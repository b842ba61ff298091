// Join adds to each order what is known of its customer: a stream looked up in a
// table, at the time of each order. Both topics have the same key and the same
// number of partitions, so that the rows of a customer are where the orders are.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/topology"
)

// Customer is a row of the table. The key of its record is the customer's id.
type Customer struct {
	Name string `json:"name"`
	City string `json:"city"`
}

// Order is what a customer orders. The key of its record is the customer's id.
type Order struct {
	Item string `json:"item"`
}

// Parcel is an order with an address.
type Parcel struct {
	Item string `json:"item"`
	To   string `json:"to"`
}

func build() *topology.Builder {
	b := topology.New("join")
	customers := b.Table[string, Customer]("customers")
	b.Stream[string, Order]("orders").
		LeftJoin(customers, func(o Order, c *Customer) Parcel {
			if c == nil {
				return Parcel{o.Item, "unknown"}
			}
			return Parcel{o.Item, c.Name + ", " + c.City}
		}).
		To("parcels")
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("customers", "orders", "parcels")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	// What lies waiting in both topics is processed in the order of its times.
	if err := errors.Join(
		s.Write(ctx, "customers",
			stage.Event(0, "c1", Customer{"Ann", "Utrecht"}),
			stage.Event(1, "c2", Customer{"Bob", "Kyoto"}),
			stage.Event(10, "c1", Customer{"Ann", "Lisbon"})),
		s.Write(ctx, "orders",
			stage.Event(5, "c1", Order{"lamp"}),
			stage.Event(6, "c3", Order{"sofa"}),
			stage.Event(7, "c2", Order{"desk"}),
			stage.Event(15, "c1", Order{"chair"})),
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		parcels, err := s.Read[string, Parcel](ctx, "parcels", 4)
		for _, r := range parcels {
			fmt.Fprintf(out, "%s: %s to %s\n", r.Key, r.Value.Item, r.Value.To)
		}
		return err
	})
}
