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
	// version 1 is at offset 3 of -1, caught up true
	// version 1 is the one to read from
	// version 2 is at offset 3 of 3, caught up true
	// version 2 is the one to read from
	// ada has 2 open, 2 of them known to version 1
	// bob has 1 open, 1 of them known to version 1
}
