package console

import "github.com/tidemill/tidemill/query"

// ErrUnknown is that there is no saga of this id, or that it has been forgotten. The
// caller checks the id.
var ErrUnknown = query.ErrNoSaga

// ErrRefused is that a saga is not in a state in which the request makes sense. The
// caller looks at the saga again.
var ErrRefused = query.ErrRefused
