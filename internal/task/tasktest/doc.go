// Package tasktest is a test kit that drives one task of a topology with
// hand-made records. It stands for the worker and for Kafka: it keeps what was
// sent, what was committed and the changelogs, so that a task can crash and come
// back.
//
// Records are written as text: key=value@timestamp, with - for null, and headers
// behind it as name:value. So "a=1@20 h:x" is the value 1 of key a at 20 ms. In
// outputs, 8-byte numbers are written in decimal, windowed keys as key[start], and
// the keys of sessions as key[start,end].
package tasktest
