package main

import (
	"context"
	"fmt"
	"os"
)

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// table 1: 3000 each
	// table 4: 2500 each
	// table 2: {"cents":9000,
	//   offset 1, decode: decode value: decode JSON at byte 14: unexpected EOF
	// table 3: {"cents":1000,"guests":0}
	//   offset 2, process: panic: runtime error: integer divide by zero
}
