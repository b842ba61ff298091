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
	// 12:45 bank: port scan, phishing, malware in 4 attacks since 12:00
	// 13:20 shop: phishing, malware, port scan in 3 attacks since 12:25
	// 13:05 shop: nothing came of 2 attacks
}
