package topology

import "slices"

// Attach gives the plan something for those who look at the application from outside,
// such as the sagas of an orchestrator for the admin address. It changes nothing about
// what runs. It must be safe for concurrent use.
func (b *Builder) Attach(what any) { b.attached = append(b.attached, what) }

// Attached is what was given to Attach, in that order.
func (p *Plan) Attached() []any { return slices.Clone(p.attached) }
