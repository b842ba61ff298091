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
	// NL 1
	// JP 1
	// NL 2
	// JP 2
	// JP 3
}
