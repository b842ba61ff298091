package processors

import "github.com/tidemill/tidemill/record"

// OnLate has the records that a node drops because they are late passed on by a context
// of their own, beside what the node makes. It is called when a task is assembled,
// before the node's processor is made.
func OnLate[K, V any](t *Task, node int32, to *Context[K, V]) {
	if t.late == nil {
		t.late = map[int32]any{}
	}
	t.late[node] = to
}

// lateness is where an operator gives its late records; nowhere if nobody wants them.
type lateness[K, V any] struct{ to *Context[K, V] }

func latenessOf[K, V any](t *Task, node int32) lateness[K, V] {
	to, _ := t.late[node].(*Context[K, V])
	return lateness[K, V]{to}
}

// give passes on a record that the operator has dropped and counted.
func (l lateness[K, V]) give(r record.Record[K, V]) error {
	if l.to == nil {
		return nil
	}
	return l.to.Forward(r)
}
