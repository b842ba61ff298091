package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tidemill/tidemill/connectors"
)

// errNullKey is the error of a record without a key, which has no row.
var errNullKey = errors.New("postgres: the record has no key: give it one before the sink, or use Sink")

// classes of answers, by the first two characters of their codes. See appendix A of
// PostgreSQL's documentation.
var (
	// passing are those of a server that may take the same some time later.
	passing = []string{"08", "40", "53", "55", "57", "58"}
	// blaming are those that a row is to blame for: its data, a constraint, a limit such as
	// that of an index, or a trigger that raises.
	blaming = []string{"22", "23", "44", "54", "P0"}
)

func codeIn(err error, classes []string) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || len(answer.Code) < 2 {
		return false
	}
	for _, c := range classes {
		if answer.Code[:2] == c {
			return true
		}
	}
	return false
}

// classify marks errors that pass. All that is no answer of PostgreSQL does: the
// connection broke, or time was up. So does 25006, a server that only reads, as it is in
// the middle of a failover.
func classify(err error) error {
	var answer *pgconn.PgError
	if err == nil || errors.Is(err, connectors.ErrMoved) || errors.Is(err, errFault) {
		return err
	}
	err = fmt.Errorf("postgres: %w", err)
	if !errors.As(err, &answer) || answer.Code == "25006" || codeIn(err, passing) {
		return connectors.Unavailable(err)
	}
	return err
}

// errFault marks errors of the sink itself.
var errFault = errors.New("postgres")

// reason is what is said of a row that is refused.
func reason(err error) error {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return fmt.Errorf("postgres: %w", err)
	}
	text := answer.Message
	if answer.Detail != "" {
		text += ": " + answer.Detail
	}
	return fmt.Errorf("postgres: %s (SQLSTATE %s)", text, answer.Code)
}
