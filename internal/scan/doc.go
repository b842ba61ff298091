// Package scan reads the committed records of topics from one offset to another, and
// ends there: also where compaction, aborted transactions or their markers leave
// nothing to see at the end.
package scan
