package runtime

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// TestTheStateOfAnIdleTaskDoesNotGrowOld leaves a task with nothing to do for a day.
func TestTheStateOfAnIdleTaskDoesNotGrowOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := topology.New("app")
		b.Stream[string, string]("in").GroupByKey().Count(topology.StoreName("counts"))
		plan, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		config := Default()
		config.InMemory = true
		w := New(plan, config)
		if w.dir, err = openStateDir(config, "app", true); err != nil {
			t.Fatal(err)
		}
		h := &hosted{checkpointed: time.Now(), changelogs: make([]state.Position, 1)}
		h.task, err = task.New(task.ID{}, plan.Subtopologies[0], task.Config{Space: w.dir.space})
		if err != nil {
			t.Fatal(err)
		}
		h.changelogs[0].Offset = 7
		for range 24 {
			<-time.After(time.Hour + time.Minute)
			if err := w.checkpointNow([]*hosted{h}); err != nil {
				t.Fatal(err)
			}
		}
		if at, ok, err := goneOnWith(h.task.Stores()[0].Space()); !ok || at.Offset != 7 || err != nil {
			t.Errorf("the position is %+v, %v, %v, want 7", at, ok, err)
		}
	})
}
