package avro_test

import (
	"fmt"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
)

func ExampleOf() {
	type Payment struct {
		Payer string  `avro:"payer"`
		Cents int64   `avro:"cents"`
		Note  *string `avro:"note"`
	}
	s := avro.Of[Payment](avro.Namespace("shop"))
	data, _ := s.Append(nil, Payment{Payer: "ada", Cents: 250})
	fmt.Printf("%x\n", data)
	v, err := s.Decode(data)
	fmt.Println(v.Payer, v.Cents, v.Note == nil, err)
	// Output:
	// 06616461f40300
	// ada 250 true <nil>
}

func ExampleGeneric() {
	s := avro.Generic(`{"type":"record","name":"Payment","fields":[
		{"name":"payer","type":"string"},
		{"name":"note","type":["null","string"],"default":null}]}`)
	data, _ := s.Append(nil, map[string]any{"payer": "ada"})
	fmt.Printf("%x\n", data)
	v, err := s.Decode(data)
	fmt.Println(v, err)
	// Output:
	// 0661646100
	// map[note:<nil> payer:ada] <nil>
}

// Data of an older schema is read with the newer type: the new field has its default.
func Example_evolution() {
	type Payment struct {
		Payer    string `avro:"payer"`
		Currency string `avro:"currency,default=EUR"`
	}
	older := serde.Schema{Format: serde.FormatAvro, Text: `{"type":"record","name":"Payment","fields":[{"name":"payer","type":"string"}]}`}
	s, err := avro.Of[Payment]().(serde.Described[Payment]).ForWriter(older)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Decode([]byte("\x06ada")))
	// Output: {ada EUR} <nil>
}
