package topologytest

// run lets the tasks work until there is nothing left to do.
func (d *Driver) run() error {
	for _, h := range d.tasks {
		h.stuck = false
	}
	for d.err == nil {
		h := d.next()
		if h == nil {
			break
		}
		if err := d.turn(h); err != nil {
			return err
		}
	}
	return nil
}

// next is the task whose turn it is: the one with the record that has waited
// longest. It is nil if none can work.
func (d *Driver) next() *hosted {
	var first *hosted
	var longest int64
	for _, h := range d.tasks {
		h.receive()
		if h.stuck {
			continue
		}
		if number, ok := h.oldest(); ok && (first == nil || number < longest) {
			first, longest = h, number
		}
	}
	return first
}

// turn lets a task take one record.
func (d *Driver) turn(h *hosted) error {
	n, err := h.task.Process(1, d.now)
	h.emit()
	if err != nil {
		return err
	}
	if n == 0 {
		h.stuck = true
		return nil
	}
	h.worker.worked = true
	return d.afterWork(h)
}

// afterWork commits if it is time to.
func (d *Driver) afterWork(h *hosted) error {
	if asked := h.task.CommitRequested(); asked || d.config.commit == 0 {
		return h.worker.commit()
	}
	return nil
}

// tick does what the clock has made due.
func (d *Driver) tick() error {
	if d.err != nil {
		return nil
	}
	for _, h := range d.tasks {
		called, err := h.task.Punctuate(d.now)
		h.emit()
		if err != nil {
			return err
		}
		if called {
			h.worker.worked = true
			if err := d.afterWork(h); err != nil {
				return err
			}
		}
	}
	if err := d.run(); err != nil {
		return err
	}
	return d.commitDue()
}

// commitDue commits what has waited for the commit interval, and what follows from
// that.
func (d *Driver) commitDue() error {
	if d.config.commit == 0 {
		return nil
	}
	for _, w := range d.workers {
		if w.worked && d.now-w.committed >= d.config.commit.Milliseconds() {
			if err := w.commit(); err != nil {
				return err
			}
		}
	}
	return d.run()
}

// commitAll commits everything, until nothing comes of it any more.
func (d *Driver) commitAll() error {
	for again := true; again && d.err == nil; {
		again = false
		for _, w := range d.workers {
			if !w.worked {
				continue
			}
			again = true
			if err := w.commit(); err != nil {
				return err
			}
		}
		if err := d.run(); err != nil {
			return err
		}
	}
	return nil
}
