package bridge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/record"
)

// bytes is a record whose key and value are taken as they are.
type bytes = record.Record[string, string]

// template makes a text of a record.
type template struct{ parts []part }

// part is a piece of a template: text, or what a name stands for.
type part struct {
	text, name string
}

// headerName is what comes before the name of a header.
const headerName = "header:"

// parseTemplate reads a template.
func parseTemplate(s string) (t template, err error) {
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '{' || c == '}' {
			if i+1 < len(s) && s[i+1] == c { // a brace that is written twice is text
				i++
			} else if c == '}' {
				return t, fmt.Errorf("%q has a } without a {: a brace that is text is written twice", s)
			} else {
				name, _, ok := strings.Cut(s[i+1:], "}")
				if !ok {
					return t, fmt.Errorf("%q has a { without a }: a brace that is text is written twice", s)
				}
				if err := checkName(name); err != nil {
					return t, err
				}
				if text.Len() > 0 {
					t.parts = append(t.parts, part{text: text.String()})
					text.Reset()
				}
				t.parts = append(t.parts, part{name: name})
				i += len(name) + 1
				continue
			}
		}
		text.WriteByte(c)
	}
	if text.Len() > 0 {
		t.parts = append(t.parts, part{text: text.String()})
	}
	return t, nil
}

func checkName(name string) error {
	switch name {
	case "key", "value", "topic", "timestamp":
		return nil
	}
	if header, ok := strings.CutPrefix(name, headerName); ok && header != "" {
		return nil
	}
	return fmt.Errorf("there is no {%s}: use {key}, {value}, {topic}, {timestamp} or {header:NAME}", name)
}

// bind puts the topic, which does not change, into the template.
func (t template) bind(topic string) template {
	parts := make([]part, len(t.parts))
	for i, p := range t.parts {
		if parts[i] = p; p.name == "topic" {
			parts[i] = part{text: topic}
		}
	}
	return template{parts}
}

// of is the text for a record, in which what is missing is empty.
func (t template) of(r *bytes) string {
	switch len(t.parts) {
	case 0:
		return ""
	case 1:
		return t.parts[0].of(r)
	case 2:
		return t.parts[0].of(r) + t.parts[1].of(r)
	}
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.of(r))
	}
	return b.String()
}

var (
	errNoKey    = errors.New("bridge: the record has no key, and where it goes depends on it")
	errNoHeader = errors.New("bridge: the record lacks a header that where it goes depends on")
)

// check says what a record lacks that says where it goes.
func (t template) check(r *bytes) error {
	for _, p := range t.parts {
		switch {
		case p.name == "key" && r.NullKey:
			return errNoKey
		case strings.HasPrefix(p.name, headerName):
			if _, ok := r.Headers.Get(p.name[len(headerName):]); !ok {
				return errNoHeader
			}
		}
	}
	return nil
}

func (p part) of(r *bytes) string {
	switch p.name {
	case "":
		return p.text
	case "key":
		return r.Key
	case "value":
		return r.Value
	case "timestamp":
		return strconv.FormatInt(r.Timestamp, 10)
	}
	value, _ := r.Headers.Get(p.name[len(headerName):])
	return string(value)
}
