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
	// threat.reported {"address":"203.0.113.9","severity":8}
	// threat.reported {"address":"203.0.113.3","severity":3}
	// {"ip_addr":"203.0.113.2","score_0_100":800}: severity 80 is not among 1 to 10
	// <item/>: decode JSON at byte 0: invalid character '<' at start of val
}
