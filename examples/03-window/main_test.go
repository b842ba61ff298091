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
	// 12:00 ann 2
	// 12:00 bob 1
	// 12:01 ann 1
	// 12:01 bob 1
}
