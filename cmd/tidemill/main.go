// Tidemill is the command line for those who run applications: how far behind they
// are, what their topics hold, setting them back, their dead letters and sagas.
//
//	tidemill demo                       # an application to try the rest on
//	tidemill lag wordcount --brokers localhost:9092
//	tidemill help
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/tidemill/tidemill/cmd/tidemill/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
