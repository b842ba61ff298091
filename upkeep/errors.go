package upkeep

import "errors"

// ErrActive is that the application has members. The caller stops its workers, or
// waits until their sessions have ended.
var ErrActive = errors.New("the application is running: stop its workers first")

// ErrNothing is that the cluster knows nothing of the application. The caller checks
// its id.
var ErrNothing = errors.New("there are no offsets and no topics of such an application: check its id")

// ErrNoLetter is that a dead letter is not there, or has been dealt with. The caller
// lists them again.
var ErrNoLetter = errors.New("there is no such dead letter")
