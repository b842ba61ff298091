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
	// c-1 accepted true, version 1, faults [], duplicate false
	// c-2 accepted false, version 0, faults [analyst: it is required email: "nobody" does not meet email], duplicate false
	// c-3 accepted true, version 2, faults [], duplicate false
	// c-3 accepted true, version 2, faults [], duplicate true
	// c-4 accepted false, version 2, faults [expectedVersion: expected version 1, it is 2], duplicate false
	// investigation/i-1/1 opened {"analyst":"ada","email":"ada@example.com"}
	// investigation/i-1/2 closed {"verdict":"malicious"}
}
