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
	// c1: lamp to Ann, Utrecht
	// c3: sofa to unknown
	// c2: desk to Bob, Kyoto
	// c1: chair to Ann, Lisbon
}
