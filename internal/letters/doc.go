// Package letters is what workers and those who look from outside have to agree on about
// the dead letters of an application: which have been dealt with, which is kept in the
// committed offsets of a group, and how letters are sent back.
package letters
