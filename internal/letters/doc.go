// Package letters is how it is kept which dead letters of an application have been dealt
// with: in the committed offsets of a group, so that workers and those who look from
// outside know the same.
package letters
