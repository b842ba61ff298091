package redis

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// note is a record that was refused, as it is noted beside the position.
type note struct {
	// token is that of the batch which it was in.
	token  string
	item   int
	topic  string
	offset int64
	reason string
}

func decodeNotes(text string) ([]note, error) {
	if text == "" || text == "[]" || text == "{}" {
		return nil, nil
	}
	var lines [][5]string
	if err := json.Unmarshal([]byte(text), &lines); err != nil {
		return nil, fmt.Errorf("redis: the notes of refused records are damaged: %w", err)
	}
	notes := make([]note, len(lines))
	for i, l := range lines {
		n := note{token: l[0], topic: l[2], reason: l[4]}
		var errs [2]error
		n.item, errs[0] = strconv.Atoi(l[1])
		n.offset, errs[1] = strconv.ParseInt(l[3], 10, 64)
		for _, err := range errs {
			if err != nil {
				return nil, fmt.Errorf("redis: the notes of refused records are damaged: %w", err)
			}
		}
		notes[i] = n
	}
	return notes, nil
}
