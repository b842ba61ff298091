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
	// published events/publish-threats.detected/threats-0-0: {"target":"db1","severity":9}
	// look at db7, because of e-1
	// look at db8, because of e-2
	// never mind t-7, because of e-4
	// dead letter: this is no event
}
