// Package demo is an application to try the command line on: threats, of which some
// cannot be read and end as dead letters, and investigations, of which some are parked.
package demo
