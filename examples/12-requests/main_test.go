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
	// 203.0.113.9: malicious true, error <nil>
	// 192.0.2.1: malicious false, error <nil>
	// 198.51.100.7: malicious false, error request to "lookups": the reply is an error: nothing is known of 198.51.100.7
	// 3 of 3 answered
}
