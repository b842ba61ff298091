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
	// threat.changed t-1
	// threat.changed t-2
	// threat.changed t-1
	// threat.removed t-2
	// threat.changed t-1
	// ada: t-1 is on db1 with severity 9, says [sensors] as of 12:00:02
	// bob: nothing is known of t-2
}
