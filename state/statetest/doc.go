// Package statetest is the conformance kit for implementations of
// state.Backend. A backend's own test calls Run, and RunDurable too if the
// backend survives a crash:
//
//	func TestBackend(t *testing.T) {
//		statetest.Run(t, func(t *testing.T, dir string) state.Backend {
//			return mybackend.Open(dir)
//		})
//	}
//
// Random tests print their seed when they fail. STATETEST_SEED=n repeats one.
package statetest
