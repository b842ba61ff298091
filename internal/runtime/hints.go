package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// explain turns the failure of a whole request into what its user can act on.
func explain(ctx context.Context, cl *kgo.Client, err error) error {
	const hint = "is the address right? does the broker ask for TLS or SASL?"
	var unreachable *net.OpError
	switch {
	case errors.Is(context.Cause(ctx), errTopicsInvisible):
		return errTopicsInvisible
	case errors.Is(context.Cause(ctx), errSilence):
		if cause := probe(cl); cause != nil {
			err = cause
		}
		return fmt.Errorf("no broker of %v answered within %v: %s (%w)", cl.OptValue(kgo.SeedBrokers), brokerPatience, hint, err)
	case errors.As(err, &unreachable):
		return fmt.Errorf("no broker of %v answered: %s (%w)", cl.OptValue(kgo.SeedBrokers), hint, err)
	}
	return withHint(err)
}

// probe tries each seed broker once, which the client does not report on when it
// tries again by itself, and returns why the first of them failed.
func probe(cl *kgo.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, seed := range cl.SeedBrokers() {
		if _, err := seed.Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
			return err
		}
	}
	return nil
}

// withHint adds to an error of the broker what can be done about it.
func withHint(err error) error {
	var hint string
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		hint = "the user lacks a permission on the topic; internal topics need CREATE, DELETE, DESCRIBE_CONFIGS, READ and WRITE on the prefix of the application id"
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		hint = "the user lacks a permission on the cluster"
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		hint = "the user lacks READ on the group of the application id"
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		hint = "the user lacks WRITE on the transactional ids that begin with the application id"
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		hint = "are the user name and the password right?"
	case errors.Is(err, kerr.InvalidReplicationFactor):
		hint = "the cluster has fewer brokers than the replication factor asks for"
	case errors.Is(err, kerr.InvalidSessionTimeout):
		hint = "choose another SessionTimeout"
	case errors.Is(err, kerr.InvalidTransactionTimeout):
		hint = "choose a shorter TransactionTimeout"
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		hint = "the group has other members than workers of this application: stop them, or choose another application id"
	case errors.Is(err, kerr.FencedInstanceID):
		hint = "another worker has the same InstanceID: give each its own"
	case errors.Is(err, kerr.GroupMaxSizeReached):
		hint = "the group has as many members as group.max.size of the broker allows"
	case errors.Is(err, kerr.MessageTooLarge):
		hint = "raise max.message.bytes of the topic, or write less at once"
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, hint)
}
