package cep

import (
	"fmt"

	"github.com/tidemill/tidemill/internal/nfa"
)

// states encodes the states of a pattern.
type states struct{ *nfa.NFA }

// Append implements serde.Serde.
func (s states) Append(to []byte, state *nfa.State) ([]byte, error) {
	return s.NFA.Append(to, state), nil
}

// Decode implements serde.Serde.
func (s states) Decode(data []byte) (*nfa.State, error) {
	state, err := s.NFA.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("cep: %w", err)
	}
	return state, nil
}
