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
	// ada: tea, 450 cents (schema 3)
	// eve: cup, 3600 cents (schema 3)
	// bob: decode value: registry: schema 99: the registry has no schema of this number
	// a strict reader is refused: true
}
