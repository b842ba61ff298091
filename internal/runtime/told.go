package runtime

import (
	"encoding/binary"
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tidemill/tidemill/internal/task"
)

// What members tell each other of standbys comes behind what Kafka's consumer protocol
// and earlier versions of Tidemill know, which read up to there and no further. What
// later versions add comes behind these fields in turn.

// toldVersion begins what is told of standbys. Versions with the same number only add
// fields at the end.
const toldVersion = 1

// told is what a member tells when it joins.
type told struct {
	// wanted is how many standbys the member wants for each task of the group.
	wanted int
	held   []held
}

// append adds it to a member's metadata.
func (t told) append(metadata []byte) []byte {
	out := append(metadata, toldVersion)
	out = binary.AppendUvarint(out, uint64(t.wanted))
	out = binary.AppendUvarint(out, uint64(len(t.held)))
	for _, h := range t.held {
		out = appendTask(out, h.task)
		out = binary.AppendUvarint(out, uint64(h.lag))
	}
	return out
}

// toldBy is what is behind a member's metadata. ok is false if the member is of a
// version that knows no standbys.
func toldBy(meta *kmsg.ConsumerMemberMetadata, metadata []byte) (t told, ok bool) {
	known := len(meta.AppendTo(nil))
	if known >= len(metadata) || metadata[known] != toldVersion {
		return t, false
	}
	r := reader{rest: metadata[known+1:]}
	t.wanted = int(min(r.number(), maxStandbys))
	for n := r.number(); n > 0 && r.err == nil; n-- {
		h := held{task: r.task()}
		h.lag = int64(min(r.number(), unknownLag))
		t.held = append(t.held, h)
	}
	if r.err != nil {
		return told{}, false
	}
	return t, true
}

// maxStandbys bounds what is believed of a member.
const maxStandbys = 1 << 16

// encodeStandbys is what a member is told to keep, beside what it is assigned, and which
// of that it gets when it has caught up.
func encodeStandbys(tasks, warm []task.ID) []byte {
	if len(tasks) == 0 {
		return nil
	}
	return appendTasks(appendTasks([]byte{toldVersion}, tasks), warm)
}

// decodeStandbys is the reverse, none if it comes from an earlier version.
func decodeStandbys(data []byte) (tasks, warm []task.ID) {
	if len(data) == 0 || data[0] != toldVersion {
		return nil, nil
	}
	r := reader{rest: data[1:]}
	if tasks = r.tasks(); r.err != nil {
		return nil, nil
	}
	if len(r.rest) > 0 {
		warm = r.tasks()
	}
	if r.err != nil {
		return tasks, nil
	}
	return tasks, warm
}

func appendTasks(out []byte, tasks []task.ID) []byte {
	out = binary.AppendUvarint(out, uint64(len(tasks)))
	for _, t := range tasks {
		out = appendTask(out, t)
	}
	return out
}

func appendTask(out []byte, t task.ID) []byte {
	out = binary.AppendUvarint(out, uint64(t.Subtopology))
	return binary.AppendUvarint(out, uint64(t.Partition))
}

// reader reads numbers and keeps the first error.
type reader struct {
	rest []byte
	err  error
}

var errTold = errors.New("what a member tells of standbys is cut off")

func (r *reader) number() uint64 {
	n, length := binary.Uvarint(r.rest)
	if length <= 0 {
		r.rest, r.err = nil, errTold
		return 0
	}
	r.rest = r.rest[length:]
	return n
}

func (r *reader) tasks() (out []task.ID) {
	for n := r.number(); n > 0 && r.err == nil; n-- {
		out = append(out, r.task())
	}
	return out
}

func (r *reader) task() task.ID {
	sub, partition := r.number(), r.number()
	if sub > 1<<31-1 || partition > 1<<31-1 {
		r.err = errTold
		return task.ID{}
	}
	return task.ID{Subtopology: int(sub), Partition: int32(partition)}
}
