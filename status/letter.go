package status

import "time"

// Letter is one dead letter, as it lies in its topic.
type Letter struct {
	LetterID
	Time time.Time `json:"time"`
	// Origin is the record that it was made of.
	Origin LetterOrigin `json:"origin"`
	// Key and Value are the record's own bytes; a long value is cut, and Cut says how long
	// it was. Null is a nil slice.
	Key     []byte   `json:"key"`
	Value   []byte   `json:"value"`
	Cut     int      `json:"cut,omitempty"`
	Headers []Header `json:"headers,omitempty"`
	// Exception, Message, Node and Stage say what happened.
	Exception string `json:"exception"`
	Message   string `json:"message"`
	Node      string `json:"node,omitempty"`
	Stage     string `json:"stage,omitempty"`
	Trace     string `json:"trace,omitempty"`
}

// LetterID is where a dead letter is in its topic.
type LetterID struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

// LetterOrigin is where the record of a dead letter came from.
type LetterOrigin struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// Header is a header of a record.
type Header struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
