package topologytest

// run lets the tasks work until there is nothing left to do.
func (d *Driver) run() error {
	for _, h := range d.tasks {
		h.stuck = false
	}
	for d.err == nil && !d.batching {
		if err := d.discover(); err != nil {
			return err
		}
		for _, w := range d.workers {
			if err := w.catchUp(); err != nil {
				return err
			}
		}
		if called, err := d.finishCall(); called {
			if err != nil {
				return err
			}
			continue
		}
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
// longest, or with a seed any one. It is nil if none can work.
func (d *Driver) next() *hosted {
	var chosen *hosted
	var longest int64
	able := 0
	for _, h := range d.tasks {
		h.receive()
		number, ok := h.oldest()
		if !ok || h.stuck || h.draining() {
			continue
		}
		able++
		switch {
		case d.config.random != nil && d.config.random.IntN(able) == 0,
			d.config.random == nil && (chosen == nil || number < longest):
			chosen, longest = h, number
		}
	}
	return chosen
}

// turn lets a task take one record.
func (d *Driver) turn(h *hosted) error {
	n, err := h.task.Process(1, d.now)
	h.emit()
	w := h.worker
	if n > 0 {
		w.worked = true
		w.moment(Processed, h)
	}
	switch {
	case w.fault != Nothing:
		return w.suffer(h)
	case err != nil:
		return err
	case n == 0:
		h.stuck = true
		return nil
	}
	return d.afterWork(h)
}

// afterWork commits if it is time to.
func (d *Driver) afterWork(h *hosted) error {
	if asked := h.task.CommitRequested(); asked || h.worker.asked || d.config.commit == 0 {
		return h.worker.commitSoon()
	}
	return nil
}

// tick does what the clock has made due.
func (d *Driver) tick() error {
	for _, h := range d.tasks {
		if d.err != nil {
			break
		}
		if h.draining() {
			continue
		}
		if err := d.punctuate(h); err != nil {
			return err
		}
	}
	if err := d.run(); err != nil {
		return err
	}
	return d.commitDue()
}

func (d *Driver) punctuate(h *hosted) error {
	called, err := h.task.Punctuate(d.now)
	h.emit()
	w := h.worker
	switch {
	case w.dying():
		return w.suffer(h)
	case err != nil:
		return err
	case !called:
		return nil
	}
	w.worked = true
	return d.afterWork(h)
}

// commitDue commits what has waited for the commit interval, and lets the tasks work
// on what follows from that.
func (d *Driver) commitDue() error {
	if d.config.commit == 0 {
		return nil
	}
	for _, w := range d.workers {
		if w.worked && d.now-w.committed >= d.config.commit.Milliseconds() {
			if err := w.commitSoon(); err != nil {
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
