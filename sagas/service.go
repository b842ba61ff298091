package sagas

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// service is the participant of one task.
type service struct {
	Participant
	handlers map[string]Handler
	c        *processors.Context[string, []byte]
	inbox    rows
	expiry   agenda
}

// served is what a participant remembers of a key. State is OK, Failed or Unknown as
// the action has ended, and Undone says that it was compensated since, or before.
type served struct {
	State  Outcome        `json:"state,omitzero"`
	Undone bool           `json:"undone,omitzero"`
	Error  string         `json:"error,omitzero"`
	Data   jsontext.Value `json:"data,omitzero"`
	Due    int64          `json:"due"`
}

var errCompensated = Business(errors.New("it was compensated before it was done"))

// Process does one command, or remembers what has become of it.
func (s *service) Process(r record.Record[string, []byte]) error {
	c, err := commandOf(r.Headers, r.Value)
	if err != nil {
		return s.refuse(r, err.Error())
	}
	replyTo := text(r.Headers, HeaderReplyTo)
	if !slices.Contains(s.Inboxes, replyTo) {
		return s.refuse(r, fmt.Sprintf("its reply goes to %q, which is not among the Inboxes of participant %q", replyTo, s.Name))
	}
	known, err := s.load(c.Key)
	if err != nil {
		return err
	}
	var reply Event
	switch c.Kind {
	case ToAsk:
		reply = told(c, known)
	case ToUndo:
		reply, err = s.undo(c, known)
	case ToDo:
		reply, err = s.do(c, known)
	default:
		return s.refuse(r, fmt.Sprintf("unknown kind of command %q", c.Kind))
	}
	if err != nil {
		return err
	}
	value, err := encode(reply)
	if err != nil {
		return err
	}
	return s.c.ForwardTo(s.sink(replyTo), record.Record[string, []byte]{
		Key: c.Saga, Value: value, Timestamp: s.c.Now, Headers: c.trace.under(nil, c.ID),
	})
}

// told is the answer to the question whether a command was done.
func told(c Command, known served) Event {
	switch {
	case known.Undone:
		return Reply(c.ID, nil, errCompensated)
	case known.State == "" || known.State == Unknown:
		return Event{Type: EventReply, Command: c.ID, Outcome: Unseen}
	}
	return remembered(c, known)
}

// remembered is the reply that was given before.
func remembered(c Command, known served) Event {
	return Event{Type: EventReply, Command: c.ID, Outcome: known.State, Error: known.Error, Data: known.Data}
}

// do does an action, unless it was done, refused or compensated before.
func (s *service) do(c Command, known served) (Event, error) {
	switch {
	case known.Undone:
		return Reply(c.ID, nil, errCompensated), nil
	case known.State == OK || known.State == Failed:
		return remembered(c, known), nil
	}
	reply, err := s.run(c)
	if err != nil || reply.Outcome == Transient {
		return reply, err
	}
	known.State, known.Error, known.Data = reply.Outcome, reply.Error, reply.Data
	return reply, s.keep(c.Key, known)
}

// undo compensates an action that was done, or may have been. One that was not is
// marked, so that it is refused when it comes.
func (s *service) undo(c Command, known served) (Event, error) {
	reply := Reply(c.ID, nil, nil)
	if known.Undone {
		return reply, nil
	}
	if known.State == OK || known.State == Unknown {
		var err error
		if reply, err = s.run(c); err != nil || reply.Outcome != OK {
			return reply, err
		}
	}
	known.Undone, known.Data = true, nil
	return reply, s.keep(c.Key, known)
}

// run has the handler do a command, and emits what it emits.
func (s *service) run(c Command) (Event, error) {
	h, ok := s.handlers[c.Name]
	if !ok {
		return Reply(c.ID, nil, Business(fmt.Errorf("participant %q knows no command %q", s.Name, c.Name))), nil
	}
	job := &Job{Command: c, Task: s.c.Task, topics: s.Emits}
	data, err := h.do(job, c.Data)
	reply := Reply(c.ID, data, err)
	if reply.Outcome != OK {
		return reply, nil
	}
	for i, e := range job.emitted {
		e.out.Timestamp = s.c.Now
		e.out.Headers = c.trace.under(nil, c.ID+"/"+strconv.Itoa(i))
		if err := s.c.ForwardTo(s.sink(e.topic), e.out); err != nil {
			return reply, err
		}
	}
	return reply, nil
}

func (s *service) load(key string) (known served, err error) {
	data, ok, err := s.inbox.Get(key)
	if err != nil || !ok {
		return known, err
	}
	if err := json.Unmarshal(data, &known); err != nil {
		return known, fmt.Errorf("sagas: what participant %q remembers of %q: %w", s.Name, key, err)
	}
	return known, nil
}

// keep remembers a key for the retention from now on.
func (s *service) keep(key string, known served) error {
	if known.Due != 0 {
		if err := s.expiry.cancel(entry{due: known.Due, owner: key}); err != nil {
			return err
		}
	}
	known.Due = s.c.Now + s.Retention.Milliseconds()
	if err := s.expiry.set(entry{due: known.Due, owner: key}); err != nil {
		return err
	}
	data, err := encode(known)
	if err != nil {
		return err
	}
	return s.inbox.Put(key, data)
}

// expire forgets what is older than the retention.
func (s *service) expire(now int64) error {
	due, err := s.expiry.take(now, mostTimers)
	if err != nil {
		return err
	}
	for _, e := range due {
		if _, _, err := s.inbox.Delete(e.owner); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) refuse(r record.Record[string, []byte], what string) error {
	return leave(s.c, r, left{"saga command malformed", what, s.DeadLetters, s.sink(s.DeadLetters)})
}
