// Package archtest holds the import rule of the repository as a test.
//
// Packages have heights, and imports point strictly down, so that what a package
// may know follows from where it lies. The same test keeps third-party modules,
// goroutines, clocks, randomness and networks at home, and files short. Each
// fault says where it is and what to do. The tables are in rules_test.go: a new
// folder gets its height there, and a new dependency its home.
package archtest
