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
	// 12:01:30 lathe is silent since 12:00:10
	// 12:02:10 press is silent since 12:00:50
	// 12:04:10 drill is silent since 12:02:10
}
