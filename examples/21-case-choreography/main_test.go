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
	// choreography case-handling
	//   case.created, from outside
	//     triage -> case.triaged | case.closed
	//   case.triaged
	//     assignment -> case.assigned
	//   case.closed, an end
	//   case.assigned
	//     notification -> team.notified
	//   team.notified, an end
	// case-1 is over, behind 4 events
	// case-2 is over, behind 2 events
}
