package serde_test

import (
	"fmt"
	"strconv"
	"time"
	"uuid"

	"github.com/tidemill/tidemill/serde"
)

func ExampleOf() {
	type Celsius float32
	type Reading struct {
		Sensor string  `json:"sensor"`
		Value  Celsius `json:"value"`
	}
	celsius, _ := serde.Of[Celsius]()
	data, _ := celsius.Append(nil, 21.5)
	fmt.Printf("%x\n", data)

	reading, _ := serde.Of[Reading]()
	data, _ = reading.Append(nil, Reading{"roof", 21.5})
	fmt.Printf("%s\n", data)

	_, err := serde.Of[chan int]()
	fmt.Println(err)
	// Output:
	// 41ac0000
	// {"sensor":"roof","value":21.5}
	// no encoding follows from the type chan int: it has no form in JSON: give a serde as an option, or leave a field out with the tag json:"-"
}

func ExampleInt64() {
	data, _ := serde.Int64().Append(nil, 258)
	fmt.Printf("%x\n", data)
	_, err := serde.Int64().Decode(data[:3])
	fmt.Println(err)
	// Output:
	// 0000000000000102
	// want 8 bytes for int64, got 3
}

func ExampleNumber() {
	type Port uint16
	data, _ := serde.Number[Port]().Append(nil, 8080)
	fmt.Printf("%x\n", data)
	// Output: 1f90
}

func ExampleTime() {
	data, _ := serde.Time().Append(nil, time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC))
	v, _ := serde.Time().Decode(data)
	fmt.Printf("%x is %v\n", data, v)
	// Output: 0000018df4bc5600 is 2024-02-29 12:00:00 +0000 UTC
}

func ExampleUUID() {
	data, _ := serde.UUID().Append(nil, uuid.Max())
	fmt.Printf("%s\n", data)
	// Output: ffffffff-ffff-ffff-ffff-ffffffffffff
}

func ExampleJSON() {
	type Order struct {
		ID    string `json:"id"`
		Cents int64  `json:"cents"`
	}
	s := serde.JSON[Order]()
	data, _ := s.Append(nil, Order{"o-1", 995})
	fmt.Printf("%s\n", data)
	_, err := s.Decode([]byte(`{"id":"o-1","cents":"995"}`))
	fmt.Println(err)
	// Output:
	// {"id":"o-1","cents":995}
	// decode JSON string as int64 at "/cents", byte 20
}

func ExampleFunc() {
	decimal := serde.Func(
		func(dst []byte, v int) ([]byte, error) { return strconv.AppendInt(dst, int64(v), 10), nil },
		func(data []byte) (int, error) { return strconv.Atoi(string(data)) },
	)
	data, _ := decimal.Append([]byte("n="), 42)
	fmt.Printf("%s\n", data)
	// Output: n=42
}

func ExamplePointer() {
	s := serde.Pointer(serde.String())
	data, _ := s.Append(nil, new("a string that may be null"))
	fmt.Printf("%s\n", data)
	// Output: a string that may be null
}

func ExampleNilable() {
	isNil, ok := serde.Nilable[[]byte]()
	fmt.Println(ok, isNil(nil), isNil([]byte{}))
	_, ok = serde.Nilable[string]()
	fmt.Println(ok)
	// Output:
	// true true false
	// false
}
