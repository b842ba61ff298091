package upkeep

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/tidemill/tidemill/internal/letters"
)

// Topic is an internal topic of an application.
type Topic struct {
	Name string `json:"name"`
	// Kind is changelog, repartition or subscription.
	Kind       string `json:"kind"`
	Partitions int    `json:"partitions"`
	// Records is how many there are at the most: compaction leaves gaps.
	Records int64 `json:"records"`
	// Bytes is what all replicas take on disk, or -1 if the brokers do not tell.
	Bytes int64 `json:"bytes"`
}

// subscriptions are the topics of joins by foreign key.
var subscriptions = regexp.MustCompile(`-KTABLE-FK-JOIN-SUBSCRIPTION-(REGISTRATION|RESPONSE)-\d+-topic$`)

// kindOf is the kind of an internal topic, by its name; empty if it is none.
func kindOf(name string) string {
	switch {
	case strings.HasSuffix(name, "-changelog"):
		return "changelog"
	case strings.HasSuffix(name, "-repartition"):
		return "repartition"
	case strings.HasSuffix(name, "-subscription-registration-topic"), strings.HasSuffix(name, "-subscription-response-topic"), subscriptions.MatchString(name):
		return "subscription"
	}
	return ""
}

// internal chooses the topics of an application by their names. One that belongs as
// well, or better, to another application, whose id is longer, is none.
func internal(application string, topics, groups []string) (own []string) {
	for _, topic := range topics {
		others := slices.ContainsFunc(groups, func(g string) bool {
			return strings.HasPrefix(g, application+"-") && strings.HasPrefix(topic, g+"-")
		})
		if strings.HasPrefix(topic, application+"-") && kindOf(topic) != "" && !others {
			own = append(own, topic)
		}
	}
	slices.Sort(own)
	return own
}

// internal finds the internal topics of an application.
func (c *Client) internal(ctx context.Context, application string) ([]string, error) {
	if application == "" {
		return nil, fmt.Errorf("upkeep: the id of the application is empty")
	}
	topics, err := c.admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("upkeep: list topics: %w", err)
	}
	groups, err := c.admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("upkeep: list groups: %w", err)
	}
	return internal(application, topics.Names(), groups.Groups()), nil
}

// Topics returns the internal topics of an application by name, with what they hold.
func (c *Client) Topics(ctx context.Context, application string) ([]Topic, error) {
	names, err := c.internal(ctx, application)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		group, err := c.group(ctx, application)
		if err == nil && group.State == "Dead" {
			err = fmt.Errorf("upkeep: application %q: %w", application, ErrNothing)
		}
		return nil, err
	}
	starts, ends, err := c.bounds(ctx, names...)
	if err != nil {
		return nil, err
	}
	bytes := c.bytes(ctx, names)
	var all []Topic
	for _, name := range names {
		t := Topic{Name: name, Kind: kindOf(name), Partitions: len(ends[name]), Bytes: -1}
		for p, end := range ends[name] {
			t.Records += end.Offset - starts[name][p].Offset
		}
		if bytes != nil {
			t.Bytes = bytes[name]
		}
		all = append(all, t)
	}
	return all, nil
}

// TopicNames are the topics of the cluster that are internal neither to an application
// nor to Kafka, in order.
func (c *Client) TopicNames(ctx context.Context) ([]string, error) {
	topics, err := c.admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("upkeep: list topics: %w", err)
	}
	return slices.DeleteFunc(topics.Names(), func(name string) bool { return kindOf(name) != "" }), nil
}

// Applications are the consumer groups of the cluster that may be applications, in
// order: all but those that note what has become of dead letters.
func (c *Client) Applications(ctx context.Context) ([]string, error) {
	groups, err := c.admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("upkeep: list groups: %w", err)
	}
	var all []string
	for name, g := range groups {
		if (g.ProtocolType == "" || g.ProtocolType == "consumer") && !strings.HasSuffix(name, letters.Group("")) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all, nil
}

// bytes is what topics take on the disks of all brokers; nil if they do not tell, for
// want of an ACL above all.
func (c *Client) bytes(ctx context.Context, topics []string) map[string]int64 {
	details, err := c.admin.ListTopics(ctx, topics...)
	if err != nil {
		return nil
	}
	dirs, err := c.admin.DescribeAllLogDirs(ctx, details.TopicsSet())
	if err != nil || len(dirs) == 0 {
		return nil
	}
	bytes, faults := map[string]int64{}, 0
	dirs.Each(func(d kadm.DescribedLogDir) {
		if d.Err != nil {
			faults++
		}
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) { bytes[p.Topic] += p.Size })
	})
	if faults > 0 {
		return nil
	}
	return bytes
}
