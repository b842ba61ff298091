// Package postgres keeps the read models of projections in PostgreSQL. A handler changes
// tables by SQL of its own, in the same transaction as the position of the event, so that
// every event is applied once, whatever is killed when.
//
//	board := postgres.New(pool, "board", 2).
//		Create(func(ctx context.Context, tx pgx.Tx) error { … }).
//		On("investigation.opened", func(ctx context.Context, tx pgx.Tx, e postgres.Event[Opened]) error { … })
//	err := tidemill.Run(ctx, board.Topology("investigations"), …)
//
// Each version of a projection is an application of its own, with tables of its own
// (Table), and its handlers read from the first event. When it is where the version that
// is active now is, it becomes the active one, and OnSwitch is called in the transaction
// that makes it so. To rebuild a model, raise its version; Pause has a worker hold
// its events.
//
// The package is a home of pgx.
package postgres
