package sagas

import (
	"errors"
	"strconv"

	"github.com/tidemill/tidemill/record"
)

// The headers of a command. A participant that is no Participant replies with an
// Event of type EventReply, in JSON, to the topic that HeaderReplyTo names, with the
// saga's id as the key.
const (
	HeaderCommand    = "saga-command"    // the id of the command
	HeaderKey        = "saga-key"        // the idempotency key
	HeaderKind       = "saga-kind"       // do, undo or ask
	HeaderName       = "saga-name"       // the name of the command
	HeaderSaga       = "saga-id"         // the id of the saga
	HeaderStep       = "saga-step"       // the step
	HeaderAttempt    = "saga-attempt"    // the number of the attempt
	HeaderDefinition = "saga-definition" // the name and the version of the definition
	HeaderReplyTo    = "saga-reply-to"   // the inbox that waits for the reply
	HeaderError      = "saga-error"      // of a dead letter: what is wrong with it
	HeaderQuery      = "saga-query"      // of an answer: the id of the query
)

// headersOf writes what a command is into headers.
func headersOf(c Command, definition, replyTo string) record.Headers {
	return record.Headers{
		{Key: HeaderCommand, Value: []byte(c.ID)},
		{Key: HeaderKey, Value: []byte(c.Key)},
		{Key: HeaderKind, Value: []byte(c.Kind)},
		{Key: HeaderName, Value: []byte(c.Name)},
		{Key: HeaderSaga, Value: []byte(c.Saga)},
		{Key: HeaderStep, Value: []byte(c.Step)},
		{Key: HeaderAttempt, Value: strconv.AppendInt(nil, int64(c.Attempt), 10)},
		{Key: HeaderDefinition, Value: []byte(definition)},
		{Key: HeaderReplyTo, Value: []byte(replyTo)},
	}
}

var errNoCommand = errors.New("sagas: the record is no command: it lacks the headers " + HeaderCommand + ", " + HeaderKey + " or " + HeaderSaga)

// commandOf reads what headersOf has written.
func commandOf(h record.Headers, data []byte) (Command, error) {
	c := Command{
		ID: text(h, HeaderCommand), Key: text(h, HeaderKey), Kind: Kind(text(h, HeaderKind)), Name: text(h, HeaderName),
		Saga: text(h, HeaderSaga), Step: text(h, HeaderStep), Data: data, trace: tracingOf(h),
	}
	c.Attempt, _ = strconv.Atoi(text(h, HeaderAttempt))
	if c.ID == "" || c.Key == "" || c.Saga == "" {
		return c, errNoCommand
	}
	return c, nil
}

func text(h record.Headers, key string) string {
	value, _ := h.Get(key)
	return string(value)
}
