package runtime

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestOnlyWhatKeepsAWorkerOutForGoodEndsIt(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want string // empty if the client's next attempt may succeed
	}{
		{"a rebalance", kerr.RebalanceInProgress, ""},
		{"a lost place", kerr.UnknownMemberID, ""},
		{"a coordinator that starts", kerr.CoordinatorNotAvailable, ""},
		{"a broker that is down", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, ""},
		{"a slow answer", context.DeadlineExceeded, ""},
		{"an error without a meaning", fmt.Errorf("unknown"), ""},
		{"a timeout that is not allowed", kerr.InvalidSessionTimeout, "choose another SessionTimeout"},
		{"strange members", kerr.InconsistentGroupProtocol, "choose another application id"},
		{"a second worker of one instance id", kerr.FencedInstanceID, "another worker has the same InstanceID"},
		{"no permission", kerr.GroupAuthorizationFailed, "READ on the group"},
		{"a full group", kerr.GroupMaxSizeReached, "group.max.size"},
		{"topics that do not fit together", fmt.Errorf("%w: a, b", errCopartitioning), "need the same number of partitions: a, b"},
	} {
		var got error
		groupHook(func(err error) { got = err }).OnGroupManageError(fmt.Errorf("join: %w", row.err))
		switch {
		case row.want == "" && got != nil:
			t.Errorf("%s: the worker ends with %v", row.name, got)
		case row.want != "" && (got == nil || !strings.Contains(got.Error(), row.want)):
			t.Errorf("%s: got %v, want %q in it", row.name, got, row.want)
		}
	}
}
