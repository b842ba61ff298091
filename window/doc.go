// Package window is the arithmetic of windows: which windows a timestamp falls
// into, when a window closes, and how long its state must be kept. It is pure:
// it reads no clock and holds no state.
//
// All times are event times in milliseconds since the Unix epoch.
package window
