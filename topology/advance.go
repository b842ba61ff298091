package topology

import "time"

// AdvanceOption is an option of New.
type AdvanceOption struct{ apply func(*Builder) }

func (o AdvanceOption) build(b *Builder) { o.apply(b) }

// AdvanceWhenIdle has event time go on when records do not: the time of an operator
// that has stood still for d, on the wall clock, goes on as fast as the wall clock. So
// the last windows close, Suppress passes on its last rows, and records that wait for a
// match, or for late rows of a table, wait no longer than that.
//
//	--a:1(0:01)--a:2(0:07)----------------------(30 s of silence)-->
//	AdvanceWhenIdle(10s), Tumbling(10s), EmitFinal, Count
//	-----------------------------a[0:00]:2------------------------->
//
// Without it time is that of records alone, as in Kafka Streams, and what is due waits
// for the next record.
//
// Time stands still for as long as a task has records to work on, or knows of some that
// it has not read yet. It cannot know of those that a producer has yet to send: they are
// late if they come behind an operator whose time has gone on, which OnLate can catch.
// So d has to be longer than the longest pause of a producer that is well. The time of
// an operator never goes beyond that of its task.
//
// What time has come to is committed with what it has caused.
func AdvanceWhenIdle(d time.Duration) AdvanceOption {
	return AdvanceOption{func(b *Builder) {
		if d < time.Millisecond {
			b.fault("AdvanceWhenIdle needs at least 1 ms, got %v", d)
			return
		}
		b.advance.Idle = d
	}}
}

// AdvanceWithClock has event time follow the wall clock: it is never more than behind
// less than that, except while a task has records to work on. It is for records whose
// timestamps are those of their arrival. Records that are older than behind are then
// ahead of nothing: windows of theirs may have closed. See AdvanceWhenIdle.
func AdvanceWithClock(behind time.Duration) AdvanceOption {
	return AdvanceOption{func(b *Builder) {
		if behind < 0 || behind%time.Millisecond != 0 {
			b.fault("AdvanceWithClock needs whole milliseconds, 0 or more, got %v", behind)
			return
		}
		b.advance.Follow, b.advance.Behind = true, behind
	}}
}
