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
	// run 1
	//   channel alerts:web-1: disk full
	//   channel alerts:web-2: disk full
	// run 2
	//   channel alerts:web-1: resolved
	//   channel alerts:db-1: slow
	// stream: web-1: disk full
	// stream: web-2: disk full
	// stream: web-1: resolved
	// stream: db-1: slow
	// newest of db-1: slow
	// newest of web-1: resolved
	// newest of web-2: disk full
}
