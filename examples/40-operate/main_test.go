package main

import (
	"context"
	"fmt"
	"os"
)

func Example() {
	if err := run(context.Background(), os.Stdout, "0", false); err != nil {
		fmt.Println(err)
	}
	// Output:
	// visits of ann: 2
	// health: healthy []
	// tidemill_task_processed_records_total 3
}
