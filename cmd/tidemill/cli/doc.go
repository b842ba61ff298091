// Package cli is the command tidemill as a function of its arguments: tables for
// people, JSON for scripts, errors of one line.
package cli
