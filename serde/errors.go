package serde

import (
	"fmt"
	"unicode/utf8"
)

// maxExcerpt bounds, in bytes, how much text that may stem from a record gets
// into an error message.
const maxExcerpt = 80

// wrongLength is the error for data of a fixed layout that has another length.
func wrongLength(name string, want, got int) error {
	unit := "bytes"
	if want == 1 {
		unit = "byte"
	}
	return fmt.Errorf("want %d %s for %s, got %d", want, unit, name, got)
}

// outOfRange is the error for a number that the Go type cannot hold.
func outOfRange(name string) error {
	return fmt.Errorf("the number does not fit the type %s of this platform", name)
}

// wrongBool is the error for a byte that is neither of the two booleans.
func wrongBool(name string, got byte) error {
	return fmt.Errorf("want byte 0 or 1 for %s, got %d", name, got)
}

// nilPointer is the error for a nil that reached an encoder: whoever calls it
// writes null for nil.
func nilPointer(name string) error {
	return fmt.Errorf("a nil %s has no encoding", name)
}

// excerpt cuts text to maxExcerpt bytes without splitting a character.
func excerpt(text string) string {
	if len(text) <= maxExcerpt {
		return text
	}
	end := maxExcerpt
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
