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
	// first: running
	// first create-case: running
	// first: start of no use (the saga was started before)
	// first create-case: running -> done
	// first assign-analyst: running
	// first assign-analyst: running -> done
	// first notify-team: running
	// first notify-team: running -> done
	// first: running -> completed
	// second: running
	// second create-case: running
	// second create-case: running -> done
	// second assign-analyst: running
	// second assign-analyst: running -> failed (nobody is free)
	// second create-case: done -> compensating
	// second: running -> compensating (assign-analyst: nobody is free)
	// second create-case: compensating -> compensated
	// second: compensating -> compensated (assign-analyst: nobody is free)
}
