// Package processors holds the operators, one a file, and the contract that they
// and the processors of users share: a Supplier makes one Processor for each
// task, and the Processor forwards what it makes to the next ones through its
// Context.
//
// A processor is called with one record at a time and never concurrently. What
// it does for a record takes effect as a whole or not at all: if it, or any
// processor behind it, returns an error or panics, its writes to stores and its
// outputs since the record began are taken back, and the error policy decides
// about the record.
package processors
