package sagas

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Definition is a saga's plan without its types: what Step goes by. It is made with
// Define and does not change any more when sagas run.
type Definition struct {
	name      string
	version   int
	deadline  time.Duration
	retention time.Duration
	root      *sequence
	// nodes are all nodes by name, named those in the order of their declaration.
	nodes  map[string]*node
	named  []*node
	check  func(data []byte) error
	faults []error
}

// Defined is a Definition, or a Saga that has one.
type Defined interface{ Definition() *Definition }

// Definition is the definition itself.
func (d *Definition) Definition() *Definition { return d }

// Name and Version say which definition it is.
func (d *Definition) Name() string { return d.name }

// Version is the number that sagas keep from their start to their end.
func (d *Definition) Version() int { return d.version }

// Err is everything that is wrong with the definition.
func (d *Definition) Err() error {
	faults := d.faults
	if len(d.named) == 0 {
		faults = append(faults, errors.New("it has no step: add one with Step"))
	}
	for _, n := range d.named {
		faults = append(faults, n.faults()...)
	}
	var named []error
	for _, fault := range faults {
		named = append(named, fmt.Errorf("sagas: definition %q: %w", d.name, fault))
	}
	return errors.Join(named...)
}

func (d *Definition) fault(format string, args ...any) {
	d.faults = append(d.faults, fmt.Errorf(format, args...))
}

// sequence is nodes one after another.
type sequence struct{ nodes []*node }

// nodeKind says what a node does.
type nodeKind uint8

const (
	stepNode nodeKind = iota
	waitNode
	forkNode
)

// node is a step, a wait for a signal, or a fork into branches. What the user's types
// are in is closed over by its functions.
type node struct {
	name    string
	kind    nodeKind
	when    func(data []byte) (bool, error)
	pivot   bool
	action  *action
	undo    *action
	timeout time.Duration
	retry   Retry
	again   Retry // of the compensation
	asks    bool
	signals []signal
	late    func(data []byte) (jsontext.Value, error)

	branches []*sequence
}

// signal is one of those that a node waits for.
type signal struct {
	name  string
	apply func(data, payload []byte) (jsontext.Value, error)
}

// action is what a step does, or its compensation: a command, a function or a
// sub-saga.
type action struct {
	topic, name string
	encode      func(data []byte) (jsontext.Value, error)
	recordKey   func(data []byte) (string, error)
	apply       func(data, reply []byte) (jsontext.Value, error)
	call        func(ctx context.Context, data []byte) (jsontext.Value, error)
	sub         *Definition
	// undoes says that it asks a sub-saga to compensate.
	undoes bool
}

// defaultTimeout is how long a command may go unanswered, defaultCall how long a
// function may take.
const (
	defaultTimeout = time.Minute
	defaultCall    = 5 * time.Second
)

// fault collects what is wrong with a node alone.
func (n *node) faults() (all []error) {
	check := func(wrong bool, what string) {
		if wrong {
			all = append(all, fmt.Errorf("step %q: %s", n.name, what))
		}
	}
	check(n.name == "" || strings.ContainsAny(n.name, "/#@"), "a name must not be empty and has none of / # @")
	check(n.timeout < 0, "the timeout is negative: give more than 0")
	switch n.kind {
	case stepNode:
		check(n.retry.fault() != "", n.retry.fault())
		check(n.again.fault() != "", "compensation: "+n.again.fault())
		check(n.action.missing() != "", n.action.missing())
		check(n.undo != nil && n.undo.missing() != "", "compensation: "+n.undo.missing())
		check(n.asks && n.action.topic == "", "only a command can be asked after: leave Ask out")
		check(n.timeout == 0 && n.action.sub == nil, "the timeout is 0: without one, a lost reply would hold the saga up for ever")
	case waitNode:
		check(len(n.signals) == 0, "it waits for no signal: add one with On")
		check(n.late != nil && n.timeout == 0, "Late without Within never comes: add Within")
	case forkNode:
		check(len(n.branches) == 0, "it has no branch")
	}
	return all
}

// missing is what an action lacks.
func (a *action) missing() string {
	switch {
	case a == nil:
		return ""
	case a.call == nil && a.encode == nil:
		return "it has no action: use Do, Send or Sub"
	case a.call == nil && a.sub == nil && (a.topic == "" || a.name == ""):
		return "a command needs a topic and a name"
	}
	return ""
}

// text is the action's part of the fingerprint.
func (a *action) text() string {
	switch {
	case a == nil:
		return "nothing"
	case a.call != nil:
		return "a function"
	case a.sub != nil:
		return "saga " + a.sub.name
	}
	return "command " + a.name + " to " + a.topic
}

// Describe writes the definition as an outline: everything that sagas under way rely
// on, and nothing else. Timeouts and retries, and what functions do, may change
// without a new version; what Describe tells may not.
func (d *Definition) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "saga %s, version %d\n", d.name, d.version)
	d.root.describe(&b, "  ")
	return b.String()
}

func (s *sequence) describe(b *strings.Builder, indent string) {
	for _, n := range s.nodes {
		n.describe(b, indent)
	}
}

func (n *node) describe(b *strings.Builder, indent string) {
	b.WriteString(indent + n.name)
	switch n.kind {
	case stepNode:
		b.WriteString(": " + n.action.text())
		if n.undo != nil {
			b.WriteString(", compensated by " + n.undo.text())
		}
	case waitNode:
		b.WriteString(": waits for")
		for _, s := range n.signals {
			b.WriteString(" " + s.name)
		}
	case forkNode:
		fmt.Fprintf(b, ": %d branches", len(n.branches))
	}
	if n.when != nil {
		b.WriteString(", conditional")
	}
	if n.pivot {
		b.WriteString(", pivot")
	}
	b.WriteString("\n")
	for i, branch := range n.branches {
		fmt.Fprintf(b, "%s  branch %d\n", indent, i+1)
		branch.describe(b, indent+"    ")
	}
}

// Fingerprint is short for Describe.
func (d *Definition) Fingerprint() string {
	sum := sha256.Sum256([]byte(d.Describe()))
	return hex.EncodeToString(sum[:8])
}
