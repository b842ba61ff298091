package stage

import "context"

// Beside runs something in the background, such as a topology, until work has
// returned. If the background fails or ends first, the context of work ends. It
// returns when both have ended, with the error of the one that failed first.
func Beside(ctx context.Context, background, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ended <- background(ctx)
	}()
	err := work(ctx)
	first := err != nil && ctx.Err() == nil
	cancel()
	if failed := <-ended; failed != nil && !first {
		return failed
	}
	return err
}
