package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tidemill/tidemill/status"
)

func (s *Server) letterTopics(w http.ResponseWriter, _ *http.Request) {
	topics := s.app.Status().DeadLetters
	if topics == nil {
		topics = []status.DeadLetter{}
	}
	answer(w, http.StatusOK, map[string]any{"topics": topics})
}

// letterAnswer is a dead letter with its bytes as text where they are text.
type letterAnswer struct {
	status.Letter
	KeyText   *string `json:"keyText,omitempty"`
	ValueText *string `json:"valueText,omitempty"`
}

const defaultLetters = 100

func (s *Server) letters(w http.ResponseWriter, r *http.Request) {
	topic, err := s.letterTopic(r)
	limit := defaultLetters
	if text := r.FormValue("limit"); text != "" && err == nil {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 500 {
			err = badRequest{fmt.Errorf("limit is %q: give 1 to 500", text)}
		}
	}
	var letters []status.Letter
	if err == nil {
		letters, err = s.app.Letters(r.Context(), topic, limit)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	out := make([]letterAnswer, len(letters))
	for i, l := range letters {
		out[i] = letterAnswer{Letter: l, KeyText: asText(l.Key), ValueText: asText(l.Value)}
	}
	answer(w, http.StatusOK, map[string]any{"topic": topic, "letters": out})
}

// letterTopic is the topic of a request, which has to be one of dead letters.
func (s *Server) letterTopic(r *http.Request) (string, error) {
	topic := r.PathValue("topic")
	for _, d := range s.app.Status().DeadLetters {
		if d.Topic == topic {
			return topic, nil
		}
	}
	return "", badRequest{fmt.Errorf("topic %q is no dead-letter topic of the application: /api/deadletters lists them", topic)}
}

func asText(b []byte) *string {
	if b == nil || !utf8.Valid(b) {
		return nil
	}
	text := string(b)
	return &text
}

// dealing handles a request that does something with chosen dead letters.
func (s *Server) dealing(do func(context.Context, string, []status.LetterID) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		topic, err := s.letterTopic(r)
		var chosen struct {
			Letters []status.LetterID `json:"letters"`
		}
		if err == nil {
			err = readBody(r, &chosen)
		}
		if err == nil && len(chosen.Letters) == 0 {
			err = badRequest{errors.New(`no letters are chosen: send {"letters":[{"partition":0,"offset":7}]}`)}
		}
		if err == nil && slices.ContainsFunc(chosen.Letters, func(l status.LetterID) bool { return l.Partition < 0 || l.Offset < 0 }) {
			err = badRequest{errors.New("partitions and offsets are not negative")}
		}
		if err == nil {
			err = do(r.Context(), topic, chosen.Letters)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, http.StatusOK, map[string]any{"done": len(chosen.Letters)})
	}
}

// readBody reads one JSON object and nothing else.
func readBody(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return badRequest{fmt.Errorf("the body is not the JSON that is expected: %w", err)}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest{errors.New("there is something behind the JSON in the body")}
	}
	return nil
}
