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
	// threats.high: look at db1
	// archive: old
	// high-priority-threats of threats.raw is stopped
	// archive of threats.archived is running
	// threats.high: look at db1
	// threats.high: look at db2
}
