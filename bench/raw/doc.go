// Package raw does the work of the benchmarks with plain franz-go: what an
// engineer writes who needs just this one job and no framework. The loops keep no
// state on disk, restore nothing, and end with an error if anything goes wrong:
// they are the least that the job can cost.
package raw
