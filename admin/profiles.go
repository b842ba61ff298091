package admin

import (
	"context"
	"fmt"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

// maxProfile is how long a profile may take.
const maxProfile = 60 * time.Second

// profiles are those that "go tool pprof" and "go tool trace" read. They are served here
// and not by net/http/pprof, which would add them to the default server of the user's
// program too.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/{name}", func(w http.ResponseWriter, r *http.Request) {
		var err error
		switch name := r.PathValue("name"); name {
		case "profile":
			err = during(w, r, 30*time.Second, func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
		case "trace":
			err = during(w, r, time.Second, func() error { return trace.Start(w) }, trace.Stop)
		default:
			err = lookup(w, r, name)
		}
		if err != nil {
			refuse(w, err)
		}
	})
}

// during writes a profile of the time from start to stop.
func during(w http.ResponseWriter, r *http.Request, usual time.Duration, start func() error, stop func()) error {
	length := usual
	if text := r.FormValue("seconds"); text != "" {
		n, err := strconv.Atoi(text)
		if length = time.Duration(n) * time.Second; err != nil || length <= 0 || length > maxProfile {
			return badRequest{fmt.Errorf("seconds is %q: give 1 to %d", text, maxProfile/time.Second)}
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := start(); err != nil {
		return badRequest{fmt.Errorf("%w: ask again when the other one has ended", err)}
	}
	defer stop()
	ctx, cancel := context.WithTimeout(r.Context(), length)
	defer cancel()
	<-ctx.Done()
	return nil
}

func lookup(w http.ResponseWriter, r *http.Request, name string) error {
	p := pprof.Lookup(name)
	if p == nil {
		return badRequest{fmt.Errorf("there is no profile %q: there are profile, trace, heap, allocs, goroutine, block, mutex and threadcreate", name)}
	}
	debug, _ := strconv.Atoi(r.FormValue("debug"))
	w.Header().Set("Content-Type", "application/octet-stream")
	if debug = min(max(debug, 0), 2); debug > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	return p.WriteTo(w, debug)
}
