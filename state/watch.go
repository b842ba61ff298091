package state

import "github.com/tidemill/tidemill/record"

// Watched is a store that tells of its writes.
type Watched interface{ Watch(Watcher) }

// Watcher is told of each write, before it is logged: the row's encoded key, whether
// there is a row from now on, and the headers of the record that wrote it.
type Watcher func(key string, present bool, headers record.Headers) error

// Watch implements Watched. It is called before anything is written.
func (o *overlay) Watch(f Watcher) { o.watch = f }
