// The command tidemill-bridge writes Kafka topics to Redis as a configuration file says:
//
//	tidemill-bridge bridge.yaml
//	tidemill-bridge -check bridge.yaml
//
// See package connectors/redis/bridge for the file. It ends in good order on SIGINT and
// SIGTERM, and with status 1 and a line for each fault otherwise.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/tidemill/tidemill/connectors/redis/bridge"
)

func main() {
	check := flag.Bool("check", false, "only say what is wrong with the file")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: tidemill-bridge [-check] FILE.yaml")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bridge.LogClient(slog.Default())
	config, err := bridge.Load(flag.Arg(0))
	if err == nil && !*check {
		err = bridge.Run(ctx, config)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tidemill-bridge:", err)
		os.Exit(1)
	}
}
