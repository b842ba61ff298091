package task

import (
	"cmp"
	"fmt"
)

// ID names a task: one partition of one subtopology.
type ID struct {
	Subtopology int
	Partition   int32
}

// String is the task's name as Kafka Streams writes it, such as 0_3.
func (id ID) String() string { return fmt.Sprintf("%d_%d", id.Subtopology, id.Partition) }

// Compare orders tasks by subtopology, then by partition.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Subtopology, other.Subtopology), cmp.Compare(id.Partition, other.Partition))
}
