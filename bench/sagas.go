package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
)

// SagaRun is one run of a worker with the orchestrator and the participant of sagas of
// two command steps, exactly once, and of the raw loop on as many records as they
// write.
type SagaRun struct {
	// PerSecond is sagas a second, StepCPU the CPU time of a command step in
	// microseconds, both sides of it.
	PerSecond, StepCPU float64
	// Written is records a saga, those of changelogs included, and RawCPU what the raw
	// loop takes to read and write so many for each step.
	Written, RawCPU float64
	PeakMiB         float64
}

// sagaRun is what sagas are measured with.
var sagaRun = workload{name: "sagas", build: buildSagas}

// benchCase is the data of the sagas.
type benchCase struct {
	Target string
	Case   string `json:",omitzero"`
}

// twoSteps is how many command steps a saga has.
const twoSteps = 2

func buildSagas(b *topology.Builder, j job) {
	same := func(c benchCase) benchCase { return c }
	s := sagas.Define[benchCase]("two-steps")
	s.Step("create-case", sagas.Send(j.Output, "create", same).Reply(func(c *benchCase, id string) { c.Case = id })).
		Compensate(sagas.Send(j.Output, "delete", same))
	s.Step("assign-analyst", sagas.Send(j.Output, "assign", same)).Compensate(sagas.Send(j.Output, "unassign", same))
	done := func(job *sagas.Job, _ benchCase) (string, error) { return "case of " + job.Saga, nil }
	err := errors.Join(
		sagas.Orchestrator{Name: "sagas", Inbox: j.Input, Sagas: []sagas.Defined{s}}.AddTo(b),
		sagas.Participant{Name: "cases", Topic: j.Output, Inboxes: []string{j.Input}, Handlers: []sagas.Handler{
			sagas.Handle("create", done), sagas.Handle("assign", done),
		}}.AddTo(b),
	)
	if err != nil {
		panic(err) // the definition is this program's own
	}
}

func (b *bench) measureSagas(ctx context.Context) (runs []SagaRun, err error) {
	for run := range b.runs + 1 {
		r, err := b.sampleSagas(ctx)
		if err != nil {
			return nil, fmt.Errorf("sagas: %w", err)
		}
		if run == 0 {
			continue // the broker is still cold, and takes three times as long
		}
		runs = append(runs, r)
		b.say("sagas: %.0f a second, %.1f us a step, %.1f records a saga, raw %.1f us a step", r.PerSecond, r.StepCPU, r.Written, r.RawCPU)
	}
	return runs, nil
}

func (b *bench) sampleSagas(ctx context.Context) (r SagaRun, err error) {
	j := b.newJob(sagaRun, false, true)
	j.Input = j.App + "-in"
	if err := b.create(ctx, nil, j.Input, j.Output); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.remove(ctx, j.App), os.RemoveAll(j.StateDir)) }()
	if err := b.startSagas(ctx, j.Input); err != nil {
		return r, err
	}
	c, err := startChild(ctx, j)
	if err != nil {
		return r, err
	}
	begin, err := c.await(ctx, runningReport, nil)
	if err != nil {
		return r, err
	}
	working, cancel := c.during(ctx)
	defer cancel()
	if err := b.awaitSagas(working, j); err != nil {
		return r, c.failure(err)
	}
	end, err := c.finish(ctx, nil)
	if err != nil {
		return r, err
	}
	if _, err := c.wait(ctx); err != nil {
		return r, err
	}
	n := float64(b.sagas)
	written, err := b.written(ctx, j)
	if err != nil {
		return r, err
	}
	written -= b.sagas // the starts
	r = SagaRun{
		PerSecond: n / end.LastRead.Sub(begin.At).Seconds(), StepCPU: (end.CPU - begin.CPU).Seconds() * 1e6 / n / twoSteps,
		Written: float64(written) / n, PeakMiB: float64(end.PeakRSS) / (1 << 20),
	}
	r.RawCPU, err = b.rawOfSagas(ctx, written)
	return r, errors.Join(err, b.checkSagas(ctx, j))
}

// startSagas fills an inbox.
func (b *bench) startSagas(ctx context.Context, inbox string) error {
	var failed error
	for i := range b.sagas {
		value, err := json.Marshal(sagas.Start("two-steps", benchCase{Target: "10.0.0.7"}))
		if err != nil {
			return err
		}
		b.client.Produce(ctx, &kgo.Record{Topic: inbox, Key: fmt.Appendf(nil, "saga-%d", i), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err // the client calls one at a time, and Flush waits for all
			}
		})
	}
	return errors.Join(b.client.Flush(ctx), failed)
}

// awaitSagas waits until there is nothing left to do, which is so when it is so
// several times.
func (b *bench) awaitSagas(ctx context.Context, j job) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const times = 6
	have := 0
	return poll(ctx, progressInterval, func() (bool, error) {
		have++
		for _, topic := range []string{j.Input, j.Output} {
			done, err := b.reached(ctx, position{group: j.App, topic: topic, markers: j.ExactlyOnce})
			if err != nil {
				return false, err
			}
			if !done {
				have = 0
			}
		}
		return have == times, nil
	})
}

// written is how many records there are in the topics of a run.
func (b *bench) written(ctx context.Context, j job) (n int, err error) {
	topics := []string{j.Input, j.Output}
	for _, store := range []string{"sagas-sagas", "sagas-timers", "sagas-definitions", "cases-inbox", "cases-expiry"} {
		topics = append(topics, j.App+"-"+store+"-changelog")
	}
	for _, topic := range topics {
		before := n
		if err := b.readAll(ctx, topic, func(*kgo.Record) { n++ }); err != nil {
			return 0, err
		}
		if n == before {
			return 0, fmt.Errorf("topic %s is empty", topic)
		}
	}
	return n, nil
}

// checkSagas finds out whether both steps of all sagas were done.
func (b *bench) checkSagas(ctx context.Context, j job) error {
	done := map[string]bool{}
	var fault error
	err := b.readAll(ctx, j.Input, func(r *kgo.Record) {
		e, err := sagas.ParseEvent(r.Value)
		fault = errors.Join(fault, err)
		if e.Type == sagas.EventReply && e.Outcome == sagas.OK {
			done[e.Command] = true
		}
	})
	if want := twoSteps * b.sagas; fault == nil && len(done) != want {
		fault = fmt.Errorf("%d steps were done, want %d", len(done), want)
	}
	return errors.Join(err, fault)
}

// rawOfSagas is the CPU time of the raw loop for as many records, in microseconds a
// step.
func (b *bench) rawOfSagas(ctx context.Context, records int) (float64, error) {
	b.records = records
	w := relay
	w.keys = manyKeys
	if err := b.fill(ctx, w); err != nil {
		return 0, err
	}
	j := b.newJob(w, true, true)
	in := b.filled[w.keys]
	j.Input, j.Records = in.topic, in.facts.Records
	if err := b.create(ctx, nil, j.Output); err != nil {
		return 0, err
	}
	s, err := b.measure(ctx, w, j)
	err = errors.Join(err, b.remove(ctx, j.App), os.RemoveAll(j.StateDir))
	return s.CPU * float64(records) / float64(b.sagas) / twoSteps, err
}

func sagaTable(runs []SagaRun) table {
	cell := func(format string, figure func(SagaRun) float64) string {
		return fmt.Sprintf(format, median(runs, figure))
	}
	return table{
		caption: "Sagas of two command steps, exactly once, orchestrator and participant in one worker (CPU in microseconds a step; raw: the plain loop on as many records):",
		head:    []string{"sagas/s", "CPU a step", "raw", "records a saga", "peak MiB"},
		rows: [][]string{{
			cell("%.0f", func(r SagaRun) float64 { return r.PerSecond }),
			cell("%.1f", func(r SagaRun) float64 { return r.StepCPU }),
			cell("%.1f", func(r SagaRun) float64 { return r.RawCPU }),
			cell("%.1f", func(r SagaRun) float64 { return r.Written }),
			cell("%.0f", func(r SagaRun) float64 { return r.PeakMiB }),
		}},
	}
}
