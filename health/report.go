package health

import (
	"fmt"
	"slices"
	"time"

	"github.com/tidemill/tidemill/status"
)

// Verdict is how well a worker is.
type Verdict string

// The verdicts, from the best to the worst.
const (
	Healthy   Verdict = "healthy"
	Degraded  Verdict = "degraded"
	Unhealthy Verdict = "unhealthy"
)

// worse says whether v is worse than other.
func (v Verdict) worse(other Verdict) bool {
	order := []Verdict{Healthy, Degraded, Unhealthy}
	return slices.Index(order, v) > slices.Index(order, other)
}

// Check judges one thing. Run returns its verdict, and the reason if that is not Healthy.
// It must return quickly and is called by several goroutines at a time.
type Check struct {
	Name string
	Run  func(status.Worker) (Verdict, string)
}

// Finding is the verdict of one check.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
}

// Report is the verdict of all checks.
type Report struct {
	At      time.Time `json:"at"`
	Verdict Verdict   `json:"verdict"`
	// Alive says that the worker has not ended. Ready says that it has been assigned its
	// tasks, has restored them, and that their lag is below the limit; NotReady is why not.
	Alive    bool      `json:"alive"`
	Ready    bool      `json:"ready"`
	NotReady string    `json:"notReady,omitempty"`
	Findings []Finding `json:"findings"`
}

// Reasons are those of all findings that are not healthy.
func (r Report) Reasons() []string {
	var out []string
	for _, f := range r.Findings {
		if f.Verdict != Healthy {
			out = append(out, f.Check+": "+f.Reason)
		}
	}
	return out
}

// Judge runs the checks. Of several with one name the last counts.
func Judge(w status.Worker, checks []Check) Report {
	out := Report{At: w.At, Verdict: Healthy, Alive: w.State != status.Stopped, Findings: []Finding{}}
	for _, c := range distinct(checks) {
		f := run(c, w)
		if f.Verdict.worse(out.Verdict) {
			out.Verdict = f.Verdict
		}
		if f.Check == lagName && f.Verdict != Healthy {
			out.NotReady = f.Reason
		}
		out.Findings = append(out.Findings, f)
	}
	if why := unready(w); why != "" {
		out.NotReady = why
	}
	out.Ready = out.NotReady == ""
	return out
}

// run is one check. One that panics is unhealthy itself.
func run(c Check, w status.Worker) (f Finding) {
	defer func() {
		if value := recover(); value != nil {
			f = Finding{Check: c.Name, Verdict: Unhealthy, Reason: fmt.Sprintf("the check panicked: %v", value)}
		}
	}()
	f.Check = c.Name
	f.Verdict, f.Reason = c.Run(w)
	return f
}

// unready is why a worker has not come to its work yet, or empty.
func unready(w status.Worker) string {
	switch w.State {
	case status.Running:
		return ""
	case status.Restoring:
		return "tasks are being restored"
	case status.Stopped:
		return "the worker has stopped"
	default:
		return "the group has not assigned tasks yet"
	}
}

// distinct keeps the last check of each name, at the place of the first.
func distinct(checks []Check) []Check {
	var out []Check
	for _, c := range checks {
		if i := slices.IndexFunc(out, func(have Check) bool { return have.Name == c.Name }); i >= 0 {
			out[i] = c
		} else {
			out = append(out, c)
		}
	}
	return out
}
