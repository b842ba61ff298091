package events

// Pausable is a pipeline by itself, for what is one, such as a projection. Its methods are
// safe for concurrent use.
type Pausable struct {
	of   *Pipelines
	name string
}

// Pausable is the pipeline of this name.
func (p *Pipelines) Pausable(name string) Pausable { return Pausable{p, name} }

// Pause has it hold its events on this worker, in a store of their own, until Resume. Other
// workers are told by themselves, and one that starts anew does not pause. It fails with
// ErrNoPipeline before there is a topology.
func (p *Pausable) Pause() error {
	if p.of == nil {
		return ErrNoPipeline
	}
	return p.of.Stop(p.name)
}

// Resume ends a pause. What was held goes first.
func (p *Pausable) Resume() error {
	if p.of == nil {
		return ErrNoPipeline
	}
	return p.of.Start(p.name)
}

// State says whether it runs on this worker, is stopped, or is catching up with what was
// held. Without a topology it is stopped.
func (p *Pausable) State() PipelineState {
	if p.of != nil {
		for _, one := range p.of.List() {
			if one.Name == p.name {
				return one.State
			}
		}
	}
	return Stopped
}
