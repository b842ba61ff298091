//go:build !unix

package main

import "errors"

// measureProcess needs getrusage.
func measureProcess() (usage, error) {
	return usage{}, errors.New("CPU time is measured on Unix systems only")
}
