//go:build !race

package tidemill_test

// racing says whether the race detector slows everything but the waiting down.
const racing = false
