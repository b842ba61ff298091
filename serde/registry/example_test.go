package registry_test

import (
	"fmt"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
	"github.com/tidemill/tidemill/serde/registry"
	"github.com/tidemill/tidemill/serde/registry/registrytest"
)

func ExampleOf() {
	fake, err := registrytest.Start()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = fake.Close() }()
	client, err := fake.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	type Payment struct {
		Payer string `avro:"payer"`
	}
	s := registry.Of(registry.New(client), avro.Of[Payment]())
	// A topology binds the serdes that it is given by itself.
	bound, err := s.(serde.TopicBinder[Payment]).ForTopic("payments", false)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := bound.Append(nil, Payment{"ada"})
	fmt.Printf("%x %v\n", data, err)
	fmt.Println(bound.Decode(data))
	_, err = bound.Decode([]byte("ada"))
	fmt.Println(err)
	// Output:
	// 000000000106616461 <nil>
	// {ada} <nil>
	// registry: the data does not begin with the byte 0 of a schema registry's format
}
